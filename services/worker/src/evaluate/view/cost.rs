//! What a chunk of a view costs: found once a variable, for all its chunks are made alike.

use model::{ChunkGrid, Error, ErrorKind, Region, Result};
use views::array::Array;
use views::compute;

use super::reduction::PARTS_BYTES_MAX;
use super::supply::ahead;

/// Most decoded bytes that one chunk of a view may be made of.
pub(in crate::evaluate) const INPUT_BYTES_MAX: u64 = 1 << 40;
/// Decoded bytes that make a chunk a heavy one: more at once than there are cores would take memory and save no time.
const HEAVY_BYTES: u64 = 32 << 20;

/// What a chunk costs.
#[derive(Debug, Clone, Copy)]
pub(in crate::evaluate) struct Cost {
    /// Bytes of decoded chunks that it is made of, roughly.
    pub(in crate::evaluate) input_bytes: u64,
    /// Bytes of memory that it takes while it is made, roughly.
    pub(in crate::evaluate) memory_bytes: u64,
}

impl Cost {
    /// That of a whole chunk of an array.
    pub(super) fn of_chunk(array: &Array, grid: &ChunkGrid) -> Self {
        let lengths = grid.chunk_shape().iter().zip(grid.shape());
        let extent: Vec<u64> = lengths.map(|(chunk, length)| *chunk.min(length)).collect();
        Self::of(array, &Region { start: vec![0; extent.len()], extent })
    }

    /// That of a region.
    pub(super) fn of(array: &Array, region: &Region) -> Self {
        let size = array.data_type.size().unwrap_or(8) as u64;
        let largest = compute::largest_leaf_bytes(array);
        let result = region.elements().saturating_mul(size).saturating_mul(3);
        let states = compute::reductions_bytes(array);
        // The whole, a part that is put to it, and those under way.
        let states = states.saturating_mul(2).saturating_add(PARTS_BYTES_MAX.min(states));
        let read = largest.saturating_mul(ahead(array) as u64 + 2);
        Self {
            input_bytes: compute::input_bytes(array, &region.extent),
            memory_bytes: result.saturating_add(states).saturating_add(read),
        }
    }

    /// Refuses a chunk that is made of more than anyone would wait for.
    pub(super) fn check(self) -> Result<()> {
        if self.input_bytes <= INPUT_BYTES_MAX {
            return Ok(());
        }
        let (input, max) = (self.input_bytes >> 30, INPUT_BYTES_MAX >> 30);
        let share = self.input_bytes.div_ceil(INPUT_BYTES_MAX);
        let message = format!(
            "one chunk would be made of {input} GiB, more than {max}: select a part in {share} of it, or ask for smaller chunks="
        );
        Err(Error::new(ErrorKind::TooLarge, message))
    }

    /// Whether no more chunks like it than there are cores should be made at once.
    pub(super) fn is_heavy(self) -> bool {
        self.input_bytes > HEAVY_BYTES
    }
}
