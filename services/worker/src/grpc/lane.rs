//! `ChunkService.ReadSmallRanges`: many small reads over one long-lived stream. What lies in the page cache is read
//! straight into one buffer, framing and all, for as many reads as have come: one write answers them.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::State;
use bytes::{Bytes, BytesMut};
use cloudify_proto::SMALL_RANGE_BYTES_MAX;
use cloudify_proto::convert::identity_to_wire;
use cloudify_proto::framing::{Messages, put_message, put_small_head, small_head_bytes};
use cloudify_proto::v1::{self, read_small_ranges_response::Result as Outcome};
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use http::{Request, Response};
use http_body::{Body as _, Frame};
use model::{ByteRange, Error, ErrorKind, FileIdentity, Result, SourceFile};
use prost::Message as _;
use tokio_util::sync::WaitForCancellationFutureOwned;
use tracing::{Instrument as _, Span};

use super::{ChunkState, request};
use crate::storage::Files;

/// Reads of one lane that may wait, each of which has its turn in [`Files`]; those beyond are refused. Reads are taken whatever
/// waits: what lies in the page cache is answered though a disk or another server hangs.
const WAITING_MAX: usize = 2048;
/// Reads taken before those there are answered.
const QUEUE_MAX: usize = 256;
/// Longest answer of a batch, in bytes: any single read fits.
const BATCH_BYTES_MAX: usize = SMALL_RANGE_BYTES_MAX as usize + (16 << 10);

/// Opens a lane.
pub(super) async fn read_small_ranges(
    State(state): State<ChunkState>,
    call: Request<Body>,
) -> Response<Body> {
    request::answer(Body::new(Lane {
        files: state.files,
        draining: Box::pin(state.draining.cancelled_owned()),
        requests: Some(call.into_body()),
        messages: Messages::new(request::REQUEST_BYTES_MAX),
        queue: VecDeque::new(),
        waiting: FuturesUnordered::new(),
        answers: BytesMut::new(),
        outcome: Ok(()),
        ended: false,
    }))
}

struct Read {
    id: u64,
    file: Arc<SourceFile>,
    range: ByteRange,
    span: Span,
}

/// What was waited for: the bytes, and of which state of a remote file they are.
type Waited = (Bytes, Option<FileIdentity>);

/// The body of a lane's answer; polled only while the caller takes bytes, so a caller that does not is not read for.
struct Lane {
    files: Files,
    draining: Pin<Box<WaitForCancellationFutureOwned>>,
    /// None once the caller has ended its side, or is no longer listened to.
    requests: Option<Body>,
    messages: Messages,
    queue: VecDeque<Read>,
    waiting: FuturesUnordered<BoxFuture<'static, (u64, Result<Waited>)>>,
    /// Answers that are not read into a batch: failures, and reads that waited.
    answers: BytesMut,
    outcome: Result<()>,
    ended: bool,
}

impl Lane {
    /// Takes reads as long as some are there and there is room for them.
    fn take_requests(&mut self, context: &mut Context<'_>) {
        while self.queue.len() < QUEUE_MAX {
            match self.messages.next_message() {
                Ok(Some(message)) => self.take_request(message),
                Err(error) => self.stop(Err(request::malformed(&error))),
                Ok(None) => {
                    let Some(requests) = &mut self.requests else { return };
                    match Pin::new(requests).poll_frame(context) {
                        Poll::Ready(Some(Ok(frame))) => {
                            if let Ok(data) = frame.into_data() {
                                self.messages.push(data);
                            }
                        }
                        Poll::Ready(Some(Err(error))) => self.stop(Err(request::malformed(&error))),
                        Poll::Ready(None) => self.stop(Ok(())),
                        Poll::Pending => return,
                    }
                }
            }
        }
    }

    fn take_request(&mut self, message: Bytes) {
        match v1::ReadSmallRangesRequest::decode(message) {
            Ok(message) => {
                let id = message.read_id;
                match read_of(message) {
                    Ok(read) => self.queue.push_back(read),
                    Err(error) => self.answer(id, Err(error)),
                }
            }
            Err(error) => self.stop(Err(request::malformed(&error))),
        }
    }

    /// Takes no more reads.
    fn stop(&mut self, outcome: Result<()>) {
        self.requests = None;
        self.messages = Messages::new(0);
        self.outcome = outcome;
    }

    fn answer(&mut self, id: u64, read: Result<Waited>) {
        let (result, state) = match read {
            Ok((data, None)) => {
                put_small_head(id, data.len(), &mut self.answers);
                return self.answers.extend_from_slice(&data);
            }
            Ok((data, state)) => (Outcome::Data(data), state.map(identity_to_wire)),
            Err(error) => (Outcome::Failure(cloudify_proto::status::to_failure(error)), None),
        };
        let answer = v1::ReadSmallRangesResponse { read_id: id, result: Some(result), state };
        put_message(&answer, &mut self.answers);
    }

