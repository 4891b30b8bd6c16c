//! What is admitted at once, and who is refused because too much waits.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use model::{Error, ErrorKind, Result};
use tokio::sync::oneshot;

use crate::Flow;
use crate::pace::Pace;
use crate::queue::{At, Queue, Waiting};

/// How many times what it leaves free a flow may hold: three quarters of all where it is alone, three sevenths where there
/// are two. So something is always left for who comes next, however many take their answers slowly (dynamic thresholds:
/// Choudhury, Hahne 1998).
const HOLD_OF_FREE: u64 = 3;
/// When to come again where no pace is known, in seconds.
const RETRY_SECONDS: f64 = 5.0;

/// How much there is, and who may wait for it.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// How much is admitted at once.
    pub amount: u64,
    /// Most requests that wait.
    pub queue_max: usize,
    /// Most that all those who wait may ask for.
    pub queue_amount_max: u64,
    /// Longest time for which one is thought to wait, as far as the pace is known; beyond, it is refused at once.
    pub expected_max: Duration,
    /// Longest time that one waits.
    pub wait_max: Duration,
    /// Latest time to come again that is told.
    pub retry_max: Duration,
    /// Whether a flow that is alone leaves something for the next one: where what it holds may be held for long.
    pub leaves_some: bool,
}

impl Bounds {
    /// So much, and anyone may wait for it.
    pub fn of(amount: u64) -> Self {
        Self {
            amount,
            queue_max: usize::MAX,
            queue_amount_max: u64::MAX,
            expected_max: Duration::MAX,
            wait_max: Duration::MAX,
            retry_max: Duration::from_mins(1),
            leaves_some: true,
        }
    }
}

/// What is admitted at once, and who waits.
#[derive(Debug, Clone)]
pub struct Admission {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    bounds: Bounds,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    held: u64,
    /// Asked for by all places, also those that wait for something else first.
    queued: u64,
    queue: Queue<oneshot::Sender<Admitted>>,
    pace: Pace,
    /// The request for which there is no room and that is waited for, and its number among those that were.
    awaited: Option<At>,
    epoch: u64,
    /// What those hold that went past it.
    passed: u64,
}

/// A place in the queue; left when it is dropped.
#[derive(Debug)]
pub struct Place {
    shared: Arc<Shared>,
    flow: Flow,
    amount: u64,
    cost: u64,
    at: Option<At>,
    is_admitted: bool,
}

/// What a request was admitted with; others are admitted when it is dropped.
#[derive(Debug)]
pub struct Admitted {
    shared: Arc<Shared>,
    flow: Flow,
    amount: u64,
    since: Instant,
    /// Past which request that was waited for it went.
    epoch: Option<u64>,
}

/// A request that is to be admitted next.
struct Next {
    at: At,
    amount: u64,
    goes_past: bool,
}

impl Admission {
    /// Nothing admitted yet.
    pub fn new(bounds: Bounds) -> Self {
        let bounds = Bounds { amount: bounds.amount.max(1), ..bounds };
        let (queue, pace) = (Queue::new(), Pace::new());
        let state = State { held: 0, queued: 0, queue, pace, awaited: None, epoch: 0, passed: 0 };
        Self { shared: Arc::new(Shared { bounds, state: Mutex::new(state) }) }
    }

    /// Admits a request for so much at a cost, in any unit, once it is its turn. One that asks for more than there is has
    /// all. `Overloaded` where too much waits, or it waits for too long.
    pub async fn admit(&self, flow: Flow, amount: u64, cost: u64) -> Result<Admitted> {
        self.enter(flow, amount, cost)?.admitted().await
    }

    /// A place for such a request, which may wait for something else first.
    pub fn enter(&self, flow: Flow, amount: u64, cost: u64) -> Result<Place> {
        let amount = amount.clamp(1, self.shared.bounds.amount);
        let mut state = self.shared.lock();
        if state.queued > 0 {
            self.shared.check_queue(&state, flow, amount)?;
        }
        state.queued += amount;
        state.queue.begin(flow, amount);
        drop(state);
        Ok(Place { shared: Arc::clone(&self.shared), flow, amount, cost, at: None, is_admitted: false })
    }

