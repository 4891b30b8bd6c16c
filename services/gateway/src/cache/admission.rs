//! What is worth a place in Redis, and what one gateway makes for all.

use std::sync::Arc;
use std::time::Duration;

use engine::ports::EvaluatedChunk;
use moka::sync::Cache;

use super::key;

/// A chunk that took so long is kept the first time, others the second time that they are asked for.
const LONG: Duration = Duration::from_millis(100);
/// A variable whose chunks take so long is made by one gateway at a time.
const EXPENSIVE: Duration = Duration::from_millis(200);
/// Within which time the second request counts.
const A_WHILE: Duration = Duration::from_mins(10);
/// Most keys that are remembered, about 200 bytes each.
const SEEN_MAX: u64 = 100_000;
/// Most variables whose cost is remembered.
const COSTS_MAX: u64 = 10_000;
/// Bounds of the time that a gateway has for making a chunk, while others wait.
const LOCK_LASTS: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(30));

/// What was asked for, and how long it took.
pub(super) struct Admission {
    seen: Cache<Arc<str>, ()>,
    costs: Cache<String, Duration>,
}

impl Admission {
    pub(super) fn new() -> Self {
        let seen = Cache::builder().max_capacity(SEEN_MAX).time_to_live(A_WHILE).build();
        Self { seen, costs: Cache::new(COSTS_MAX) }
    }

    /// Whether a chunk that was made is for Redis.
    pub(super) fn admits(&self, key: &Arc<str>, took: Duration) -> bool {
        if took >= LONG || self.seen.contains_key(key) {
            return true;
        }
        self.seen.insert(Arc::clone(key), ());
        false
    }

    /// Notes how long a chunk took.
    pub(super) fn took(&self, chunk: &EvaluatedChunk, took: Duration) {
        let variable = key::variable(chunk);
        // Chunks that a worker still had take no time, and say nothing about the next.
        let known = self.costs.get(&variable).unwrap_or_default();
        self.costs.insert(variable, took.max(known.mul_f64(0.9)));
    }

    /// How long a gateway may take for a chunk that others wait for; none where each makes it for itself.
    pub(super) fn lock_lasts(&self, chunk: &EvaluatedChunk) -> Option<Duration> {
        let cost = self.costs.get(&key::variable(chunk)).filter(|cost| *cost >= EXPENSIVE)?;
        Some((cost * 4).clamp(LOCK_LASTS.0, LOCK_LASTS.1))
    }
}

#[cfg(test)]
mod tests {
    use engine::ports::Form;
    use model::{DatasetId, NodePath, Version};

    use super::*;

    #[test]
    fn the_second_request_or_a_long_one_is_admitted() {
        let admission = Admission::new();
        assert!(!admission.admits(&"a".into(), Duration::ZERO));
        assert!(admission.admits(&"a".into(), Duration::ZERO));
        assert!(admission.admits(&"b".into(), LONG));
    }

    #[test]
    fn a_variable_is_expensive_once_it_was_and_for_a_while() {
        let chunk = EvaluatedChunk {
            id: DatasetId::parse("a").unwrap(),
            version: Version(1),
            variable: NodePath::parse("v").unwrap(),
            number: 0,
            form: Form::Decoded,
        };
        let admission = Admission::new();
        assert_eq!(admission.lock_lasts(&chunk), None);
        admission.took(&chunk, Duration::from_secs(1));
        assert_eq!(admission.lock_lasts(&chunk), Some(Duration::from_secs(4)));
        (0..40).for_each(|_| admission.took(&chunk, Duration::from_millis(1)));
        assert_eq!(admission.lock_lasts(&chunk), None);
    }
}
