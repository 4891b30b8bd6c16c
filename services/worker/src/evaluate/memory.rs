//! Memory to make chunks in: who has some, who waits for it and in which order, and who is refused because too much waits.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use model::{Error, ErrorKind, Result};
use tokio::sync::oneshot;

use crate::settings::EvaluateSettings;

/// Over which time the pace is taken: what is longer ago counts less, seconds.
const PACE_SECONDS: f64 = 30.0;
/// Shortest time of work that tells a pace, in seconds.
const PACED_SECONDS: f64 = 0.5;
/// When to come again where no pace is known, in seconds.
const RETRY_SECONDS: f64 = 5.0;
/// Latest time to come again, in seconds.
const RETRY_SECONDS_MAX: f64 = 600.0;

/// A budget of bytes. What waits is served by size and age: each counts as come when all before it, and as much again as it
/// needs itself, have been served. So small ones overtake large ones, and large ones are not overtaken for ever.
pub(super) struct Memory {
    bytes: u64,
    queue_bytes_max: u64,
    queue_seconds_max: f64,
    state: Mutex<State>,
}

struct State {
    free: u64,
    queue: BTreeMap<(u64, u64), Waiting>,
    /// Bytes of all places in the queue, also of those that wait for something else first.
    queued_bytes: u64,
    entered: u64,
    /// Bytes that were served up to now.
    served: u64,
    pace: Pace,
}

struct Waiting {
    bytes: u64,
    admitted: oneshot::Sender<Admitted>,
}

/// Memory that a chunk under way may use; given back when dropped.
pub(super) struct Admitted {
    memory: Arc<Memory>,
    bytes: u64,
    since: Instant,
}

/// A place in the queue; left when dropped.
pub(super) struct Place {
    memory: Arc<Memory>,
    bytes: u64,
    at: Option<(u64, u64)>,
}

/// How much memory was given back lately, in time in which some was in use.
struct Pace {
    bytes: f64,
    seconds: f64,
    since: Instant,
}

impl Memory {
    pub(super) fn new(settings: &EvaluateSettings) -> Arc<Self> {
        let bytes = settings.memory_bytes_max.max(1);
        let state = State {
            free: bytes,
            queue: BTreeMap::new(),
            queued_bytes: 0,
            entered: 0,
            served: 0,
            pace: Pace { bytes: 0.0, seconds: 0.0, since: Instant::now() },
        };
        Arc::new(Self {
            bytes,
            queue_bytes_max: settings.queue_bytes_max,
            queue_seconds_max: f64::from(settings.queue_seconds_max),
            state: Mutex::new(state),
        })
    }

    /// Queues for so many bytes; for all there are where it needs more. `Overloaded` where too much waits already.
    pub(super) fn enter(self: &Arc<Self>, bytes: u64) -> Result<Place> {
        let bytes = bytes.clamp(1, self.bytes);
        let mut state = self.state();
        if state.queued_bytes > 0 {
            let seconds = state.pace.seconds_for(state.queued_bytes);
            let is_long = seconds.is_some_and(|seconds| seconds > self.queue_seconds_max);
            if is_long || state.queued_bytes.saturating_add(bytes) > self.queue_bytes_max {
                telemetry::metrics().chunks_refused_total.inc();
                return Err(overloaded(seconds.unwrap_or(RETRY_SECONDS)));
            }
        }
        state.queued_bytes += bytes;
        telemetry::metrics().chunks_waiting.inc();
        Ok(Place { memory: Arc::clone(self), bytes, at: None })
    }

    /// How much there is.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves those in the queue for whom there is memory.
    fn serve(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        let mut served = Vec::new();
        while let Some((at, bytes)) = state.queue.first_key_value().map(|(at, waiting)| (*at, waiting.bytes))
            && bytes <= state.free
        {
            if state.free == self.bytes {
                state.pace.since = Instant::now();
            }
            state.free -= bytes;
            state.served += bytes;
            if let Some(waiting) = state.queue.remove(&at) {
                served.push((
                    waiting.admitted,
                    Admitted { memory: Arc::clone(self), bytes, since: Instant::now() },
                ));
            }
        }
        // Whoever has left gives it back at once, for which the lock is needed.
        drop(state);
        for (waiting, admitted) in served {
            let _left = waiting.send(admitted);
        }
    }
}

impl Place {
    /// Waits for the memory.
    pub(super) async fn admitted(mut self) -> Result<Admitted> {
        self.wait().await.map_err(Error::internal)
    }

    fn wait(&mut self) -> oneshot::Receiver<Admitted> {
        let (sender, admitted) = oneshot::channel();
        let mut state = self.memory.state();
        state.entered += 1;
        let at = (state.served.saturating_add(self.bytes), state.entered);
        state.queue.insert(at, Waiting { bytes: self.bytes, admitted: sender });
        self.at = Some(at);
        self.memory.serve(state);
        admitted
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.memory.state();
        state.queued_bytes -= self.bytes;
        telemetry::metrics().chunks_waiting.dec();
        if let Some(at) = self.at
            && state.queue.remove(&at).is_some()
        {
            // It may have been in the way of others.
            self.memory.serve(state);
        }
    }
}

