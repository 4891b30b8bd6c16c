//! Accepting gateways' connections, and draining them at the end.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use priority::{Bulk, NOBODY, Place, Stream};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::in_task::in_task;
use super::operators;

/// Longest time for calls under way to finish once the worker is told to stop.
const DRAIN: Duration = Duration::from_secs(30);
/// After how long a silent gateway's machine is asked whether it is there, and how often again. By TCP, not HTTP/2: a
/// gateway does not look at a connection while its client takes nothing, and is then not dead.
const KEEP_ALIVE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(10));
/// Window for requests of one call, in bytes: many reads of a lane fit.
const REQUEST_WINDOW_BYTES: u32 = 1 << 20;
/// Calls at once on one connection; gateways open more connections before they come near.
const CALLS_MAX: u32 = 1024;

/// Calls whose answers are large, or much work.
const BULK_CALLS: [&str; 4] = ["/ReadRange", "/EvaluateChunk", "/MakeSection", "/AssembleChunk"];

/// Serves HTTP/2 until `shutdown` is done, then finishes the calls under way, for a time.
pub(super) async fn serve(
    listener: TcpListener,
    router: axum::Router,
    shutdown: impl Future<Output = ()> + Send,
) -> std::io::Result<()> {
    let mut shutdown = pin!(shutdown);
    let (drain, cut) = (CancellationToken::new(), CancellationToken::new());
    let connections = TaskTracker::new();
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    // Out of descriptors: more come free when others end.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
            () = &mut shutdown => break,
        };
        let (router, drain) = (router.clone(), drain.clone());
        let place = Place::new();
        let served = connection(stream, router, drain, Arc::clone(&place));
        let (served, counted) = (cut.clone().run_until_cancelled_owned(served), connections.token());
        priority::spawn(place, async move {
            served.await;
            drop(counted);
        });
    }
    drop(listener);
    drain.cancel();
    connections.close();
    if tokio::time::timeout(DRAIN, connections.wait()).await.is_err() {
        tracing::warn!(connections = connections.len(), "calls did not finish in time and are cut off");
        cut.cancel();
        connections.wait().await;
    }
    Ok(())
}

async fn connection(stream: TcpStream, router: axum::Router, drain: CancellationToken, place: Arc<Place>) {
    if let Err(error) = set_options(&stream) {
        tracing::debug!(%error, "a connection was lost at once");
        return;
    }
    if !operators::is_http2(&stream).await {
        tokio::select! { () = operators::serve(stream) => {}, () = drain.cancelled() => {} }
        return;
    }
    let (executor, calls) = in_task();
    let mut builder = hyper::server::conn::http2::Builder::new(executor);
    builder
        .timer(TokioTimer::new())
        .initial_stream_window_size(REQUEST_WINDOW_BYTES)
        .initial_connection_window_size(REQUEST_WINDOW_BYTES * 16)
        .max_concurrent_streams(CALLS_MAX);
    let stream = Stream::new(stream, Arc::clone(&place));
    let moving = axum::middleware::from_fn_with_state(Moved { place, bulk: Arc::default() }, move_bulk);
    let service = TowerToHyperService::new(router.layer(moving));
    let served = builder.serve_connection(TokioIo::new(stream), service);
    let mut served = pin!(served);
    let mut draining = pin!(drain.cancelled());
    let mut is_draining = false;
    let result = calls.run_beside(std::future::poll_fn(|context| {
        if !is_draining && draining.as_mut().poll(context).is_ready() {
            is_draining = true;
            served.as_mut().graceful_shutdown();
        }
        served.as_mut().poll(context)
    }));
    if let Err(error) = result.await {
        tracing::debug!(%error, "a connection ended");
    }
}

/// A connection that carries large ranges or chunks made does so for good: gateways have others for what is small.
#[derive(Clone)]
struct Moved {
    place: Arc<Place>,
    bulk: Arc<OnceLock<Bulk>>,
}

async fn move_bulk(State(moved): State<Moved>, call: Request, next: Next) -> Response {
    if moved.bulk.get().is_none() && BULK_CALLS.iter().any(|name| call.uri().path().ends_with(name)) {
        // Where two calls come at once the second is one too many, and dropped.
        let _ = moved.bulk.set(moved.place.bulk(NOBODY).await);
    }
    next.run(call).await
}

fn set_options(stream: &TcpStream) -> std::io::Result<()> {
    use rustix::net::sockopt::{set_socket_keepalive, set_tcp_keepidle, set_tcp_keepintvl};
    stream.set_nodelay(true)?;
    set_socket_keepalive(stream, true)?;
    set_tcp_keepidle(stream, KEEP_ALIVE.0)?;
    set_tcp_keepintvl(stream, KEEP_ALIVE.1)?;
    Ok(())
}
