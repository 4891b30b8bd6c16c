//! A lane: many small reads over one long-lived stream of one connection. One task moves both directions and the
//! connection itself, so that a read costs no more wake-ups than it must.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use cloudify_proto::SMALL_RANGE_BYTES_MAX;
use cloudify_proto::convert::{file_to_wire, identity_from_wire};
use cloudify_proto::framing::{Messages, put_message};
use cloudify_proto::status::from_failure;
use cloudify_proto::v1::{self, read_small_ranges_response::Result as Outcome};
use engine::ports::{ReadBytes, StoredBytes};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use h2::client::ResponseFuture;
use h2::{Ping, PingPong, RecvStream, SendStream};
use model::{ByteRange, Error, ErrorKind, FileIdentity, Result, SourceFile};
use prost::Message as _;
use tokio::sync::{mpsc, oneshot};

use super::connection::{Link, Target};
use super::{call, unavailable};

/// Reads of one lane that are asked and not answered; more wait in the queue.
const UNDER_WAY_MAX: usize = 1024;
/// Reads that wait to be asked; more are refused.
const QUEUE_MAX: usize = 4096;
/// Longest answer, in bytes: the data and what stands around it.
const ANSWER_BYTES_MAX: usize = SMALL_RANGE_BYTES_MAX as usize + (64 << 10);

/// The caller's end of a lane.
#[derive(Debug)]
pub(super) struct Lane {
    reads: mpsc::Sender<Read>,
}

/// What is answered: the bytes, and of which state of a remote file they are.
type Answer = (Bytes, Option<FileIdentity>);

/// How often to ask a worker whether it is there, and how long to wait for its answer.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// One read.
#[derive(Debug)]
struct Read {
    file: Arc<SourceFile>,
    range: ByteRange,
    traceparent: String,
    answer: oneshot::Sender<Result<Answer>>,
}

impl Lane {
    /// A lane that connects when it is first needed, and again after a loss.
    pub(super) fn new(target: Arc<Target>) -> Self {
        let (reads, queue) = mpsc::channel(QUEUE_MAX);
        tokio::spawn(run(target, queue));
        Self { reads }
    }

    /// How many reads wait to be asked.
    pub(super) fn queued(&self) -> usize {
        QUEUE_MAX - self.reads.capacity()
    }

    /// Reads a range of at most `SMALL_RANGE_BYTES_MAX` bytes.
    pub(super) async fn read(&self, file: &Arc<SourceFile>, range: ByteRange) -> Result<ReadBytes> {
        let (answer, answered) = oneshot::channel();
        let read = Read { file: Arc::clone(file), range, traceparent: call::traceparent(), answer };
        self.reads.try_send(read).map_err(|_| {
            Error::new(ErrorKind::Overloaded, "too many reads wait for the worker").with_retry_after(1)
        })?;
        let (data, state) = answered.await.unwrap_or_else(|_| Err(unavailable("the lane ended")))?;
        if data.len() as u64 == range.length {
            Ok(ReadBytes { bytes: StoredBytes::Whole(data), state })
        } else {
            Err(unavailable(format!("the worker sent {} bytes for {}", data.len(), range.length)))
        }
    }
}

/// Connects at once, so that the first read finds a connection, and again whenever there is something to read; ends with
/// the lane.
async fn run(target: Arc<Target>, mut queue: mpsc::Receiver<Read>) {
    let mut ready = Session::open(&target).await.ok();
    let mut taken = Vec::new();
    loop {
        let mut session = match ready.take() {
            Some(session) => session,
            None => match Session::begin(&target, &mut queue, &mut taken).await {
                Begun::Session(session) => *session,
                Begun::Failed => continue,
                Begun::Over => return,
            },
        };
        let ended = poll_fn(|context| session.poll(context, &mut queue)).await;
        taken.append(&mut session.taken);
        let is_over = queue.is_closed() && queue.is_empty();
        let is_broken = ended.kind == ErrorKind::Unavailable && !is_over;
        if is_broken {
            // Known before those who asked are told: they wait for another worker where they see that none is left.
            target.health.failed();
        }
        session.fail(&ended);
        if is_over {
            return;
        }
        if is_broken {
            tracing::warn!(worker = %target.authority, error = %ended, "a lane to a worker broke");
        }
    }
}

