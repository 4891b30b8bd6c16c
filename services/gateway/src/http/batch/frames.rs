//! The body of a batch's answer: frames behind one another.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::extract::MatchedPath;
use bytes::{Bytes, BytesMut};
use engine::ports::StoredBytes;
use futures::StreamExt as _;
use http_body::Body;
use model::{Error, Result};
use telemetry::metrics;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::frame::{END, Frame};
use super::room::Held;
use crate::http::zarr::pieces::{Pieces, broken};

/// Chunks up to this length are put together with others, in bytes: copying them costs less than a write of its own.
const GATHERED_MAX: usize = 64 << 10;
/// So much is put together at most, and one chunk more, in bytes.
const GATHER: usize = 128 << 10;

/// The body. Dropping it ends the work behind it.
pub(super) struct Frames {
    ready: mpsc::Receiver<Frame>,
    /// Keys whose frame has not come.
    left: usize,
    gathered: BytesMut,
    /// The chunk whose head is the last of what is gathered.
    begun: Option<(Pieces, Held)>,
    ended: bool,
    route: MatchedPath,
    _work: AbortOnDropHandle<()>,
}

impl Frames {
    /// The frames of `count` keys. Their bytes are counted under the route, since no header says how many there will be.
    pub(super) fn new(
        ready: mpsc::Receiver<Frame>,
        count: usize,
        route: MatchedPath,
        work: AbortOnDropHandle<()>,
    ) -> Self {
        Self { ready, left: count, gathered: BytesMut::new(), begun: None, ended: false, route, _work: work }
    }

    fn poll_bytes(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        loop {
            if let Some((pieces, _)) = &mut self.begun {
                if !self.gathered.is_empty() {
                    return Poll::Ready(Some(Ok(self.gathered.split().freeze())));
                }
                match ready!(pieces.poll_next_unpin(context)) {
                    Some(piece) => return Poll::Ready(Some(piece)),
                    None => self.begun = None,
                }
            }
            match self.ready.poll_recv(context) {
                Poll::Ready(Some(frame)) => self.add(frame),
                Poll::Ready(None) if self.ended => return Poll::Ready(None),
                Poll::Ready(None) if self.left == 0 => {
                    self.gathered.extend_from_slice(&END);
                    self.ended = true;
                    return Poll::Ready(Some(Ok(self.gathered.split().freeze())));
                }
                Poll::Ready(None) => {
                    let lost = format!("{} keys of a batch have no answer", self.left);
                    return Poll::Ready(Some(Err(Error::internal(lost))));
                }
                Poll::Pending if self.gathered.is_empty() => return Poll::Pending,
                Poll::Pending => return Poll::Ready(Some(Ok(self.gathered.split().freeze()))),
            }
            if self.gathered.len() >= GATHER {
                return Poll::Ready(Some(Ok(self.gathered.split().freeze())));
            }
        }
    }

    fn add(&mut self, frame: Frame) {
        self.left = self.left.saturating_sub(1);
        if self.gathered.is_empty() && self.gathered.capacity() < GATHER + GATHERED_MAX {
            self.gathered = BytesMut::with_capacity(GATHER + GATHERED_MAX);
        }
        self.gathered.extend_from_slice(&frame.head());
        match frame.bytes {
            StoredBytes::Whole(bytes) if bytes.len() <= GATHERED_MAX => {
                self.gathered.extend_from_slice(&bytes);
            }
            bytes => self.begun = Some((Pieces::of(bytes, frame.length), frame.held)),
        }
    }
}

impl Body for Frames {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>>>> {
        let bytes = ready!(self.poll_bytes(context));
        if let Some(Ok(bytes)) = &bytes {
            let route = [self.route.as_str()];
            metrics().http_response_bytes_total.with_label_values(&route).inc_by(bytes.len() as u64);
        }
        Poll::Ready(bytes.map(|bytes| bytes.map(http_body::Frame::data).map_err(broken)))
    }
}
