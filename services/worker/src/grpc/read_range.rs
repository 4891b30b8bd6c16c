//! `ChunkService.ReadRange`: a range in pieces, each its own message, without a copy.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::extract::State;
use bytes::{Bytes, BytesMut};
use cloudify_proto::convert::{STATE_HEADER, state_to_text};
use cloudify_proto::framing::put_piece_head;
use cloudify_proto::v1;
use engine::ports::{ReadBytes, StoredBytes};
use futures::stream::BoxStream;
use futures::{FutureExt as _, StreamExt as _};
use http::{HeaderValue, Request, Response};
use http_body::Frame;
use model::{ByteRange, Error, Result};
use prost::Message as _;
use tracing::Instrument as _;

use super::{ChunkState, deadline, request};

/// Reads one range.
pub(super) async fn read_range(State(state): State<ChunkState>, call: Request<Body>) -> Response<Body> {
    let deadline = deadline::of(call.headers()).map(tokio::time::sleep_until).map(Box::pin);
    let span = span(&call);
    let reading = begin(state, call.into_body()).instrument(span);
    let stored = match deadline {
        None => reading.await,
        Some(mut deadline) => {
            let stored = tokio::select! {
                stored = reading => stored,
                () = &mut deadline => Err(deadline::exceeded()),
            };
            return respond(stored, Some(deadline));
        }
    };
    respond(stored, None)
}

/// A span for calls that belong to a trace; the others are counted, not traced.
fn span(call: &Request<Body>) -> tracing::Span {
    if !call.headers().contains_key("traceparent") {
        return tracing::Span::none();
    }
    let span = tracing::info_span!("ReadRange");
    let header = |name: &str| call.headers().get(name).and_then(|value| value.to_str().ok());
    telemetry::propagation::continue_trace(&span, header);
    span
}

async fn begin(state: ChunkState, body: Body) -> Result<ReadBytes> {
    let message = request::only_message(body, request::REQUEST_BYTES_MAX).await?;
    let message = v1::ReadRangeRequest::decode(message).map_err(|error| request::malformed(&error))?;
    let (offset, length) = (message.offset, message.length);
    let file = message.file.ok_or_else(|| request::malformed(&"no file"))?;
    let file = cloudify_proto::convert::file_from_wire(file)?;
    state.files.read_to_keep(&file.into(), ByteRange { offset, length }).await
}

fn respond(read: Result<ReadBytes>, deadline: Option<Deadline>) -> Response<Body> {
    let ReadBytes { bytes, state } = match read {
        Err(error) => return request::refusal(&error),
        Ok(read) => read,
    };
    let (pieces, frames) = match bytes {
        StoredBytes::Whole(bytes) if bytes.is_empty() => (None, VecDeque::new()),
        StoredBytes::Whole(bytes) => (None, message(bytes)),
        StoredBytes::Pieces(pieces) => (Some(pieces), VecDeque::new()),
    };
    let mut response = request::answer(Body::new(Answer { pieces, frames, deadline, ended: false }));
    if let Some(state) = state.and_then(|state| HeaderValue::try_from(state_to_text(state)).ok()) {
        response.headers_mut().insert(STATE_HEADER, state);
    }
    response
}

/// The body of an answer whose messages are all there.
pub(super) fn messages(frames: VecDeque<Bytes>) -> Body {
    Body::new(Answer { pieces: None, frames, deadline: None, ended: false })
}

type Deadline = Pin<Box<tokio::time::Sleep>>;

/// A piece as a message: what stands before its bytes, and its bytes.
fn message(piece: Bytes) -> VecDeque<Bytes> {
    let mut head = BytesMut::with_capacity(16);
    put_piece_head(piece.len(), &mut head);
    VecDeque::from([head.freeze(), piece])
}

/// The body of an answer: messages, then the status.
struct Answer {
    pieces: Option<BoxStream<'static, Result<Bytes>>>,
    frames: VecDeque<Bytes>,
    deadline: Option<Deadline>,
    ended: bool,
}

impl Answer {
    fn end(&mut self, outcome: std::result::Result<(), &Error>) -> Frame<Bytes> {
        self.ended = true;
        self.pieces = None;
        Frame::trailers(request::trailers(outcome))
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        if let Some(frame) = self.frames.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(frame))));
        }
        if let Some(deadline) = &mut self.deadline
            && deadline.poll_unpin(context).is_ready()
        {
            return Poll::Ready(Some(Ok(self.end(Err(&deadline::exceeded())))));
        }
        let piece = match &mut self.pieces {
            Some(pieces) => ready!(pieces.poll_next_unpin(context)),
            None => None,
        };
        Poll::Ready(Some(Ok(match piece {
            Some(Ok(piece)) => {
                self.frames = message(piece);
                Frame::data(self.frames.pop_front().unwrap_or_default())
            }
            Some(Err(error)) => self.end(Err(&error)),
            None => self.end(Ok(())),
        })))
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }
}
