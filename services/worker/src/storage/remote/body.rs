//! The body of an answer: as long as announced, and never slower than a snail.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::FutureExt as _;
use http_body::{Body as _, Frame, SizeHint};
use object_store::client::{HttpError, HttpErrorKind};
use tokio::sync::OwnedSemaphorePermit;

use super::fault::Fault;

/// Bytes that must come within the time that a server may stall.
const PACE_BYTES: u64 = 64 << 10;

/// How long a server may keep us waiting. Time in which nobody asks for bytes does not count.
#[derive(Debug)]
pub(super) struct Pace {
    stall: Duration,
    waited: Duration,
    came_bytes: u64,
    wait: Option<(Instant, Pin<Box<tokio::time::Sleep>>)>,
}

impl Pace {
    /// `stall`: for each 64 KiB.
    pub(super) fn new(stall: Duration) -> Self {
        Self { stall, waited: Duration::ZERO, came_bytes: 0, wait: None }
    }

    /// Bytes came.
    fn came(&mut self, count: usize) {
        if let Some((begun, _)) = self.wait.take() {
            self.waited += begun.elapsed();
        }
        self.came_bytes += count as u64;
        if self.came_bytes >= PACE_BYTES {
            (self.came_bytes, self.waited) = (0, Duration::ZERO);
        }
    }

    /// None came yet. Ready when that has lasted too long.
    fn poll_waiting(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let left = self.stall.saturating_sub(self.waited);
        let (_, sleep) =
            self.wait.get_or_insert_with(|| (Instant::now(), Box::pin(tokio::time::sleep(left))));
        sleep.poll_unpin(context)
    }
}

/// A body on its way. Keeps its place among the requests under way until it has come.
pub(super) struct Body {
    inner: reqwest::Body,
    left: Option<u64>,
    pace: Pace,
    ended: bool,
    _permit: OwnedSemaphorePermit,
}

impl Body {
    pub(super) fn new(
        inner: reqwest::Body,
        length: Option<u64>,
        pace: Pace,
        permit: OwnedSemaphorePermit,
    ) -> Self {
        Self { inner, left: length, pace, ended: false, _permit: permit }
    }

    /// The next bytes.
    pub(super) async fn next_bytes(&mut self) -> Option<Result<Bytes, Fault>> {
        std::future::poll_fn(|context| self.poll_bytes(context)).await
    }

    fn poll_bytes(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Fault>>> {
        loop {
            if self.ended {
                return Poll::Ready(None);
            }
            let frame = match Pin::new(&mut self.inner).poll_frame(context) {
                Poll::Ready(frame) => frame,
                Poll::Pending if self.pace.poll_waiting(context).is_ready() => {
                    return self.fail(Fault::Stalled);
                }
                Poll::Pending => return Poll::Pending,
            };
            let bytes = match frame {
                None if self.left.unwrap_or_default() > 0 => return self.fail(Fault::Short),
                None => {
                    self.ended = true;
                    return Poll::Ready(None);
                }
                Some(Err(_)) => return self.fail(Fault::Short),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(bytes) => bytes,
                    Err(_trailers) => continue,
                },
            };
            self.pace.came(bytes.len());
            telemetry::metrics().remote_bytes_total.inc_by(bytes.len() as u64);
            if let Some(left) = &mut self.left {
                *left = left.saturating_sub(bytes.len() as u64);
            }
            return Poll::Ready(Some(Ok(bytes)));
        }
    }

    fn fail(&mut self, fault: Fault) -> Poll<Option<Result<Bytes, Fault>>> {
        self.ended = true;
        Poll::Ready(Some(Err(fault)))
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        self.poll_bytes(context).map(|bytes| {
            bytes.map(|bytes| {
                bytes.map(Frame::data).map_err(|fault| HttpError::new(HttpErrorKind::Unknown, fault))
            })
        })
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
