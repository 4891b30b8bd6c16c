//! One variable of all files: taken once, or its pieces joined along the record dimension.

use std::sync::Arc;

use model::{
    ByteOrder, ChunkGrid, ChunkManifest, Error, ErrorKind, InPlace, Layout, MosaicSource, Result, Variable,
};

use super::attributes::Notes;
use super::axis::Axis;
use super::collection::{Collected, Piece};
use super::cover::{Cover, Covers, cover};
use super::differences::{self, Differences};
use super::form::Form;
use super::numbers::inlined_bytes;
use super::sources::Sources;
use super::{chunks, contiguous, inlined, mosaic};

/// One variable of the joined dataset.
pub(super) struct One {
    pub(super) variable: Variable,
    pub(super) manifest: ChunkManifest,
    pub(super) in_place: Option<InPlace>,
    pub(super) mosaic: Option<MosaicSource>,
}

/// A variable without the record dimension: the first file's, after the others have been compared with it.
pub(super) fn take_once(mut variable: Collected, sources: &Sources, used: &mut [bool]) -> Result<One> {
    let others = variable.pieces.split_off(1);
    let Some(mut first) = variable.pieces.pop() else {
        return Err(Error::internal("a variable without pieces"));
    };
    used[first.file] = true;
    for other in &others {
        let difference = differences::between(&first.scanned, &other.scanned, None)
            .or_else(|| differences::between_elements(&first.scanned, &other.scanned));
        let difference = match difference {
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
    let variable = Arc::unwrap_or_clone(first.scanned.variable);
    Ok(One { variable, manifest, in_place: first.scanned.in_place, mosaic: None })
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
    notes: &mut Notes,
) -> Result<Option<One>> {
    let covers = cover(&variable, axis, sources)?;
    let Some(first) = covers.pieces.first() else {
        return take_once(variable, sources, used).map(Some);
    };
    let first_piece = first.piece;
    let Some(record) = record_axis(&variable.pieces[first_piece], axis) else {
        return Err(Error::internal(format!("{} has lost its record dimension", variable.path)));
    };
    for cover in covers.pieces.iter().filter(|cover| cover.known < cover.span.end - cover.span.start) {
        used[variable.pieces[cover.piece].file] = true;
    }
    if !are_alike(&variable, &covers, record, axis, sources, differences)? {
        return Ok(None);
    }
    let form = match Form::of(&variable, &covers) {
        Ok(form) => form,
        Err(difference) => {
            let files: Vec<usize> =
                covers.pieces.iter().map(|cover| variable.pieces[cover.piece].file).collect();
            let text =
                || format!("{} in {}: {difference}", variable.path, sources.list(files.iter().copied()));
            differences.add(text, [files[0], files.get(1).copied().unwrap_or(files[0])]);
            return Ok(None);
        }
    };
    notes.warnings.extend(covers.warning(&variable, axis, sources));
    let all_inlined = covers.pieces.iter().all(|cover| is_inlined(&variable.pieces[cover.piece]));
    if all_inlined {
        let (grid, manifest) = inlined::concatenate(&variable, &covers, record, axis, sources, &form)?;
        let variable = Variable { grid, byte_order: ByteOrder::Little, ..form.variable };
        return Ok(Some(One { variable, manifest, in_place: None, mosaic: None }));
    }
    if covers.gaps.is_empty() && make_alike(&mut variable, &covers, record)? {
        let fill_value = fill_value(&variable);
        let (grid, manifest) =
            chunks::concatenate(&mut variable, &covers.pieces, record, axis.length(), sources)?;
        let piece = variable.pieces.swap_remove(first_piece);
        let variable = Variable { grid, fill_value, ..Arc::unwrap_or_clone(piece.scanned.variable) };
        return Ok(Some(One { variable, manifest, in_place: None, mosaic: None }));
    }
    covers.refuse_shared(&variable, axis, sources)?;
    let record = mosaic::Record { axis: record, length: axis.length() };
    let composed = mosaic::compose(&variable, &covers, record, &form, sources)?;
    if let Some(warning) = composed.warning {
        notes.warn(variable.path.as_str(), warning);
    }
    let mosaic::Composed { variable, manifest, source, .. } = composed;
    Ok(Some(One { variable, manifest, in_place: None, mosaic: source }))
}

fn record_axis(piece: &Piece, axis: &Axis) -> Option<usize> {
    piece.scanned.variable.dimensions.iter().position(|name| *name == axis.dimension)
}

/// Whether all pieces are alike in what cannot be brought together; notes where not.
fn are_alike(
    variable: &Collected,
    covers: &Covers,
    record: usize,
    axis: &Axis,
    sources: &Sources,
    differences: &mut Differences,
) -> Result<bool> {
    let mut alike = true;
    let first = &variable.pieces[covers.pieces[0].piece];
    let is_numeric = first.scanned.variable.data_type.is_numeric();
    for cover in &covers.pieces {
        let piece = &variable.pieces[cover.piece];
        let mut difference = differences::between(&first.scanned, &piece.scanned, Some(&axis.dimension));
        if !is_numeric {
            difference = difference.or_else(|| differences::between_elements(&first.scanned, &piece.scanned));
            if difference.is_none() && is_inlined(first) != is_inlined(piece) {
                difference =
                    Some(format!("layouts {:?} and {:?}", first.scanned.layout, piece.scanned.layout));
            }
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

/// Brings all pieces into chunks of one shape, each beginning at a chunk's beginning, if they are that already or lie
/// in one piece that can be split. Changes nothing where that cannot be for all.
fn make_alike(variable: &mut Collected, covers: &Covers, record: usize) -> Result<bool> {
    let covers = &covers.pieces;
    let of = |cover: &Cover| &variable.pieces[cover.piece].scanned;
    let chunked = covers.iter().map(of).find(|scanned| scanned.layout == Layout::Chunked);
    let shape = if let Some(chunked) = chunked {
        chunked.variable.grid.chunk_shape().to_vec()
    } else {
        let lengths: Vec<u64> = covers.iter().map(|cover| cover.span.end - cover.span.start).collect();
        let along = contiguous::Record { axis: record, lengths: &lengths };
        contiguous::chunk_shape(&of(&covers[0]).variable, Some(along))
    };
    let first = of(&covers[0]);
    let mut fill_values = covers.iter().filter_map(|cover| of(cover).variable.fill_value.as_ref());
    let first_fill = fill_values.next();
    if fill_values.any(|fill| Some(fill) != first_fill) {
        return Ok(false);
    }
    for (at, cover) in covers.iter().enumerate() {
        let scanned = of(cover);
        let has_shape = match scanned.layout {
            Layout::Chunked => *scanned.variable.grid.chunk_shape() == shape,
            Layout::Contiguous => contiguous::can_split(&scanned.variable, &shape),
            Layout::Inline => false,
        };
        let is_last = at + 1 == covers.len();
        let ends_with_chunk = is_last || (cover.span.end - cover.span.start).is_multiple_of(shape[record]);
        let is_same = differences::between_elements(first, scanned).is_none()
            && scanned.variable.codecs == first.variable.codecs;
        if !has_shape || !ends_with_chunk || !is_same {
            return Ok(false);
        }
    }
    for cover in covers {
        let scanned = &mut variable.pieces[cover.piece].scanned;
        if scanned.layout == Layout::Contiguous {
            contiguous::split(scanned, &shape)?;
        }
    }
    Ok(true)
}

/// The one fill value of pieces that agree on it.
fn fill_value(variable: &Collected) -> Option<Vec<u8>> {
    variable.pieces.iter().find_map(|piece| piece.scanned.variable.fill_value.clone())
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
