//! Computed chunks of a joined variable: which pieces' chunks each is cut from, and the cutting.
//!
//! Pure: a worker reads and decodes, this says what and where to.

use model::{ChunkGrid, Error, Mosaic, Result, Variable};

/// Most chunks of pieces that one chunk may be made of.
const SOURCES_MAX: usize = 1 << 16;

/// A part of a piece's chunk that goes into a computed chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceChunk {
    /// Place of its reference among those of all pieces.
    pub row: u64,
    /// Place of its encoding in the mosaic.
    pub encoding: usize,
    /// What is cut out of it.
    pub from: Region,
    /// Where that begins in the computed chunk.
    pub to: Vec<u64>,
}

/// A box of elements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    /// First element in each dimension.
    pub start: Vec<u64>,
    /// Elements in each dimension.
    pub extent: Vec<u64>,
}

impl Region {
    /// Elements in it.
    pub fn elements(&self) -> u64 {
        self.extent.iter().product()
    }
}

/// What the chunk of a number of `variable` is made of. Places that are in none of them are missing values.
pub fn sources(mosaic: &Mosaic, variable: &Variable, number: u64) -> Result<Vec<SourceChunk>> {
    let grid = &variable.grid;
    if number >= grid.chunk_count() || mosaic.axis >= grid.shape().len() {
        return Err(Error::internal(format!("chunk {number} of {} is not in its grid", variable.path)));
    }
    let chunk = chunk_region(grid, &grid.index(number));
    let axis = mosaic.axis;
    let end = chunk.start[axis] + chunk.extent[axis];
    let first = mosaic.pieces.partition_point(|piece| piece.start + piece.length <= chunk.start[axis]);
    let mut found = Vec::new();
    for piece in mosaic.pieces[first..].iter().take_while(|piece| piece.start < end) {
        let lost = || Error::internal(format!("{} has no encoding {}", variable.path, piece.encoding));
        let encoding = mosaic.encodings.get(piece.encoding).ok_or_else(lost)?;
        let of_piece = piece_grid(encoding, axis, piece.length)?;
        if of_piece.shape().len() != chunk.extent.len() {
            return Err(Error::internal(format!("an encoding of {} has another rank", variable.path)));
        }
        // The part of the chunk that lies in the piece, in the piece's places.
        let begin = chunk.start[axis].max(piece.start);
        let mut wanted = chunk.clone();
        wanted.start[axis] = begin - piece.start;
        wanted.extent[axis] = end.min(piece.start + piece.length) - begin;
        let places = |index: &[u64]| {
            index
                .iter()
                .zip(&chunk.start)
                .enumerate()
                .map(
                    move |(at, (place, start))| {
                        if at == axis { place + piece.start - start } else { place - start }
                    },
                )
                .collect::<Vec<u64>>()
        };
        for index in chunks_within(&of_piece, &wanted) {
            if found.len() == SOURCES_MAX {
                let message = format!("a chunk of {} is made of too many others", variable.path);
                return Err(Error::new(model::ErrorKind::TooLarge, message));
            }
            let Some(number) = of_piece.number(&index) else { continue };
            let (from, begin) = overlap(&chunk_region(&of_piece, &index), &wanted);
            found.push(SourceChunk {
                row: piece.first + number,
                encoding: piece.encoding,
                from,
                to: places(&begin),
            });
        }
    }
    Ok(found)
}

/// The grid of a piece: its encoding's with the piece's own length.
pub fn piece_grid(encoding: &Variable, axis: usize, length: u64) -> Result<ChunkGrid> {
    let mut shape = encoding.grid.shape().to_vec();
    *shape.get_mut(axis).ok_or_else(|| Error::internal("an encoding without the record dimension"))? = length;
    ChunkGrid::new(shape, encoding.grid.chunk_shape().to_vec()).map_err(Error::internal)
}

/// The places that a chunk holds, cut at the array's end.
fn chunk_region(grid: &ChunkGrid, index: &[u64]) -> Region {
    let start: Vec<u64> = index.iter().zip(grid.chunk_shape()).map(|(at, length)| at * length).collect();
    let lengths = start.iter().zip(grid.chunk_shape()).zip(grid.shape());
    let extent = lengths.map(|((start, chunk), shape)| (*chunk).min(shape.saturating_sub(*start))).collect();
    Region { start, extent }
}

