//! How an array is best cut along a dimension: as the chunks that it is made of are.

use std::ops::Range;

use model::{ChunkGrid, Error, Region};

use super::{Array, Groups, Made, Places, Reduced};
use crate::steps::Reduction;

impl Array {
    /// The ranges of places between `range`'s ends that are made of different chunks along dimension `axis`, in order.
    pub fn blocks(&self, axis: usize, range: Range<u64>) -> Vec<Range<u64>> {
        if range.is_empty() {
            return Vec::new();
        }
        match &self.made {
            Made::Source { chunk_shape, .. } => even(chunk_shape.get(axis).copied(), range),
            Made::Tiled { tile_shape, .. } => even(tile_shape.get(axis).copied(), range),
            Made::Known(_) => vec![range],
            Made::Computed { of, .. } => match of.first() {
                Some(of) => of.blocks(axis, range),
                None => vec![range],
            },
            Made::Arranged { of, axes } => match axes.get(axis) {
                Some(Some(of_axis)) => of.blocks(*of_axis, range),
                _ => vec![range],
            },
            Made::Merged { of, from } if axis == *from => merged(of, *from, range),
            Made::Unpacked { of, .. } | Made::Merged { of, .. } => of.blocks(axis, range),
            Made::Taken { of, places } => match staying(places, axis) {
                Some((of_axis, places)) => taken(of, of_axis, places, range),
                None => vec![range],
            },
            Made::Reduced(reduced) => even(reduced.block_shape.get(axis).copied(), range),
        }
    }

    /// The length of the longest block along a dimension, 1 at least.
    pub fn block_length(&self, axis: usize) -> u64 {
        let length = self.shape.get(axis).copied().unwrap_or(1);
        match &self.made {
            Made::Source { chunk_shape, .. } => chunk_shape.get(axis).map_or(1, |chunk| *chunk.min(&length)),
            Made::Reduced(reduced) => reduced.block_shape.get(axis).map_or(1, |block| *block.min(&length)),
            Made::Tiled { tile_shape, .. } => tile_shape.get(axis).map_or(1, |tile| *tile.min(&length)),
            _ => {
                let lengths = self.blocks(axis, 0..length).into_iter().map(|block| block.end - block.start);
                lengths.max().unwrap_or(1)
            }
        }
        .max(1)
    }

    /// The shape of the blocks in which it is made, where it is made in blocks.
    pub fn block_shape(&self) -> Option<&[u64]> {
        match &self.made {
            Made::Reduced(reduced) => Some(&reduced.block_shape),
            Made::Tiled { tile_shape, .. } => Some(tile_shape),
            _ => None,
        }
    }

    /// The region that the block of a number is.
    pub fn block(&self, number: u64) -> model::Result<Region> {
        let block_shape = self.block_shape().ok_or_else(|| Error::internal("an array without blocks"))?;
        let grid = ChunkGrid::new(self.shape.clone(), block_shape.to_vec()).map_err(Error::internal)?;
        if number >= grid.chunk_count() {
            return Err(Error::internal("an array has no such block"));
        }
        Ok(grid.region(&grid.index(number)))
    }
}

/// The dimension of the array that places are taken of which becomes dimension `axis`, and its places.
fn staying(places: &[Places], axis: usize) -> Option<(usize, &Places)> {
    places.iter().enumerate().filter(|(_, places)| places.length().is_some()).nth(axis)
}

/// Ranges cut at multiples of a length.
fn even(length: Option<u64>, range: Range<u64>) -> Vec<Range<u64>> {
    let length = length.unwrap_or(1).max(1);
    let first = range.start / length;
    let last = (range.end - 1) / length;
    let block = |number: u64| {
        (number * length).max(range.start)..((number + 1).saturating_mul(length)).min(range.end)
    };
    (first..=last).map(block).collect()
}

/// Ranges of the places of dimensions that are one: whole blocks of the first of them.
fn merged(of: &Array, from: usize, range: Range<u64>) -> Vec<Range<u64>> {
    let a_row = of.shape.iter().skip(from + 1).product::<u64>().max(1);
    let blocks = of.blocks(from, range.start / a_row..range.end.div_ceil(a_row));
    let places = |rows: Range<u64>| (rows.start * a_row).max(range.start)..(rows.end * a_row).min(range.end);
    blocks.into_iter().map(places).collect()
}

/// Ranges of numbers whose places lie in one block of the array that they are taken of.
fn taken(of: &Array, axis: usize, places: &Places, range: Range<u64>) -> Vec<Range<u64>> {
    let length = of.shape.get(axis).copied().unwrap_or(1);
    let blocks = match places {
        Places::Slice { .. } => of.blocks(axis, places.get(range.start)..places.get(range.end - 1) + 1),
        _ => of.blocks(axis, 0..length),
    };
    let block_of = |number: u64| {
        let place = places.get(number);
        blocks.partition_point(|block| block.end <= place)
    };
    let mut ranges = Vec::new();
    let mut start = range.start;
    let mut block = block_of(start);
    for number in range.start + 1..range.end {
        let next = block_of(number);
        if next != block {
            ranges.push(start..number);
            (start, block) = (number, next);
        }
    }
    ranges.push(start..range.end);
    ranges
}

impl Reduced {
    /// The shape of what is reduced, without a dimension of quantiles.
    pub fn group_shape(&self) -> Vec<u64> {
        let lengths = self.axes.iter().zip(&self.of.shape);
        lengths.filter_map(|(groups, length)| groups.length(*length)).collect()
    }

    /// Whether the result has a first dimension of quantiles.
    pub fn has_quantiles(&self) -> bool {
        matches!(&self.reduction, Reduction::Quantiles(quantiles) if quantiles.len() > 1)
    }

    /// The region of groups that a region of the result is.
    #[must_use]
    pub fn groups_of(&self, mut region: Region) -> Region {
        if self.has_quantiles() {
            region.start.remove(0);
            region.extent.remove(0);
        }
        region
    }
}

impl Groups {
    /// Length of the dimension in the result, of one of a length; none where it goes.
    pub fn length(&self, length: u64) -> Option<u64> {
        match self {
            Self::Each => Some(length),
            Self::All => None,
            Self::Labels { count, .. } => Some((*count).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::DataType;

    use super::*;

    fn source() -> Arc<Array> {
        let made = Made::Source { variable: 0, chunk_shape: vec![10, 3] };
        Arc::new(Array { data_type: DataType::F32, shape: vec![25, 7], made })
    }

    #[test]
    fn blocks_are_those_of_the_chunks_behind() {
        assert_eq!(source().blocks(0, 0..25), [0..10, 10..20, 20..25]);
        assert_eq!(source().blocks(0, 9..11), [9..10, 10..11]);
        let places = vec![Places::Slice { start: 4, stride: 3, length: 7 }, Places::One(2)];
        let taken =
            Array { data_type: DataType::F32, shape: vec![7], made: Made::Taken { of: source(), places } };
        // Places 4 7 | 10 13 16 19 | 22.
        assert_eq!(taken.blocks(0, 0..7), [0..2, 2..6, 6..7]);
        assert_eq!(taken.block_length(0), 4);
        let places = vec![Places::List([0, 9, 3, 24, 10].into()), Places::all(7)];
        let taken =
            Array { data_type: DataType::F32, shape: vec![5, 7], made: Made::Taken { of: source(), places } };
        assert_eq!(taken.blocks(0, 0..5), [0..3, 3..4, 4..5]);
        assert_eq!(taken.blocks(1, 2..7), [2..3, 3..6, 6..7]);
    }
}
