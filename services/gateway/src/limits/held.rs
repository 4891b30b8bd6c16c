//! A body that holds what it was admitted with until its client has taken the last byte.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};

/// The body, and what is let go of when it is gone.
pub(crate) struct Held<T> {
    body: Body,
    held: Option<T>,
}

/// The last bytes of a body: what writes them has the body dropped before it is done.
struct Last<T> {
    bytes: Bytes,
    _held: T,
}

impl<T> AsRef<[u8]> for Last<T> {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl<T: Send + Unpin + 'static> Held<T> {
    /// A body of a known length that holds something.
    pub(crate) fn body(body: Body, held: T) -> Body {
        Body::new(Self { body, held: Some(held) })
    }
}

impl<T: Send + Unpin + 'static> http_body::Body for Held<T> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(context));
        let is_last = self.body.size_hint().exact() == Some(0);
        Poll::Ready(frame.map(|frame| {
            frame.map(|frame| {
                frame.map_data(|bytes| match self.held.take_if(|_| is_last) {
                    Some(held) => Bytes::from_owner(Last { bytes, _held: held }),
                    None => bytes,
                })
            })
        }))
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
