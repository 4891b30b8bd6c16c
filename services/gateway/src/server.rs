//! Accepting connections, their limits, and draining them at the end.

mod activity;
mod guarded;
mod streams;

use std::future::Future;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use model::{Error, Result};
use priority::{Place, Stream};
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service as _;

use crate::settings::HttpSettings;
use activity::{Activity, Timeouts};
use guarded::Guarded;

/// Longest time for requests under way to finish once the gateway is told to stop.
const DRAIN: Duration = Duration::from_secs(30);
/// How long to wait before accepting again when the process is out of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Longest request head over HTTP/1.1, in bytes: the longest key, cookies and tokens fit.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// Most bytes of an answer held for one HTTP/2 stream, and its windows.
const HTTP2_SEND_BYTES: usize = 512 << 10;
/// Requests at once on one HTTP/2 connection.
const HTTP2_STREAMS_MAX: u32 = 128;
/// Bytes of a connection that the kernel keeps without having sent them. With more, one connection's answer is
/// written at once while others wait their turn: 64 readers then see twice the p99. What is under way to a distant
/// client is not limited by it.
const UNSENT_BYTES_MAX: u32 = 512 << 10;

/// Serves HTTP/1.1, and HTTP/2 to clients that begin with it, until `shutdown` is done. Then accepts no more,
/// finishes the requests under way, and after 30 seconds cuts off those that are left.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    settings: &HttpSettings,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<()> {
    allow_many_descriptors();
    let server = Server {
        router,
        timeouts: Timeouts {
            head: Duration::from_secs(settings.header_timeout_seconds.max(1)),
            write: Duration::from_secs(settings.write_timeout_seconds.max(1)),
            // An answer that waits for workers, as a batch may, sends nothing meanwhile.
            idle: Duration::from_secs(
                (settings.header_timeout_seconds.max(1) * 4).max(settings.worker_timeout_seconds * 3),
            ),
        },
        drain: CancellationToken::new(),
    };
    let connections_max = settings.connections_max.clamp(1, Semaphore::MAX_PERMITS);
    server.run(listener, Arc::new(Semaphore::new(connections_max)), DRAIN, shutdown).await
}

#[derive(Clone)]
struct Server {
    router: Router,
    timeouts: Timeouts,
    drain: CancellationToken,
}

impl Server {
    async fn run(
        self,
        listener: TcpListener,
        room: Arc<Semaphore>,
        drain: Duration,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<()> {
        let cut = CancellationToken::new();
        let connections = TaskTracker::new();
        let mut shutdown = pin!(shutdown);
        loop {
            let (stream, client, permit) = tokio::select! {
                accepted = accept(&listener, &room) => accepted?,
                () = &mut shutdown => break,
            };
            let place = Place::new();
            let connection = self.clone().connection(stream, client, Arc::clone(&place), permit);
            let connection = cut.clone().run_until_cancelled_owned(connection);
            let counted = connections.token();
            priority::spawn(place, async move {
                connection.await;
                drop(counted);
            });
        }
        drop(listener);
        self.drain.cancel();
        connections.close();
        if tokio::time::timeout(drain, connections.wait()).await.is_err() {
            tracing::warn!(
                connections = connections.len(),
                "requests did not finish in time and are cut off"
            );
            cut.cancel();
            connections.wait().await;
        }
        Ok(())
    }

    async fn connection(
        self,
        stream: TcpStream,
        client: IpAddr,
        place: Arc<Place>,
        _permit: OwnedSemaphorePermit,
    ) {
        let _counted = Counted::new();
        // Answers are written whole: waiting for more to send would only delay the last segment.
        let _ = stream.set_nodelay(true);
        // Where it cannot be set, answers are only less evenly served.
        let _ = SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT_BYTES_MAX);
        let activity = Arc::new(Activity::default());
        let io = TokioIo::new(Guarded::new(
            Stream::new(stream, Arc::clone(&place)),
            self.timeouts,
            Arc::clone(&activity),
        ));
        let router = self.router;
        let builder = builder(Tasks {
            place: Arc::clone(&place),
            activity: Arc::clone(&activity),
            stall_max: self.timeouts.write,
        });
        let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(Arrival { client, place: Arc::clone(&place) });
            let under_way = activity.request();
            let answering = router.clone().call(request);
            async move {
                let answer = answering.await;
                drop(under_way);
                answer.map(streams::watched)
            }
        });
        let mut served = pin!(builder.serve_connection(io, service));
        let result = tokio::select! {
            result = served.as_mut() => result,
            () = self.drain.cancelled() => {
                served.as_mut().graceful_shutdown();
                served.await
            }
        };
        if let Err(error) = result {
            tracing::debug!(error, "a connection ended");
        }
    }
}

/// The next connection, once there is room for one more.
async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> Result<(TcpStream, IpAddr, OwnedSemaphorePermit)> {
    let permit = Arc::clone(room).acquire_owned().await.map_err(Error::internal)?;
    loop {
        match listener.accept().await {
            Ok((stream, client)) => return Ok((stream, client.ip(), permit)),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn builder(tasks: Tasks) -> Builder<Tasks> {
    let mut builder = Builder::new(tasks);
    // `Guarded` has its own timeout for heads: hyper's costs a timer a request and counts idle time as well.
    builder
        .http1()
        .header_read_timeout(None)
        .max_buf_size(HEAD_BYTES_MAX)
        .writev(true)
        .timer(TokioTimer::new());
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(HTTP2_STREAMS_MAX)
        .max_send_buf_size(HTTP2_SEND_BYTES);
    builder
}

/// Where a request came from, for those who answer it.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    /// The other end of the connection.
    pub(crate) client: IpAddr,
    /// Where the connection's tasks run.
    pub(crate) place: Arc<Place>,
}

/// Runs the streams of an HTTP/2 connection where the connection is.
#[derive(Debug, Clone)]
struct Tasks {
    place: Arc<Place>,
    activity: Arc<Activity>,
    /// How long a client may take nothing of a stream.
    stall_max: Duration,
}

impl<F> hyper::rt::Executor<F> for Tasks
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        let guarded = streams::guarded(stream, self.stall_max, Arc::clone(&self.activity));
        priority::spawn(Arc::clone(&self.place), guarded);
    }
}

/// Ten thousand clients need more descriptors than the usual soft limit of 1024.
fn allow_many_descriptors() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            tracing::warn!(%error, "the limit of open descriptors could not be raised");
        }
    }
}

/// A connection in the metrics; leaves them when dropped.
struct Counted;

impl Counted {
    fn new() -> Self {
        telemetry::metrics().http_connections.inc();
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        telemetry::metrics().http_connections.dec();
    }
}

#[cfg(test)]
mod tests;