impl Admitted {
    /// Gives back what is more than so many bytes.
    pub(super) fn shrink(&mut self, bytes: u64) {
        let bytes = bytes.clamp(1, self.bytes);
        let given = self.bytes - bytes;
        self.bytes = bytes;
        self.give_back(given);
    }

    /// Whether it is of this budget.
    pub(super) fn is_of(&self, memory: &Arc<Memory>) -> bool {
        Arc::ptr_eq(&self.memory, memory)
    }

    /// How long ago it was admitted.
    pub(super) fn age(&self) -> Duration {
        self.since.elapsed()
    }

    fn give_back(&self, bytes: u64) {
        let mut state = self.memory.state();
        state.free += bytes;
        state.pace.note(bytes);
        self.memory.serve(state);
    }
}

impl std::fmt::Debug for Admitted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Admitted").field(&self.bytes).finish()
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.give_back(self.bytes);
    }
}

impl Pace {
    fn note(&mut self, bytes: u64) {
        let seconds = self.since.elapsed().as_secs_f64();
        let kept = (-seconds / PACE_SECONDS).exp();
        self.bytes = self.bytes * kept + bytes as f64;
        self.seconds = self.seconds * kept + seconds;
        self.since = Instant::now();
    }

    /// How long serving so many bytes takes, in seconds, if that can be told.
    fn seconds_for(&self, bytes: u64) -> Option<f64> {
        let is_known = self.seconds >= PACED_SECONDS && self.bytes > 0.0;
        is_known.then(|| bytes as f64 * self.seconds / self.bytes)
    }
}

fn overloaded(seconds: f64) -> Error {
    let seconds = seconds.ceil().clamp(1.0, RETRY_SECONDS_MAX) as u32;
    let message = "too many chunks wait to be made";
    Error::new(ErrorKind::Overloaded, message).with_retry_after(seconds)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn memory(bytes: u64, queue_bytes: u64) -> Arc<Memory> {
        Memory::new(&EvaluateSettings {
            memory_bytes_max: bytes,
            queue_bytes_max: queue_bytes,
            ..EvaluateSettings::default()
        })
    }

    async fn admitted(memory: &Arc<Memory>, bytes: u64) -> Admitted {
        memory.enter(bytes).unwrap().admitted().await.unwrap()
    }

    #[tokio::test]
    async fn small_ones_go_before_large_ones_but_not_for_ever() {
        let memory = memory(100, 1 << 20);
        let mut held = Some(admitted(&memory, 100).await);
        let mut large = Box::pin(admitted(&memory, 90));
        assert!(large.as_mut().now_or_never().is_none());
        let mut overtaken = 0;
        loop {
            let mut small = Box::pin(admitted(&memory, 60));
            assert!(small.as_mut().now_or_never().is_none());
            drop(held.take());
            if let Some(all) = large.as_mut().now_or_never() {
                assert!(small.as_mut().now_or_never().is_none());
                drop(all);
                small.await;
                break;
            }
            let small = small.await;
            assert!(large.as_mut().now_or_never().is_none(), "there is no room for both");
            held = Some(small);
            overtaken += 1;
        }
        assert_eq!(overtaken, 1);
        let state = memory.state();
        assert_eq!((state.free, state.queued_bytes, state.queue.len()), (100, 0, 0));
    }

    #[tokio::test]
    async fn too_long_a_queue_is_refused_by_bytes_and_by_the_time_that_it_takes() {
        let memory = memory(100, 150);
        let held = admitted(&memory, 1000).await;
        let first = memory.enter(100).unwrap();
        let refused = memory.enter(51).err().unwrap();
        assert_eq!((refused.kind, refused.retry_after_seconds), (ErrorKind::Overloaded, Some(5)));
        let second = memory.enter(50).unwrap();
        drop(first);
        assert!(memory.enter(51).is_ok());
        memory.state().pace = Pace { bytes: 10.0, seconds: 16.0, since: Instant::now() };
        // Fifty bytes wait, for eighty seconds.
        let refused = memory.enter(1).err().unwrap();
        assert_eq!(refused.retry_after_seconds, Some(80));
        memory.state().pace.seconds = 1.0;
        assert!(memory.enter(1).is_ok());
        drop(second);
        memory.state().pace.seconds = 1000.0;
        assert!(memory.enter(100).is_ok(), "nothing waits");
        drop(held);
    }

    #[tokio::test]
    async fn those_who_leave_give_back_what_they_had_and_what_they_waited_for() {
        let memory = memory(100, 1000);
        let mut held = admitted(&memory, 100).await;
        let mut waiting = Box::pin(admitted(&memory, 60));
        assert!(waiting.as_mut().now_or_never().is_none());
        let mut behind = Box::pin(admitted(&memory, 70));
        assert!(behind.as_mut().now_or_never().is_none());
        held.shrink(30);
        // Admitted, and never looked.
        drop(waiting);
        assert_eq!(behind.await.bytes, 70);
        drop(held);
        let state = memory.state();
        assert_eq!((state.free, state.queued_bytes), (100, 0));
    }
}
