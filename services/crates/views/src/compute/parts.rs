//! Of which regions of which arrays a region is made: shared by what counts, what reads ahead, and what computes.

use std::sync::Arc;

use model::{ChunkGrid, Indices, Region};

use super::inputs::Inputs;
use crate::array::{Array, Made, Places, Reduced};

/// The most chunks and blocks that one region may be made of.
const LEAVES_MAX: usize = 1 << 20;

/// What elements come from.
#[derive(Debug, Clone)]
pub enum Leaf {
    /// A chunk of a variable of the dataset.
    Chunk {
        /// Place among the dataset's variables.
        variable: usize,
        /// Number in its grid, in C order.
        number: u64,
    },
    /// A block of an array that is made in blocks.
    Block {
        /// The array, whose `made` is [`Made::Reduced`] or [`Made::Tiled`].
        array: Arc<Array>,
        /// Number in the grid of its blocks, in C order.
        number: u64,
    },
}

/// A region is made of more chunks than anyone would wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is made of more than {LEAVES_MAX} chunks")]
pub struct TooManyLeaves;

/// A part of a region that comes from one cell of a grid.
pub(super) struct Cell {
    pub(super) number: u64,
    /// Shape of the cell.
    pub(super) shape: Vec<u64>,
    /// Within the cell.
    pub(super) from: Region,
    /// Within the region.
    pub(super) to: Region,
}

/// A part of a region whose places are gathered out of one region of another array.
pub(super) struct Gathered {
    /// Of the other array.
    pub(super) from: Region,
    /// For each of its dimensions, the places within `from` and within the region asked for; one that goes has one. Shared
    /// with the other parts that lie in the same block of a dimension.
    pub(super) places: Vec<Arc<[(u64, u64)]>>,
}

/// Places of one dimension that lie in one block.
struct InBlock {
    first: u64,
    extent: u64,
    /// Behind the first, and where they go.
    places: Arc<[(u64, u64)]>,
}

/// The cells of a grid that a region is made of. A block at the end is cut, as `is_cut` says; a chunk is not.
pub(super) fn cells(grid: &ChunkGrid, region: &Region, is_cut: bool) -> Vec<Cell> {
    let cell = |index: Vec<u64>| {
        let place = grid.region(&index);
        let (from, begin) = place.overlap(region);
        let start = begin.iter().zip(&region.start).map(|(begin, start)| begin - start).collect();
        let to = Region { start, extent: from.extent.clone() };
        let shape = if is_cut { place.extent } else { grid.chunk_shape().to_vec() };
        Cell { number: grid.number(&index).unwrap_or_default(), shape, from, to }
    };
    grid.within(region).map(cell).collect()
}

/// The grid of what an array is stored or kept in.
pub(super) fn grid_of(shape: &[u64], chunk_shape: &[u64]) -> Option<ChunkGrid> {
    ChunkGrid::new(shape.to_vec(), chunk_shape.to_vec()).ok()
}

/// The regions of `of` that places of a region are gathered from, one for each of its blocks.
pub(super) fn gathered(of: &Array, places: &[Places], region: &Region) -> impl Iterator<Item = Gathered> {
    let mut axis_of_result = 0;
    let mut blocks: Vec<Vec<InBlock>> = Vec::with_capacity(places.len());
    for (axis, along) in places.iter().enumerate() {
        blocks.push(if let Places::One(place) = along {
            vec![InBlock::new(&[(*place, 0)])]
        } else {
            let (start, extent) = (region.start[axis_of_result], region.extent[axis_of_result]);
            axis_of_result += 1;
            let wanted = (start..start + extent).map(|number| (along.get(number), number - start));
            by_block(of, axis, wanted.collect())
        });
    }
    let indices = Indices::new(blocks.iter().map(|blocks| (0, blocks.len() as u64)).collect());
    indices.map(move |index| {
        let chosen: Vec<_> = index.iter().zip(&blocks).map(|(at, blocks)| &blocks[*at as usize]).collect();
        let start = chosen.iter().map(|block| block.first).collect();
        let extent = chosen.iter().map(|block| block.extent).collect();
        let places = chosen.iter().map(|block| Arc::clone(&block.places)).collect();
        Gathered { from: Region { start, extent }, places }
    })
}

/// Places with where they go, by the block that they lie in.
fn by_block(of: &Array, axis: usize, mut wanted: Vec<(u64, u64)>) -> Vec<InBlock> {
    wanted.sort_by_key(|(place, _)| *place);
    let (Some(first), Some(last)) = (wanted.first(), wanted.last()) else { return Vec::new() };
    let mut groups = Vec::new();
    let mut rest = wanted.as_slice();
    for block in of.blocks(axis, first.0..last.0 + 1) {
        let (group, behind) = rest.split_at(rest.partition_point(|(place, _)| *place < block.end));
        if !group.is_empty() {
            groups.push(InBlock::new(group));
        }
        rest = behind;
    }
    groups
}

