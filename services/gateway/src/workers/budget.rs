//! How often calls may be tried again: a part of all calls, so that retries and hedges never become the load that keeps
//! workers from recovering.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// What each call adds to the budget.
const PART: f64 = 0.1;
/// What each second adds, for pools with few calls.
const PER_SECOND: f64 = 10.0;
/// Most that is kept, and what is there at first: a worker that is lost takes all its calls with it at once.
const SAVED_MAX: f64 = 1000.0;
const SAVED_FIRST: f64 = 200.0;

/// The budget of a pool.
#[derive(Debug)]
pub(super) struct RetryBudget(Mutex<Saved>);

#[derive(Debug)]
struct Saved {
    tries: f64,
    at: Instant,
}

impl RetryBudget {
    /// With what is there at first.
    pub(super) fn new() -> Self {
        Self(Mutex::new(Saved { tries: SAVED_FIRST, at: Instant::now() }))
    }

    /// A call was made.
    pub(super) fn called(&self) {
        self.change(|saved| saved.tries = (saved.tries + PART).min(SAVED_MAX));
    }

    /// Whether a call that failed may be tried once more.
    pub(super) fn take(&self) -> bool {
        self.take_above(0.0)
    }

    /// Whether a call that is only late may be tried once more: a half of the budget is for those that failed.
    pub(super) fn take_for_hedge(&self) -> bool {
        self.take_above(SAVED_FIRST / 2.0)
    }

    fn take_above(&self, kept: f64) -> bool {
        self.change(|saved| {
            let has_one = saved.tries >= kept + 1.0;
            if has_one {
                saved.tries -= 1.0;
            }
            has_one
        })
    }

    /// How many more there are.
    pub(super) fn left(&self) -> f64 {
        self.change(|saved| saved.tries)
    }

    fn change<T>(&self, change: impl FnOnce(&mut Saved) -> T) -> T {
        let mut saved = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let added = now.duration_since(saved.at).as_secs_f64() * PER_SECOND;
        *saved = Saved { tries: (saved.tries + added).min(SAVED_MAX), at: now };
        change(&mut saved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_of_the_calls_may_be_tried_again() {
        let budget = RetryBudget::new();
        let first = (0..10_000).take_while(|_| budget.take()).count();
        assert!((200..300).contains(&first), "{first}");
        for _ in 0..1000 {
            budget.called();
        }
        let then = (0..10_000).take_while(|_| budget.take()).count();
        assert!((99..150).contains(&then), "{then}");
        assert!(!budget.take_for_hedge(), "there is little left");
        (0..20_000).for_each(|_| budget.called());
        assert!(budget.take_for_hedge());
        assert!(budget.left() <= SAVED_MAX);
    }
}
