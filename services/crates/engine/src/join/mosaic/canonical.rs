//! The encoding that computed chunks are given, and that chunks must have to pass.

use model::{ByteOrder, Codec, Layout};

use super::super::contiguous;
use super::super::form::Form;
use super::{Part, Record, passing};

/// Most encodings that are tried.
const CANDIDATES_MAX: usize = 32;
/// Most bytes of a decoded chunk where the chunk shape is free.
const CHUNK_BYTES_MAX: u64 = 64 << 20;

/// The encoding of a joined variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Canonical {
    pub(super) byte_order: ByteOrder,
    pub(super) codecs: Vec<Codec>,
    pub(super) chunk_shape: Vec<u64>,
}

/// The encoding with which most places along the record dimension pass untouched; of equal ones the one that most
/// chunks have.
pub(super) fn choose(parts: &[Part<'_>], form: &Form, record: Record) -> Canonical {
    let total: u64 = parts.iter().map(|part| part.length).sum();
    let mut best: Option<(u64, u64, Canonical)> = None;
    for (weight, candidate) in candidates(parts, record) {
        let passed: u64 = parts
            .iter()
            .map(|part| {
                let slabs = passing::slabs(part, &candidate, record);
                let length = candidate.chunk_shape[record.axis];
                (slabs.end * length).min(record.length).saturating_sub(slabs.start * length)
            })
            .sum();
        let is_whole = passed >= total && record.length == total;
        if !is_whole && !can_encode(&candidate.codecs) {
            continue;
        }
        if best.as_ref().is_none_or(|(most, heaviest, _)| (passed, weight) > (*most, *heaviest)) {
            best = Some((passed, weight, candidate));
        }
    }
    best.map_or_else(|| made(parts, form, record), |(_, _, candidate)| candidate)
}

/// The encodings of pieces whose elements need no change, with how many bytes or chunks they have.
fn candidates(parts: &[Part<'_>], record: Record) -> Vec<(u64, Canonical)> {
    let mut candidates: Vec<(u64, Canonical)> = Vec::new();
    let mut add =
        |weight: u64, candidate: Canonical| match candidates.iter_mut().find(|(_, c)| *c == candidate) {
            Some((known, _)) => *known += weight,
            None => candidates.push((weight, candidate)),
        };
    let mut contiguous: Vec<&Part<'_>> = Vec::new();
    for part in parts.iter().filter(|part| part.is_copy) {
        let variable = &part.scanned.variable;
        match part.scanned.layout {
            Layout::Inline => {}
            Layout::Contiguous => contiguous.push(part),
            Layout::Chunked => add(
                part.length,
                Canonical {
                    byte_order: variable.byte_order,
                    codecs: variable.codecs.clone(),
                    chunk_shape: variable.grid.chunk_shape().to_vec(),
                },
            ),
        }
    }
    for order in [ByteOrder::Little, ByteOrder::Big] {
        let of_order: Vec<_> =
            contiguous.iter().filter(|part| part.scanned.variable.byte_order == order).collect();
        let Some(first) = of_order.first() else { continue };
        let lengths: Vec<u64> = of_order.iter().map(|part| part.length).collect();
        let along = contiguous::Record { axis: record.axis, lengths: &lengths };
        let chunk_shape = contiguous::chunk_shape(&first.scanned.variable, Some(along));
        add(lengths.iter().sum(), Canonical { byte_order: order, codecs: Vec::new(), chunk_shape });
    }
    candidates.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    candidates.truncate(CANDIDATES_MAX);
    candidates
}

/// An encoding for elements that no piece has as they are: that of most pieces, as far as it can be.
fn made(parts: &[Part<'_>], form: &Form, record: Record) -> Canonical {
    let mut weights: Vec<(u64, &Part<'_>)> = Vec::new();
    for part in parts {
        let variable = &part.scanned.variable;
        let is_like = |other: &Part<'_>| {
            let other = &other.scanned.variable;
            other.codecs == variable.codecs && other.grid.chunk_shape() == variable.grid.chunk_shape()
        };
        match weights.iter_mut().find(|(_, known)| is_like(known)) {
            Some((weight, _)) => *weight += part.length,
            None => weights.push((part.length, part)),
        }
    }
    let chunked = weights.iter().filter(|(_, part)| part.scanned.layout == Layout::Chunked);
    let model = chunked.max_by_key(|(weight, _)| *weight);
    let (chunk_shape, codecs) = if let Some((_, part)) = model {
        let variable = &part.scanned.variable;
        (variable.grid.chunk_shape().to_vec(), variable.codecs.clone())
    } else {
        // As one piece of its own: every chunk is computed, so that no boundary matters.
        let mut whole = form.variable.clone();
        let mut shape = whole.grid.shape().to_vec();
        shape[record.axis] = record.length.max(1);
        if let Ok(grid) = model::ChunkGrid::new(shape.clone(), shape) {
            whole.grid = grid;
        }
        (contiguous::chunk_shape(&whole, None), Vec::new())
    };
    let size = form.variable.data_type.size().unwrap_or(1) as u32;
    let chunk_shape = bounded(chunk_shape, record.axis, u64::from(size));
    Canonical { byte_order: ByteOrder::Little, codecs: resized(codecs, size), chunk_shape }
}

/// A chunk shape that is not too large in memory: shorter along the record dimension, then along the others.
fn bounded(mut chunk_shape: Vec<u64>, record: usize, size: u64) -> Vec<u64> {
    let axes = std::iter::once(record).chain((0..chunk_shape.len()).filter(|axis| *axis != record));
    for axis in axes.collect::<Vec<_>>() {
        let bytes = chunk_shape.iter().fold(size, |bytes, length| bytes.saturating_mul(*length));
        if bytes > CHUNK_BYTES_MAX {
            let parts = bytes.div_ceil(CHUNK_BYTES_MAX);
            chunk_shape[axis] = (chunk_shape[axis] / parts).max(1);
        }
    }
    chunk_shape
}

/// Codecs for elements of another size; a usual pipeline where they cannot be written.
fn resized(codecs: Vec<Codec>, size: u32) -> Vec<Codec> {
    if !can_encode(&codecs) {
        return vec![Codec::Shuffle { element_size: size }, Codec::Deflate { level: 1 }];
    }
    let resized = |codec| match codec {
        Codec::Shuffle { .. } => Codec::Shuffle { element_size: size },
        Codec::Blosc { compressor, level, shuffle, block_size, .. } => {
            Codec::Blosc { compressor, level, shuffle, element_size: size, block_size }
        }
        other => other,
    };
    codecs.into_iter().map(resized).collect()
}

/// Whether chunks can be written with these codecs.
fn can_encode(codecs: &[Codec]) -> bool {
    codecs.iter().all(|codec| {
        matches!(
            codec,
            Codec::Shuffle { .. }
                | Codec::Deflate { .. }
                | Codec::Fletcher32
                | Codec::Bzip2 { .. }
                | Codec::Blosc { .. }
                | Codec::Zstd { .. }
                | Codec::Gzip { .. }
                | Codec::Crc32c
                | Codec::Transpose { .. }
        )
    })
}