/// Indices of all chunks that reach into a region.
fn chunks_within(grid: &ChunkGrid, region: &Region) -> impl Iterator<Item = Vec<u64>> {
    let ranges = region.start.iter().zip(&region.extent).zip(grid.chunk_shape());
    let ranges: Vec<(u64, u64)> =
        ranges.map(|((start, extent), chunk)| (start / chunk, (start + extent).div_ceil(*chunk))).collect();
    let is_empty = ranges.iter().any(|(begin, end)| begin >= end);
    let mut next: Option<Vec<u64>> = (!is_empty).then(|| ranges.iter().map(|(begin, _)| *begin).collect());
    std::iter::from_fn(move || {
        let now = next.clone()?;
        next = advance(now.clone(), &ranges);
        Some(now)
    })
}

/// The index behind one, in C order; none behind the last.
fn advance(mut index: Vec<u64>, ranges: &[(u64, u64)]) -> Option<Vec<u64>> {
    for (at, (begin, end)) in index.iter_mut().zip(ranges).rev() {
        *at += 1;
        if *at < *end {
            return Some(index);
        }
        *at = *begin;
    }
    None
}

/// What a chunk and a region have in common: within the chunk, and where it begins in the array.
fn overlap(chunk: &Region, region: &Region) -> (Region, Vec<u64>) {
    let begin: Vec<u64> = chunk.start.iter().zip(&region.start).map(|(a, b)| *a.max(b)).collect();
    let ends = chunk.start.iter().zip(&chunk.extent).zip(region.start.iter().zip(&region.extent));
    let ends = ends.map(|((a, a_length), (b, b_length))| (a + a_length).min(b + b_length));
    let extent = ends.zip(&begin).map(|(end, begin)| end.saturating_sub(*begin)).collect();
    let start = begin.iter().zip(&chunk.start).map(|(begin, start)| begin - start).collect();
    (Region { start, extent }, begin)
}

/// Runs of elements that lie one behind the other in an array of `shape`, over a region of it: the first element of
/// each run, and how many each has.
pub fn runs(shape: &[u64], region: &Region) -> (Vec<u64>, u64) {
    // Dimensions behind this one are whole.
    let is_whole = |axis: usize| region.start[axis] == 0 && region.extent[axis] == shape[axis];
    let split = (0..shape.len()).rev().find(|axis| !is_whole(*axis)).unwrap_or(0);
    if region.elements() == 0 {
        return (Vec::new(), 0);
    }
    let run = region.extent.get(split..).map_or(1, |extents| extents.iter().product());
    let ranges: Vec<(u64, u64)> = region
        .start
        .iter()
        .zip(&region.extent)
        .take(split)
        .map(|(start, extent)| (*start, start + extent))
        .collect();
    let inner: u64 = shape.get(split + 1..).map_or(1, |lengths| lengths.iter().product());
    let mut firsts = Vec::new();
    let mut next: Option<Vec<u64>> = Some(ranges.iter().map(|(begin, _)| *begin).collect());
    while let Some(index) = next {
        let outer = index.iter().zip(shape).fold(0, |element, (at, length)| element * length + at);
        let along = shape.get(split).map_or(0, |length| outer * length + region.start[split]);
        firsts.push(along * inner);
        next = advance(index, &ranges);
    }
    (firsts, run)
}

/// The elements of a region of an array, one behind the other. None where the array is shorter than its shape says.
pub fn cut(elements: &[u8], shape: &[u64], region: &Region, size: usize) -> Option<Vec<u8>> {
    let (firsts, run) = runs(shape, region);
    let length = run as usize * size;
    let mut cut = Vec::with_capacity(firsts.len() * length);
    for first in firsts {
        let begin = first as usize * size;
        cut.extend_from_slice(elements.get(begin..begin + length)?);
    }
    Some(cut)
}

/// Puts the elements of a region into an array of `shape`. None where one of the two is too short.
pub fn paste(elements: &[u8], into: &mut [u8], shape: &[u64], region: &Region, size: usize) -> Option<()> {
    let (firsts, run) = runs(shape, region);
    let length = run as usize * size;
    for (at, first) in firsts.into_iter().enumerate() {
        let begin = first as usize * size;
        let from = elements.get(at * length..(at + 1) * length)?;
        into.get_mut(begin..begin + length)?.copy_from_slice(from);
    }
    Some(())
}

#[cfg(test)]
mod tests;
