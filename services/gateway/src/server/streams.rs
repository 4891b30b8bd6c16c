//! Streams of HTTP/2: one of which the client takes nothing is cut off, as a connection is. Such a client opens no window
//! for it, and hyper waits for that without end, and with it what the answer was admitted with.
//!
//! hyper asks for a piece of a body when the client's windows have room for what it was given before, and for a byte of the
//! next: that tells what the client takes. Once it has the last piece nobody watches the stream any more. So that one is short,
//! and a copy, which keeps nothing of what the answer was admitted with.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
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
/// A connection that sent fewer bytes between two looks, for it answers pings, sent nothing.
const STILL_BYTES: u64 = 1 << 10;
/// Most bytes that a stream may send before its neighbours on a connection have their turn.
const TURN_BYTES: u64 = 2 * super::HTTP2_SEND_BYTES as u64;

tokio::task_local! {
    static STREAM: Arc<Sending>;
}

/// What of a stream is on its way to its client.
#[derive(Debug, Default)]
struct Sending {
    /// Whether there is more, as far as is known, that hyper has not asked for.
    has_more: AtomicBool,
    /// Counts what it asked for.
    progress: AtomicU64,
}

impl Sending {
    /// Done once the client took nothing for so long, and its connection is not what is slow: it sent nothing either, or all
    /// other streams had their turn.
    async fn stalls(&self, limit: Duration, connection: &Activity) {
        let (mut seen, mut looks, mut still_looks, mut sent) = (0, 0, 0, 0);
        let mut written = connection.written();
        loop {
            tokio::time::sleep(limit / LOOKS).await;
            let progress = self.progress.load(Ordering::Relaxed);
            let sent_now = connection.written().saturating_sub(written);
            written += sent_now;
            if progress != seen || !self.has_more.load(Ordering::Relaxed) {
                (seen, looks, still_looks, sent) = (progress, 0, 0, 0);
                continue;
            }
            (looks, sent) = (looks + 1, sent + sent_now);
            still_looks = if sent_now < STILL_BYTES { still_looks + 1 } else { 0 };
            let had_turns = looks >= LOOKS && sent >= TURN_BYTES * connection.streams();
            if still_looks >= LOOKS || had_turns || looks >= LOOKS_MAX {
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

    fn next(&mut self) -> Bytes {
        match self.tail.take_if(|_| self.rest.is_empty()) {
            Some(tail) => tail,
            None => self.rest.split_to(self.rest.len().min(PIECE_BYTES_MAX)),
        }
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
        this.sending.progress.fetch_add(1, Ordering::Relaxed);
        if this.has_none_left() {
            let frame = Pin::new(&mut this.body).poll_frame(context);
            this.sending.has_more.store(frame.is_ready(), Ordering::Relaxed);
            match ready!(frame).map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(bytes))) => this.take(bytes),
                Some(Ok(Err(frame))) => return Poll::Ready(Some(Ok(frame))),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
        Poll::Ready(Some(Ok(Frame::data(this.next()))))
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
