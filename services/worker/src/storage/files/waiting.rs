//! What has to wait for the filesystem: once for all who want the same, in turn, with its neighbours.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use model::{Error, ErrorKind, Result, SourceFile};

use super::Inner;
use crate::storage::merge::{self, ByAddress};
use crate::storage::open_file::{OpenFile, State, changed};

/// How many times a file whose inode is touched all the time is opened anew for one read.
const REOPENS_MAX: usize = 3;
/// How much of a large range the kernel is told of ahead, once it turns out not to be in memory.
const READ_AHEAD_BYTES: u64 = 8 << 20;

impl Inner {
    pub(in crate::storage) fn piece_bytes(&self) -> usize {
        self.piece_bytes
    }

    /// Reads a piece if that takes no waiting.
    pub(in crate::storage) fn piece_cached(
        &self,
        handle: &OpenFile,
        offset: u64,
        length: usize,
    ) -> Result<Option<Bytes>> {
        let mut buffer = self.buffers.take(length);
        if handle.read_cached(offset, &mut buffer)? < length || handle.check(false)? != State::Same {
            return Ok(None);
        }
        count_cached(length);
        Ok(Some(buffer.into_bytes()))
    }

    /// Waits for a piece, once for all who want it. What is up to `end` will be read after it. Opens the file anew where
    /// its inode was touched.
    pub(in crate::storage) async fn piece_waiting(
        self: &Arc<Self>,
        file: &Arc<SourceFile>,
        handle: &mut Arc<OpenFile>,
        piece: Range<u64>,
        end: u64,
    ) -> Result<Bytes> {
        let length = (piece.end - piece.start) as usize;
        let key = (Arc::clone(file), piece.start, length);
        let (inner, file, open) = (Arc::clone(self), Arc::clone(file), Arc::clone(handle));
        let read = async move { inner.read_piece(&file, open, piece, end).await };
        let (bytes, opened) = self.reading.once(key, read).await?;
        *handle = opened;
        Ok(bytes)
    }

    async fn read_piece(
        self: &Arc<Self>,
        file: &Arc<SourceFile>,
        mut handle: Arc<OpenFile>,
        piece: Range<u64>,
        end: u64,
    ) -> Result<(Bytes, Arc<OpenFile>)> {
        let length = (piece.end - piece.start) as usize;
        // Whoever read it a moment ago brought it into the page cache.
        let cached = self.piece_cached(&handle, piece.start, length);
        if let Some(bytes) = cached.inspect_err(|error| self.failed(file, error))? {
            return Ok((bytes, handle));
        }
        for _ in 0..REOPENS_MAX {
            let read = self.read_in_turn(file, &handle, &piece, end).await;
            let (state, buffer) = read.inspect_err(|error| self.failed(file, error))?;
            if state == State::Same {
                return Ok((buffer.into_bytes(), handle));
            }
            handle = self.open_anew(file).await?;
        }
        Err(changed(&file.path, "is being changed all the time"))
    }

    /// Reads a piece when it has a turn, with its neighbours that wait too; or is taken along by one of them. Whoever
    /// finds a turn free does not wait for neighbours.
    async fn read_in_turn(
        self: &Arc<Self>,
        file: &Arc<SourceFile>,
        handle: &Arc<OpenFile>,
        piece: &Range<u64>,
        end: u64,
    ) -> Result<merge::Answer> {
        let length = (piece.end - piece.start) as usize;
        let place = self.turns.enter(&self.roots, &file.path)?;
        let (turn, parts, answer) = if let Some(turn) = place.turn_now() {
            let (part, answer) = merge::Part::new(piece.start, length);
            (turn, vec![part], answer)
        } else {
            let (ticket, mut answer) = self.pending.add(&ByAddress(Arc::clone(handle)), piece.start, length);
            let turn = tokio::select! {
                turn = place.turn() => turn?,
                answer = &mut answer => return answer.map_err(Error::internal)?,
            };
            let parts = ticket.take();
            if parts.is_empty() {
                drop(turn);
                return answer.await.map_err(Error::internal)?;
            }
            (turn, parts, answer)
        };
        let (inner, file, open) = (Arc::clone(self), Arc::clone(file), Arc::clone(handle));
        let rest = piece.end..end;
        let read = move || {
            let _held = turn;
            merge::read(&open, &inner.buffers, parts, || {
                open.check_online(&inner.tape, &file)?;
                if !rest.is_empty() {
                    open.will_read(rest.start, (rest.end - rest.start).min(READ_AHEAD_BYTES));
                }
                Ok(())
            });
        };
        tokio::task::spawn_blocking(read).await.map_err(Error::internal)?;
        answer.await.map_err(Error::internal)?
    }

    /// Checks that a file is what it was, by its open handle or a new one.
    pub(super) async fn check(
        self: &Arc<Self>,
        file: &Arc<SourceFile>,
        handle: &mut Arc<OpenFile>,
    ) -> Result<()> {
        for _ in 0..REOPENS_MAX {
            let open = Arc::clone(handle);
            let place = self.turns.enter(&self.roots, &file.path)?;
            let state = place.run(move || open.check(true)).await;
            if state.inspect_err(|error| self.failed(file, error))? == State::Same {
                return Ok(());
            }
            *handle = self.open_anew(file).await?;
        }
        Err(changed(&file.path, "is being changed all the time"))
    }

    /// The kept handle of a file, or a new one, opened once for all who want it.
    pub(super) async fn handle(self: &Arc<Self>, file: &Arc<SourceFile>) -> Result<Arc<OpenFile>> {
        if let Some(handle) = self.open.get(&**file) {
            return Ok(handle);
        }
        let (inner, key) = (Arc::clone(self), Arc::clone(file));
        let open = async move {
            if let Some(handle) = inner.open.get(&*key) {
                return Ok(handle);
            }
            let (within, file) = (Arc::clone(&inner), Arc::clone(&key));
            let place = inner.turns.enter(&inner.roots, &key.path)?;
            let opened =
                place.run(move || OpenFile::open(&within.roots, &within.tape, &file).map(Arc::new)).await;
            let handle = opened.inspect_err(|error| inner.failed(&key, error))?;
            inner.open.insert(key, Arc::clone(&handle));
            Ok(handle)
        };
        self.opening.once(Arc::clone(file), open).await
    }

    pub(super) async fn open_anew(self: &Arc<Self>, file: &Arc<SourceFile>) -> Result<Arc<OpenFile>> {
        self.forget(file);
        self.handle(file).await
    }

    pub(in crate::storage) fn failed(&self, file: &SourceFile, error: &Error) {
        telemetry::metrics().reads_total.with_label_values(&["failed"]).inc();
        if error.kind == ErrorKind::Conflict {
            telemetry::metrics().source_changes_total.inc();
        }
        self.forget(file);
    }

    pub(super) fn forget(&self, file: &SourceFile) {
        self.open.invalidate(file);
    }
}

/// Counts a read that the page cache answered.
pub(super) fn count_cached(length: usize) {
    telemetry::metrics().reads_total.with_label_values(&["cached"]).inc();
    telemetry::metrics().read_bytes_total.inc_by(length as u64);
}
