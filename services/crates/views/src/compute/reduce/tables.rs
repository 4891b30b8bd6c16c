//! For each place along a dimension of the input, which cells of the state it goes to.

use model::Region;

use crate::array::{Groups, NO_GROUP, Reduced};
use crate::compute::gather::strides;

/// Where the places of a dimension go.
#[derive(Debug)]
pub(super) enum Table {
    /// Each to the next: the dimension stays.
    Next {
        /// Cells between two.
        stride: usize,
        /// Cell of the first.
        first: usize,
    },
    /// All to the same.
    Same,
    /// Each to its own; none where it goes nowhere.
    Each(Vec<Option<usize>>),
}

impl Table {
    /// The offset of a place; none where it goes nowhere.
    pub(super) fn offset(&self, place: usize) -> Option<usize> {
        match self {
            Self::Next { stride, first } => Some(first + place * stride),
            Self::Same => Some(0),
            Self::Each(offsets) => offsets.get(place).copied().flatten(),
        }
    }
}

/// The tables of an input's dimensions, into the cells of a region of the result.
pub(super) fn tables(reduced: &Reduced, region: &Region, input: &Region) -> Vec<Table> {
    let strides = strides(&region.extent);
    let mut axis_of_result = 0;
    let mut tables = Vec::with_capacity(reduced.axes.len());
    for (axis, groups) in reduced.axes.iter().enumerate() {
        if *groups == Groups::All {
            tables.push(Table::Same);
            continue;
        }
        let (stride, start) = (strides[axis_of_result], region.start[axis_of_result]);
        let extent = region.extent[axis_of_result];
        axis_of_result += 1;
        tables.push(match groups {
            Groups::Labels { labels, .. } => {
                let (first, count) = (input.start[axis] as usize, input.extent[axis] as usize);
                let offset = |label: &u32| {
                    let at = u64::from(*label).checked_sub(start).filter(|at| *at < extent);
                    at.filter(|_| *label != NO_GROUP).map(|at| at as usize * stride)
                };
                Table::Each(labels.iter().skip(first).take(count).map(offset).collect())
            }
            _ => Table::Next { stride, first: (input.start[axis] - start) as usize * stride },
        });
    }
    tables
}
