//! What is asked for: a chunk that a worker makes, or a range of a remote file that it reads.

use std::sync::Arc;

use bytes::Bytes;
use engine::ports::{EvaluatedChunk, Keeping, MadeChunk, Worker};
use model::{ByteRange, DatasetId, Result, SourceFile};

use super::key;

/// Longest range that is kept, in bytes: as much as a large answer holds of one that is passed on in pieces.
const RANGE_BYTES_MAX: u64 = 2 << 20;

/// One thing that is asked for.
pub(super) struct Wanted<'w> {
    pub(super) catalog_id: &'w str,
    pub(super) key: Arc<str>,
    pub(super) what: What<'w>,
}

pub(super) enum What<'w> {
    Chunk(&'w dyn Worker, &'w EvaluatedChunk),
    Range(RemoteRange<'w>),
}

/// A range of a remote file.
pub(super) struct RemoteRange<'w> {
    pub(super) worker: &'w Arc<dyn Worker>,
    /// The dataset whose workers reach the file.
    pub(super) id: &'w DatasetId,
    pub(super) file: &'w Arc<SourceFile>,
    pub(super) range: ByteRange,
}

impl<'w> Wanted<'w> {
    pub(super) fn chunk(worker: &'w dyn Worker, catalog_id: &'w str, chunk: &'w EvaluatedChunk) -> Self {
        Self { catalog_id, key: key::of(catalog_id, chunk), what: What::Chunk(worker, chunk) }
    }

    pub(super) fn range(catalog_id: &'w str, of: RemoteRange<'w>) -> Self {
        Self { catalog_id, key: key::of_range(catalog_id, of.id, of.file, of.range), what: What::Range(of) }
    }

    /// The chunk, of a variable whose cost is known or will be.
    pub(super) fn of_variable(&self) -> Option<&'w EvaluatedChunk> {
        match self.what {
            What::Chunk(_, chunk) => Some(chunk),
            What::Range(_) => None,
        }
    }

    /// Counts one that came from there.
    pub(super) fn count(&self, from: &str) {
        let shared = &telemetry::metrics().shared;
        let total = match self.what {
            What::Chunk(..) => &shared.chunk_cache_total,
            What::Range(_) => &shared.range_cache_total,
        };
        total.with_label_values(&[from]).inc();
    }

    /// Has it made, or read.
    pub(super) async fn make(&self) -> Result<MadeChunk> {
        match &self.what {
            What::Chunk(worker, chunk) => worker.evaluate_to_keep(chunk).await,
            What::Range(range) => range.read(self.catalog_id).await,
        }
    }
}

/// Whether a range is short enough to be kept. One of no bytes is a look at its file.
pub(super) fn may_be_kept(range: ByteRange) -> bool {
    (1..=RANGE_BYTES_MAX).contains(&range.length)
}

impl RemoteRange<'_> {
    /// Reads it. Its source is the file in the state in which it was found.
    async fn read(&self, catalog_id: &str) -> Result<MadeChunk> {
        let read = self.worker.read_to_keep(self.id, self.file, self.range).await?;
        let bytes = read.bytes.together(self.range.length).await?;
        let keeping = read.state.map(|identity| Keeping {
            catalog_id: catalog_id.to_owned(),
            sources: vec![Arc::new(SourceFile { path: self.file.path.clone(), identity })],
        });
        // They may be a part of far more that came with them.
        let bytes = if keeping.is_some() { Bytes::copy_from_slice(&bytes) } else { bytes };
        Ok(MadeChunk { bytes: Some(bytes), keeping })
    }
}
