//! The regular chunk grid of Zarr: which chunks an array has, and their numbers.

/// A regular chunk grid ([Zarr v3, chunk grids](https://zarr-specs.readthedocs.io/en/latest/v3/chunk-grids/regular-grid/index.html)).
/// Chunks are numbered in C order; a scalar has one chunk, number 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkGrid {
    shape: Vec<u64>,
    chunk_shape: Vec<u64>,
    counts: Vec<u64>,
    total: u64,
}

/// Why a shape and a chunk shape make no grid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChunkGridError {
    /// The two have different ranks.
    #[error("shape has {shape} dimensions, chunk shape {chunk_shape}")]
    Rank {
        /// Rank of the array.
        shape: usize,
        /// Rank of the chunks.
        chunk_shape: usize,
    },
    /// A chunk has no elements.
    #[error("chunk shape has a zero in dimension {0}")]
    EmptyChunk(usize),
    /// More chunks than can be numbered.
    #[error("the grid has more than 2^63 chunks")]
    TooMany,
}

impl ChunkGrid {
    /// A grid of chunks of `chunk_shape` over an array of `shape` (elements, C order).
    pub fn new(shape: Vec<u64>, chunk_shape: Vec<u64>) -> Result<Self, ChunkGridError> {
        if shape.len() != chunk_shape.len() {
            return Err(ChunkGridError::Rank { shape: shape.len(), chunk_shape: chunk_shape.len() });
        }
        if let Some(at) = chunk_shape.iter().position(|&length| length == 0) {
            return Err(ChunkGridError::EmptyChunk(at));
        }
        let counts: Vec<u64> = shape.iter().zip(&chunk_shape).map(|(n, c)| n.div_ceil(*c)).collect();
        let total = counts
            .iter()
            .try_fold(1_u64, |product, count| product.checked_mul(*count))
            .filter(|total| *total < 1 << 63)
            .ok_or(ChunkGridError::TooMany)?;
        Ok(Self { shape, chunk_shape, counts, total })
    }

    /// Length of each dimension, in elements.
    pub fn shape(&self) -> &[u64] {
        &self.shape
    }

    /// Length of a chunk in each dimension, in elements.
    pub fn chunk_shape(&self) -> &[u64] {
        &self.chunk_shape
    }

    /// Number of chunks in each dimension.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// Number of chunks.
    pub fn chunk_count(&self) -> u64 {
        self.total
    }

    /// The number of the chunk at `index`; none where the index has another rank or lies outside.
    pub fn number(&self, index: &[u64]) -> Option<u64> {
        if index.len() != self.counts.len() {
            return None;
        }
        let mut number = 0;
        for (at, count) in index.iter().zip(&self.counts) {
            if at >= count {
                return None;
            }
            number = number * count + at;
        }
        (self.total > 0).then_some(number)
    }

    /// The index of the chunk of a number below [`chunk_count`](Self::chunk_count).
    pub fn index(&self, number: u64) -> Vec<u64> {
        let mut rest = number;
        let mut index = vec![0; self.counts.len()];
        for (at, count) in index.iter_mut().zip(&self.counts).rev() {
            *at = rest % (*count).max(1);
            rest /= (*count).max(1);
        }
        index
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_scalar_has_one_chunk() {
        let grid = ChunkGrid::new(vec![], vec![]).unwrap();
        assert_eq!(grid.chunk_count(), 1);
        assert_eq!(grid.number(&[]), Some(0));
        assert_eq!(grid.number(&[0]), None);
    }

    #[test]
    fn an_empty_dimension_has_no_chunk() {
        let grid = ChunkGrid::new(vec![0, 4], vec![1, 2]).unwrap();
        assert_eq!(grid.chunk_count(), 0);
        assert_eq!(grid.number(&[0, 0]), None);
    }

    #[test]
    fn wrong_grids_are_errors() {
        assert_eq!(ChunkGrid::new(vec![1], vec![]), Err(ChunkGridError::Rank { shape: 1, chunk_shape: 0 }));
        assert_eq!(ChunkGrid::new(vec![1], vec![0]), Err(ChunkGridError::EmptyChunk(0)));
        assert_eq!(ChunkGrid::new(vec![u64::MAX, 4], vec![1, 1]), Err(ChunkGridError::TooMany));
    }

    proptest! {
        #[test]
        fn number_and_index_are_inverse(dims in prop::collection::vec((1_u64..9, 1_u64..5), 0..4)) {
            let (shape, chunks): (Vec<_>, Vec<_>) = dims.into_iter().unzip();
            let grid = ChunkGrid::new(shape, chunks).unwrap();
            for number in 0..grid.chunk_count() {
                prop_assert_eq!(grid.number(&grid.index(number)), Some(number));
            }
        }
    }
}
