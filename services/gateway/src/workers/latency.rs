//! How long reads take, to know which are late.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// A read is late after so many times as long as nineteen of twenty reads take.
const LATE_FACTOR: u32 = 3;
/// And never before.
const LATE_MIN: Duration = Duration::from_millis(30);
/// Nor after.
const LATE_MAX: Duration = Duration::from_secs(2);
/// What is taken for it before anything was measured.
const FIRST: Duration = Duration::from_millis(100);
/// By which part of itself the estimate moves with each read.
const STEP: u64 = 16;

/// The time within which nineteen of twenty reads answer, estimated in one number: each slower read raises it nineteen
/// times as much as each faster one lowers it ([Ma, Muthukrishnan, Sandler 2013](https://arxiv.org/abs/1407.1121)).
#[derive(Debug)]
pub(super) struct Latency(AtomicU64);

impl Latency {
    /// Nothing measured.
    pub(super) fn new() -> Self {
        Self(AtomicU64::new(FIRST.as_nanos() as u64))
    }

    /// A read took so long. Measurements that come at the same time may count as one.
    pub(super) fn observe(&self, took: Duration) {
        let (now, took) = (self.0.load(Relaxed), took.as_nanos().min(u128::from(u64::MAX)) as u64);
        let step = (now / STEP).max(1_000);
        let next = if took > now { now.saturating_add(step) } else { now.saturating_sub(step / 19) };
        self.0.store(next.max(1_000), Relaxed);
    }

    /// After how long a read is late.
    pub(super) fn late(&self) -> Duration {
        (Duration::from_nanos(self.0.load(Relaxed)) * LATE_FACTOR).clamp(LATE_MIN, LATE_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_are_late_after_a_multiple_of_what_nearly_all_take() {
        let latency = Latency::new();
        assert_eq!(latency.late(), FIRST * LATE_FACTOR);
        // 1 to 100 ms, evenly: 95 % are within 95 ms.
        for round in 0..200 {
            (1..=100).for_each(|at| latency.observe(Duration::from_millis((at * 37 + round) % 100 + 1)));
        }
        let late = latency.late() / LATE_FACTOR;
        assert!((70..130).contains(&late.as_millis()), "{late:?}");
        (0..100_000).for_each(|_| latency.observe(Duration::from_micros(100)));
        assert_eq!(latency.late(), LATE_MIN);
    }
}
