//! Inlined pieces one behind the other, in one inlined chunk or, where that would be large, in some.

use bytes::Bytes;
use model::{ByteOrder, ChunkGrid, ChunkManifest, ChunkRef, DataType, Error, Result, ScannedVariable};

use super::axis::Axis;
use super::collection::Collected;
use super::cover::{Cover, Covers};
use super::form::Form;
use super::numbers::inlined_bytes;
use super::sources::Sources;
use super::text;
use super::variable::grid;

/// Largest inlined chunk, in bytes.
const CHUNK_BYTES_MAX: usize = 16 << 20;

/// An array as rows: each of `outer` rows has `length` steps along the record dimension of `inner` elements each.
#[derive(Clone, Copy)]
struct Rows {
    outer: usize,
    length: usize,
    inner: usize,
}

/// One piece's elements and where they go.
struct Part<'p, T> {
    start: usize,
    known: usize,
    length: usize,
    elements: &'p [T],
}

/// The grid and manifest of inlined pieces. Places that two pieces hold must have the same values.
pub(super) fn concatenate(
    variable: &Collected,
    covers: &Covers,
    record: usize,
    axis: &Axis,
    sources: &Sources,
    form: &Form,
) -> Result<(ChunkGrid, ChunkManifest)> {
    let covers = &covers.pieces[..];
    let first = &form.variable;
    let mut shape = first.grid.shape().to_vec();
    shape[record] = axis.length();
    let product = |lengths: &[u64]| lengths.iter().product::<u64>() as usize;
    let mut rows = Rows {
        outer: product(&shape[..record]),
        length: axis.length() as usize,
        inner: product(&shape[record + 1..]),
    };
    let pieces: Vec<Bytes> = covers
        .iter()
        .map(|cover| in_form(&variable.pieces[cover.piece].scanned, form))
        .collect::<Result<_>>()?;
    let clash = |at: usize| differing(variable, covers, at, axis, sources);
    let (chunks, steps) = if first.data_type == DataType::Text {
        let malformed = || Error::internal(format!("{}: malformed inlined text", variable.path));
        let texts: Vec<Vec<&[u8]>> =
            pieces.iter().map(|bytes| text::decode(bytes).ok_or_else(malformed)).collect::<Result<_>>()?;
        let all = weave(&parts(covers, texts.iter().map(Vec::as_slice)), rows, &[&b""[..]]).map_err(clash)?;
        let steps = steps_a_chunk(rows, all.iter().map(|text| text.len() + 4).sum());
        let chunks =
            cut(all, rows, steps, &b""[..]).into_iter().map(|texts| Bytes::from(text::encode(&texts)));
        (chunks.collect::<Vec<_>>(), steps)
    } else {
        rows.inner *= first.data_type.size().unwrap_or(1);
        let blank = form.missing.as_deref().filter(|element| !element.is_empty()).unwrap_or(&[0]);
        let all = weave(&parts(covers, pieces.iter().map(AsRef::as_ref)), rows, blank).map_err(clash)?;
        let steps = steps_a_chunk(rows, all.len());
        (cut(all, rows, steps, 0).into_iter().map(Bytes::from).collect(), steps)
    };
    let mut chunk_shape: Vec<u64> = shape.iter().map(|length| (*length).max(1)).collect();
    chunk_shape[record] = steps as u64;
    let grid = grid(first, shape, chunk_shape)?;
    let mut manifest = ChunkManifest::missing(0, grid.chunk_count() as usize);
    for (number, bytes) in (0..grid.chunk_count()).zip(chunks) {
        manifest.set(number, ChunkRef::Inline(bytes));
    }
    Ok((grid, manifest))
}

fn parts<'p, T>(covers: &[Cover], elements: impl Iterator<Item = &'p [T]>) -> Vec<Part<'p, T>> {
    let part = |(cover, elements): (&Cover, &'p [T])| Part {
        start: cover.span.start as usize,
        known: cover.known as usize,
        length: (cover.span.end - cover.span.start) as usize,
        elements,
    };
    covers.iter().zip(elements).map(part).collect()
}

