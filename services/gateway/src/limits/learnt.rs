//! How long a byte of an answer takes to make: learnt of each variable and form, for it differs by orders of magnitude.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use engine::ports::{EvaluatedChunk, Form};
use model::{DatasetId, NodePath};

/// What is thought of what was not made before, in nanoseconds a KiB: 200 MB/s.
const UNKNOWN_NS_PER_KIB: u64 = 5000;
/// Most that one answer is thought to cost, in nanoseconds: what was learnt of others may be far from it.
const COST_MAX: u64 = 10_000_000_000;
/// Most kinds of which something is known.
const KINDS_MAX: u64 = 10_000;

/// Answers that take about as long a byte.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Kind(DatasetId, NodePath, Form);

impl Kind {
    /// That of a chunk.
    pub(crate) fn of(chunk: &EvaluatedChunk) -> Self {
        Self(chunk.id.clone(), chunk.variable.clone(), chunk.form.clone())
    }
}

/// What was learnt: nanoseconds a KiB.
pub(super) struct Learnt(moka::sync::Cache<Kind, Arc<AtomicU64>>);

impl Learnt {
    pub(super) fn new() -> Self {
        Self(moka::sync::Cache::new(KINDS_MAX))
    }

    /// How long an answer of so many bytes is thought to take, in nanoseconds.
    pub(super) fn cost(&self, kind: &Kind, bytes: u64) -> u64 {
        let known = self.0.get(kind).map_or(UNKNOWN_NS_PER_KIB, |known| known.load(Ordering::Relaxed));
        bytes.div_ceil(1 << 10).saturating_mul(known).min(COST_MAX)
    }

    /// Learns from an answer; one among many says little.
    pub(super) fn learn(&self, kind: &Kind, bytes: u64, nanoseconds: u64) {
        let seen = nanoseconds / bytes.div_ceil(1 << 10).max(1);
        let known = self.0.get_with_by_ref(kind, || Arc::new(AtomicU64::new(seen)));
        let old = known.load(Ordering::Relaxed);
        known.store((old - old / 8).saturating_add(seen / 8), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(id: &str) -> Kind {
        Kind(DatasetId::parse(id).unwrap(), NodePath::parse("v").unwrap(), Form::Decoded)
    }

    #[test]
    fn what_takes_long_costs_more_next_time() {
        let learnt = Learnt::new();
        let kind = of("a");
        assert_eq!(learnt.cost(&kind, 2 << 10), 2 * UNKNOWN_NS_PER_KIB);
        learnt.learn(&kind, 1 << 20, 1 << 30);
        assert_eq!(learnt.cost(&kind, 1 << 20), 1 << 30);
        for _ in 0..50 {
            learnt.learn(&kind, 1 << 20, 1 << 24);
        }
        assert!(learnt.cost(&kind, 1 << 20) < 1 << 25);
        let other = of("b");
        assert_eq!(learnt.cost(&other, 1 << 10), UNKNOWN_NS_PER_KIB);
    }
}
