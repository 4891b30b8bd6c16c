//! What is asked for: a chunk that a worker makes, or a range that it reads.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use engine::ports::{EvaluatedChunk, Keeping, MadeChunk, StoredBytes, Worker};
use futures::TryStreamExt as _;
use model::{ByteRange, DatasetId, Error, Result, SourceFile};

use super::key;

/// Largest range that is kept, in bytes.
const RANGE_BYTES_MAX: u64 = 1 << 20;

/// One thing that is asked for.
pub(super) struct Wanted<'w> {
    pub(super) worker: &'w dyn Worker,
    /// The dataset that it is of.
    pub(super) id: &'w DatasetId,
    pub(super) catalog_id: &'w str,
    pub(super) key: Arc<str>,
    pub(super) recheck: Duration,
    what: What<'w>,
}

enum What<'w> {
    Chunk(&'w EvaluatedChunk),
    Range(&'w Arc<SourceFile>, ByteRange),
}

impl<'w> Wanted<'w> {
    pub(super) fn chunk(
        worker: &'w dyn Worker,
        catalog_id: &'w str,
        chunk: &'w EvaluatedChunk,
        recheck: Duration,
    ) -> Self {
        let key = key::of(catalog_id, chunk);
        Self { worker, id: &chunk.id, catalog_id, key, recheck, what: What::Chunk(chunk) }
    }

    /// A range that is worth keeping: of a remote file whose state is known, and small. Its key names that state, whatever the
    /// catalog. Not where its server is to be asked each time whether the file is what it was: that takes as long as reading.
    pub(super) fn slow_range(
        worker: &'w dyn Worker,
        id: &'w DatasetId,
        file: &'w Arc<SourceFile>,
        range: ByteRange,
        recheck: Duration,
    ) -> Option<Self> {
        let is_kept = !recheck.is_zero()
            && file.is_remote()
            && file.identity.is_pinned()
            && (1..=RANGE_BYTES_MAX).contains(&range.length);
        is_kept.then(|| {
            let (key, what) = (key::of_range(file, range), What::Range(file, range));
            Self { worker, id, catalog_id: "", key, recheck, what }
        })
    }

    /// The chunk, of a variable whose cost is known or will be.
    pub(super) fn of_variable(&self) -> Option<&'w EvaluatedChunk> {
        match self.what {
            What::Chunk(chunk) => Some(chunk),
            What::Range(..) => None,
        }
    }

    /// Has it made, or read.
    pub(super) async fn make(&self) -> Result<MadeChunk> {
        let (file, range) = match self.what {
            What::Chunk(chunk) => return self.worker.evaluate_to_keep(chunk).await,
            What::Range(file, range) => (file, range),
        };
        let bytes: Bytes = match self.worker.read(self.id, file, range).await? {
            StoredBytes::Whole(bytes) => bytes,
            StoredBytes::Pieces(pieces) => {
                let all = BytesMut::with_capacity(range.length as usize);
                let add = |mut all: BytesMut, piece: Bytes| {
                    all.extend_from_slice(&piece);
                    std::future::ready(Ok(all))
                };
                pieces.try_fold(all, add).await?.freeze()
            }
        };
        if bytes.len() as u64 != range.length {
            return Err(Error::internal(format!(
                "asked a worker for {} bytes, got {}",
                range.length,
                bytes.len()
            )));
        }
        let keeping = Keeping { catalog_id: String::new(), sources: vec![Arc::clone(file)] };
        Ok(MadeChunk { bytes: Some(bytes), keeping: Some(keeping) })
    }
}
