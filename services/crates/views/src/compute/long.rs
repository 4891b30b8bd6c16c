//! Long reductions that a region is made of: those whose sections are worth making on several workers.

use std::collections::HashSet;
use std::sync::Arc;

use model::{Region, Result};

use super::{Inputs, Leaf, leaves, leaves_of_input, state_bytes, travels};
use crate::array::{Array, Made, Reduced};

/// Most blocks that are looked at, and most inputs of one whose own reductions are.
const LOOKED_AT_MAX: usize = 4096;
const DESCENDED_MAX: u64 = 64;
/// A section is made of so many times the bytes of its state at least.
const WORTH: u64 = 4;

/// A block of a long reduction.
#[derive(Debug, Clone)]
pub struct Long {
    /// The reduction.
    pub array: Arc<Array>,
    /// Number in the grid of its blocks, in C order.
    pub number: u64,
    /// In how many sections it is made.
    pub sections: u64,
    /// Parts of a section, which one worker makes at once.
    pub parts: u64,
    /// Bytes of memory of the state of one.
    pub state_bytes: u64,
}

/// The blocks of long reductions that a region of an array is made of, and that are no part of one another; the first ones
/// where there are very many.
pub fn long(array: &Arc<Array>, region: &Region) -> Result<Vec<Long>> {
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    let mut open = blocks_of(leaves(array, region).unwrap_or_default());
    while let Some((array, number)) = open.pop() {
        let Made::Reduced(reduced) = &array.made else { continue };
        if seen.len() >= LOOKED_AT_MAX || !seen.insert((Arc::as_ptr(&array) as usize, number)) {
            continue;
        }
        let groups = reduced.groups_of(array.block(number)?);
        let inputs = Inputs::new(reduced, &groups);
        let state_bytes = state_bytes(reduced, &groups);
        if is_worth(reduced, &inputs, state_bytes) {
            let parts = inputs.parts_of(0).end;
            found.push(Long { array, number, sections: inputs.sections(), parts, state_bytes });
        } else if inputs.count() <= DESCENDED_MAX {
            let regions = (0..inputs.parts()).flat_map(|part| inputs.part(part));
            open.extend(
                regions.flat_map(|input| blocks_of(leaves_of_input(reduced, &input).unwrap_or_default())),
            );
        }
    }
    Ok(found)
}

fn is_worth(reduced: &Reduced, inputs: &Inputs, state_bytes: u64) -> bool {
    travels(reduced) && inputs.sections() > 1 && state_bytes.saturating_mul(WORTH) <= inputs.section_bytes()
}

fn blocks_of(leaves: Vec<Leaf>) -> Vec<(Arc<Array>, u64)> {
    let block = |leaf| match leaf {
        Leaf::Block { array, number } => Some((array, number)),
        Leaf::Chunk { .. } => None,
    };
    leaves.into_iter().filter_map(block).collect()
}
