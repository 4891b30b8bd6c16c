//! One worker.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cloudify_proto::SMALL_RANGE_BYTES_MAX;
use engine::ports::ReadBytes;
use http::uri::{Authority, Scheme, Uri};
use model::{ByteRange, Error, ErrorKind, Result, SourceFile};
use tokio::sync::{Notify, Semaphore};
use tokio_util::task::AbortOnDropHandle;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::catalog_id::CatalogId;
use super::connection::{IdleLinks, Target};
use super::health::Health;
use super::lane::Lane;
use super::load::{Kind, Load};
use super::{Tuning, call, range, silent};

/// Longest time to connect.
const CONNECT: Duration = Duration::from_secs(3);
/// Longest time for a health check.
const CHECK: Duration = Duration::from_millis(2500);
/// After so long without an answer a worker is asked whether it is there, and again each time.
const LATE: Duration = Duration::from_secs(2);

/// One worker's connections and state.
pub(super) struct Member {
    url: String,
    target: Arc<Target>,
    pub(super) health: Arc<Health>,
    pub(super) load: Arc<Load>,
    /// For the catalog, registrations and health checks.
    channel: Channel,
    /// For chunks that it makes: of megabytes, some of them, which checks must not wait behind.
    bulk: Channel,
    idle: Arc<IdleLinks>,
    lanes: Vec<Lane>,
    /// For files of other servers, which may be slow: reads of ours do not wait behind them.
    remote_lane: Lane,
    next: AtomicUsize,
    ranges: Arc<Semaphore>,
    timeout: Duration,
    _supervisor: AbortOnDropHandle<()>,
}

