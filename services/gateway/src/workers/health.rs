//! Whether a worker is to be asked: a circuit breaker. One that cannot be reached, says nothing, or fails several times
//! in a row is left alone until it answers a check again; nobody's request is the check.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use engine::pools::MemberHealth;
use tokio::sync::Notify;

/// So many failures in a row, each for a reason of the worker's own, and it is left alone.
const FAILURES_MAX: u32 = 5;
/// For how long it is left alone then, at first and at most.
const HOLD_MIN: Duration = Duration::from_secs(1);
const HOLD_MAX: Duration = Duration::from_secs(10);
/// From one check to the next.
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_millis(500);

/// What is known of a worker.
#[derive(Debug)]
pub(super) struct Health {
    state: Mutex<State>,
    /// Told when it goes down, to have it checked.
    fell: Notify,
    /// Told when it says nothing, for those who wait for its answers.
    silent: Notify,
    /// Told when it comes up, for those who wait for any worker of the pool.
    rose: Arc<Notify>,
}

#[derive(Debug, Clone, Copy)]
struct State {
    health: MemberHealth,
    is_unreachable: bool,
    /// Whether it is of another catalog than ours.
    is_foreign: bool,
    failures: u32,
    hold: Duration,
}

impl Health {
    /// Nothing known. `rose` is told whenever it begins to answer.
    pub(super) fn new(rose: Arc<Notify>) -> Self {
        let state = State {
            health: MemberHealth::New,
            is_unreachable: false,
            is_foreign: false,
            failures: 0,
            hold: Duration::ZERO,
        };
        Self { state: Mutex::new(state), fell: Notify::new(), silent: Notify::new(), rose }
    }

    /// Whether it answers.
    pub(super) fn is_up(&self) -> bool {
        self.lock().health == MemberHealth::Up
    }

    /// Whether it is left alone.
    pub(super) fn is_down(&self) -> bool {
        self.lock().health == MemberHealth::Down
    }

    /// Whether connecting to it failed, and no check has succeeded since.
    pub(super) fn is_unreachable(&self) -> bool {
        self.lock().is_unreachable
    }

    /// How it stands.
    pub(super) fn now(&self) -> MemberHealth {
        self.lock().health
    }

    /// It answered, if only that something cannot be done.
    pub(super) fn succeeded(&self) {
        let mut state = self.lock();
        let was_up = state.health == MemberHealth::Up;
        // It may be an answer from before it fell: what is down comes back by a check alone, which is soon made.
        if state.health == MemberHealth::Down {
            return;
        }
        let hold = if was_up && state.failures == 0 { Duration::ZERO } else { state.hold };
        *state =
            State { health: MemberHealth::Up, is_unreachable: false, is_foreign: false, failures: 0, hold };
        drop(state);
        if !was_up {
            self.rose.notify_waiters();
        }
    }

    /// It could not be reached, or the connection broke.
    pub(super) fn failed(&self) {
        let mut state = self.lock();
        state.health = MemberHealth::Down;
        state.is_unreachable = true;
        drop(state);
        self.fell.notify_one();
    }

    /// It is of another catalog: as good as not there, until a check finds it to be of ours. Returns whether that is new.
    pub(super) fn refused(&self) -> bool {
        let was_foreign = std::mem::replace(&mut self.lock().is_foreign, true);
        self.failed();
        !was_foreign
    }

    /// Whether it was of another catalog when last asked.
    pub(super) fn is_of_another_catalog(&self) -> bool {
        self.lock().is_foreign
    }

    /// It says nothing, though it was asked whether it is there: nobody waits for it any longer.
    pub(super) fn fell_silent(&self) {
        if !self.is_unreachable() {
            self.failed();
            self.silent.notify_waiters();
        }
    }

    /// Waits until somebody finds that it says nothing.
    pub(super) async fn silence(&self) {
        self.silent.notified().await;
    }