/// A lane while its connection holds.
struct Session {
    target: Arc<Target>,
    /// For which catalog it was opened.
    catalog: Option<Arc<str>>,
    link: Link,
    keep_alive: BoxFuture<'static, Error>,
    requests: SendStream<Bytes>,
    response: Option<ResponseFuture>,
    answers: Option<RecvStream>,
    messages: Messages,
    /// Requests that are not handed to the connection yet.
    unsent: BytesMut,
    /// Taken from the queue and not asked.
    taken: Vec<Read>,
    under_way: HashMap<u64, oneshot::Sender<Result<Answer>>>,
    next_id: u64,
}

/// What came of a first read.
enum Begun {
    Session(Box<Session>),
    Failed,
    /// There are no more.
    Over,
}

impl Session {
    /// A session with what was taken for the one before in it, or else the next read.
    async fn begin(target: &Arc<Target>, queue: &mut mpsc::Receiver<Read>, taken: &mut Vec<Read>) -> Begun {
        if taken.is_empty() {
            let Some(first) = queue.recv().await else { return Begun::Over };
            taken.push(first);
        }
        match Self::open(target).await {
            Ok(mut session) => {
                taken.drain(..).for_each(|read| session.ask(read));
                Begun::Session(Box::new(session))
            }
            Err(error) => {
                for read in taken.drain(..) {
                    let _ = read.answer.send(Err(error.clone()));
                }
                Begun::Failed
            }
        }
    }

    async fn open(target: &Arc<Target>) -> Result<Self> {
        let mut link = target.connect().await?;
        // Before the head, which may then be for a later one: the lane is opened once more, at worst.
        let catalog = target.catalog.now();
        let head = call::head(target, "ReadSmallRanges")?;
        let (response, requests) = link.sender.send_request(head, false).map_err(unavailable)?;
        let keep_alive = keep_alive(link.connection.ping_pong()).boxed();
        Ok(Self {
            target: Arc::clone(target),
            catalog,
            link,
            keep_alive,
            requests,
            response: Some(response),
            answers: None,
            messages: Messages::new(ANSWER_BYTES_MAX),
            unsent: BytesMut::new(),
            taken: Vec::new(),
            under_way: HashMap::new(),
            next_id: 1,
        })
    }

    fn ask(&mut self, read: Read) {
        if read.answer.is_closed() {
            return;
        }
        let id = self.next_id;
        self.next_id += 1;
        let range = v1::ReadRangeRequest {
            file: Some(file_to_wire(&read.file)),
            offset: read.range.offset,
            length: read.range.length,
        };
        let request =
            v1::ReadSmallRangesRequest { read_id: id, range: Some(range), traceparent: read.traceparent };
        put_message(&request, &mut self.unsent);
        self.under_way.insert(id, read.answer);
    }

    /// Moves what can be moved; ready only when the lane has ended, with why.
    fn poll(&mut self, context: &mut Context<'_>, queue: &mut mpsc::Receiver<Read>) -> Poll<Error> {
        loop {
            if self.under_way.is_empty() && queue.is_closed() && queue.is_empty() {
                return Poll::Ready(unavailable("the lane is no longer needed"));
            }
            let moved = match self.step(context, queue) {
                Ok(moved) => moved,
                Err(error) => return Poll::Ready(error),
            };
            if !moved {
                return self.keep_alive.poll_unpin(context);
            }
        }
    }

