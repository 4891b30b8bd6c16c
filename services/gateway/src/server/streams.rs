//! Streams of HTTP/2: one of which the client takes nothing is cut off, as a connection is. Such a client opens no window
//! for it, and hyper waits for that without end, and with it what the answer was admitted with.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use tokio::time::Instant;

/// Most bytes of a body that are given to hyper at once: it keeps the whole, however little of it the client takes.
const FRAME_BYTES_MAX: usize = 64 << 10;

tokio::task_local! {
    static STREAM: Arc<Sending>;
}

/// Since when a client has bytes of a stream to take, if it has.
#[derive(Debug, Default)]
struct Sending(Mutex<Option<Instant>>);

impl Sending {
    fn set(&self, since: Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }

    /// Done once the client took nothing for so long.
    async fn stalls(&self, limit: Duration) {
        loop {
            let since = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match since.map(|since| since + limit) {
                Some(end) if end <= Instant::now() => return,
                Some(end) => tokio::time::sleep_until(end).await,
                None => tokio::time::sleep(limit).await,
            }
        }
    }
}

/// A stream that ends where its client takes nothing for so long.
pub(super) async fn guarded(stream: impl Future<Output = ()>, limit: Duration) {
    let sending = Arc::<Sending>::default();
    tokio::select! {
        biased;
        () = STREAM.scope(Arc::clone(&sending), stream) => {}
        () = sending.stalls(limit) => tracing::debug!("a stream ended: the client takes no bytes"),
    }
}

/// An answer whose bytes are watched where it is sent by a stream.
pub(super) fn watched(answer: Response) -> Response {
    let Ok(sending) = STREAM.try_with(Arc::clone) else { return answer };
    answer.map(|body| {
        if body.is_end_stream() {
            return body;
        }
        sending.set(Some(Instant::now()));
        Body::new(Watched { body, rest: Bytes::new(), sending })
    })
}

/// A body, in frames that are not large.
struct Watched {
    body: Body,
    /// Of the body's last frame.
    rest: Bytes,
    sending: Arc<Sending>,
}

impl Watched {
    fn cut(&mut self, mut bytes: Bytes) -> Frame<Bytes> {
        self.rest = bytes.split_off(bytes.len().min(FRAME_BYTES_MAX));
        Frame::data(bytes)
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
        let frame = if this.rest.is_empty() {
            Pin::new(&mut this.body).poll_frame(context)
        } else {
            Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut this.rest)))))
        };
        this.sending.set(frame.is_ready().then(Instant::now));
        frame.map_ok(|frame| match frame.into_data() {
            Ok(bytes) => this.cut(bytes),
            Err(frame) => frame,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, of_body) = (self.rest.len() as u64, self.body.size_hint());
        let mut hint = SizeHint::new();
        hint.set_lower(of_body.lower() + rest);
        if let Some(upper) = of_body.upper() {
            hint.set_upper(upper + rest);
        }
        hint
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.sending.set(None);
    }
}
