//! What a connection is doing, and how long it may do that without progress.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// Looks that a client must have taken nothing at. In the longest time there are more.
const BLOCKED_LOOKS: u32 = 3;

/// Longest times without progress.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timeouts {
    /// For a whole request head, from its first byte on.
    pub(super) head: Duration,
    /// For a client to take any byte of an answer.
    pub(super) write: Duration,
    /// Between requests.
    pub(super) idle: Duration,
}

impl Timeouts {
    /// How often to look. One timer a connection that is looked at now and then is cheaper than one a request.
    pub(super) fn tick(&self) -> Duration {
        (self.head.min(self.write).min(self.idle) / 4)
            .clamp(Duration::from_millis(10), Duration::from_secs(15))
    }
}

/// The requests of a connection: counted where they are answered, looked at where bytes are read and written.
#[derive(Debug, Default)]
pub(super) struct Activity {
    begun: AtomicU32,
    under_way: AtomicU32,
    /// Of HTTP/2: requests whose answers are not sent.
    streams: AtomicU32,
    /// Bytes that the connection took.
    written: AtomicU64,
}

impl Activity {
    /// A request whose head is complete; under way until what is returned is dropped.
    pub(super) fn request(self: &Arc<Self>) -> Counted {
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.count(|activity| &activity.under_way)
    }

    /// A stream of HTTP/2; open until what is returned is dropped.
    pub(super) fn stream(self: &Arc<Self>) -> Counted {
        self.count(|activity| &activity.streams)
    }

    fn count(self: &Arc<Self>, counter: fn(&Self) -> &AtomicU32) -> Counted {
        counter(self).fetch_add(1, Ordering::Relaxed);
        Counted { activity: Arc::clone(self), counter }
    }

    pub(super) fn streams(&self) -> u64 {
        self.streams.load(Ordering::Relaxed).into()
    }

    pub(super) fn wrote(&self, bytes: usize) {
        self.written.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    pub(super) fn begun(&self) -> u32 {
        self.begun.load(Ordering::Relaxed)
    }

    pub(super) fn is_under_way(&self) -> bool {
        self.under_way.load(Ordering::Relaxed) > 0
    }
}

/// Counts in one of the counters until it is dropped.
pub(super) struct Counted {
    activity: Arc<Activity>,
    counter: fn(&Activity) -> &AtomicU32,
}

impl Drop for Counted {
    fn drop(&mut self) {
        (self.counter)(&self.activity).fetch_sub(1, Ordering::Relaxed);
    }
}

/// Since when a connection has made no progress, and at what.
#[derive(Debug)]
pub(super) struct Progress {
    last: Instant,
    /// When the first byte came that belongs to no request seen yet.
    head_since: Option<Instant>,
    /// When the client first took nothing of what it has yet to take.
    blocked_since: Option<Instant>,
    /// How often that was looked at since then: a server that was late itself has not seen yet what the client took.
    blocked_looks: u32,
    requests_seen: u32,
    is_http2: Option<bool>,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self {
            last: Instant::now(),
            head_since: None,
            blocked_since: None,
            blocked_looks: 0,
            requests_seen: 0,
            is_http2: None,
        }
    }

    /// Bytes came.
    pub(super) fn read(&mut self, bytes: &[u8], activity: &Activity) {
        self.last = Instant::now();
        // The first byte of HTTP/2's preface; no method of ours begins so but POST and PUT, PATCH.
        let is_http2 = *self.is_http2.get_or_insert_with(|| bytes.starts_with(b"PRI"));
        self.see_requests(activity);
        if !is_http2 && !activity.is_under_way() {
            self.head_since.get_or_insert(self.last);
        }
    }

    /// Bytes went, or none could.
    pub(super) fn wrote(&mut self, some: bool) {
        if some {
            self.last = Instant::now();
            self.blocked_since = None;
        } else {
            self.blocked_since.get_or_insert_with(|| {
                self.blocked_looks = 0;
                Instant::now()
            });
        }
    }

    /// Whether the connection has been without progress for too long, and at what.
    pub(super) fn stalled(&mut self, timeouts: &Timeouts, activity: &Activity) -> Option<&'static str> {
        self.see_requests(activity);
        let over = |since: Option<Instant>, limit| since.is_some_and(|since| since.elapsed() >= limit);
        self.blocked_looks += 1;
        if over(self.blocked_since, timeouts.write) && self.blocked_looks >= BLOCKED_LOOKS {
            Some("the client takes no bytes")
        } else if activity.is_under_way() || self.blocked_since.is_some() {
            None
        } else if over(self.head_since, timeouts.head) {
            Some("the client did not send its request in time")
        } else if over(Some(self.last), timeouts.idle) {
            Some("the client is idle")
        } else {
            None
        }
    }

    fn see_requests(&mut self, activity: &Activity) {
        let begun = activity.begun();
        if begun != self.requests_seen {
            self.requests_seen = begun;
            self.head_since = None;
        }
    }
}
