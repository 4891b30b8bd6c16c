//! Who of those that move bulk is next: start-time fair queueing over the bytes that each client was sent, so that a
//! client with a hundred connections gets no more than one with a few.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// What a turn costs beside its bytes.
const TURN_COST: u64 = 4 << 10;
/// What a turn is expected to send, in bytes, where several of a client wait.
const EXPECTED_BYTES: u64 = 512 << 10;
/// Clients whose past is remembered.
const REMEMBERED_MAX: usize = 4096;

/// The turns of a process.
#[derive(Debug)]
pub(crate) struct Turns {
    at_once: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    taken: usize,
    /// Virtual time, in bytes: the start of the turn that was given last.
    now: u64,
    /// Up to which virtual time each client has been served.
    served: HashMap<u64, u64>,
    /// By virtual start, then order of arrival: clients and their tasks.
    waiting: BTreeMap<(u64, u64), (u64, Waker)>,
    /// How many tasks of each client wait.
    queued: HashMap<u64, u64>,
    next: u64,
}

/// One task's way to its turns. Leaves the queue, or its turn, when it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    turns: Arc<Turns>,
    client: u64,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Away,
    Waiting((u64, u64)),
    Taken,
}

impl Turns {
    pub(crate) fn new(at_once: usize) -> Arc<Self> {
        Arc::new(Self { at_once: at_once.max(1), state: Mutex::default() })
    }

    pub(crate) fn turn(self: &Arc<Self>, client: u64) -> Turn {
        Turn { turns: Arc::clone(self), client, stage: Stage::Away }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Gives a turn that came free to who is first.
    fn hand_on(&mut self) -> Option<Waker> {
        let Some(((start, _), (client, waker))) = self.waiting.pop_first() else {
            self.taken -= 1;
            return None;
        };
        self.leaves(client);
        self.now = self.now.max(start);
        Some(waker)
    }

    /// The virtual start of one more turn of a client: behind those of its that wait already.
    fn start(&mut self, client: u64) -> u64 {
        let queued = self.queued.entry(client).or_default();
        let behind = *queued * EXPECTED_BYTES;
        *queued += 1;
        self.now.max(self.served.get(&client).copied().unwrap_or(0)) + behind
    }

    fn leaves(&mut self, client: u64) {
        if let Some(queued) = self.queued.get_mut(&client) {
            *queued -= 1;
            if *queued == 0 {
                self.queued.remove(&client);
            }
        }
    }
}

impl Turn {
    /// Ready when it is this task's turn.
    pub(crate) fn poll(&mut self, context: &Context<'_>) -> Poll<()> {
        let mut state = self.turns.lock();
        match self.stage {
            Stage::Taken => return Poll::Ready(()),
            // Who is no longer in the queue was given the turn.
            Stage::Waiting(place) => match state.waiting.get_mut(&place) {
                Some((_, waker)) => {
                    waker.clone_from(context.waker());
                    return Poll::Pending;
                }
                None => self.stage = Stage::Taken,
            },
            Stage::Away if state.taken < self.turns.at_once => {
                // A client that was alone owes nothing to those who come later.
                state.now = state.now.max(state.served.get(&self.client).copied().unwrap_or(0));
                state.taken += 1;
                self.stage = Stage::Taken;
            }
            Stage::Away => {
                let place = (state.start(self.client), state.next);
                state.next += 1;
                state.waiting.insert(place, (self.client, context.waker().clone()));
                self.stage = Stage::Waiting(place);
                return Poll::Pending;
            }
        }
        Poll::Ready(())
    }

    /// Ends the turn, in which so many bytes were sent.
    pub(crate) fn end(&mut self, bytes: u64) {
        let mut state = self.turns.lock();
        self.stage = Stage::Away;
        let now = state.now;
        let served = state.served.entry(self.client).or_insert(now);
        *served = (*served).max(now) + bytes + TURN_COST;
        if state.served.len() > REMEMBERED_MAX {
            state.served.clear();
        }
        let next = state.hand_on();
        drop(state);
        if let Some(next) = next {
            next.wake();
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = self.turns.lock();
        let next = match self.stage {
            Stage::Away => None,
            Stage::Waiting(place) if state.waiting.remove(&place).is_some() => {
                state.leaves(self.client);
                None
            }
            Stage::Waiting(_) | Stage::Taken => state.hand_on(),
        };
        drop(state);
        if let Some(next) = next {
            next.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes turns for tasks of clients, each of which always wants another: the bytes that each was sent.
    fn served(clients: &[u64], turns_taken: usize) -> HashMap<u64, u64> {
        let turns = Turns::new(1);
        let context = Context::from_waker(Waker::noop());
        let mut tasks: Vec<Turn> = clients.iter().map(|client| turns.turn(*client)).collect();
        let mut bytes = HashMap::new();
        for _ in 0..turns_taken {
            let whose = tasks.iter_mut().map(|task| task.poll(&context)).collect::<Vec<_>>();
            let at = whose.iter().position(Poll::is_ready).unwrap();
            assert_eq!(whose.iter().filter(|ready| ready.is_ready()).count(), 1);
            tasks[at].end(1 << 20);
            *bytes.entry(clients[at]).or_default() += 1_u64;
            // It wants another at once.
            let _ = tasks[at].poll(&context);
        }
        bytes
    }

    #[test]
    fn clients_are_served_alike_however_many_connections_each_has() {
        let clients: Vec<u64> = std::iter::repeat_n(1, 50).chain([2, 3]).collect();
        let served = served(&clients, 1200);
        for client in [1, 2, 3] {
            assert!((370..=430).contains(&served[&client]), "{served:?}");
        }
    }

    #[test]
    fn a_task_that_goes_away_keeps_nobody_waiting() {
        let turns = Turns::new(1);
        let context = Context::from_waker(Waker::noop());
        let [mut first, mut second, mut third] = [1, 2, 3].map(|client| turns.turn(client));
        assert!(first.poll(&context).is_ready());
        assert!(second.poll(&context).is_pending() && third.poll(&context).is_pending());
        drop(first);
        // The second was given the turn, and is dropped before it looks.
        drop(second);
        assert!(third.poll(&context).is_ready());
        third.end(1);
        let state = turns.lock();
        assert_eq!((state.taken, state.waiting.len()), (0, 0));
    }

    #[test]
    fn clients_of_the_past_are_forgotten() {
        let turns = Turns::new(1);
        let context = Context::from_waker(Waker::noop());
        for client in 0..3 * REMEMBERED_MAX as u64 {
            let mut turn = turns.turn(client);
            assert!(turn.poll(&context).is_ready());
            turn.end(1);
        }
        assert!(turns.lock().served.len() <= REMEMBERED_MAX + 1);
    }
}
