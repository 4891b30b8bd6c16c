//! The files open now, and reading ranges of them.

mod waiting;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use engine::ports::{ReadBytes, StoredBytes};
use engine::recall::Recall;
use futures::StreamExt as _;
use model::{ByteRange, Error, ErrorKind, FileIdentity, Result, SourceFile};

use super::buffers::{Buffer, BufferPool};
use super::flights::Flights;
use super::merge::{self, Pending};
use super::open_file::{OpenFile, State, changed};
use super::pieces::Pieces;
use super::remote::Remotes;
use super::roots::Roots;
use super::turns::Turns;
use crate::settings::StorageSettings;
use crate::tape::Tape;
use waiting::count_cached;

/// Shortest large buffer: holds the longest answer of a lane with its framing.
const LARGE_BUFFER_BYTES_MIN: usize = 272 << 10;

/// What each Zarr array has, of either format, at its path.
const ARRAY_DOCUMENTS: [&str; 2] = [".zarray", "zarr.json"];
/// What tells of all arrays of a store.
const STORE_DOCUMENTS: [&str; 2] = [".zmetadata", "zarr.json"];

/// Reads ranges of files, keeps their handles open, and bounds both.
#[derive(Debug, Clone)]
pub struct Files {
    inner: Arc<Inner>,
    remotes: Remotes,
}

/// A piece that is read: the file, the place in it, the length.
type Piece = (Arc<SourceFile>, u64, usize);

#[derive(Debug)]
pub(super) struct Inner {
    roots: Roots,
    tape: Tape,
    open: moka::sync::Cache<Arc<SourceFile>, Arc<OpenFile>>,
    turns: Turns,
    pending: Pending,
    /// Files that are being opened.
    opening: Flights<Arc<SourceFile>, Arc<OpenFile>>,
    /// Pieces that are being waited for.
    reading: Flights<Piece, (Bytes, Arc<OpenFile>)>,
    buffers: Arc<BufferPool>,
    piece_bytes: usize,
}

impl Files {
    /// Nothing open yet, and no file on tape. Within a tokio runtime, idle handles are also closed while nobody reads.
    pub fn new(roots: Roots, settings: &StorageSettings) -> Self {
        Self::with_tape(roots, settings, Tape::off())
    }

    /// The same where files may be on tape.
    pub fn with_tape(roots: Roots, settings: &StorageSettings, tape: Tape) -> Self {
        let idle = Duration::from_secs(settings.open_file_idle_seconds.max(1));
        let piece_bytes = settings.piece_bytes.clamp(64 << 10, 16 << 20);
        let open =
            moka::sync::Cache::builder().max_capacity(settings.open_files_max).time_to_idle(idle).build();
        let large_bytes = piece_bytes.max(LARGE_BUFFER_BYTES_MIN);
        let inner = Arc::new(Inner {
            turns: Turns::new(settings.reads_max, &roots),
            roots,
            tape,
            open,
            pending: merge::pending(),
            opening: Flights::new(),
            reading: Flights::of_reads(),
            buffers: BufferPool::new(large_bytes, settings.kept_buffer_bytes_max),
            piece_bytes,
        });
        close_idle_files(&inner, idle);
        Self { inner, remotes: Remotes::none() }
    }

    /// Reads what is named by URL, too.
    #[must_use]
    pub fn with_remotes(self, remotes: Remotes) -> Self {
        Self { remotes, ..self }
    }

    /// What may be read over the network.
    pub fn remotes(&self) -> &Remotes {
        &self.remotes
    }

    /// The allowed roots.
    pub fn roots(&self) -> &Roots {
        &self.inner.roots
    }

    /// Reads a range as it is stored, if the file is still what it was at the scan; otherwise a `Conflict`.
    /// The first piece is read before this returns, the others when they are asked for.
    pub async fn read(&self, file: &Arc<SourceFile>, range: ByteRange) -> Result<StoredBytes> {
        self.read_to_keep(file, range).await.map(|read| read.bytes)
    }

    /// The same, and of which state of a remote file the bytes are.
    pub async fn read_to_keep(&self, file: &Arc<SourceFile>, range: ByteRange) -> Result<ReadBytes> {
        if is_remote(file) {
            return Box::pin(self.remotes.read(file, range)).await;
        }
        self.read_local(file, range).await.map(ReadBytes::not_to_keep)
    }

    async fn read_local(&self, file: &Arc<SourceFile>, range: ByteRange) -> Result<StoredBytes> {
        let end = check_range(file, range)?;
        let mut handle = self.inner.handle(file).await.map_err(|error| never_missing(file, error))?;
        if end > handle.size_bytes() {
            return Err(beyond(file, range));
        }
        if range.length == 0 {
            self.inner.check(file, &mut handle).await?;
            return Ok(StoredBytes::Whole(Bytes::new()));
        }
        let first_length = range.length.min(self.inner.piece_bytes as u64) as usize;
        let next = range.offset + first_length as u64;
        let cached = self.inner.piece_cached(&handle, range.offset, first_length);
        let first = match cached.inspect_err(|error| self.inner.failed(file, error))? {
            Some(first) => first,
            None => self.inner.piece_waiting(file, &mut handle, range.offset..next, end).await?,
        };
        if next == end {
            return Ok(StoredBytes::Whole(first));
        }
        let pieces = Pieces::new(Arc::clone(&self.inner), Arc::clone(file), handle, first, next..end);
        Ok(StoredBytes::Pieces(pieces.boxed()))
    }

    /// The length of a file that no scan has seen, in bytes. None where it is a chunk of an array that is there, and it
    /// is not: `array` is the array's path or URL, or that of the store's document that tells of it. Where the array is gone too, or none is named, that is a `Conflict`: a disk that is not
    /// mounted has no chunks that read as fill values.
    pub async fn stat(&self, file: &Arc<SourceFile>, array: Option<&str>) -> Result<Option<u64>> {
        Ok(self.state(file, array).await?.map(|state| state.size_bytes))
    }

