//! What is done for whom, and when: nobody's requests cost others theirs (`docs/decisions/0021-fairness.md`).
//!
//! ```text
//! request ─▶ rate: waits while its client asks for too much ─▶ handler: knows what the answer takes
//!    small and as it is stored ─▶ at once
//!    large, as it is stored ─▶ fair: one of so many ─▶ priority: where bulk is, by turns of its client
//!    made by a worker ─▶ fair: by its bytes, until the client has them ─▶ if large, where bulk is
//!    one of many in a batch, a page of groups ─▶ fair: likewise
//! ```

mod client;
mod held;
mod learnt;
mod rate;

use std::net::IpAddr;
use std::time::{Duration, Instant};

use fair::{Admission, Admitted, Bounds, Flow};
use model::Result;
use priority::Bulk;

pub(crate) use client::Client;
pub(crate) use held::Held;

use crate::server::Arrival;
use crate::settings::LimitsSettings;
use client::Clients;
pub(crate) use learnt::Kind;
use learnt::Learnt;
use rate::Rates;

/// Answers up to this size are small, in bytes: what fits into a lane of a worker.
const SMALL_BYTES_MAX: u64 = cloudify_proto::SMALL_RANGE_BYTES_MAX;
/// Answers up to this size have a share of their own, in bytes.
const MODEST_BYTES_MAX: u64 = 1 << 20;
/// Memory for values of pages of groups, in bytes.
const PAGES_BYTES_MAX: u64 = 256 << 20;
/// What bytes cost that pass as they are, in nanoseconds a KiB.
const PASSING_NS_PER_KIB: u64 = 500;

/// The limits of a gateway.
pub(crate) struct Limits {
    clients: Clients,
    rates: Rates,
    streams: Admission,
    large: Admission,
    modest: Admission,
    batched: Admission,
    pages: Admission,
    learnt: Learnt,
}

/// What an answer was admitted with, until its last byte is taken.
#[derive(Debug)]
pub(crate) struct Grant {
    admitted: Admitted,
    _bulk: Option<Bulk>,
    begun: Instant,
    thought: u64,
}

impl Limits {
    /// Batches hold so many bytes.
    pub(crate) fn new(settings: &LimitsSettings, batch_bytes_max: u64) -> Self {
        let (queue_max, wait_max) = (settings.queue_max, Duration::from_secs(settings.queue_seconds_max));
        let admission = |amount| Admission::new(Bounds { queue_max, wait_max, ..Bounds::of(amount) });
        Self {
            clients: Clients::new(settings),
            rates: Rates::new(settings),
            streams: admission(settings.large_answers_max),
            large: admission(settings.answer_bytes_max),
            modest: admission(settings.small_answer_bytes_max),
            batched: admission(batch_bytes_max),
            pages: admission(PAGES_BYTES_MAX),
            learnt: Learnt::new(),
        }
    }

    /// Whether anybody's rate is limited.
    pub(crate) fn are_rated(&self) -> bool {
        self.rates.are_on()
    }

    /// Waits until a client may ask once more.
    pub(crate) async fn enter(&self, client: &Client) -> Result<()> {
        self.rates.enter(client).await
    }

    /// Counts the bytes of an answer.
    pub(crate) fn charge(&self, client: &Client, bytes: u64) {
        self.rates.charge(client, bytes);
    }

    /// Whose a request is, by where it came from.
    pub(crate) fn network(&self, peer: Option<IpAddr>, headers: &http::HeaderMap) -> Client {
        self.clients.network(peer.unwrap_or(IpAddr::from([0; 4])), headers)
    }

    /// Admits an answer of so many bytes as they are stored; a small one needs no leave.
    pub(crate) async fn stored(
        &self,
        arrival: Option<&Arrival>,
        flow: Flow,
        bytes: u64,
    ) -> Result<Option<Grant>> {
        if bytes <= SMALL_BYTES_MAX {
            return Ok(None);
        }
        let cost = passing(bytes);
        let admitted = self.streams.admit(flow, 1, cost).await?;
        Ok(Some(Grant::new(admitted, bulk(arrival, flow, bytes).await, cost)))
    }

    /// Admits an answer that a worker makes, of so many bytes at most.
    pub(crate) async fn made(
        &self,
        arrival: Option<&Arrival>,
        flow: Flow,
        kind: &Kind,
        bytes: u64,
    ) -> Result<Grant> {
        let (admission, cost) = (self.for_made(bytes), self.learnt.cost(kind, bytes));
        let admitted = admission.admit(flow, bytes.min(admission.share()), cost).await?;
        Ok(Grant::new(admitted, bulk(arrival, flow, bytes).await, cost))
    }

    fn for_made(&self, bytes: u64) -> &Admission {
        if bytes <= MODEST_BYTES_MAX { &self.modest } else { &self.large }
    }

    /// Admits bytes that are one of many things in an answer, as they are stored.
    pub(crate) async fn batched(&self, flow: Flow, bytes: u64) -> Result<Admitted> {
        self.batched.admit(flow, bytes.min(self.batched.share()), passing(bytes)).await
    }

    /// Admits a page of values of so many bytes.
    pub(crate) async fn page(&self, flow: Flow, bytes: u64) -> Result<Admitted> {
        self.pages.admit(flow, bytes, passing(bytes)).await
    }

    /// Says that the answer is there, how many bytes it has indeed and so how much it cost.
    pub(crate) fn is_made(&self, grant: &mut Grant, kind: &Kind, thought_bytes: u64, bytes: u64) {
        let took = u64::try_from(grant.begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.learnt.learn(kind, thought_bytes, took);
        grant.admitted.costs(grant.thought, took);
        grant.admitted.keep(bytes);
    }

    /// Requests that wait, and bytes that answers hold.
    pub(crate) fn load(&self) -> (usize, u64) {
        let all = [&self.streams, &self.large, &self.modest, &self.batched, &self.pages];
        (
            all.iter().map(|admission| admission.waiting()).sum(),
            all.iter().skip(1).map(|admission| admission.held()).sum(),
        )
    }
}

impl Grant {
    fn new(admitted: Admitted, bulk: Option<Bulk>, thought: u64) -> Self {
        Self { admitted, _bulk: bulk, begun: Instant::now(), thought }
    }
}

/// Goes to where bulk is moved, if so many bytes are.
async fn bulk(arrival: Option<&Arrival>, flow: Flow, bytes: u64) -> Option<Bulk> {
    match arrival {
        Some(arrival) if bytes > SMALL_BYTES_MAX => Some(arrival.place.bulk(flow.0).await),
        _ => None,
    }
}

/// What so many bytes cost that pass as they are.
fn passing(bytes: u64) -> u64 {
    bytes.saturating_mul(PASSING_NS_PER_KIB) >> 10
}
