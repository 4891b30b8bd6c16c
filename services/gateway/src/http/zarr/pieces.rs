//! Pieces of a known length, as a body or as a part of one. They end whole or with an error: a client must never take a
//! part for the whole.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use engine::ports::StoredBytes;
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt as _};
use http_body::{Body, Frame, SizeHint};
use model::{Error, Result};

/// The pieces. An error of the stream, or another length than announced, breaks the answer off.
pub(in crate::http) struct Pieces {
    stream: BoxStream<'static, Result<Bytes>>,
    remaining: u64,
}

impl Pieces {
    /// Pieces that are `length` bytes together.
    pub(in crate::http) fn new(stream: BoxStream<'static, Result<Bytes>>, length: u64) -> Self {
        Self { stream, remaining: length }
    }

    /// What was read, of which `length` bytes were asked for.
    pub(in crate::http) fn of(bytes: StoredBytes, length: u64) -> Self {
        match bytes {
            StoredBytes::Whole(bytes) => Self::new(stream::iter([Ok(bytes)]).boxed(), length),
            StoredBytes::Pieces(pieces) => Self::new(pieces, length),
        }
    }
}

/// Bytes that are as many as were asked for.
pub(in crate::http) fn exact(bytes: Bytes, length: u64) -> Result<Bytes> {
    if bytes.len() as u64 == length {
        return Ok(bytes);
    }
    Err(Error::internal(format!("asked a worker for {length} bytes, got {}", bytes.len())))
}

impl Stream for Pieces {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        let piece = match ready!(self.stream.poll_next_unpin(context)) {
            Some(Ok(piece)) => piece,
            Some(Err(error)) => return Poll::Ready(Some(Err(error))),
            None if self.remaining == 0 => return Poll::Ready(None),
            None => {
                let missing = self.remaining;
                return Poll::Ready(Some(Err(Error::internal(format!("{missing} bytes did not come")))));
            }
        };
        match self.remaining.checked_sub(piece.len() as u64) {
            Some(remaining) => {
                self.remaining = remaining;
                Poll::Ready(Some(Ok(piece)))
            }
            None => Poll::Ready(Some(Err(Error::internal("more bytes came than were asked for")))),
        }
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.poll_next(context).map_ok(Frame::data).map_err(broken)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.remaining)
    }
}

/// Logs here: past this point the error only ends the connection.
pub(in crate::http) fn broken(error: Error) -> Error {
    tracing::warn!(internal = error.internal, "an answer was broken off: {}", error.message);
    error
}