/// A piece's elements as those of the joined variable, little-endian.
fn in_form(scanned: &ScannedVariable, form: &Form) -> Result<Bytes> {
    let bytes = inlined_bytes(scanned)?;
    let unpacking = form.unpacking(&scanned.variable).map_err(Error::internal)?;
    let is_swapped = scanned.variable.byte_order == ByteOrder::Big;
    let bytes = match scanned.variable.data_type.ordered_size() {
        Some(size) if is_swapped => {
            let mut swapped = bytes.to_vec();
            swapped.chunks_exact_mut(size).for_each(<[u8]>::reverse);
            Bytes::from(swapped)
        }
        _ => bytes,
    };
    if unpacking.is_copy() {
        return Ok(bytes);
    }
    unpacking
        .apply(&bytes)
        .map(Bytes::from)
        .map_err(|error| Error::invalid(format!("{} cannot be joined: {error}", scanned.variable.path)))
}

/// All parts in one array of rows, with the elements of `blank` over and over where there are none. Fails with the number of the first part whose known places have other values or
/// whose elements are too few.
fn weave<T: Copy + PartialEq>(parts: &[Part<'_, T>], rows: Rows, blank: &[T]) -> Result<Vec<T>, usize> {
    let mut all: Vec<T> = blank.iter().copied().cycle().take(rows.outer * rows.length * rows.inner).collect();
    for (at, part) in parts.iter().enumerate() {
        let row_length = part.length * rows.inner;
        if part.elements.len() != rows.outer * row_length {
            return Err(at);
        }
        for outer in 0..rows.outer {
            let begin = (outer * rows.length + part.start) * rows.inner;
            let target = &mut all[begin..begin + row_length];
            let source = &part.elements[outer * row_length..(outer + 1) * row_length];
            let known = part.known * rows.inner;
            if target[..known] != source[..known] {
                return Err(at);
            }
            target[known..].copy_from_slice(&source[known..]);
        }
    }
    Ok(all)
}

/// How many steps go into one chunk of at most [`CHUNK_BYTES_MAX`].
fn steps_a_chunk(rows: Rows, bytes: usize) -> usize {
    let length = rows.length.max(1);
    if bytes <= CHUNK_BYTES_MAX {
        length
    } else {
        (CHUNK_BYTES_MAX / bytes.div_ceil(length)).clamp(1, length)
    }
}

/// An array in chunks of so many steps, the last one filled up.
fn cut<T: Copy>(all: Vec<T>, rows: Rows, steps: usize, blank: T) -> Vec<Vec<T>> {
    if steps >= rows.length {
        return vec![all];
    }
    let chunk = |begin: usize| {
        let mut chunk = Vec::with_capacity(rows.outer * steps * rows.inner);
        for outer in 0..rows.outer {
            let row = &all[outer * rows.length * rows.inner..(outer + 1) * rows.length * rows.inner];
            let end = (begin + steps).min(rows.length);
            chunk.extend_from_slice(&row[begin * rows.inner..end * rows.inner]);
            chunk.resize((outer + 1) * steps * rows.inner, blank);
        }
        chunk
    };
    (0..rows.length).step_by(steps).map(chunk).collect()
}

/// The refusal of values that differ where they should be the same.
fn differing(variable: &Collected, covers: &[Cover], at: usize, axis: &Axis, sources: &Sources) -> Error {
    let cover = &covers[at];
    let file = variable.pieces[cover.piece].file;
    let earlier = covers[..at].iter().find(|earlier| earlier.span.contains(&cover.span.start));
    let other = earlier.map_or(file, |earlier| variable.pieces[earlier.piece].file);
    let (a, b) = sources.pair(other, file);
    let message = format!(
        "{a} and {b} overlap and differ: {} has other values in each from {} to {}. Register one of them, or files that \
         do not overlap",
        variable.path,
        axis.words(cover.span.start),
        axis.words((cover.span.start + cover.known).saturating_sub(1)),
    );
    sources.refuse(message, &[other, file])
}