    /// It answered with a failure of its own, or not in time. Returns whether it is left alone from now on.
    pub(super) fn misbehaved(&self) -> bool {
        let mut state = self.lock();
        state.failures += 1;
        if state.failures < FAILURES_MAX || state.health != MemberHealth::Up {
            return false;
        }
        state.health = MemberHealth::Down;
        state.hold = (state.hold * 2).clamp(HOLD_MIN, HOLD_MAX);
        drop(state);
        self.fell.notify_one();
        true
    }

    /// A check succeeded: it is asked again, and one more failure of those that count is enough.
    fn passed(&self) {
        let mut state = self.lock();
        let was_held = !state.is_unreachable && state.health == MemberHealth::Down;
        let failures = if was_held { FAILURES_MAX - 1 } else { 0 };
        let hold = state.hold;
        *state = State { health: MemberHealth::Up, is_unreachable: false, is_foreign: false, failures, hold };
        drop(state);
        self.rose.notify_waiters();
    }

    /// Has a worker checked at first, and whenever it is down, until a check succeeds. Never ends.
    pub(super) async fn supervise<F>(&self, url: &str, check: impl Fn() -> F)
    where
        F: Future<Output = bool> + Send,
    {
        loop {
            let (mut pause, first) = (PAUSE_MIN, self.lock().hold);
            tokio::time::sleep(first).await;
            while !self.is_up() {
                if check().await {
                    self.passed();
                    tracing::info!(worker = url, "a worker answers");
                    break;
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(PAUSE_MAX);
            }
            self.fell.notified().await;
            if !self.is_up() {
                tracing::warn!(worker = url, "a worker is left alone until it answers");
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

    use super::*;

    fn up() -> Health {
        let health = Health::new(Arc::default());
        assert_eq!(health.now(), MemberHealth::New);
        health.succeeded();
        health
    }

    #[test]
    fn a_worker_that_cannot_be_reached_is_down_until_it_answers() {
        let health = up();
        health.failed();
        assert!(!health.is_up() && health.is_unreachable());
        health.succeeded();
        assert!(!health.is_up(), "an answer that was on its way");
        health.passed();
        assert!(health.is_up() && !health.is_unreachable());
    }

    #[tokio::test]
    async fn who_waits_for_a_worker_that_falls_silent_is_told() {
        let health = Arc::new(up());
        let waiting = tokio::spawn({
            let health = Arc::clone(&health);
            async move { health.silence().await }
        });
        tokio::time::sleep(Duration::from_millis(20)).await;
        health.fell_silent();
        tokio::time::timeout(Duration::from_secs(30), waiting).await.unwrap().unwrap();
        assert!(!health.is_up());
    }

    #[test]
    fn one_that_fails_five_times_in_a_row_is_left_alone_until_a_check_succeeds() {
        let health = up();
        for _ in 0..4 {
            assert!(!health.misbehaved());
        }
        health.succeeded();
        assert!((0..5).map(|_| health.misbehaved()).eq([false, false, false, false, true]));
        health.succeeded();
        assert!(!health.is_up(), "an answer that was under way does not count");
        health.passed();
        assert!(health.is_up());
        assert!(health.misbehaved(), "it is on probation");
    }

    #[tokio::test]
    async fn a_worker_is_checked_while_it_is_down_and_only_then() {
        let health = Arc::new(Health::new(Arc::default()));
        let answers = Arc::new(AtomicBool::new(true));
        let task = tokio::spawn({
            let (health, answers) = (Arc::clone(&health), Arc::clone(&answers));
            async move { health.supervise("w", || std::future::ready(answers.load(SeqCst))).await }
        });
        let comes_up = async || {
            let rose = async {
                while !health.is_up() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(30), rose).await.unwrap();
        };
        // A new one is asked at once.
        comes_up().await;
        answers.store(false, SeqCst);
        health.failed();
        tokio::time::sleep(PAUSE_MIN * 4).await;
        assert!(!health.is_up());
        answers.store(true, SeqCst);
        comes_up().await;
        task.abort();
    }
}
