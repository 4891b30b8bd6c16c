//! Who waits and who is next: self-clocked fair queueing (Golestani 1994) between flows; within a flow, by cost and age.

use std::collections::{BTreeMap, HashMap};

use crate::Flow;

/// Flows whose past is remembered though they ask for nothing now.
pub(crate) const REMEMBERED_MAX: usize = 4096;

/// Of a flow's requests: what it had been served when one came and that one's cost, then the order of arrival.
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
    flows: HashMap<Flow, State<T>>,
    /// How many of them have requests that wait.
    waiting_flows: u64,
    waiting: usize,
    arrivals: u64,
}

#[derive(Debug)]
struct State<T> {
    /// The virtual time up to which it was served.
    served: u64,
    /// What it holds.
    held: u64,
    /// Amounts that it waits for, or will.
    queued: u64,
    /// Requests that hold something, or have a place.
    requests: usize,
    waiting: BTreeMap<Key, Waiting<T>>,
}

/// A request that waits.
#[derive(Debug)]
pub(crate) struct Waiting<T> {
    pub(crate) amount: u64,
    pub(crate) cost: u64,
    pub(crate) of: T,
}

impl<T> Default for State<T> {
    fn default() -> Self {
        Self { served: 0, held: 0, queued: 0, requests: 0, waiting: BTreeMap::new() }
    }
}

impl<T> Queue<T> {
    pub(crate) fn new() -> Self {
        Self { now: 0, flows: HashMap::new(), waiting_flows: 0, waiting: 0, arrivals: 0 }
    }

    /// Requests that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    /// How many flows there are among whom what comes free is divided, with this one.
    pub(crate) fn sharers(&self, flow: Flow) -> u64 {
        let waits = self.flows.get(&flow).is_some_and(|state| !state.waiting.is_empty());
        self.waiting_flows + u64::from(!waits)
    }

    pub(crate) fn queued(&self, flow: Flow) -> u64 {
        self.flows.get(&flow).map_or(0, |state| state.queued)
    }

    /// Requests of a flow that wait.
    pub(crate) fn waiting_of(&self, flow: Flow) -> usize {
        self.flows.get(&flow).map_or(0, |state| state.waiting.len())
    }

    /// A request for so much begins: it will wait, or has what it asks for.
    pub(crate) fn begin(&mut self, flow: Flow, amount: u64) {
        let state = self.flows.entry(flow).or_default();
        state.requests += 1;
        state.queued += amount;
    }

    /// A request waits from now on.
    pub(crate) fn enter(&mut self, flow: Flow, waiting: Waiting<T>) -> At {
        let state = self.flows.entry(flow).or_default();
        if state.waiting.is_empty() {
            // From here on others do not go before it for ever, however little they ask for.
            state.served = state.served.max(self.now);
        }
        let key = (state.served.saturating_add(waiting.cost), self.arrivals);
        self.arrivals += 1;
        self.waiting += 1;
        self.waiting_flows += u64::from(state.waiting.is_empty());
        state.waiting.insert(key, waiting);
        At { flow, key }
    }

    /// The first by virtual finish time, of the flows whose first request may be admitted by what they hold.
    pub(crate) fn first(&self, may: impl Fn(u64, u64) -> bool) -> Option<(At, u64)> {
        let heads = self.flows.iter().filter_map(|(flow, state)| {
            let (key, head) = state.waiting.first_key_value()?;
            let finish = state.served.saturating_add(head.cost);
            may(state.held, head.amount)
                .then_some(((finish, key.1), (At { flow: *flow, key: *key }, head.amount)))
        });
        heads.min_by_key(|(order, _)| *order).map(|(_, first)| first)
    }

    /// A request that waits leaves.
    pub(crate) fn leave(&mut self, at: At) -> Option<Waiting<T>> {
        let state = self.flows.get_mut(&at.flow)?;
        let left = state.waiting.remove(&at.key)?;
        self.waiting -= 1;
        self.waiting_flows -= u64::from(state.waiting.is_empty());
        Some(left)
    }

    /// A request that waited has so much from now on, at this cost.
    pub(crate) fn admitted(&mut self, flow: Flow, amount: u64, cost: u64) {
        let Some(state) = self.flows.get_mut(&flow) else { return };
        state.served = state.served.saturating_add(cost);
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
        if self.flows.len() > REMEMBERED_MAX {
            self.flows.retain(|_, state| state.requests > 0);
        }
    }

    /// Forgets all flows: nobody asks for anything.
    pub(crate) fn forget(&mut self) {
        self.flows.clear();
        self.now = 0;
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
