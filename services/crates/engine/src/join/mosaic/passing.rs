//! Which chunks of the joined variable are, byte for byte, a piece's own.

use std::ops::Range;

use model::{ByteOrder, ByteRange, ChunkGrid, ChunkRef, Layout};

use super::canonical::Canonical;
use super::{Part, Record};

/// The slabs all of whose chunks lie in a piece as they are to be served.
pub(super) fn slabs(part: &Part<'_>, canonical: &Canonical, record: Record) -> Range<u64> {
    let variable = &part.scanned.variable;
    let is_alike = part.is_copy
        && has_order(variable.data_type.size(), variable.byte_order, canonical.byte_order)
        && variable.codecs == canonical.codecs;
    if !is_alike {
        return 0..0;
    }
    let (start, end) = (part.start, part.start + part.length);
    let length = canonical.chunk_shape[record.axis];
    match part.scanned.layout {
        Layout::Chunked => {
            let is_on_grid =
                start.is_multiple_of(length) && variable.grid.chunk_shape() == canonical.chunk_shape;
            // A chunk that the array's end cuts is stored whole, and one that a file's end cuts is not the next's.
            let last = if end == record.length { end.div_ceil(length) } else { end / length };
            if is_on_grid { start / length..last } else { 0..0 }
        }
        Layout::Contiguous if can_cut(variable.grid.shape(), &canonical.chunk_shape, record.axis) => {
            let first = start.div_ceil(length);
            first..(end / length).max(first)
        }
        Layout::Contiguous | Layout::Inline => 0..0,
    }
}

fn has_order(size: Option<usize>, a: ByteOrder, b: ByteOrder) -> bool {
    a == b || size == Some(1)
}

/// Whether chunks of a shape are each one range of a contiguous piece, wherever they begin along the record dimension.
fn can_cut(shape: &[u64], chunk_shape: &[u64], record: usize) -> bool {
    let first_longer = chunk_shape.iter().position(|length| *length > 1).unwrap_or(shape.len());
    let others = shape.iter().zip(chunk_shape).enumerate().filter(|(axis, _)| *axis != record);
    record <= first_longer
        && others.clone().all(|(_, (length, chunk))| length.is_multiple_of(*chunk))
        && others.skip_while(|(axis, _)| *axis <= first_longer).all(|(_, (length, chunk))| length == chunk)
}

/// A piece's reference of a chunk of a slab that passes.
pub(super) fn reference(part: &Part<'_>, grid: &ChunkGrid, record: usize, number: u64) -> ChunkRef {
    let variable = &part.scanned.variable;
    let length = grid.chunk_shape()[record];
    let mut index = grid.index(number);
    if part.scanned.layout == Layout::Chunked {
        index[record] -= part.start / length;
        return variable.grid.number(&index).map_or(ChunkRef::Missing, |at| part.scanned.manifest.get(at));
    }
    let ChunkRef::Bytes { file, range } = part.scanned.manifest.get(0) else { return ChunkRef::Missing };
    let size = variable.data_type.size().unwrap_or(1) as u64;
    let mut element = 0;
    for (axis, at) in index.iter().enumerate() {
        let begin = at * grid.chunk_shape()[axis] - if axis == record { part.start } else { 0 };
        element = element * variable.grid.shape()[axis] + begin;
    }
    let bytes = grid.chunk_shape().iter().product::<u64>() * size;
    ChunkRef::Bytes { file, range: ByteRange { offset: range.offset + element * size, length: bytes } }
}
