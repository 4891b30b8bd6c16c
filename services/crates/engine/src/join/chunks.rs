//! Manifests of files one behind the other.

use model::{ChunkGrid, ChunkManifest, ChunkRef, Error, Result};

use super::collection::Collected;
use super::cover::Cover;
use super::sources::Sources;
use super::variable::grid;

/// The grid and manifest of pieces with chunks of one shape, each beginning at a chunk's beginning. Takes the pieces'
/// manifests out, so that no more than one variable's references are in memory twice.
pub(super) fn concatenate(
    variable: &mut Collected,
    covers: &[Cover],
    record: usize,
    length: u64,
    sources: &Sources,
) -> Result<(ChunkGrid, ChunkManifest)> {
    let first = &variable.pieces[covers[0].piece].scanned.variable;
    let mut shape = first.grid.shape().to_vec();
    shape[record] = length;
    let joined = grid(first, shape, first.grid.chunk_shape().to_vec())?;
    let count = usize::try_from(joined.chunk_count()).map_err(Error::internal)?;
    let mut manifest = ChunkManifest::missing(0, count);
    let joined_along = joined.counts()[record];
    let inner: u64 = joined.counts()[record + 1..].iter().product();
    for cover in covers {
        let piece = &mut variable.pieces[cover.piece];
        let references = std::mem::take(&mut piece.scanned.manifest);
        let along = piece.scanned.variable.grid.counts()[record];
        let begin = cover.span.start / joined.chunk_shape()[record];
        // Another piece may have what is missing here.
        for (number, reference) in references.iter().filter(|(_, one)| *one != ChunkRef::Missing) {
            let (outer, within) = (number / (along * inner), number % (along * inner));
            let (at, rest) = (within / inner, within % inner);
            manifest.set(
                (outer * joined_along + begin + at) * inner + rest,
                sources.in_join(reference, piece.file),
            );
        }
    }
    Ok((joined, manifest))
}
