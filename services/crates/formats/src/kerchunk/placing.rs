//! Which chunk of which variable a key names.

use std::collections::HashMap;

use model::{ChunkGrid, ChunkKeyEncoding};

use super::hierarchy::Array;

/// Arrays by their paths.
pub(super) struct Places {
    by_path: HashMap<String, usize>,
    arrays: Vec<(ChunkKeyEncoding, ChunkGrid)>,
}

/// What a key names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// A chunk of an array, both by number.
    Chunk(usize, u64),
    /// A chunk that its array does not have.
    Outside(usize),
    /// Nothing that is known.
    Nothing,
}

impl Places {
    pub(super) fn new(arrays: &[Array]) -> Self {
        let path = |array: &Array| array.variable.path.as_str().to_owned();
        Self {
            by_path: arrays.iter().map(path).zip(0..).collect(),
            arrays: arrays.iter().map(|array| (array.encoding, array.variable.grid.clone())).collect(),
        }
    }

    /// The place of a key such as `tas/0.0.1`, `tas/0/0/1` or `tas/c/0/0/1`.
    pub(super) fn of(&self, key: &str) -> Place {
        // The array is what stands before one of the slashes: the last, where points separate indices.
        for (slash, _) in key.rmatch_indices('/') {
            if let Some(&array) = self.by_path.get(&key[..slash]) {
                let (encoding, grid) = &self.arrays[array];
                let number = zarr::key::chunk_number(&key[slash + 1..], *encoding, grid);
                return number.map_or(Place::Outside(array), |number| Place::Chunk(array, number));
            }
        }
        Place::Nothing
    }
}
