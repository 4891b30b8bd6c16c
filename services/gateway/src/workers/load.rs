//! What is under way at a worker.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// What a worker is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Bytes of a file, or what is known of one: takes little time, and harms nobody if it is asked twice.
    Read,
    /// Something of the catalog: likewise, and by whatever worker.
    Catalog,
    /// A chunk, or a part of one, that is made: takes the time that it takes.
    Evaluation,
}

impl Kind {
    /// So many calls under way are never too many for a worker.
    pub(super) fn floor(self) -> usize {
        match self {
            Self::Read | Self::Catalog => 32,
            Self::Evaluation => 2,
        }
    }

    /// Whether another worker may be asked, too, while the first is late.
    pub(super) fn may_hedge(self) -> bool {
        self != Self::Evaluation
    }
}

/// Counts of one worker.
#[derive(Debug, Default)]
pub(super) struct Load {
    reads: AtomicUsize,
    evaluations: AtomicUsize,
    calls: AtomicU64,
    failed: AtomicU64,
}

/// A call under way; ends when dropped.
pub(super) struct UnderWay {
    load: Arc<Load>,
    kind: Kind,
}

impl Load {
    /// Begins a call.
    pub(super) fn begin(self: &Arc<Self>, kind: Kind) -> UnderWay {
        self.calls.fetch_add(1, Relaxed);
        self.counter(kind).fetch_add(1, Relaxed);
        UnderWay { load: Arc::clone(self), kind }
    }

    /// A call failed by the worker's fault.
    pub(super) fn failed(&self) {
        self.failed.fetch_add(1, Relaxed);
    }

    /// Calls of a kind that are under way.
    pub(super) fn under_way(&self, kind: Kind) -> usize {
        self.counter(kind).load(Relaxed)
    }

    /// Calls ever, and those of them that failed.
    pub(super) fn totals(&self) -> (u64, u64) {
        (self.calls.load(Relaxed), self.failed.load(Relaxed))
    }

    fn counter(&self, kind: Kind) -> &AtomicUsize {
        match kind {
            Kind::Read | Kind::Catalog => &self.reads,
            Kind::Evaluation => &self.evaluations,
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.load.counter(self.kind).fetch_sub(1, Relaxed);
    }
}
