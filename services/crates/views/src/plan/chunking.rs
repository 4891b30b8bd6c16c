//! How results are cut: as what they are made of is, so that as little as can be is read twice, in chunks neither too small
//! to be worth a request nor too large to be held.

use super::draft::{Draft, Field};
use super::{Result, refused, too_large};
use crate::array::{Array, Made};
use crate::compute::input_bytes;
use crate::steps::{Chunks, Extent, Shards};

/// Chunks of fewer bytes are put together, as long as they are made of few others.
const SMALL_BYTES: u64 = 1 << 20;
/// Largest chunk that is made without being asked for, in bytes.
const LARGE_BYTES: u64 = 64 << 20;
/// Largest chunk that may be asked for, in bytes.
const BYTES_MAX: u64 = 512 << 20;
/// Decoded bytes that small chunks may be made of.
const INPUT_BYTES: u64 = 64 << 20;
/// Most chunks that a variable is cut into where its source has fewer.
const CHUNKS_MAX: u64 = 100_000_000;

/// `chunks`: lengths of chunks.
pub(super) fn set(draft: &mut Draft<'_>, step: &Chunks) -> Result<()> {
    for (dimension, extent) in &step.dimensions {
        draft.length(dimension.as_str())?;
        draft.chunks.retain(|(name, _)| name != dimension.as_str());
        draft.chunks.push((dimension.as_str().to_owned(), *extent));
    }
    Ok(())
}

/// `shard`: lengths of shards.
pub(super) fn set_shards(draft: &mut Draft<'_>, step: &Shards) -> Result<()> {
    for (dimension, extent) in &step.dimensions {
        draft.length(dimension.as_str())?;
        draft.shards.retain(|(name, _)| name != dimension.as_str());
        draft.shards.push((dimension.as_str().to_owned(), *extent));
    }
    Ok(())
}

/// The shape of the shards of a field whose chunks have a shape; none where none of its dimensions was to be sharded.
pub(super) fn shard_shape(
    field: &Field,
    chunks: &[u64],
    asked: &[(String, Extent)],
) -> Result<Option<Vec<u64>>> {
    let Some(size) = field.size() else { return Ok(None) };
    let mut lengths = chunks.to_vec();
    let mut is_asked = false;
    for (dimension, extent) in asked {
        let Some(axis) = field.axis(dimension) else { continue };
        let chunk = chunks[axis];
        is_asked = true;
        lengths[axis] = match extent {
            Extent::Whole => field.array.shape[axis].max(1).div_ceil(chunk) * chunk,
            Extent::Elements(length) if length.get().is_multiple_of(chunk) => length.get(),
            // A shard is one chunk at least: coordinates often are but one.
            Extent::Elements(length) if length.get() < chunk => chunk,
            Extent::Elements(length) => {
                return refused(format!(
                    "shards of {} would have {length} places of {dimension}, which is no multiple of {chunk}, the length of \
                     its chunks: see chunks=",
                    field.path
                ));
            }
        };
    }
    if is_asked {
        check(field, &lengths, size as u64)?;
    }
    Ok(is_asked.then_some(lengths))
}

/// The shape of a field's chunks.
pub(super) fn shape(field: &Field, asked: &[(String, Extent)]) -> Result<Vec<u64>> {
    let array = &field.array;
    let Some(size) = array.data_type.size() else { return Ok(stored_shape(array)) };
    let asked_of = |axis: usize| {
        let (_, extent) = asked.iter().find(|(name, _)| *name == field.dimensions[axis])?;
        Some(match extent {
            Extent::Whole => array.shape[axis].max(1),
            Extent::Elements(length) => length.get().min(array.shape[axis].max(1)),
        })
    };
    let fixed: Vec<Option<u64>> = (0..array.shape.len()).map(asked_of).collect();
    let mut lengths: Vec<u64> =
        (0..array.shape.len()).map(|axis| fixed[axis].unwrap_or_else(|| array.block_length(axis))).collect();
    if !matches!(array.made, Made::Source { .. }) {
        fit(array, &mut lengths, |axis| fixed[axis].is_none(), size as u64);
    }
    check(field, &lengths, size as u64)?;
    Ok(lengths)
}

fn stored_shape(array: &Array) -> Vec<u64> {
    match &array.made {
        Made::Source { chunk_shape, .. } => chunk_shape.clone(),
        _ => array.shape.iter().map(|length| (*length).max(1)).collect(),
    }
}

/// Makes lengths smaller where a chunk is too large, and larger where it is small and cheap, in the dimensions that may be
/// cut otherwise.
pub(super) fn fit(array: &Array, lengths: &mut [u64], is_free: impl Fn(usize) -> bool, size: u64) {
    let free: Vec<usize> = (0..lengths.len()).filter(|axis| is_free(*axis)).collect();
    while bytes(lengths, size) > LARGE_BYTES {
        let Some(longest) = free.iter().copied().max_by_key(|axis| lengths[*axis]) else { return };
        if lengths[longest] <= 1 {
            return;
        }
        lengths[longest] = lengths[longest].div_ceil(2);
    }
    // The last dimensions first: what lies behind one another is read together.
    for axis in free.into_iter().rev() {
        while lengths[axis] < array.shape[axis] {
            let longer: Vec<u64> = lengths
                .iter()
                .enumerate()
                .map(|(at, length)| if at == axis { (length * 2).min(array.shape[at]) } else { *length })
                .collect();
            if bytes(&longer, size) > SMALL_BYTES || input_bytes(array, &longer) > INPUT_BYTES {
                break;
            }
            lengths[axis] = longer[axis];
        }
    }
}

fn bytes(lengths: &[u64], size: u64) -> u64 {
    lengths.iter().fold(size, |product, length| product.saturating_mul(*length))
}

/// Refuses chunks that are too large, or too many.
fn check(field: &Field, lengths: &[u64], size: u64) -> Result<()> {
    let (path, shape) = (&field.path, &field.array.shape);
    if bytes(lengths, size) > BYTES_MAX && !matches!(field.array.made, Made::Source { .. }) {
        let chunk = bytes(lengths, size) >> 20;
        let max = BYTES_MAX >> 20;
        return too_large(format!("chunks of {path} would have {chunk} MiB, more than {max}: see chunks="));
    }
    let count = |length: (&u64, &u64)| length.0.div_ceil((*length.1).max(1));
    let chunks = shape.iter().zip(lengths).map(count).fold(1_u64, u64::saturating_mul);
    if chunks > CHUNKS_MAX && !matches!(field.array.made, Made::Source { .. }) {
        return too_large(format!("{path} would have {chunks} chunks, more than {CHUNKS_MAX}: see chunks="));
    }
    Ok(())
}
