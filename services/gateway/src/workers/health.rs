//! Whether a worker can be reached, and when to try again.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Doubles the pause after each failure in a row; short at most, because asking costs little.
#[derive(Debug, Default)]
pub(super) struct Health {
    down: Mutex<Option<Down>>,
}

#[derive(Debug, Clone, Copy)]
struct Down {
    until: Instant,
    pause: Duration,
    /// Asked again and again by somebody until it answers.
    is_silent: bool,
}

impl Health {
    /// Whether it failed so recently that it is not worth asking.
    pub(super) fn is_down(&self) -> bool {
        self.get().is_some_and(|down| down.is_silent || Instant::now() < down.until)
    }

    /// It answered.
    pub(super) fn succeeded(&self) {
        *self.down.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// It could not be reached, or the connection broke.
    pub(super) fn failed(&self) {
        let mut down = self.down.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let pause = match *down {
            // Several connections that break at once are one failure.
            Some(down) if down.is_silent || now < down.until => return,
            Some(down) => (down.pause * 2).min(PAUSE_MAX),
            None => PAUSE_MIN,
        };
        *down = Some(Down { until: now + pause, pause, is_silent: false });
    }

    /// It is silent: down until it says something. Returns whether that is new, so that nobody asks it already.
    pub(super) fn fell_silent(&self) -> bool {
        let mut down = self.down.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = down.is_none_or(|down| !down.is_silent);
        *down = Some(Down { until: Instant::now(), pause: PAUSE_MAX, is_silent: true });
        is_new
    }

    fn get(&self) -> Option<Down> {
        *self.down.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_that_failed_is_down_for_a_short_time_that_doubles() {
        let health = Health::default();
        assert!(!health.is_down());
        health.failed();
        health.failed();
        assert!(health.is_down());
        assert_eq!(health.get().unwrap().pause, PAUSE_MIN);
        std::thread::sleep(PAUSE_MIN);
        assert!(!health.is_down());
        health.failed();
        assert_eq!(health.get().unwrap().pause, PAUSE_MIN * 2);
        health.succeeded();
        assert!(!health.is_down());
    }

    #[test]
    fn a_silent_worker_is_down_until_it_answers() {
        let health = Health::default();
        assert!(health.fell_silent());
        assert!(!health.fell_silent(), "somebody asks it already");
        health.failed();
        std::thread::sleep(PAUSE_MIN * 2);
        assert!(health.is_down());
        health.succeeded();
        assert!(!health.is_down() && health.fell_silent());
    }
}
