//! Admission to a bounded amount of bytes, fair between clients: start-time fair queueing
//! (Goyal, Vin, Cheng 1996) over what each client's requests cost.
//!
//! A request that is not admitted at once waits; the one whose virtual finish time is first is next. That of a client
//! that asks for little is soon after now, that of one that asks for much is far ahead. As the virtual time goes on, each
//! comes to its turn.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use model::{Error, ErrorKind, Result};
use tokio::sync::oneshot;

use super::client::Client;

/// Of what there is, and of the queue, the part that one client may have: others find room however slowly it takes its
/// answers, and however much it asks for.
const CLIENT_SHARE: (u64, u64) = (3, 4);
/// Clients whose past is remembered though they ask for nothing now.
const REMEMBERED_MAX: usize = 4096;
/// Longest `Retry-After`, in seconds.
const RETRY_SECONDS_MAX: u64 = 60;

/// What is admitted at once, and who waits.
#[derive(Debug, Clone)]
pub(super) struct Admission {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    bytes_max: u64,
    waiting_max: usize,
    wait_max: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    held_bytes: u64,
    admitted: u64,
    /// Virtual time: the start of what was admitted last.
    now: u64,
    flows: HashMap<Client, Flow>,
    waiting: BTreeMap<Place, Waiting>,
    next: u64,
    /// How long an admitted request lasts, in seconds, smoothed.
    lasts: f64,
}

/// Of a request that waits: virtual finish, then order of arrival.
type Place = (u64, u64);

#[derive(Debug, Default)]
struct Flow {
    finish: u64,
    held_bytes: u64,
    /// Admitted or waiting.
    requests: usize,
    waiting: usize,
}

#[derive(Debug)]
struct Waiting {
    client: Client,
    bytes: u64,
    start: u64,
    admit: oneshot::Sender<Admitted>,
}

/// What a request was admitted with; others are admitted when it is dropped.
#[derive(Debug)]
pub(crate) struct Admitted {
    shared: Arc<Shared>,
    client: Client,
    bytes: u64,
    since: Instant,
}

/// A request that leaves the queue when it is dropped.
struct Queued<'s> {
    shared: &'s Arc<Shared>,
    client: &'s Client,
    place: Place,
}

impl Admission {
    /// Room for so many bytes; so many requests wait, and no longer than that.
    pub(super) fn new(bytes_max: u64, waiting_max: usize, wait_max: Duration) -> Self {
        let bytes_max = bytes_max.max(1);
        Self { shared: Arc::new(Shared { bytes_max, waiting_max, wait_max, state: Mutex::default() }) }
    }

    /// Admits a client's request that holds so many bytes and costs so much, in any unit, once it is its turn. One that
    /// needs more than a client may hold has all of that. An error where too many wait, or it waits for too long.
    pub(super) async fn admit(&self, client: &Client, bytes: u64, cost: u64) -> Result<Admitted> {
        let shared = &self.shared;
        let bytes = bytes.min(shared.share());
        let (place, admitted) = {
            let mut state = shared.lock();
            let (now, number) = (state.now, state.next);
            let start = state.flows.entry(client.clone()).or_default().finish.max(now);
            let finish = start.saturating_add(cost.max(1));
            let is_first = shared.first(&state).is_none_or(|((first, _), _)| finish < *first);
            if is_first && shared.has_room(&state, client, bytes) {
                state.begin(client, finish);
                return Ok(shared.admitted(&mut state, client, bytes, start));
            }
            if shared.is_full_for(&state, client) {
                let retry = state.retry_seconds();
                state.forget_idle();
                return Err(overloaded("too many requests wait", retry));
            }
            state.begin(client, finish);
            state.flows.entry(client.clone()).or_default().waiting += 1;
            state.next += 1;
            let (admit, admitted) = oneshot::channel();
            state.waiting.insert((finish, number), Waiting { client: client.clone(), bytes, start, admit });
            ((finish, number), admitted)
        };
        let _queued = Queued { shared, client, place };
        match tokio::time::timeout(shared.wait_max, admitted).await {
            Ok(admitted) => admitted.map_err(Error::internal),
            Err(_) => {
                Err(overloaded("it was not this request's turn in time", shared.lock().retry_seconds()))
            }
        }
    }

    /// Requests that wait.
    pub(super) fn waiting(&self) -> usize {
        self.shared.lock().waiting.len()
    }

