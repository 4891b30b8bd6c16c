//! HTTP/2 connections to a worker for bytes, made when needed and kept for the next call.
//!
//! A large range has a connection to itself while it lasts, moved by whoever takes its bytes: what a core receives it
//! then sends on, and no other has to be woken (measured, `docs/decisions/0003`).

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::FutureExt as _;
use h2::RecvStream;
use h2::client::{Builder, Connection, SendRequest};
use http::{HeaderMap, StatusCode};
use model::Result;
use tokio::net::TcpStream;
use tonic::Status;

use super::catalog_id::{self, CatalogId};
use super::health::Health;
use super::{call, unavailable};

/// Connections kept for the next call.
const IDLE_MAX: usize = 128;
/// How long one is kept.
const IDLE: Duration = Duration::from_secs(20);
/// The connection's own window must never be what stops a stream.
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
    /// Longest frame, in bytes.
    pub(super) frame_bytes: u32,
    /// Told of successes and failures.
    pub(super) health: Arc<Health>,
    /// For which catalog it is asked.
    pub(super) catalog: Arc<CatalogId>,
}

impl Target {
    /// Checks the head of an answer: a failure may be all of it.
    pub(super) fn check_head(&self, status: StatusCode, headers: &HeaderMap) -> Result<()> {
        if let Some(theirs) = catalog_id::other_in(headers) {
            self.refused(theirs);
        }
        call::check_head(status, headers)
    }

    /// Notes that a call was refused, where it was so for the worker is of another catalog.
    pub(super) fn note(&self, status: &Status) {
        if let Some(theirs) = catalog_id::other_of(status) {
            self.refused(theirs);
        }
    }

    /// The worker is of another catalog: it is left alone until a check finds it to be of ours.
    pub(super) fn refused(&self, theirs: &str) {
        if self.health.refused() {
            let (worker, ours) = (&self.authority, self.catalog.now());
            tracing::warn!(%worker, theirs, ours = ours.as_deref(), "a worker is of another catalog: it is not asked");
        }
    }

    /// A new connection.
    pub(super) async fn connect(&self) -> Result<Link> {
        if self.health.is_unreachable() {
            return Err(unavailable("the worker failed a moment ago"));
        }
        let connecting = async {
            let stream = TcpStream::connect(self.authority.as_str()).await.map_err(unavailable)?;
            stream.set_nodelay(true).map_err(unavailable)?;
            let handshake = Builder::new()
                .initial_window_size(self.window_bytes)
                .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
                .max_frame_size(self.frame_bytes)
                .enable_push(false)
                .handshake(stream);
            let (sender, connection) = handshake.await.map_err(unavailable)?;
            Ok(Link { sender, connection })
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

/// A connection. Nothing moves on it but by [`poll`](Self::poll).
#[derive(Debug)]
pub(super) struct Link {
    pub(super) sender: SendRequest<Bytes>,
    pub(super) connection: Connection<TcpStream, Bytes>,
}

impl Link {
    /// Sends and receives what can be; ready only with why the connection has ended.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<model::Error> {
        self.connection
            .poll_unpin(context)
            .map(|ended| ended.map_or_else(unavailable, |()| unavailable("the worker closed the connection")))
    }

    /// Waits for something that comes over this connection.
    pub(super) async fn drive<T, E: std::fmt::Display>(
        &mut self,
        waited_for: impl Future<Output = std::result::Result<T, E>>,
    ) -> Result<T> {
        let mut waited_for = std::pin::pin!(waited_for);
        poll_fn(|context| {
            let ended = self.poll(context);
            // Looked at after what has come: it may have come just before the end.
            match (waited_for.as_mut().poll(context), ended) {
                (Poll::Ready(outcome), _) => Poll::Ready(outcome.map_err(unavailable)),
                (Poll::Pending, Poll::Ready(error)) => Poll::Ready(Err(error)),
                (Poll::Pending, Poll::Pending) => Poll::Pending,
            }
        })
        .await
    }
}

/// The connections of one worker that no call uses.
#[derive(Debug, Default)]
pub(super) struct IdleLinks(Mutex<Vec<Idle>>);

#[derive(Debug)]
struct Idle {
    since: Instant,
    link: Link,
    /// The end of its last answer may still be on its way: it is taken when the connection is used again.
    last_answer: RecvStream,
}

impl IdleLinks {
    /// One that is still open, the one used last.
    pub(super) fn take(&self) -> Option<Link> {
        loop {
            let Idle { since, mut link, last_answer } = self.lock().pop()?;
            if since.elapsed() > IDLE {
                // The others are older.
                self.lock().clear();
                return None;
            }
            let is_open = (&mut link.connection).now_or_never().is_none();
            drop(last_answer);
            if is_open {
                return Some(link);
            }
        }
    }

    /// Keeps one whose answer has come, all but perhaps its status.
    pub(super) fn give_back(&self, link: Link, last_answer: RecvStream) {
        let mut idle = self.lock();
        let old = idle.iter().take_while(|idle| idle.since.elapsed() > IDLE).count();
        idle.drain(..old);
        if idle.len() < IDLE_MAX {
            idle.push(Idle { since: Instant::now(), link, last_answer });
        }
    }

    /// Lets go of all: a worker that ends waits for what is open.
    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
