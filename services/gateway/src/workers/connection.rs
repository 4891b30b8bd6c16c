//! HTTP/2 connections to a worker for bytes: made when needed, watched, made again after a loss.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use h2::client::{Builder, Connection, SendRequest};
use h2::{Ping, PingPong};
use model::Result;
use tokio::net::TcpStream;

use super::health::Health;
use super::unavailable;

/// How often to ask a worker whether it is there, and how long to wait for its answer.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// Longest frame that a worker may send, in bytes. A frame is read whole before it is passed on: so it should stay
/// in the processor's cache (measured, `docs/decisions/0003`).
const FRAME_BYTES_MAX: u32 = 256 << 10;
/// The connection's own window must never be what stops a stream: a slow client would then stop all others.
/// Memory is bounded by the streams' windows and their number.
const CONNECTION_WINDOW_BYTES: u32 = (1 << 31) - 1;

/// Where to connect, and how.
#[derive(Debug)]
pub(super) struct Target {
    /// Host and port.
    pub(super) authority: http::uri::Authority,
    /// Longest time to connect.
    pub(super) timeout: Duration,
    /// Window of one stream, in bytes.
    pub(super) window_bytes: u32,
    /// Told of successes and failures.
    pub(super) health: Arc<Health>,
}

impl Target {
    /// A new connection.
    pub(super) async fn connect(&self) -> Result<(SendRequest<Bytes>, Connection<TcpStream, Bytes>)> {
        if self.health.is_down() {
            return Err(unavailable("the worker failed a moment ago"));
        }
        let connecting = async {
            let stream = TcpStream::connect(self.authority.as_str()).await.map_err(unavailable)?;
            stream.set_nodelay(true).map_err(unavailable)?;
            let handshake = Builder::new()
                .initial_window_size(self.window_bytes)
                .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
                .max_frame_size(FRAME_BYTES_MAX)
                .enable_push(false)
                .handshake(stream);
            handshake.await.map_err(unavailable)
        };
        let connected = tokio::time::timeout(self.timeout, connecting).await;
        let connected = connected.unwrap_or_else(|_| Err(unavailable("connecting took too long")));
        match &connected {
            Ok(_) => self.health.succeeded(),
            Err(_) => self.health.failed(),
        }
        connected
    }
}

/// A place for a connection.
#[derive(Debug)]
pub(super) struct Slot {
    target: Arc<Target>,
    sender: Arc<Mutex<Option<SendRequest<Bytes>>>>,
    connecting: tokio::sync::Mutex<()>,
    calls: AtomicUsize,
}

impl Slot {
    pub(super) fn new(target: Arc<Target>) -> Self {
        Self {
            target,
            sender: Arc::default(),
            connecting: tokio::sync::Mutex::default(),
            calls: AtomicUsize::new(0),
        }
    }

    /// How many calls use it now.
    pub(super) fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    /// Counts a call until what is returned is dropped.
    pub(super) fn enter(self: &Arc<Self>) -> Call {
        self.calls.fetch_add(1, Ordering::Relaxed);
        Call(Arc::clone(self))
    }

    /// A sender that can take a request.
    pub(super) async fn sender(&self) -> Result<SendRequest<Bytes>> {
        if let Some(sender) = self.current()
            && let Ok(sender) = sender.ready().await
        {
            return Ok(sender);
        }
        let _one_connects = self.connecting.lock().await;
        if let Some(sender) = self.current()
            && let Ok(sender) = sender.ready().await
        {
            return Ok(sender);
        }
        let (sender, connection) = self.target.connect().await?;
        *self.sender.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender.clone());
        tokio::spawn(drive(connection, Arc::clone(&self.sender), Arc::clone(&self.target)));
        sender.ready().await.map_err(unavailable)
    }

    fn current(&self) -> Option<SendRequest<Bytes>> {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A call under way on a connection.
#[derive(Debug)]
pub(super) struct Call(Arc<Slot>);

impl Drop for Call {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Moves a connection's bytes until it ends.
async fn drive(
    mut connection: Connection<TcpStream, Bytes>,
    sender: Arc<Mutex<Option<SendRequest<Bytes>>>>,
    target: Arc<Target>,
) {
    let ping = connection.ping_pong();
    let ended = tokio::select! {
        ended = connection => ended.map_err(unavailable),
        silent = keep_alive(ping) => Err(silent),
    };
    // None else has been made meanwhile: this one's sender is still there.
    *sender.lock().unwrap_or_else(PoisonError::into_inner) = None;
    if let Err(error) = ended {
        target.health.failed();
        tracing::warn!(worker = %target.authority, %error, "the connection to a worker broke");
    }
}

/// Ends when the other side is silent.
pub(super) async fn keep_alive(ping: Option<PingPong>) -> model::Error {
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