    /// Bytes that requests hold.
    pub(super) fn held_bytes(&self) -> u64 {
        self.shared.lock().held_bytes
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The most that one client may hold.
    fn share(&self) -> u64 {
        (self.bytes_max / CLIENT_SHARE.1).saturating_mul(CLIENT_SHARE.0).max(1)
    }

    fn has_room(&self, state: &State, client: &Client, bytes: u64) -> bool {
        state.held_bytes + bytes <= self.bytes_max && self.is_within_share(state, client, bytes)
    }

    fn is_within_share(&self, state: &State, client: &Client, bytes: u64) -> bool {
        state.flows.get(client).map_or(0, |flow| flow.held_bytes) + bytes <= self.share()
    }

    fn admitted(self: &Arc<Self>, state: &mut State, client: &Client, bytes: u64, start: u64) -> Admitted {
        state.now = state.now.max(start);
        state.held_bytes += bytes;
        state.admitted += 1;
        if let Some(flow) = state.flows.get_mut(client) {
            flow.held_bytes += bytes;
        }
        Admitted { shared: Arc::clone(self), client: client.clone(), bytes, since: Instant::now() }
    }

    /// Admits those whose turn it is. The first that finds no room is waited for, or it would never find any; not so one
    /// whose client holds its share.
    fn admit_waiting(self: &Arc<Self>) {
        let mut admitted = Vec::new();
        let mut state = self.lock();
        while let Some(place) = self.next(&state) {
            let Some(waiting) = state.leave(&place) else { break };
            let held = self.admitted(&mut state, &waiting.client, waiting.bytes, waiting.start);
            admitted.push((waiting.admit, held));
        }
        state.forget_idle();
        drop(state);
        for (admit, held) in admitted {
            // Where the request is gone, what it was admitted with comes back here.
            let _ = admit.send(held);
        }
    }

    fn next(&self, state: &State) -> Option<Place> {
        let (place, first) = self.first(state)?;
        (state.held_bytes + first.bytes <= self.bytes_max).then_some(*place)
    }

    /// The first of those whose clients do not hold their shares.
    fn first<'s>(&self, state: &'s State) -> Option<(&'s Place, &'s Waiting)> {
        state.waiting.iter().find(|(_, it)| self.is_within_share(state, &it.client, it.bytes))
    }

    /// Whether a client has its part of the queue, or all have all of it.
    fn is_full_for(&self, state: &State, client: &Client) -> bool {
        let own = state.flows.get(client).map_or(0, |flow| flow.waiting);
        let (part, of) = CLIENT_SHARE;
        let own_max = (self.waiting_max as u64 * part / of).max(1) as usize;
        state.waiting.len() >= self.waiting_max || own >= own_max
    }
}

impl State {
    fn begin(&mut self, client: &Client, finish: u64) {
        if let Some(flow) = self.flows.get_mut(client) {
            flow.finish = finish;
            flow.requests += 1;
        }
    }

    fn leave(&mut self, place: &Place) -> Option<Waiting> {
        let left = self.waiting.remove(place)?;
        if let Some(flow) = self.flows.get_mut(&left.client) {
            flow.waiting -= 1;
        }
        Some(left)
    }

    fn end(&mut self, client: &Client) {
        if let Some(flow) = self.flows.get_mut(client) {
            flow.requests -= 1;
        }
    }

    /// Forgets clients that ask for nothing, and owe nothing or are too many.
    fn forget_idle(&mut self) {
        if self.admitted == 0 && self.waiting.is_empty() {
            self.flows.clear();
            self.now = 0;
        } else if self.flows.len() > REMEMBERED_MAX {
            self.flows.retain(|_, flow| flow.requests > 0);
        }
    }

    /// In about how many seconds those who wait now have been admitted.
    fn retry_seconds(&self) -> u32 {
        let seconds = self.waiting.len() as f64 * self.lasts / self.admitted.max(1) as f64;
        (seconds.ceil() as u64).clamp(1, RETRY_SECONDS_MAX) as u32
    }
}

impl Admitted {
    /// Says what it cost indeed, where another cost was thought.
    pub(crate) fn costs(&self, thought: u64, indeed: u64) {
        if let Some(flow) = self.shared.lock().flows.get_mut(&self.client) {
            flow.finish = flow.finish.saturating_add(indeed).saturating_sub(thought);
        }
    }

    /// Gives back what it does not need.
    pub(crate) fn keep(&mut self, bytes: u64) {
        let more = self.bytes.saturating_sub(bytes);
        if more > 0 {
            self.bytes = bytes;
            self.give_back(more);
            self.shared.admit_waiting();
        }
    }

    fn give_back(&self, bytes: u64) {
        let mut state = self.shared.lock();
        state.held_bytes -= bytes;
        if let Some(flow) = state.flows.get_mut(&self.client) {
            flow.held_bytes -= bytes;
        }
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.give_back(self.bytes);
        {
            let mut state = self.shared.lock();
            state.admitted -= 1;
            state.lasts += (self.since.elapsed().as_secs_f64() - state.lasts) / 16.0;
            state.end(&self.client);
        }
        self.shared.admit_waiting();
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        if state.leave(&self.place).is_some() {
            state.end(self.client);
            drop(state);
            // It may have been what others waited behind.
            self.shared.admit_waiting();
        }
    }
}

fn overloaded(why: &str, retry_seconds: u32) -> Error {
    let message = format!("the server is busy: {why}; try again in {retry_seconds} seconds");
    Error::new(ErrorKind::Overloaded, message).with_retry_after(retry_seconds)
}

#[cfg(test)]
mod tests;
