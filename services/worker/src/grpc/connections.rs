//! Accepting gateways' connections, and draining them at the end.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Longest time for calls under way to finish once the worker is told to stop.
const DRAIN: Duration = Duration::from_secs(30);
/// How often to ask a silent gateway whether it is there, and how long to wait for its answer.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// Window for requests of one call, in bytes: many reads of a lane fit.
const REQUEST_WINDOW_BYTES: u32 = 1 << 20;
/// Calls at once on one connection; gateways open more connections before they come near.
const CALLS_MAX: u32 = 1024;

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
        connections.spawn(cut.clone().run_until_cancelled_owned(connection(stream, router, drain)));
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

async fn connection(stream: TcpStream, router: axum::Router, drain: CancellationToken) {
    let _ = stream.set_nodelay(true);
    let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE)
        .initial_stream_window_size(REQUEST_WINDOW_BYTES)
        .initial_connection_window_size(REQUEST_WINDOW_BYTES * 16)
        .max_concurrent_streams(CALLS_MAX);
    let served = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut served = pin!(served);
    let result = tokio::select! {
        result = served.as_mut() => result,
        () = drain.cancelled() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection ended");
    }
}
