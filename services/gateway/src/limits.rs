//! What is done for whom, and when: nobody's requests cost others theirs (`docs/decisions/0021-fairness.md`).
//!
//! ```text
//! request ─▶ rate: waits while its client asks for too much ─▶ handler: knows what the answer takes
//!    small and as it is stored ─▶ at once
//!    large, as it is stored ─▶ fair: one of so many ─▶ priority: where bulk is, by turns of its client
//!    made by a worker ─▶ fair: by its bytes, until the client has them ─▶ if large, where bulk is
//! ```

mod client;
mod fair;
mod held;
mod learnt;
mod rate;

use std::net::IpAddr;
use std::time::{Duration, Instant};

use http::request::Parts;
use model::Result;
use priority::Bulk;

pub(crate) use client::Client;
pub(crate) use held::Held;

use crate::server::Arrival;
use crate::settings::LimitsSettings;
use client::Clients;
use fair::{Admission, Admitted};
pub(crate) use learnt::Kind;
use learnt::Learnt;
use rate::Rates;

/// Answers up to this size are small, in bytes: what fits into a lane of a worker.
const SMALL_BYTES_MAX: u64 = cloudify_proto::SMALL_RANGE_BYTES_MAX;
/// Answers up to this size have a share of their own, in bytes.
const MODEST_BYTES_MAX: u64 = 1 << 20;
/// What bytes cost that pass as they are, in nanoseconds a KiB.
const PASSING_NS_PER_KIB: u64 = 500;

/// The limits of a gateway.
pub(crate) struct Limits {
    clients: Clients,
    rates: Rates,
    streams: Admission,
    large: Admission,
    modest: Admission,
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
    pub(crate) fn new(settings: &LimitsSettings) -> Self {
        let wait_max = Duration::from_secs(settings.queue_seconds_max);
        let admission = |bytes| Admission::new(bytes, settings.queue_max, wait_max);
        Self {
            clients: Clients::new(settings),
            rates: Rates::new(settings),
            streams: admission(settings.large_answers_max),
            large: admission(settings.answer_bytes_max),
            modest: admission(settings.small_answer_bytes_max),
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
        request: &Parts,
        client: impl FnOnce() -> Client,
        bytes: u64,
    ) -> Result<Option<Grant>> {
        if bytes <= SMALL_BYTES_MAX {
            return Ok(None);
        }
        let cost = bytes.saturating_mul(PASSING_NS_PER_KIB) >> 10;
        self.grant(request, client(), (&self.streams, 1), bytes, cost).await.map(Some)
    }

    /// Admits an answer that a worker makes, of so many bytes at most.
    pub(crate) async fn made(
        &self,
        request: &Parts,
        client: Client,
        kind: &Kind,
        bytes: u64,
    ) -> Result<Grant> {
        let admission = if bytes <= MODEST_BYTES_MAX { &self.modest } else { &self.large };
        self.grant(request, client, (admission, bytes), bytes, self.learnt.cost(kind, bytes)).await
    }

    async fn grant(
        &self,
        request: &Parts,
        client: Client,
        (admission, holds): (&Admission, u64),
        bytes: u64,
        thought: u64,
    ) -> Result<Grant> {
        let admitted = admission.admit(&client, holds, thought).await?;
        let bulk = match request.extensions.get::<Arrival>() {
            Some(arrival) if bytes > SMALL_BYTES_MAX => Some(arrival.place.bulk(flow(&client)).await),
            _ => None,
        };
        Ok(Grant { admitted, _bulk: bulk, begun: Instant::now(), thought })
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
        (
            self.streams.waiting() + self.large.waiting() + self.modest.waiting(),
            self.large.held_bytes() + self.modest.held_bytes(),
        )
    }
}

/// A number for a client, among those whose bulk moves by turns.
fn flow(client: &Client) -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    static STATE: std::sync::LazyLock<RandomState> = std::sync::LazyLock::new(RandomState::new);
    STATE.hash_one(client)
}
