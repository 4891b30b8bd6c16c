//! What a reduction is made of: regions of its input, in order, in parts that can be made apart.

use std::ops::Range;

use model::Region;

use crate::array::{Array, Groups, NO_GROUP, Reduced};

/// Inputs of one part. It never changes: parts are put together in order, so that a result is always the same to the last
/// bit, however many cores make them.
const PART: u64 = if cfg!(test) { 3 } else { 48 };

/// The regions of its input that a region of a reduction's groups is made of, in the order in which they are used.
#[derive(Debug)]
pub struct Inputs {
    /// By dimension.
    ranges: Vec<Vec<Range<u64>>>,
    count: u64,
}

impl Inputs {
    /// Those of a region of groups.
    pub fn new(reduced: &Reduced, region: &Region) -> Self {
        let of = &reduced.of;
        let mut axis_of_result = 0;
        let mut ranges: Vec<Vec<Range<u64>>> = Vec::with_capacity(of.shape.len());
        for (axis, groups) in reduced.axes.iter().enumerate() {
            let length = of.shape[axis];
            let wanted = groups.length(length).map(|_| {
                let (start, extent) = (region.start[axis_of_result], region.extent[axis_of_result]);
                axis_of_result += 1;
                start..start + extent
            });
            ranges.push(match (groups, wanted) {
                (Groups::Labels { labels, .. }, Some(wanted)) => labelled(of, axis, labels, &wanted),
                (_, Some(wanted)) => of.blocks(axis, wanted),
                (_, None) => of.blocks(axis, 0..length),
            });
        }
        let count = ranges.iter().fold(1, |count: u64, ranges| count.saturating_mul(ranges.len() as u64));
        Self { ranges, count }
    }

    /// In how many parts they are used.
    pub fn parts(&self) -> u64 {
        self.count.div_ceil(PART).max(1)
    }

    /// Those of a part.
    pub fn part(&self, number: u64) -> impl Iterator<Item = Region> + '_ {
        let first = number.saturating_mul(PART);
        (first..first.saturating_add(PART).min(self.count)).map(|number| self.get(number))
    }

    /// That of a number, in C order.
    fn get(&self, number: u64) -> Region {
        let mut rest = number;
        let mut region = Region { start: vec![0; self.ranges.len()], extent: vec![0; self.ranges.len()] };
        for (axis, ranges) in self.ranges.iter().enumerate().rev() {
            let length = (ranges.len() as u64).max(1);
            if let Some(range) = ranges.get((rest % length) as usize) {
                region.start[axis] = range.start;
                region.extent[axis] = range.end - range.start;
            }
            rest /= length;
        }
        region
    }
}

/// The smallest ranges, one a block at most, that hold all places whose labels are wanted.
fn labelled(of: &Array, axis: usize, labels: &[u32], wanted: &Range<u64>) -> Vec<Range<u64>> {
    let is_wanted = |place: u64| {
        let label = labels.get(place as usize).copied().unwrap_or(NO_GROUP);
        label != NO_GROUP && wanted.contains(&u64::from(label))
    };
    let Some(first) = (0..labels.len() as u64).find(|place| is_wanted(*place)) else { return Vec::new() };
    let last = (first..labels.len() as u64).rfind(|place| is_wanted(*place)).unwrap_or(first);
    let tight = |block: Range<u64>| {
        let first = block.clone().find(|place| is_wanted(*place))?;
        let last = block.rev().find(|place| is_wanted(*place))?;
        Some(first..last + 1)
    };
    of.blocks(axis, first..last + 1).into_iter().filter_map(tight).collect()
}