impl Member {
    /// The worker at a URL. Connects at once, in the background, and tells `rose` when it answers.
    pub(super) fn new(
        url: &str,
        timeout: Duration,
        tuning: &Tuning,
        rose: &Arc<Notify>,
        catalog: &Arc<CatalogId>,
    ) -> Result<Self> {
        let (uri, authority) = authority_of(url)?;
        let endpoint = Endpoint::from(uri)
            .connect_timeout(CONNECT)
            .tcp_nodelay(true)
            .initial_stream_window_size(4 << 20)
            .initial_connection_window_size(16 << 20)
            .http2_keep_alive_interval(Duration::from_secs(10))
            .keep_alive_timeout(Duration::from_secs(10));
        let health = Arc::new(Health::new(Arc::clone(rose)));
        let channel = endpoint.connect_lazy();
        let target = Arc::new(Target {
            authority,
            timeout: CONNECT,
            window_bytes: tuning.window_bytes.clamp(64 << 10, 1 << 30),
            frame_bytes: tuning.frame_bytes.clamp(16 << 10, 1 << 20),
            health: Arc::clone(&health),
            catalog: Arc::clone(catalog),
        });
        let bulk = {
            let runtime = priority::bulk();
            let _entered = runtime.enter();
            // A made chunk of megabytes in few frames.
            endpoint.max_frame_size(target.frame_bytes).connect_lazy()
        };
        let idle = Arc::<IdleLinks>::default();
        Ok(Self {
            url: url.to_owned(),
            _supervisor: supervisor(url, &target, &channel, &idle),
            health,
            load: Arc::default(),
            channel,
            bulk,
            idle,
            lanes: (0..tuning.lanes.max(1)).map(|_| Lane::new(Arc::clone(&target))).collect(),
            remote_lane: Lane::new(Arc::clone(&target)),
            next: AtomicUsize::new(0),
            ranges: Arc::new(Semaphore::new(tuning.ranges_max.clamp(1, Semaphore::MAX_PERMITS))),
            timeout,
            target,
        })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// For chunks that it makes.
    pub(super) fn bulk(&self) -> Channel {
        self.bulk.clone()
    }

    /// How long to wait for an answer's first byte.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// A request with its deadline, the current trace and the catalog that it is for.
    pub(super) fn request<T>(&self, message: T, timeout: Option<Duration>) -> Request<T> {
        call::request(message, timeout, &self.target.catalog)
    }

    /// Notes that it refused a call, where it did so for it is of another catalog.
    pub(super) fn note(&self, status: &Status) {
        self.target.note(status);
    }

    /// Whether an id is that of another catalog than ours: then it is left alone.
    pub(super) fn is_of_another(&self, catalog_id: &str) -> bool {
        let is_other = self.target.catalog.is_other(catalog_id);
        if is_other {
            self.target.refused(catalog_id);
        }
        is_other
    }

    /// Reads a range: a short one by a lane, a long one by a stream of its own.
    pub(super) async fn read(&self, file: &Arc<SourceFile>, range: ByteRange) -> Result<ReadBytes> {
        let (method, read) = if range.length <= SMALL_RANGE_BYTES_MAX {
            ("ReadSmallRanges", self.read_small(file, range).await)
        } else {
            ("ReadRange", self.read_large(file, range).await)
        };
        count_call(method, read.as_ref().err());
        read
    }

    async fn read_small(&self, file: &Arc<SourceFile>, range: ByteRange) -> Result<ReadBytes> {
        let lane = if file.is_remote() {
            &self.remote_lane
        } else {
            let turn = self.next.fetch_add(1, Ordering::Relaxed);
            let lanes = (0..self.lanes.len()).map(|at| &self.lanes[(turn + at) % self.lanes.len()]);
            lanes.min_by_key(|lane| lane.queued()).ok_or_else(|| Error::internal("no lane"))?
        };
        let read = tokio::time::timeout(self.timeout, lane.read(file, range));
        read.await.unwrap_or_else(|_| Err(silent()))
    }

    async fn read_large(&self, file: &Arc<SourceFile>, range: ByteRange) -> Result<ReadBytes> {
        let permit = tokio::time::timeout(self.timeout, Arc::clone(&self.ranges).acquire_owned());
        let permit = permit.await.map_err(|_| overloaded())?.map_err(Error::internal)?;
        let head = call::head(&self.target, "ReadRange")?;
        range::read((&self.target, &self.idle), &head, (file, range), self.timeout, permit).await
    }

    /// Whether it answers now: its gRPC health service says so.
    pub(super) async fn check(&self) -> Result<()> {
        let checked = check(self.channel(), &self.target).await;
        match &checked {
            Ok(()) => self.health.succeeded(),
            Err(_) => self.health.failed(),
        }
        checked
    }

    /// Makes a call that counts as one under way, and in the worker's health.
    pub(super) async fn call<T>(
        &self,
        kind: Kind,
        limit: Option<Duration>,
        answer: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let _under_way = self.load.begin(kind);
        let outcome = self.answered(limit, answer).await;
        match outcome.as_ref().map_err(|error| error.kind) {
            Err(ErrorKind::Unavailable) => self.load.failed(),
            // What takes too long to make may be too much for any worker.
            Err(ErrorKind::DeadlineExceeded) if kind == Kind::Evaluation => self.load.failed(),
            Err(ErrorKind::DeadlineExceeded | ErrorKind::Internal) => {
                self.load.failed();
                if self.health.misbehaved() {
                    tracing::warn!(worker = self.url(), "a worker fails again and again");
                }
            }
            _ => self.health.succeeded(),
        }
        outcome
    }

    /// Waits for an answer as long as the worker is there, and no longer than the limit, roughly: one that takes its time
    /// is asked now and then whether it is.
    pub(super) async fn answered<T>(
        &self,
        limit: Option<Duration>,
        answer: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let mut answer = std::pin::pin!(answer);
        let mut waited = Duration::ZERO;
        loop {
            let late = async {
                tokio::time::sleep(LATE).await;
                is_silent(self.channel(), &self.target).await
            };
            let is_silent = tokio::select! {
                answered = &mut answer => return answered,
                // One that refuses a check, for it drains, still finishes what it began.
                is_silent = late => is_silent,
                // Another call found that out.
                () = self.health.silence() => true,
            };
            if is_silent {
                self.health.fell_silent();
                return Err(super::unavailable("the worker is silent"));
            }
            waited += LATE;
            if limit.is_some_and(|limit| waited >= limit) {
                return Err(silent());
            }
        }
    }
}

/// The parts of a worker's URL that are needed to connect to it.
pub(super) fn authority_of(url: &str) -> Result<(Uri, Authority)> {
    let malformed = |cause: &dyn std::fmt::Display| {
        Error::invalid(format!("{url:?} is no worker's URL: give http://host:port")).with_internal(cause)
    };
    let uri: Uri = url.parse().map_err(|error| malformed(&error))?;
    match (uri.scheme(), uri.authority().cloned()) {
        (Some(scheme), Some(authority)) if *scheme == Scheme::HTTP && authority.port().is_some() => {
            Ok((uri, authority))
        }
        _ => Err(malformed(&"no http scheme, or no port")),
    }
}

/// Has a worker checked while it is down, as long as it is a member. Nobody looks at idle connections to it meanwhile: they are
/// let go.
fn supervisor(
    url: &str,
    target: &Arc<Target>,
    channel: &Channel,
    idle: &Arc<IdleLinks>,
) -> AbortOnDropHandle<()> {
    let (url, target, channel, idle) =
        (url.to_owned(), Arc::clone(target), channel.clone(), Arc::clone(idle));
    let supervised = async move {
        let check = || {
            idle.clear();
            let (channel, target) = (channel.clone(), Arc::clone(&target));
            async move { is_serving(channel, &target).await }
        };
        target.health.supervise(&url, check).await;
    };
    AbortOnDropHandle::new(tokio::spawn(supervised))
}

/// Whether a worker serves, or at least answers that it knows no such question.
async fn is_serving(channel: Channel, target: &Target) -> bool {
    match asked(channel, target).await {
        Some(Ok(status)) => status == ServingStatus::Serving,
        Some(Err(status)) => status.code() == tonic::Code::Unimplemented,
        None => false,
    }
}

/// Whether a worker says nothing at all.
async fn is_silent(channel: Channel, target: &Target) -> bool {
    asked(channel, target).await.is_none()
}

/// Whether a worker serves.
async fn check(channel: Channel, target: &Target) -> Result<()> {
    match asked(channel, target).await {
        None => Err(super::unavailable("the worker is silent")),
        Some(Err(status)) => Err(cloudify_proto::status::from_status(&status)),
        Some(Ok(ServingStatus::Serving)) => Ok(()),
        Some(Ok(_)) => Err(super::unavailable("the worker is not serving")),
    }
}

/// What the health service of a worker answers; none where it is silent. One of another catalog serves us nothing.
async fn asked(channel: Channel, target: &Target) -> Option<std::result::Result<ServingStatus, Status>> {
    let mut client = HealthClient::new(channel);
    let request = call::request(HealthCheckRequest::default(), None, &target.catalog);
    let answer = tokio::time::timeout(CHECK, client.check(request)).await.ok()?;
    if let Err(status) = &answer {
        target.note(status);
    }
    Some(answer.map(|answer| answer.get_ref().status()))
}

/// Counts a call with its outcome.
pub(super) fn count_call(method: &str, error: Option<&Error>) {
    let code = match error {
        None => "Ok".to_owned(),
        Some(error) => format!("{:?}", cloudify_proto::status::to_status(error).code()),
    };
    telemetry::metrics().worker_calls_total.with_label_values(&[method, &code]).inc();
}

fn overloaded() -> Error {
    Error::new(ErrorKind::Overloaded, "too many large chunks are under way").with_retry_after(5)
}
