//! Who waits and who is next: self-clocked fair queueing (Golestani 1994) between flows; within a flow, by cost and age.

use std::collections::{BTreeMap, HashMap};

use crate::Flow;

/// Flows whose past is remembered though they ask for nothing now.
pub(crate) const REMEMBERED_MAX: usize = 4096;

/// Of a flow's requests: what it had spent when one came and that one's cost, then the order of arrival.
type Key = (u64, u64);

/// Where a request waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct At {
    pub(crate) flow: Flow,
    key: Key,
}

/// Flows and their requests, each with something of the caller's.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    /// Virtual time: the finish of what was admitted last.
    now: u64,
    flows: HashMap<Flow, State>,
    /// Requests that wait, of the flows that have some.
    waiting: HashMap<Flow, BTreeMap<Key, Waiting<T>>>,
    waiting_count: usize,
    /// What they wait for.
    awaited: u64,
    /// All requests that hold something, or have a place.
    requests: usize,
    arrivals: u64,
}

#[derive(Debug, Default)]
struct State {
    /// The virtual time up to which it was served.
    served: u64,
    /// What its requests were thought to cost that were admitted, all together: its own clock.
    spent: u64,
    /// What it holds.
    held: u64,
    /// Amounts that it waits for, or will.
    queued: u64,
    /// Those that it waits for now.
    awaited: u64,
    /// Requests that hold something, or have a place.
    requests: usize,
}

/// A request that waits.
#[derive(Debug)]
pub(crate) struct Waiting<T> {
    pub(crate) amount: u64,
    pub(crate) cost: u64,
    pub(crate) of: T,
}

impl<T> Queue<T> {
    pub(crate) fn new() -> Self {
        let (flows, waiting) = (HashMap::new(), HashMap::new());
        Self { now: 0, flows, waiting, waiting_count: 0, awaited: 0, requests: 0, arrivals: 0 }
    }

    /// Requests that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting_count
    }

    /// How many flows there are among whom what comes free is divided, with this one.
    pub(crate) fn sharers(&self, flow: Flow) -> u64 {
        self.waiting.len() as u64 + u64::from(!self.waiting.contains_key(&flow))
    }

    /// What requests of a flow wait for, and those of all.
    pub(crate) fn awaited(&self, flow: Flow) -> (u64, u64) {
        (self.flows.get(&flow).map_or(0, |state| state.awaited), self.awaited)
    }

    /// What a flow holds.
    pub(crate) fn held(&self, flow: Flow) -> u64 {
        self.flows.get(&flow).map_or(0, |state| state.held)
    }

    pub(crate) fn queued(&self, flow: Flow) -> u64 {
        self.flows.get(&flow).map_or(0, |state| state.queued)
    }

    /// Requests of a flow that wait.
    pub(crate) fn waiting_of(&self, flow: Flow) -> usize {
        self.waiting.get(&flow).map_or(0, BTreeMap::len)
    }

    /// A request for so much begins: it will wait, or has what it asks for.
    pub(crate) fn begin(&mut self, flow: Flow, amount: u64) {
        let state = self.flows.entry(flow).or_default();
        state.requests += 1;
        state.queued += amount;
        self.requests += 1;
    }

    /// A request waits from now on.
    pub(crate) fn enter(&mut self, flow: Flow, request: Waiting<T>) -> At {
        let state = self.flows.entry(flow).or_default();
        let waiting = self.waiting.entry(flow).or_default();
        if waiting.is_empty() {
            // From here on others do not go before it for ever, however little they ask for.
            state.served = state.served.max(self.now);
        }
        let key = (state.spent.saturating_add(request.cost), self.arrivals);
        state.awaited += request.amount;
        self.awaited += request.amount;
        self.arrivals += 1;
        self.waiting_count += 1;
        waiting.insert(key, request);
        At { flow, key }
    }

    /// The first by virtual finish time, of the flows whose first request may be admitted by what they hold.
    pub(crate) fn first(&self, may: impl Fn(u64, u64) -> bool) -> Option<(At, u64)> {
        let heads = self.waiting.iter().filter_map(|(flow, waiting)| {
            let (key, head) = waiting.first_key_value()?;
            let state = self.flows.get(flow)?;
            let finish = state.served.saturating_add(head.cost);
            let at = At { flow: *flow, key: *key };
            may(state.held, head.amount).then_some(((finish, key.1), (at, head.amount)))
        });
        heads.min_by_key(|(order, _)| *order).map(|(_, first)| first)
    }

    /// A request that waits leaves.
    pub(crate) fn leave(&mut self, at: At) -> Option<Waiting<T>> {
        let waiting = self.waiting.get_mut(&at.flow)?;
        let left = waiting.remove(&at.key)?;
        if waiting.is_empty() {
            self.waiting.remove(&at.flow);
        }
        self.waiting_count -= 1;
        self.awaited -= left.amount;
        if let Some(state) = self.flows.get_mut(&at.flow) {
            state.awaited -= left.amount;
        }
        Some(left)
    }

    /// A request that waited has so much from now on, at this cost.
    pub(crate) fn admitted(&mut self, flow: Flow, amount: u64, cost: u64) {
        let Some(state) = self.flows.get_mut(&flow) else { return };
        state.served = state.served.saturating_add(cost);
        state.spent = state.spent.saturating_add(cost);
        self.now = self.now.max(state.served);
        state.held += amount;
        state.queued -= amount;
    }

    /// So much is given back.
    pub(crate) fn give_back(&mut self, flow: Flow, amount: u64) {
        if let Some(state) = self.flows.get_mut(&flow) {
            state.held -= amount;
        }
    }

    /// What was admitted at a cost did cost something else.
    pub(crate) fn costs(&mut self, flow: Flow, thought: u64, indeed: u64) {
        if let Some(state) = self.flows.get_mut(&flow) {
            state.served = state.served.saturating_add(indeed).saturating_sub(thought);
        }
    }

    /// A request that holds nothing more ends, or one that waits for `left` gives up.
    pub(crate) fn end(&mut self, flow: Flow, left: u64) {
        if let Some(state) = self.flows.get_mut(&flow) {
            state.requests -= 1;
            state.queued -= left;
            // It owes nothing to those who come after it.
            if state.requests == 0 && state.served <= self.now {
                self.flows.remove(&flow);
            }
        }
        self.requests -= 1;
        if self.requests == 0 {
            self.flows.clear();
            self.now = 0;
        } else if self.flows.len() > REMEMBERED_MAX {
            self.flows.retain(|_, state| state.requests > 0);
        }
    }

    #[cfg(test)]
    pub(crate) fn remembered(&self) -> usize {
        self.flows.len()
    }

    #[cfg(test)]
    pub(crate) fn served(&self, flow: Flow) -> u64 {
        self.flows.get(&flow).map_or(0, |state| state.served)
    }
}