    /// The same for all that tells one state of the file from another.
    pub(crate) async fn state(
        &self,
        file: &Arc<SourceFile>,
        array: Option<&str>,
    ) -> Result<Option<FileIdentity>> {
        if let Some(state) = self.found(file).await? {
            return Ok(Some(state));
        }
        for document in array.into_iter().flat_map(documents_of) {
            let document = Arc::new(SourceFile { path: document, identity: file.identity });
            if self.found(&document).await?.is_some() {
                return Ok(None);
            }
        }
        Err(changed(&file.path, "is not there"))
    }

    /// What a file is now, if it is still what it was or may be; none where there is no such file.
    async fn found(&self, file: &Arc<SourceFile>) -> Result<Option<FileIdentity>> {
        if is_remote(file) {
            return Box::pin(self.remotes.state(file)).await;
        }
        match self.inner.handle(file).await {
            Ok(mut handle) => {
                self.inner.check(file, &mut handle).await?;
                Ok(Some(handle.identity()))
            }
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Orders a file if it is on tape: how its recall stands. None where it is on disk.
    pub async fn order_recall(&self, file: &Arc<SourceFile>) -> Result<Option<Recall>> {
        if is_remote(file) {
            let message = "a remote file cannot be ordered here: its own server may";
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        match self.inner.open_anew(file).await {
            Ok(_) => Ok(None),
            Err(error) if error.kind == ErrorKind::Offline => {
                self.inner.tape.recall(&file.path).map(Some).ok_or(error)
            }
            Err(error) => Err(never_missing(file, error)),
        }
    }

    /// Whether a file is on tape; it is not ordered. A file elsewhere, or that is not there, is not.
    pub(crate) async fn is_offline(&self, file: &Arc<SourceFile>) -> Result<bool> {
        if is_remote(file) || !self.inner.tape.is_on() {
            return Ok(false);
        }
        let (inner, file) = (Arc::clone(&self.inner), Arc::clone(file));
        let place = self.inner.turns.enter(&self.inner.roots, &file.path)?;
        let looked = Arc::clone(&file);
        place.run(move || super::open_file::is_offline(&inner.roots, &inner.tape, &looked)).await
    }

    /// What is known of files on tape.
    pub(crate) fn tape(&self) -> &Tape {
        &self.inner.tape
    }

    /// Fills `into` with a range if that takes no waiting: the file is open and the range in the page cache.
    /// None where it would have to wait.
    pub(crate) fn read_cached_into(
        &self,
        file: &SourceFile,
        offset: u64,
        into: &mut [u8],
    ) -> Option<Result<()>> {
        let handle = self.inner.open.get(file)?;
        match handle.read_cached(offset, into) {
            Ok(count) if count == into.len() => {}
            Ok(_) => return None,
            Err(error) => return Some(Err(error)),
        }
        match handle.check(false) {
            Ok(State::Same) => {
                count_cached(into.len());
                Some(Ok(()))
            }
            Ok(State::Touched) => None,
            Err(error) => {
                self.inner.failed(file, &error);
                Some(Err(error))
            }
        }
    }

    /// A kept buffer.
    pub(crate) fn buffer(&self, length: usize) -> Buffer {
        self.inner.buffers.take(length)
    }

    /// How many buffers are read into, or being sent.
    #[cfg(test)]
    pub(crate) fn buffers_in_use(&self) -> usize {
        Arc::strong_count(&self.inner.buffers) - 1
    }

    /// Whether it could read now.
    pub(crate) fn ready(&self) -> Result<()> {
        self.inner.turns.ready()
    }
}

/// Documents of which one has to be there, and as old as the registration, where chunks of an array are missing.
fn documents_of(array: &str) -> Vec<String> {
    let is_document = array.rsplit('/').next().is_some_and(|name| STORE_DOCUMENTS.contains(&name));
    if is_document {
        return vec![array.to_owned()];
    }
    ARRAY_DOCUMENTS.iter().map(|name| format!("{array}/{name}")).collect()
}

/// Paths are told apart by their first byte: most files are local.
fn is_remote(file: &SourceFile) -> bool {
    !file.path.starts_with('/') && file.is_remote()
}

/// The end of a range; an error where the range does not lie in the file.
fn check_range(file: &SourceFile, range: ByteRange) -> Result<u64> {
    let within = |end: &u64| !file.identity.is_pinned() || *end <= file.identity.size_bytes;
    range.offset.checked_add(range.length).filter(within).ok_or_else(|| beyond(file, range))
}

/// The refusal of a reference past the end of its file.
fn beyond(file: &SourceFile, range: ByteRange) -> Error {
    Error::new(ErrorKind::CorruptData, "a reference points past the end of its source file")
        .with_internal(format!("{range:?} of {}", file.path))
}

/// Where bytes are asked for, a file that is not there is a fault: told as a missing chunk it would read as fill values.
fn never_missing(file: &SourceFile, error: Error) -> Error {
    if error.kind == ErrorKind::NotFound { changed(&file.path, "is not there") } else { error }
}

/// The cache closes idle handles only while it is used; this closes them when it is not.
fn close_idle_files(inner: &Arc<Inner>, idle: Duration) {
    let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
    let inner = Arc::downgrade(inner);
    runtime.spawn(async move {
        loop {
            tokio::time::sleep(idle / 4).await;
            let Some(inner) = inner.upgrade() else { return };
            // Closing a file may wait for the filesystem.
            let _ = tokio::task::spawn_blocking(move || inner.open.run_pending_tasks()).await;
        }
    });
}

#[cfg(test)]
mod tests;