    fn take_waited(&mut self, context: &mut Context<'_>) {
        while self.answers.len() < BATCH_BYTES_MAX
            && let Poll::Ready(Some((id, read))) = self.waiting.poll_next_unpin(context)
        {
            self.answer(id, read);
        }
    }

    /// Answers as many queued reads as fit into one buffer. Those that would wait go to wait.
    fn answer_batch(&mut self) -> Option<Bytes> {
        let mut room = 0;
        for read in &self.queue {
            let needed = answer_bytes(read);
            if room + needed > BATCH_BYTES_MAX {
                break;
            }
            room += needed;
        }
        if room == 0 {
            return None;
        }
        let mut buffer = self.files.buffer(room);
        let mut end = 0;
        while self.queue.front().is_some_and(|read| end + answer_bytes(read) <= room)
            && let Some(read) = self.queue.pop_front()
        {
            let data = end + small_head_bytes(read.id, read.range.length as usize);
            let next = data + read.range.length as usize;
            let cached = (read.range.length > 0).then(|| {
                let _within = read.span.enter();
                self.files.read_cached_into(&read.file, read.range.offset, &mut buffer[data..next])
            });
            match cached.flatten() {
                Some(Ok(())) => {
                    put_small_head(read.id, next - data, &mut &mut buffer[end..data]);
                    end = next;
                }
                Some(Err(error)) => self.answer(read.id, Err(error)),
                None if self.waiting.len() < WAITING_MAX => self.wait(read),
                None => {
                    let error = Error::new(ErrorKind::Overloaded, "too many reads wait for their files");
                    self.answer(read.id, Err(error.with_retry_after(5)));
                }
            }
        }
        buffer.truncate(end);
        (end > 0).then(|| buffer.into_bytes())
    }

    fn wait(&mut self, read: Read) {
        let files = self.files.clone();
        let span = read.span.clone();
        let waiting = async move {
            let waited = async {
                let found = files.read_to_keep(&read.file, read.range).await?;
                Ok((found.bytes.together(read.range.length).await?, found.state))
            };
            (read.id, waited.await)
        };
        self.waiting.push(waiting.instrument(span).boxed());
    }

    /// The next frame of the answer, if one is ready.
    fn next_frame(&mut self, context: &mut Context<'_>) -> Option<Frame<Bytes>> {
        if self.requests.is_some() && self.draining.poll_unpin(context).is_ready() {
            self.stop(Err(Error::new(ErrorKind::Unavailable, "the worker is shutting down")));
        }
        loop {
            self.take_requests(context);
            self.take_waited(context);
            if !self.answers.is_empty() {
                return Some(Frame::data(self.answers.split().freeze()));
            }
            if let Some(batch) = self.answer_batch() {
                return Some(Frame::data(batch));
            }
            // Reads have gone to wait or have failed: those must be polled, and others may have come.
            if self.answers.is_empty() && self.queue.is_empty() {
                self.take_waited(context);
                if self.answers.is_empty() {
                    break;
                }
            }
        }
        if self.requests.is_none() && self.waiting.is_empty() {
            self.ended = true;
            return Some(Frame::trailers(request::trailers(self.outcome.as_ref().copied())));
        }
        None
    }
}

impl http_body::Body for Lane {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        match self.next_frame(context) {
            Some(frame) => Poll::Ready(Some(Ok(frame))),
            None => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }
}

fn answer_bytes(read: &Read) -> usize {
    small_head_bytes(read.id, read.range.length as usize) + read.range.length as usize
}

fn read_of(message: v1::ReadSmallRangesRequest) -> Result<Read> {
    let range = message.range.ok_or_else(|| request::malformed(&"no range"))?;
    if range.length > SMALL_RANGE_BYTES_MAX {
        let text = format!("a lane carries up to {SMALL_RANGE_BYTES_MAX} bytes a read: use ReadRange");
        return Err(Error::new(ErrorKind::TooLarge, text));
    }
    let file = range.file.ok_or_else(|| request::malformed(&"no file"))?;
    let file = Arc::new(cloudify_proto::convert::file_from_wire(file)?);
    let span = span(&message.traceparent);
    Ok(Read {
        id: message.read_id,
        file,
        range: ByteRange { offset: range.offset, length: range.length },
        span,
    })
}

/// A span for reads that belong to a trace; the others are counted, not traced.
fn span(traceparent: &str) -> Span {
    if traceparent.is_empty() {
        return Span::none();
    }
    let span = tracing::info_span!("ReadSmallRange");
    telemetry::propagation::continue_trace(&span, |name| (name == "traceparent").then_some(traceparent));
    span
}
