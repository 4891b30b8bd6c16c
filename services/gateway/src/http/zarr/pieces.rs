//! A body of pieces of a known length. It ends whole or it breaks: a client must never take a part for the whole.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use http_body::{Body, Frame, SizeHint};
use model::{Error, Result};

/// The body. An error of the stream, or another length than announced, breaks the connection off.
pub(super) struct Pieces {
    stream: BoxStream<'static, Result<Bytes>>,
    remaining: u64,
}

impl Pieces {
    pub(super) fn new(stream: BoxStream<'static, Result<Bytes>>, length: u64) -> Self {
        Self { stream, remaining: length }
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let piece = match ready!(self.stream.poll_next_unpin(context)) {
            Some(Ok(piece)) => piece,
            Some(Err(error)) => return Poll::Ready(Some(Err(broken(error)))),
            None if self.remaining == 0 => return Poll::Ready(None),
            None => {
                let missing = self.remaining;
                return Poll::Ready(Some(Err(broken(Error::internal(format!(
                    "{missing} bytes did not come"
                ))))));
            }
        };
        match self.remaining.checked_sub(piece.len() as u64) {
            Some(remaining) => {
                self.remaining = remaining;
                Poll::Ready(Some(Ok(Frame::data(piece))))
            }
            None => Poll::Ready(Some(Err(broken(Error::internal("more bytes came than were asked for"))))),
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.remaining)
    }
}

/// Logs here: past this point the error only ends the connection.
fn broken(error: Error) -> Error {
    tracing::warn!(internal = error.internal, "an answer was broken off: {}", error.message);
    error
}
