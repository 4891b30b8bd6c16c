//! Computed chunks of a joined variable: which pieces' chunks each is cut from, and the cutting.
//!
//! Pure: a worker reads and decodes, this says what and where to.

use model::{ChunkGrid, Error, Mosaic, Region, Result, Variable};

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

/// What the chunk of a number of `variable` is made of. Places that are in none of them are missing values.
pub fn sources(mosaic: &Mosaic, variable: &Variable, number: u64) -> Result<Vec<SourceChunk>> {
    let grid = &variable.grid;
    if number >= grid.chunk_count() || mosaic.axis >= grid.shape().len() {
        return Err(Error::internal(format!("chunk {number} of {} is not in its grid", variable.path)));
    }
    let chunk = grid.region(&grid.index(number));
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
        for index in of_piece.within(&wanted) {
            if found.len() == SOURCES_MAX {
                let message = format!("a chunk of {} is made of too many others", variable.path);
                return Err(Error::new(model::ErrorKind::TooLarge, message));
            }
            let Some(number) = of_piece.number(&index) else { continue };
            let (from, begin) = of_piece.region(&index).overlap(&wanted);
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

#[cfg(test)]
mod tests;
