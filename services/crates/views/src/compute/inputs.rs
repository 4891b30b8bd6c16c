//! What a reduction is made of: regions of its input, in order, in parts that can be made apart on one worker, and in
//! sections of parts that can be made by several.

use std::ops::Range;

use model::Region;

use super::largest_leaf_bytes;
use crate::array::{Array, Groups, NO_GROUP, Reduced};

/// Inputs of one part. It never changes: parts are put together in order, so that a result is always the same to the last
/// bit, however many cores make them.
const PART: u64 = if cfg!(test) { 3 } else { 48 };
/// Decoded bytes of the inputs of one section, roughly: enough that its state, which travels, is little beside them. It never
/// changes either.
const SECTION_BYTES: u64 = if cfg!(test) { 0 } else { 512 << 20 };
/// Parts of one section, within these bounds.
const SECTION_PARTS: (u64, u64) = if cfg!(test) { (2, 2) } else { (1, 64) };

/// The regions of its input that a region of a reduction's groups is made of, in the order in which they are used.
#[derive(Debug)]
pub struct Inputs {
    /// By dimension.
    ranges: Vec<Vec<Range<u64>>>,
    count: u64,
    /// Parts of a section.
    section: u64,
    /// Decoded bytes of the inputs of a part, roughly.
    part_bytes: u64,
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
        let part_bytes = largest_leaf_bytes(of).saturating_mul(PART).max(1);
        let section = (SECTION_BYTES / part_bytes).clamp(SECTION_PARTS.0, SECTION_PARTS.1);
        Self { ranges, count, section, part_bytes }
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// In how many parts they are used.
    pub fn parts(&self) -> u64 {
        self.count.div_ceil(PART).max(1)
    }

    /// In how many sections.
    pub fn sections(&self) -> u64 {
        self.parts().div_ceil(self.section)
    }

    /// Decoded bytes of the inputs of one, roughly.
    pub fn section_bytes(&self) -> u64 {
        self.part_bytes.saturating_mul(self.section)
    }

    /// The parts of a section.
    pub fn parts_of(&self, section: u64) -> Range<u64> {
        let first = section.saturating_mul(self.section).min(self.parts());
        first..first.saturating_add(self.section).min(self.parts())
    }

    /// How many sections are whole after a part, if it is the last of its own.
    pub fn sections_by(&self, part: u64) -> Option<u64> {
        let is_last = part + 1 == self.parts() || (part + 1).is_multiple_of(self.section);
        is_last.then(|| part / self.section + 1)
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