    fn step(&mut self, context: &mut Context<'_>, queue: &mut mpsc::Receiver<Read>) -> Result<bool> {
        let taken = self.take_reads(context, queue)?;
        if !self.unsent.is_empty() {
            // Bounded by `UNDER_WAY_MAX`, so it may wait in the connection where the worker's window is used up.
            self.requests.send_data(self.unsent.split().freeze(), false).map_err(unavailable)?;
        }
        if let Poll::Ready(ended) = self.link.poll(context) {
            return Err(ended);
        }
        if let Some(response) = &mut self.response
            && let Poll::Ready(response) = response.poll_unpin(context)
        {
            let response = response.map_err(unavailable)?;
            self.target.check_head(response.status(), response.headers())?;
            self.response = None;
            self.answers = Some(response.into_body());
        }
        // What was taken may not have been all: only a queue that was found empty wakes us.
        Ok(self.take_answers(context)? || taken)
    }

    /// Takes reads from the queue: whether there were any. They are for the next session where this one was opened for
    /// another catalog than they are, or before that was known.
    fn take_reads(&mut self, context: &mut Context<'_>, queue: &mut mpsc::Receiver<Read>) -> Result<bool> {
        if self.under_way.len() >= UNDER_WAY_MAX {
            // Whoever gave up holds no place.
            self.under_way.retain(|_, waiting| !waiting.is_closed());
        }
        let room = UNDER_WAY_MAX.saturating_sub(self.under_way.len());
        let mut taken = std::mem::take(&mut self.taken);
        let mut any = false;
        if room > 0 && queue.poll_recv_many(context, &mut taken, room).is_ready() {
            any = !taken.is_empty();
            if any && !self.target.catalog.is_still(self.catalog.as_deref()) {
                self.taken = taken;
                return Err(Error::new(ErrorKind::Conflict, "the lane is of another catalog"));
            }
            for read in taken.drain(..) {
                self.ask(read);
            }
        }
        self.taken = taken;
        Ok(any)
    }

    /// Gives the answers that have come to those who wait for them: whether any came.
    fn take_answers(&mut self, context: &mut Context<'_>) -> Result<bool> {
        let Some(answers) = &mut self.answers else { return Ok(false) };
        let mut moved = false;
        while let Poll::Ready(frame) = answers.poll_data(context) {
            let Some(frame) = frame else {
                let trailers = answers.poll_trailers(context);
                let Poll::Ready(Ok(trailers)) = trailers else { return Err(unavailable("the lane ended")) };
                call::check_trailers(trailers.as_ref())?;
                return Err(unavailable("the worker ended the lane"));
            };
            let frame = frame.map_err(unavailable)?;
            answers.flow_control().release_capacity(frame.len()).map_err(unavailable)?;
            self.messages.push(frame);
            moved = true;
            while let Some(message) = self.messages.next_message()? {
                let message = v1::ReadSmallRangesResponse::decode(message).map_err(unavailable)?;
                if let Some(waiting) = self.under_way.remove(&message.read_id) {
                    // Nobody waits for it any more: then it is dropped.
                    let _ = waiting.send(outcome(message));
                }
            }
        }
        Ok(moved)
    }

    /// Tells all who wait that the lane has ended: another worker may answer them.
    fn fail(&mut self, error: &Error) {
        let error = Error { kind: ErrorKind::Unavailable, ..error.clone() };
        for (_, waiting) in self.under_way.drain() {
            let _ = waiting.send(Err(error.clone()));
        }
    }
}

fn outcome(message: v1::ReadSmallRangesResponse) -> Result<Answer> {
    match message.result {
        Some(Outcome::Data(data)) => Ok((data, message.state.map(identity_from_wire))),
        Some(Outcome::Failure(failure)) => Err(from_failure(failure)),
        None => Err(unavailable("an answer without a result")),
    }
}

/// Ends when the worker is silent.
async fn keep_alive(ping: Option<PingPong>) -> Error {
    let Some(mut ping) = ping else { return std::future::pending().await };
    loop {
        tokio::time::sleep(KEEP_ALIVE).await;
        match tokio::time::timeout(KEEP_ALIVE, ping.ping(Ping::opaque())).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return unavailable(error),
            Err(_) => return unavailable("the worker is silent"),
        }
    }
}
