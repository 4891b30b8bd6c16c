//! Looks at remote files: one in so long for each, whoever asks for what of it.

use std::sync::Arc;
use std::time::Duration;

use engine::ports::Worker;
use model::{ByteRange, DatasetId, Error, ErrorKind, FileIdentity, Result, SourceFile};
use moka::future::Cache;
use tracing::Instrument as _;

use super::kept::Kept;
use super::wanted::RemoteRange;

/// Most files whose last look is remembered: some hundred bytes each.
const FILES_MAX: u64 = 100_000;
/// How long a request waits for a look, where one counts for a while. One that takes longer counts for those who come later.
const PATIENCE: Duration = Duration::from_secs(2);
/// Longest time of a look.
const LOOK: Duration = Duration::from_mins(1);

/// A file as it is registered, and the dataset whose workers reach it.
type Of = (DatasetId, Arc<SourceFile>);

/// What was seen at the last look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// What the file is; none where it is not what was registered, or cannot be told from what it may be later.
    State(Option<FileIdentity>),
    /// Nothing: its server, or every worker, is out of reach or late.
    Nothing,
}

/// When files were looked at last.
pub(super) struct Looks {
    seen: Cache<Of, Seen>,
    patience: Duration,
}

impl Looks {
    /// None yet; one counts for so long. Where it counts for no one else, each waits for its own.
    pub(super) fn new(every: Duration) -> Self {
        let seen = Cache::builder().max_capacity(FILES_MAX).time_to_live(every).build();
        Self { seen, patience: if every.is_zero() { LOOK } else { PATIENCE } }
    }

    /// Reading a range was a look, too.
    pub(super) async fn note(&self, of: &RemoteRange<'_>, kept: &Kept) {
        let state = kept.sources().first().map(|file| file.identity);
        self.seen.insert(key(of), Seen::State(state)).await;
    }

    /// What was seen, if that counts still.
    pub(super) async fn known(&self, of: &RemoteRange<'_>) -> Option<Seen> {
        self.seen.get(&key(of)).await
    }

    /// Looks at a file, or waits for another's look. An error is the answer of a server that makes no sense.
    pub(super) async fn look(&self, of: &RemoteRange<'_>) -> Result<Seen> {
        let (seen, worker, looked) = (self.seen.clone(), Arc::clone(of.worker), key(of));
        // In a task of its own: the next ones have the answer of a slow server though nobody waited for it.
        let look = async move { seen.try_get_with(looked.clone(), ask(&*worker, &looked)).await };
        let looking = tokio::spawn(look.in_current_span());
        match tokio::time::timeout(self.patience, looking).await {
            Ok(Ok(seen)) => seen.map_err(|error| Error::clone(&error)),
            Ok(Err(lost)) => Err(Error::internal(lost)),
            Err(_) => {
                self.seen.insert(key(of), Seen::Nothing).await;
                Ok(Seen::Nothing)
            }
        }
    }
}

fn key(of: &RemoteRange<'_>) -> Of {
    (of.id.clone(), Arc::clone(of.file))
}

async fn ask(worker: &dyn Worker, (id, file): &Of) -> Result<Seen> {
    let nothing = ByteRange { offset: 0, length: 0 };
    match tokio::time::timeout(LOOK, worker.read_to_keep(id, file, nothing)).await {
        Ok(Ok(read)) => Ok(Seen::State(read.state)),
        Ok(Err(error)) if is_change(error.kind) => Ok(Seen::State(None)),
        Ok(Err(error)) if is_out_of_reach(error.kind) => Ok(Seen::Nothing),
        Ok(Err(error)) => Err(error),
        Err(_) => Ok(Seen::Nothing),
    }
}

/// Whether an error says that a source is not what it was.
pub(super) fn is_change(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Conflict | ErrorKind::NotFound | ErrorKind::Gone)
}

/// Whether an error says nothing of the file.
fn is_out_of_reach(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Unavailable | ErrorKind::DeadlineExceeded | ErrorKind::Overloaded | ErrorKind::Offline
    )
}