    /// How much is admitted at once.
    pub fn amount(&self) -> u64 {
        self.shared.bounds.amount
    }

    /// The most that a flow holds while no other does.
    pub fn share(&self) -> u64 {
        (self.amount() / (HOLD_OF_FREE + 1)).saturating_mul(HOLD_OF_FREE).max(1)
    }

    /// Requests that wait.
    pub fn waiting(&self) -> usize {
        self.shared.lock().queue.waiting()
    }

    /// What requests hold.
    pub fn held(&self) -> u64 {
        self.shared.lock().held
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether what a flow holds leaves enough for others. It may always have one request's.
    fn is_within_share(&self, all_held: u64, held: u64, amount: u64) -> bool {
        let free = self.bounds.amount.saturating_sub(all_held).saturating_sub(amount);
        !self.bounds.leaves_some
            || held == 0
            || held.saturating_add(amount) <= free.saturating_mul(HOLD_OF_FREE)
    }

    /// Refuses where too much waits already, or a flow has its part of the queue.
    fn check_queue(&self, state: &State, flow: Flow, amount: u64) -> Result<()> {
        let bounds = &self.bounds;
        let has_room =
            self.fits(state.held, amount) && self.is_within_share(state.held, state.queue.held(flow), amount);
        if has_room && state.queue.waiting_of(flow) == 0 {
            return Ok(());
        }
        let seconds = state.seconds_until(flow, amount);
        let (waiting, own) = (state.queue.waiting(), state.queue.waiting_of(flow));
        let left = bounds.queue_max.saturating_sub(waiting);
        let is_full = left == 0 || own > 0 && own >= left.saturating_mul(HOLD_OF_FREE as usize);
        let left = bounds.queue_amount_max.saturating_sub(state.queued).checked_sub(amount);
        let own = state.queue.queued(flow);
        let is_much = left.is_none_or(|left| own > 0 && own + amount > left.saturating_mul(HOLD_OF_FREE));
        let is_long = seconds.is_some_and(|seconds| seconds > bounds.expected_max.as_secs_f64());
        if is_full || is_much || is_long {
            return Err(self.overloaded("too many requests wait", seconds));
        }
        Ok(())
    }

    fn overloaded(&self, why: &str, seconds: Option<f64>) -> Error {
        let most = self.bounds.retry_max.as_secs_f64().max(1.0);
        let seconds = seconds.unwrap_or(RETRY_SECONDS).ceil().clamp(1.0, most) as u32;
        let message = format!("the server is busy: {why}; try again in {seconds} seconds");
        Error::new(ErrorKind::Overloaded, message).with_retry_after(seconds)
    }

    fn fits(&self, held: u64, amount: u64) -> bool {
        held.saturating_add(amount) <= self.bounds.amount
    }

    /// Who is next. The first that finds no room is waited for, or it would never find any; not so one whose flow holds its
    /// share. Meanwhile others go past it, as long as they leave room for it: else whoever does not take what he has would
    /// keep all waiting.
    fn next(&self, state: &mut State) -> Option<Next> {
        let held = state.held;
        let may = |own, amount| self.is_within_share(held, own, amount);
        let (at, amount) = state.queue.first(may)?;
        if self.fits(held, amount) {
            return Some(Next { at, amount, goes_past: false });
        }
        if state.awaited != Some(at) {
            state.awaited = Some(at);
            state.epoch += 1;
            state.passed = 0;
        }
        let room = self.bounds.amount - amount - state.passed.min(self.bounds.amount - amount);
        let may = |own, amount| may(own, amount) && self.fits(held, amount) && amount <= room;
        state.queue.first(may).map(|(at, amount)| Next { at, amount, goes_past: true })
    }

    /// Admits those whose turn it is.
    fn serve(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        let mut admitted = Vec::new();
        while let Some(Next { at, amount, goes_past }) = self.next(&mut state) {
            let Some(waiting) = state.queue.leave(at) else { break };
            if state.held == 0 {
                state.pace.begin();
            }
            let epoch = goes_past.then_some(state.epoch);
            state.passed += if goes_past { amount } else { 0 };
            state.held += amount;
            state.queued -= amount;
            state.queue.admitted(at.flow, amount, waiting.cost);
            let shared = Arc::clone(self);
            let given = Admitted { shared, flow: at.flow, amount, since: Instant::now(), epoch };
            admitted.push((waiting.of, given));
        }
        // Who is gone gives it back at once, for which the lock is needed.
        drop(state);
        for (waiting, admitted) in admitted {
            let _gone = waiting.send(admitted);
        }
    }
}

impl State {
    /// For how long a request waits, in seconds, if that can be told: behind those of its flow, and beside others.
    fn seconds_until(&self, flow: Flow, amount: u64) -> Option<f64> {
        let (own, all) = self.queue.awaited(flow);
        let ahead = own.saturating_add(amount).saturating_mul(self.queue.sharers(flow)).min(all);
        self.pace.seconds_for(ahead)
    }
}

impl Place {
    /// Waits for what was asked for; an error where that takes too long.
    pub async fn admitted(mut self) -> Result<Admitted> {
        let mut admitted = self.wait();
        // Most are at once.
        let admitted = match admitted.try_recv() {
            Ok(admitted) => Ok(Ok(admitted)),
            Err(_) => tokio::time::timeout(self.shared.bounds.wait_max, admitted).await,
        };
        let Ok(admitted) = admitted else {
            let seconds = self.shared.lock().seconds_until(self.flow, self.amount);
            return Err(self.shared.overloaded("it was not this request's turn in time", seconds));
        };
        self.is_admitted = true;
        admitted.map_err(Error::internal)
    }

