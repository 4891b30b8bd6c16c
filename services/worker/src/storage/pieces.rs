//! A large range in pieces, each read only when it is asked for: a slow reader holds no more than that.

use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::Stream;
use futures::future::{BoxFuture, FutureExt as _};
use model::{Result, SourceFile};

use super::files::Inner;
use super::open_file::OpenFile;

/// How much one reader may take from the page cache before others have their turn. Nothing else makes it stop: neither
/// reading there nor writing to a fast client ever waits.
const TURN_BYTES: usize = 1 << 20;

/// A piece that was waited for, and the handle it was read by: the file may have been opened anew.
type Waited = (Bytes, Arc<OpenFile>);

/// The pieces of a range, in order. Ends after the first error.
pub(super) struct Pieces {
    files: Arc<Inner>,
    file: Arc<SourceFile>,
    handle: Arc<OpenFile>,
    first: Option<Bytes>,
    rest: Range<u64>,
    waiting: Option<BoxFuture<'static, Result<Waited>>>,
    /// Bytes taken in this turn.
    turn: usize,
}

impl Pieces {
    /// A first piece that is read already, and what follows it.
    pub(super) fn new(
        files: Arc<Inner>,
        file: Arc<SourceFile>,
        handle: Arc<OpenFile>,
        first: Bytes,
        rest: Range<u64>,
    ) -> Self {
        Self { files, file, handle, first: Some(first), rest, waiting: None, turn: 0 }
    }

    /// The next piece if it is in the page cache; otherwise begins to wait for it.
    fn begin(&mut self) -> Option<Result<Bytes>> {
        let offset = self.rest.start;
        let length = (self.rest.end - offset).min(self.files.piece_bytes() as u64);
        self.rest.start += length;
        match self.files.piece_cached(&self.handle, offset, length as usize) {
            Ok(Some(piece)) => return Some(Ok(piece)),
            Ok(None) => {}
            Err(error) => {
                self.files.failed(&self.file, &error);
                return Some(Err(error));
            }
        }
        let (files, file, end) = (Arc::clone(&self.files), Arc::clone(&self.file), self.rest.end);
        let mut handle = Arc::clone(&self.handle);
        let wait = async move {
            let piece = files.piece_waiting(&file, &mut handle, offset..offset + length, end).await?;
            Ok((piece, handle))
        };
        self.waiting = Some(wait.boxed());
        None
    }
}

impl Stream for Pieces {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(first) = self.first.take() {
            self.turn += first.len();
            return Poll::Ready(Some(Ok(first)));
        }
        if self.waiting.is_none() {
            if self.rest.is_empty() {
                return Poll::Ready(None);
            }
            if self.turn >= TURN_BYTES {
                self.turn = 0;
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            if let Some(piece) = self.begin() {
                match &piece {
                    Ok(piece) => self.turn += piece.len(),
                    Err(_) => self.rest = 0..0,
                }
                return Poll::Ready(Some(piece));
            }
            self.turn = 0;
        }
        let Some(waiting) = &mut self.waiting else { return Poll::Ready(None) };
        let waited = ready!(waiting.poll_unpin(context));
        self.waiting = None;
        Poll::Ready(Some(match waited {
            Ok((piece, handle)) => {
                self.handle = handle;
                Ok(piece)
            }
            Err(error) => {
                self.rest = 0..0;
                Err(error)
            }
        }))
    }
}
