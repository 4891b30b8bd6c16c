//! One variable of all files: taken once, or its pieces joined along the record dimension.

use model::{ChunkGrid, ChunkManifest, Error, ErrorKind, InPlace, Layout, Result, Variable};

use super::axis::Axis;
use super::collection::{Collected, Piece};
use super::cover::{Cover, cover};
use super::differences::{self, Differences};
use super::numbers::inlined_bytes;
use super::sources::Sources;
use super::{chunks, contiguous, inlined};

/// One variable of the joined dataset.
pub(super) struct One {
    pub(super) variable: Variable,
    pub(super) manifest: ChunkManifest,
    pub(super) in_place: Option<InPlace>,
}

/// A variable without the record dimension: the first file's, after the others have been compared with it.
pub(super) fn take_once(mut variable: Collected, sources: &Sources, used: &mut [bool]) -> Result<One> {
    let others = variable.pieces.split_off(1);
    let Some(mut first) = variable.pieces.pop() else {
        return Err(Error::internal("a variable without pieces"));
    };
    used[first.file] = true;
    for other in &others {
        let difference = match differences::between(&first.scanned, &other.scanned, None) {
            Some(difference) => Some(difference),
            None if is_inlined(&first) && is_inlined(other) => {
                let is_same = inlined_bytes(&first.scanned)? == inlined_bytes(&other.scanned)?;
                (!is_same).then(|| "its values".to_owned())
            }
            None => None,
        };
        if let Some(difference) = difference {
            let (a, b) = sources.pair(first.file, other.file);
            let message = format!(
                "{} differs between {a} and {b}: {difference}. A variable that does not lie along the record dimension \
                 must be the same in all files",
                variable.path
            );
            return Err(sources.refuse(message, &[first.file, other.file]));
        }
    }
    if first.scanned.layout == Layout::Contiguous {
        let shape = contiguous::chunk_shape(&first.scanned.variable, None);
        contiguous::split(&mut first.scanned, &shape)?;
    }
    let manifest = in_join(first.scanned.manifest, sources, first.file);
    Ok(One { variable: first.scanned.variable, manifest, in_place: first.scanned.in_place })
}

fn is_inlined(piece: &Piece) -> bool {
    piece.scanned.layout == Layout::Inline
}

/// A variable along the record dimension; none where a difference has been noted.
pub(super) fn join(
    mut variable: Collected,
    axis: &Axis,
    sources: &Sources,
    used: &mut [bool],
    differences: &mut Differences,
) -> Result<Option<One>> {
    let covers = cover(&variable, axis, sources)?;
    let Some(first) = covers.first() else {
        return take_once(variable, sources, used).map(Some);
    };
    let first_piece = first.piece;
    let Some(record) = record_axis(&variable.pieces[first_piece], axis) else {
        return Err(Error::internal(format!("{} has lost its record dimension", variable.path)));
    };
    for cover in covers.iter().filter(|cover| cover.known < cover.span.end - cover.span.start) {
        used[variable.pieces[cover.piece].file] = true;
    }
    if !are_alike(&variable, &covers, record, axis, sources, differences)? {
        return Ok(None);
    }
    let fill_value = fill_value(&variable, sources)?;
    let (grid, manifest) = if is_inlined(&variable.pieces[first_piece]) {
        inlined::concatenate(&variable, &covers, record, axis, sources)?
    } else {
        if !make_chunked(&mut variable, &covers, record, sources, differences)? {
            return Ok(None);
        }
        chunks::concatenate(&mut variable, &covers, record, axis.length(), sources)?
    };
    let piece = variable.pieces.swap_remove(first_piece);
    let variable = Variable { grid, fill_value, ..piece.scanned.variable };
    Ok(Some(One { variable, manifest, in_place: None }))
}

fn record_axis(piece: &Piece, axis: &Axis) -> Option<usize> {
    piece.scanned.variable.dimensions.iter().position(|name| *name == axis.dimension)
}

