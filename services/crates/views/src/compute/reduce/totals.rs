//! How many places make each cell of a region of a reduction, missing or not.

use model::Region;

use crate::array::{Groups, NO_GROUP, Reduced};

/// The totals of all cells: most often the same for all, or for all behind one another.
pub(super) struct Totals {
    /// Of runs of cells.
    runs: Vec<u64>,
    /// Cells of a run.
    length: usize,
}

impl Totals {
    pub(super) fn new(reduced: &Reduced, region: &Region) -> Self {
        let mut totals = Self { runs: vec![1], length: 1 };
        let mut axis_of_result = 0;
        for (groups, length) in reduced.axes.iter().zip(&reduced.of.shape) {
            if *groups == Groups::All {
                for total in &mut totals.runs {
                    *total = total.saturating_mul(*length);
                }
                continue;
            }
            let (start, extent) = (region.start[axis_of_result], region.extent[axis_of_result] as usize);
            axis_of_result += 1;
            match groups {
                Groups::Labels { labels, .. } => totals.times(&counts(labels, start, extent)),
                _ => totals.length *= extent,
            }
        }
        totals
    }

    /// Makes of each cell so many as there are counts, with so many times its total.
    fn times(&mut self, counts: &[u64]) {
        let all = self.iter().flat_map(|total| counts.iter().map(move |count| total.saturating_mul(*count)));
        let runs = all.collect();
        *self = Self { runs, length: 1 };
    }

    /// How many cells there are.
    pub(super) fn cells(&self) -> usize {
        self.runs.len() * self.length
    }

    /// By cell.
    pub(super) fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        self.runs.iter().flat_map(|total| std::iter::repeat_n(*total, self.length))
    }

    /// Of all cells together.
    pub(super) fn sum(&self) -> u64 {
        let sum: u64 = self.runs.iter().fold(0, |sum, total| sum.saturating_add(*total));
        sum.saturating_mul(self.length as u64)
    }
}

/// How many places each of some groups has.
fn counts(labels: &[u32], start: u64, extent: usize) -> Vec<u64> {
    let mut counts = vec![0; extent];
    for label in labels.iter().filter(|label| **label != NO_GROUP) {
        let at = u64::from(*label).checked_sub(start);
        if let Some(count) = at.and_then(|at| counts.get_mut(at as usize)) {
            *count += 1;
        }
    }
    counts
}
