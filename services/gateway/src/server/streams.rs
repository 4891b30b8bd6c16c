//! Streams of HTTP/2: one of which the client takes nothing is cut off, as a connection is. Such a client opens no window
//! for it, and hyper waits for that without end, and with it what the answer was admitted with.
//!
//! hyper does not tell what it has sent, but it drops it: a body is given to it in pieces that tell when they go. Once it has
//! the last one nobody watches the stream any more, so that one is short, a copy, and given only when the others have gone.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures::task::AtomicWaker;
use http_body::{Body as _, Frame, SizeHint};

use super::activity::Activity;

/// Most bytes of a piece.
const PIECE_BYTES_MAX: usize = 64 << 10;
/// Most bytes of the last piece of a body that has several: one frame of HTTP/2.
const TAIL_BYTES_MAX: usize = 16 << 10;
/// How often in the longest time a stream is looked at. Looks are counted, not time: a server that was late itself looks
/// once, and then the client's word is read before the next look.
const LOOKS: u32 = 4;
/// Looks after which a stream ends though its connection may be what holds it up.
const LOOKS_MAX: u32 = 10 * LOOKS;
/// A connection that sent fewer bytes meanwhile, for it answers pings, sent nothing.
const STILL_BYTES: u64 = 4 << 10;
/// Most bytes that a stream may send before its neighbours on a connection have their turn.
const TURN_BYTES: u64 = 2 * super::HTTP2_SEND_BYTES as u64;

tokio::task_local! {
    static STREAM: Arc<Sending>;
}

/// What of a stream is on its way to its client.
#[derive(Debug, Default)]
struct Sending {
    /// Pieces that hyper has and has not sent.
    under_way: AtomicUsize,
    /// Whether there is more that hyper has not asked for.
    has_more: AtomicBool,
    /// Counts pieces that went, and what was asked for.
    progress: AtomicU64,
    /// Who waits for pieces to go.
    waits: AtomicWaker,
}

impl Sending {
    fn is_for_client_to_take(&self) -> bool {
        self.under_way.load(Ordering::Acquire) > 0 || self.has_more.load(Ordering::Relaxed)
    }

    fn proceed(&self) {
        self.progress.fetch_add(1, Ordering::Relaxed);
    }

    /// Done once the client took nothing for so long, and its connection is not what is slow: it sent nothing either, or all
    /// other streams had their turn.
    async fn stalls(&self, limit: Duration, connection: &Activity) {
        let (mut seen, mut looks, mut written) = (0, 0, 0);
        loop {
            tokio::time::sleep(limit / LOOKS).await;
            let progress = self.progress.load(Ordering::Relaxed);
            if progress != seen || !self.is_for_client_to_take() {
                (seen, looks, written) = (progress, 0, connection.written());
                continue;
            }
            looks += 1;
            let sent = connection.written().saturating_sub(written);
            let is_slow = sent >= STILL_BYTES && sent < TURN_BYTES * connection.streams();
            if looks >= LOOKS_MAX || (looks >= LOOKS && !is_slow) {
                return;
            }
        }
    }
}

/// A stream that ends where its client takes nothing for so long.
pub(super) async fn guarded(stream: impl Future<Output = ()>, limit: Duration, connection: Arc<Activity>) {
    let sending = Arc::<Sending>::default();
    let _open = connection.stream();
    tokio::select! {
        biased;
        () = STREAM.scope(Arc::clone(&sending), stream) => {}
        () = sending.stalls(limit, &connection) => tracing::debug!("a stream ended: the client takes no bytes"),
    }
}

/// An answer whose bytes are watched where it is sent by a stream.
pub(super) fn watched(answer: Response) -> Response {
    let Ok(sending) = STREAM.try_with(Arc::clone) else { return answer };
    answer.map(|body| {
        if body.is_end_stream() {
            return body;
        }
        sending.has_more.store(true, Ordering::Relaxed);
        Body::new(Watched { body, rest: Bytes::new(), tail: None, sending })
    })
}

/// Bytes that hyper has; says when they go.
struct Piece {
    bytes: Bytes,
    sending: Arc<Sending>,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.sending.under_way.fetch_sub(1, Ordering::Release);
        self.sending.proceed();
        self.sending.waits.wake();
    }
}

/// A body, piece by piece.
struct Watched {
    body: Body,
    /// Of the body's last frame, but for its tail.
    rest: Bytes,
    tail: Option<Bytes>,
    sending: Arc<Sending>,
}

impl Watched {
    fn has_none_left(&self) -> bool {
        self.rest.is_empty() && self.tail.is_none()
    }

    fn is_at_its_end(&self) -> bool {
        self.body.is_end_stream() || self.body.size_hint().exact() == Some(0)
    }

    fn take(&mut self, mut bytes: Bytes) {
        if bytes.len() > TAIL_BYTES_MAX && self.is_at_its_end() {
            // A copy: it must not keep what it is cut of.
            self.tail = Some(Bytes::copy_from_slice(&bytes.split_off(bytes.len() - TAIL_BYTES_MAX)));
        }
        self.rest = bytes;
    }

    /// The next piece; the tail only when the others have gone.
    fn next(&mut self, context: &mut Context<'_>) -> Poll<Bytes> {
        if self.rest.is_empty() && self.tail.is_some() {
            self.sending.waits.register(context.waker());
            if self.sending.under_way.load(Ordering::Acquire) > 0 {
                return Poll::Pending;
            }
            return Poll::Ready(self.tail.take().unwrap_or_default());
        }
        let bytes = self.rest.split_to(self.rest.len().min(PIECE_BYTES_MAX));
        self.sending.under_way.fetch_add(1, Ordering::Relaxed);
        Poll::Ready(Bytes::from_owner(Piece { bytes, sending: Arc::clone(&self.sending) }))
    }
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        if this.has_none_left() {
            this.sending.has_more.store(false, Ordering::Relaxed);
            match ready!(Pin::new(&mut this.body).poll_frame(context))
                .map(|frame| frame.map(Frame::into_data))
            {
                Some(Ok(Ok(bytes))) => this.take(bytes),
                Some(Ok(Err(frame))) => return Poll::Ready(Some(Ok(frame))),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
            this.sending.has_more.store(true, Ordering::Relaxed);
        }
        let bytes = ready!(this.next(context));
        this.sending.proceed();
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.has_none_left() && self.is_at_its_end()
    }

    fn size_hint(&self) -> SizeHint {
        let own = (self.rest.len() + self.tail.as_ref().map_or(0, Bytes::len)) as u64;
        let of_body = self.body.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(of_body.lower() + own);
        if let Some(upper) = of_body.upper() {
            hint.set_upper(upper + own);
        }
        hint
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.sending.has_more.store(false, Ordering::Relaxed);
    }
}
