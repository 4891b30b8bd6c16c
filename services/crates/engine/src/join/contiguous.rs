//! Choosing chunks for variables that lie in one uncompressed piece.
//!
//! A chunk must be one range of the file, and a full one, since Zarr knows no shorter chunks at an edge. So a chunk
//! takes one element of each leading dimension, a divisor of the length of one dimension, and all of those behind it:
//! `[1, …, 1, c, n, …, n]`. Where pieces are joined along a dimension, the chunk's length divides every piece's.
//!
//! Of these shapes the largest of at most 4 MiB is taken: a chunk is then read and sent at once. Where that has less
//! than 64 KiB (the length is a prime number, say), the smallest above 4 MiB is taken if it has at most 64 MiB: a
//! hundred thousand tiny requests cost a client more than one large one.

use std::sync::Arc;

use model::{
    ByteRange, ChunkGrid, ChunkManifest, ChunkRef, Error, Layout, Result, ScannedVariable, Variable,
};

use super::variable::grid;

const GOOD_BYTES_MAX: u64 = 4 << 20;
const GOOD_BYTES_MIN: u64 = 64 << 10;
const BYTES_MAX: u64 = 64 << 20;

/// The dimension along which pieces are joined.
#[derive(Clone, Copy)]
pub(super) struct Record<'l> {
    /// Its place among the dimensions.
    pub(super) axis: usize,
    /// Its length in every piece.
    pub(super) lengths: &'l [u64],
}

/// The chunk shape for a contiguous variable, or for all pieces of one.
pub(super) fn chunk_shape(variable: &Variable, record: Option<Record<'_>>) -> Vec<u64> {
    let shape = variable.grid.shape();
    let whole = || shape.iter().map(|length| (*length).max(1)).collect();
    let Some(size) = variable.data_type.size() else {
        return whole();
    };
    if shape.contains(&0) {
        return whole();
    }
    let candidates = candidates(shape, size as u64, record);
    let good = candidates.iter().filter(|c| c.bytes <= GOOD_BYTES_MAX).max_by_key(|c| c.bytes);
    let large =
        candidates.iter().filter(|c| (GOOD_BYTES_MAX..=BYTES_MAX).contains(&c.bytes)).min_by_key(|c| c.bytes);
    let chosen = match (good, large) {
        (Some(good), Some(large)) if good.bytes < GOOD_BYTES_MIN => Some(large),
        (good, large) => good.or(large),
    };
    let chosen = chosen.or_else(|| candidates.iter().min_by_key(|c| c.bytes));
    chosen.map_or_else(whole, |chosen| {
        let leading = std::iter::repeat_n(1, chosen.axis);
        leading.chain([chosen.length]).chain(shape[chosen.axis + 1..].iter().copied()).collect()
    })
}

/// One shape that would do.
struct Candidate {
    axis: usize,
    length: u64,
    bytes: u64,
}

fn candidates(shape: &[u64], size: u64, record: Option<Record<'_>>) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    let mut inner_bytes = size;
    for axis in (0..shape.len()).rev() {
        let lengths = match record {
            Some(record) if record.axis == axis => record.lengths,
            _ => &shape[axis..=axis],
        };
        let common = lengths.iter().fold(0, |a, b| greatest_common_divisor(a, *b));
        for length in divisors(common) {
            if let Some(bytes) = length.checked_mul(inner_bytes) {
                candidates.push(Candidate { axis, length, bytes });
            }
        }
        // A chunk that takes all of this dimension needs it to be as long in every piece.
        let is_even = lengths.iter().all(|length| *length == shape[axis]);
        match inner_bytes.checked_mul(shape[axis]) {
            Some(bytes) if is_even => inner_bytes = bytes,
            _ => break,
        }
    }
    candidates
}

fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

fn divisors(number: u64) -> impl Iterator<Item = u64> {
    let small = (1..).take_while(move |d| d * d <= number).filter(move |d| number.is_multiple_of(*d));
    small.flat_map(move |d| [d, number / d])
}

/// Whether every chunk of a shape is full and one range.
pub(super) fn can_split(variable: &Variable, chunk_shape: &[u64]) -> bool {
    let shape = variable.grid.shape();
    let first_longer = chunk_shape.iter().position(|length| *length > 1).unwrap_or(shape.len());
    variable.codecs.is_empty()
        && shape.len() == chunk_shape.len()
        && shape.iter().zip(chunk_shape).all(|(length, chunk)| *chunk > 0 && length % chunk == 0)
        && shape.iter().zip(chunk_shape).skip(first_longer + 1).all(|(length, chunk)| length == chunk)
}

/// Splits the one range of a contiguous variable into chunks of a shape that [`can_split`] allows.
pub(super) fn split(scanned: &mut ScannedVariable, chunk_shape: &[u64]) -> Result<()> {
    let variable = &scanned.variable;
    let path = &variable.path;
    if !can_split(variable, chunk_shape) {
        return Err(Error::internal(format!("{path} cannot be split into chunks of {chunk_shape:?}")));
    }
    let grid: ChunkGrid = grid(variable, variable.grid.shape().to_vec(), chunk_shape.to_vec())?;
    let count = usize::try_from(grid.chunk_count()).map_err(Error::internal)?;
    let mut manifest = ChunkManifest::missing(0, count);
    if let ChunkRef::Bytes { file, range } = scanned.manifest.get(0) {
        if Some(range.length) != variable.decoded_size_bytes() {
            return Err(Error::internal(format!(
                "contiguous variable {path} has another length than its shape"
            )));
        }
        let length = range.length / grid.chunk_count().max(1);
        for number in 0..grid.chunk_count() {
            let range = ByteRange { offset: range.offset + number * length, length };
            manifest.set(number, ChunkRef::Bytes { file, range });
        }
    }
    scanned.manifest = manifest;
    scanned.layout = Layout::Chunked;
    Arc::make_mut(&mut scanned.variable).grid = grid;
    Ok(())
}
