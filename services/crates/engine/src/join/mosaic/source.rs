//! What computed chunks are made of, kept: pieces, their encodings and references.

use std::ops::Range;

use cf::PACKING;
use model::{
    Attributes, ChunkManifest, ChunkRef, Error, Mosaic, MosaicPiece, MosaicSource, Result, Variable,
};

use super::super::sources::Sources;
use super::{Part, Record};

/// The pieces that reach into slabs with computed chunks.
pub(super) fn collect(
    parts: &[Part<'_>],
    computed: &[bool],
    record: Record,
    chunk_length: u64,
    sources: &Sources,
) -> Result<MosaicSource> {
    let is_needed = |part: &Part<'_>| {
        let slabs: Range<u64> = part.start / chunk_length..(part.start + part.length).div_ceil(chunk_length);
        computed[slabs.start as usize..slabs.end as usize].iter().any(|computed| *computed)
    };
    let needed: Vec<&Part<'_>> = parts.iter().filter(|part| is_needed(part)).collect();
    let count: usize = needed.iter().map(|part| part.scanned.manifest.len()).sum();
    let mut mosaic =
        Mosaic { axis: record.axis, encodings: Vec::new(), pieces: Vec::with_capacity(needed.len()) };
    let mut references = ChunkManifest::missing(0, count);
    let mut first = 0;
    for part in needed {
        let chunks = part.scanned.variable.grid.chunk_count();
        if part.scanned.manifest.len() as u64 != chunks {
            return Err(Error::internal(format!(
                "{} has not one reference a chunk",
                part.scanned.variable.path
            )));
        }
        for (number, reference) in part.scanned.manifest.iter() {
            if reference != ChunkRef::Missing {
                references.set(first + number, sources.in_join(reference, part.file));
            }
        }
        let encoding = encoding_of(&mut mosaic.encodings, &part.scanned.variable, record.axis);
        mosaic.pieces.push(MosaicPiece { encoding, start: part.start, length: part.length, first });
        first += chunks;
    }
    Ok(MosaicSource { mosaic, references })
}

/// The place of a piece's encoding, which is added if it is new.
fn encoding_of(encodings: &mut Vec<Variable>, variable: &Variable, axis: usize) -> usize {
    let of_packing = |(name, _): &(&str, _)| PACKING.contains(name);
    let attributes: Attributes = variable
        .attributes
        .iter()
        .filter(of_packing)
        .map(|(name, value)| (name.to_owned(), value.clone()))
        .collect();
    let is_same = |known: &Variable| {
        let lengths = known.grid.shape().iter().zip(variable.grid.shape()).enumerate();
        known.data_type == variable.data_type
            && known.byte_order == variable.byte_order
            && known.codecs == variable.codecs
            && known.fill_value == variable.fill_value
            && known.grid.chunk_shape() == variable.grid.chunk_shape()
            && lengths.into_iter().all(|(at, (a, b))| at == axis || a == b)
            && is_same_attributes(&known.attributes, &attributes)
    };
    encodings.iter().position(is_same).unwrap_or_else(|| {
        encodings.push(Variable { attributes, ..variable.clone() });
        encodings.len() - 1
    })
}

/// Bit for bit, so that NaN is itself.
fn is_same_attributes(a: &Attributes, b: &Attributes) -> bool {
    let same = |((a_name, a), (b_name, b)): ((&str, _), (&str, _))| {
        a_name == b_name && super::super::numbers::same_value(a, b)
    };
    a.len() == b.len() && a.iter().zip(b.iter()).all(same)
}
