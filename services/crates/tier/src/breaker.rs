//! The breaker: whoever is late or fails a few times in a row is left alone until it is fast again.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Failures in a row after which nobody asks any more.
const FAILURES_MAX: u32 = 3;
/// Fast answers in a row after which everybody asks again.
const FAST_ANSWERS: u32 = 3;

/// Whether to ask.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    failures: AtomicU32,
    fast_answers: AtomicU32,
    is_open: AtomicBool,
}

impl Breaker {
    /// Whether nobody is to ask.
    pub(crate) fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Relaxed)
    }

    /// An answer came in time.
    pub(crate) fn succeeded(&self) {
        self.failures.store(0, Ordering::Relaxed);
    }

    /// No answer came in time. Whether this opened the breaker: then the caller probes until it is closed.
    #[must_use]
    pub(crate) fn failed(&self) -> bool {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        failures >= FAILURES_MAX && !self.is_open.swap(true, Ordering::Relaxed)
    }

    /// How a probe of an open breaker went. Whether this closed it: then everybody asks again.
    #[must_use]
    pub(crate) fn probed(&self, was_fast: bool) -> bool {
        if !was_fast {
            self.fast_answers.store(0, Ordering::Relaxed);
            return false;
        }
        if self.fast_answers.fetch_add(1, Ordering::Relaxed).saturating_add(1) < FAST_ANSWERS {
            return false;
        }
        self.fast_answers.store(0, Ordering::Relaxed);
        self.failures.store(0, Ordering::Relaxed);
        self.is_open.store(false, Ordering::Relaxed);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_failures_in_a_row_open_it_once() {
        let breaker = Breaker::default();
        assert!(!breaker.failed() && !breaker.failed());
        breaker.succeeded();
        assert!(!breaker.failed() && !breaker.failed() && !breaker.is_open());
        assert!(breaker.failed() && breaker.is_open());
        assert!(!breaker.failed(), "whoever comes late starts no second probe");
    }

    #[test]
    fn it_closes_after_fast_answers_in_a_row() {
        let breaker = Breaker::default();
        while !breaker.failed() {}
        let closed = [true, true, false, true, true].map(|was_fast| breaker.probed(was_fast));
        assert_eq!((closed, breaker.is_open()), ([false; 5], true));
        assert!(breaker.probed(true) && !breaker.is_open());
        assert!(!breaker.failed(), "failures count anew");
    }
}