impl InBlock {
    /// Of places in ascending order.
    fn new(sorted: &[(u64, u64)]) -> Self {
        let first = sorted.first().map_or(0, |(place, _)| *place);
        let last = sorted.last().map_or(first, |(place, _)| *place);
        let places = sorted.iter().map(|(place, goes)| (place - first, *goes)).collect();
        Self { first, extent: last + 1 - first, places }
    }
}

/// The region of `of` that a region of its rearrangement is made of.
pub(super) fn arranged(of: &Array, axes: &[Option<usize>], region: &Region) -> Region {
    let mut from = Region::whole(&of.shape);
    for (axis, of_axis) in axes.iter().enumerate() {
        if let Some(of_axis) = of_axis {
            from.start[*of_axis] = region.start[axis];
            from.extent[*of_axis] = region.extent[axis];
        }
    }
    from
}

/// The region of `of`, whose dimensions from one on are one, that a region is made of: whole rows of these. And the region
/// within it, once its dimensions are one too.
pub(super) fn merged(of: &Array, axis: usize, region: &Region) -> (Region, Region) {
    let a_row = of.shape.iter().skip(axis + 1).product::<u64>().max(1);
    let (mut from, mut within) = (Region::whole(&of.shape), region.clone());
    for other in 0..axis {
        (from.start[other], from.extent[other]) = (region.start[other], region.extent[other]);
        within.start[other] = 0;
    }
    let (start, end) = (region.start[axis], region.start[axis] + region.extent[axis]);
    from.start[axis] = start / a_row;
    from.extent[axis] = end.div_ceil(a_row) - from.start[axis];
    within.start[axis] = start - from.start[axis] * a_row;
    (from, within)
}

/// The chunks and blocks that a region of an array is made of, in the order in which [`evaluate`](super::evaluate) uses
/// them.
pub fn leaves(array: &Arc<Array>, region: &Region) -> Result<Vec<Leaf>, TooManyLeaves> {
    let mut found = Vec::new();
    add_leaves(array, region, &mut found)?;
    Ok(found)
}

/// The same of a region of an array that is made in blocks, in the order in which
/// [`evaluate_block`](super::evaluate_block) uses them.
pub fn leaves_of_block(array: &Array, region: &Region) -> Result<Vec<Leaf>, TooManyLeaves> {
    let mut found = Vec::new();
    let reduced = match &array.made {
        Made::Reduced(reduced) => reduced,
        Made::Tiled { of, .. } => return leaves(of, region),
        _ => return Ok(found),
    };
    let inputs = Inputs::new(reduced, &reduced.groups_of(region.clone()));
    for input in (0..inputs.parts()).flat_map(|part| inputs.part(part)) {
        add_leaves_of_input(reduced, &input, &mut found)?;
    }
    Ok(found)
}

/// The same of one input of a reduction, in the order in which [`Partial::add`](super::Partial::add) uses them.
pub fn leaves_of_input(reduced: &Reduced, input: &Region) -> Result<Vec<Leaf>, TooManyLeaves> {
    let mut found = Vec::new();
    add_leaves_of_input(reduced, input, &mut found)?;
    Ok(found)
}

fn add_leaves_of_input(
    reduced: &Reduced,
    input: &Region,
    found: &mut Vec<Leaf>,
) -> Result<(), TooManyLeaves> {
    add_leaves(&reduced.of, input, found)?;
    match &reduced.weights {
        Some(weights) => add_leaves(&weights.of, &weights.region(input), found),
        None => Ok(()),
    }
}

fn add_leaves(array: &Arc<Array>, region: &Region, found: &mut Vec<Leaf>) -> Result<(), TooManyLeaves> {
    let mut add = |leaf: Leaf| {
        found.push(leaf);
        if found.len() > LEAVES_MAX { Err(TooManyLeaves) } else { Ok(()) }
    };
    match &array.made {
        Made::Known(_) => Ok(()),
        Made::Source { variable, chunk_shape } => {
            let Some(grid) = grid_of(&array.shape, chunk_shape) else { return Ok(()) };
            let chunk = |index: &[u64]| grid.number(index).unwrap_or_default();
            grid.within(region)
                .try_for_each(|index| add(Leaf::Chunk { variable: *variable, number: chunk(&index) }))
        }
        Made::Reduced(Reduced { block_shape, .. }) | Made::Tiled { tile_shape: block_shape, .. } => {
            let Some(grid) = grid_of(&array.shape, block_shape) else { return Ok(()) };
            let block = |index: &[u64]| grid.number(index).unwrap_or_default();
            grid.within(region)
                .try_for_each(|index| add(Leaf::Block { array: Arc::clone(array), number: block(&index) }))
        }
        Made::Unpacked { of, .. } => add_leaves(of, region, found),
        Made::Computed { of, .. } => of.iter().try_for_each(|of| add_leaves(of, region, found)),
        Made::Arranged { of, axes } => add_leaves(of, &arranged(of, axes, region), found),
        Made::Merged { of, from } => add_leaves(of, &merged(of, *from, region).0, found),
        Made::Taken { of, places } => {
            gathered(of, places, region).try_for_each(|part| add_leaves(of, &part.from, found))
        }
    }
}