/// Whether all pieces are as the first one, apart from their chunks; notes where not.
fn are_alike(
    variable: &Collected,
    covers: &[Cover],
    record: usize,
    axis: &Axis,
    sources: &Sources,
    differences: &mut Differences,
) -> Result<bool> {
    let mut alike = true;
    let first = &variable.pieces[covers[0].piece];
    for cover in covers {
        let piece = &variable.pieces[cover.piece];
        let mut difference = differences::between(&first.scanned, &piece.scanned, Some(&axis.dimension));
        if difference.is_none() && is_inlined(first) != is_inlined(piece) {
            difference = Some(format!("layouts {:?} and {:?}", first.scanned.layout, piece.scanned.layout));
        }
        if let Some(difference) = difference {
            alike = false;
            let (a, b) = sources.pair(first.file, piece.file);
            let text = || format!("{} in {a} and {b}: {difference}", variable.path);
            differences.add(text, [first.file, piece.file]);
            continue;
        }
        let length = piece.scanned.variable.grid.shape()[record];
        if length != cover.span.end - cover.span.start {
            let message = format!(
                "{} in {} has {length} values along {}, but the coordinate has {}: groups with record dimensions of \
                 their own cannot be joined",
                variable.path,
                sources.name(piece.file),
                axis.dimension,
                cover.span.end - cover.span.start
            );
            return Err(sources.refuse(message, &[piece.file]));
        }
    }
    Ok(alike)
}

/// Brings all pieces into chunks of one shape; notes where that cannot be.
fn make_chunked(
    variable: &mut Collected,
    covers: &[Cover],
    record: usize,
    sources: &Sources,
    differences: &mut Differences,
) -> Result<bool> {
    let chunked = covers.iter().find(|cover| variable.pieces[cover.piece].scanned.layout == Layout::Chunked);
    let shape = if let Some(cover) = chunked {
        variable.pieces[cover.piece].scanned.variable.grid.chunk_shape().to_vec()
    } else {
        let lengths: Vec<u64> = covers.iter().map(|cover| cover.span.end - cover.span.start).collect();
        let along = contiguous::Record { axis: record, lengths: &lengths };
        contiguous::chunk_shape(&variable.pieces[covers[0].piece].scanned.variable, Some(along))
    };
    for cover in covers {
        let scanned = &mut variable.pieces[cover.piece].scanned;
        if scanned.layout == Layout::Contiguous && contiguous::can_split(&scanned.variable, &shape) {
            contiguous::split(scanned, &shape)?;
        }
    }
    let mut alike = true;
    let first = &variable.pieces[covers[0].piece];
    for (at, cover) in covers.iter().enumerate() {
        let piece = &variable.pieces[cover.piece];
        let chunk_length = shape[record];
        let length = cover.span.end - cover.span.start;
        let is_last = at + 1 == covers.len();
        if let Some(difference) = differences::between_chunks(&first.scanned, &piece.scanned) {
            alike = false;
            let (a, b) = sources.pair(first.file, piece.file);
            differences
                .add(|| format!("{} in {a} and {b}: {difference}", variable.path), [first.file, piece.file]);
        } else if !is_last && length % chunk_length != 0 {
            alike = false;
            let next = variable.pieces[covers[at + 1].piece].file;
            let (a, b) = sources.pair(piece.file, next);
            let text = || {
                format!(
                    "{} in {a}: its {length} values along the record dimension are no multiple of its chunk length \
                     {chunk_length}, so that {b} would begin inside a chunk",
                    variable.path
                )
            };
            differences.add(text, [piece.file, next]);
        }
    }
    Ok(alike)
}

/// The one fill value of all pieces.
fn fill_value(variable: &Collected, sources: &Sources) -> Result<Option<Vec<u8>>> {
    let mut known: Option<(&Vec<u8>, usize)> = None;
    for piece in &variable.pieces {
        let Some(value) = &piece.scanned.variable.fill_value else {
            continue;
        };
        match known {
            None => known = Some((value, piece.file)),
            Some((first, _)) if first == value => {}
            Some((_, file)) => {
                let (a, b) = sources.pair(file, piece.file);
                let message = format!(
                    "{}: chunks that are absent mean another value in {a} than in {b}",
                    variable.path
                );
                return Err(sources.refuse(message, &[file, piece.file]));
            }
        }
    }
    Ok(known.map(|(value, _)| value.clone()))
}

/// The grid of a joined variable.
pub(super) fn grid(variable: &Variable, shape: Vec<u64>, chunk_shape: Vec<u64>) -> Result<ChunkGrid> {
    ChunkGrid::new(shape, chunk_shape)
        .map_err(|error| Error::new(ErrorKind::TooLarge, format!("{}: {error}", variable.path)))
}

/// A scan's manifest with the files' places in the join.
fn in_join(manifest: ChunkManifest, sources: &Sources, source: usize) -> ChunkManifest {
    if source == 0 {
        return manifest;
    }
    let mut renumbered = ChunkManifest::missing(manifest.first(), manifest.len());
    for (number, reference) in manifest.iter() {
        renumbered.set(number, sources.in_join(reference, source));
    }
    renumbered
}