    fn wait(&mut self) -> oneshot::Receiver<Admitted> {
        let (sender, admitted) = oneshot::channel();
        let mut state = self.shared.lock();
        let waiting = Waiting { amount: self.amount, cost: self.cost.max(1), of: sender };
        self.at = Some(state.queue.enter(self.flow, waiting));
        self.shared.serve(state);
        admitted
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        let is_left = match self.at {
            _ if self.is_admitted => return,
            None => true,
            // Else it was admitted and never looked: what it has been given gives itself back.
            Some(at) => state.queue.leave(at).is_some(),
        };
        if is_left {
            state.queued -= self.amount;
            state.queue.end(self.flow, self.amount);
            // It may have been what others waited behind.
            self.shared.serve(state);
        }
    }
}

impl Admitted {
    /// Says what it cost indeed, where another cost was thought.
    pub fn costs(&self, thought: u64, indeed: u64) {
        self.shared.lock().queue.costs(self.flow, thought, indeed);
    }

    /// Gives back what is more than so much.
    pub fn keep(&mut self, amount: u64) {
        let more = self.amount.saturating_sub(amount);
        if more > 0 {
            self.amount -= more;
            self.give_back(more, false);
        }
    }

    /// Whether it is of this admission.
    pub fn is_of(&self, admission: &Admission) -> bool {
        Arc::ptr_eq(&self.shared, &admission.shared)
    }

    /// How long ago it was admitted.
    pub fn age(&self) -> Duration {
        self.since.elapsed()
    }

    fn give_back(&self, amount: u64, is_all: bool) {
        let mut state = self.shared.lock();
        state.held -= amount;
        if self.epoch == Some(state.epoch) {
            state.passed -= amount;
        }
        state.pace.note(amount);
        state.queue.give_back(self.flow, amount);
        if is_all {
            state.queue.end(self.flow, 0);
        }
        self.shared.serve(state);
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.give_back(self.amount, true);
    }
}

#[cfg(test)]
mod tests;
