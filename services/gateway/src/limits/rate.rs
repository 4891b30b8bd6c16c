//! How much a client may ask for in a time. Who asks for more waits, and is refused only where that would take too long.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use model::{Error, ErrorKind, Result};
use moka::policy::EvictionPolicy;
use tokio::time::Instant;

use super::client::Client;
use crate::settings::{LimitsSettings, RateSettings};

/// A client that asked for nothing for so long is forgotten: all its bursts are full again.
const FORGOTTEN: Duration = Duration::from_mins(10);
/// Longest `Retry-After`, in seconds.
const RETRY_SECONDS_MAX: u32 = 3600;
/// What bytes are counted in.
const UNIT_BYTES: u64 = 1 << 10;

/// The rates of all clients.
pub(super) struct Rates {
    token: RateSettings,
    network: RateSettings,
    delay_max: Duration,
    meters: moka::sync::Cache<Client, Arc<Meter>>,
}

/// What one client may do now.
struct Meter {
    requests: Option<Rate>,
    bytes: Option<Rate>,
    /// Of answers that were given already, in units.
    owed: AtomicU64,
    waiting: AtomicUsize,
    /// Requests of a client wait in the order in which they came.
    turn: tokio::sync::Mutex<()>,
}

struct Rate {
    limiter: DefaultDirectRateLimiter,
    burst: NonZeroU32,
    a_second: f64,
}

/// A request that waits; does no longer when dropped.
struct Waiting<'m>(&'m AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Rates {
    pub(super) fn new(settings: &LimitsSettings) -> Self {
        Self {
            token: settings.token.clone(),
            network: settings.network.clone(),
            delay_max: Duration::from_secs(settings.delay_seconds_max),
            meters: moka::sync::Cache::builder()
                .max_capacity(settings.clients_max)
                .time_to_idle(FORGOTTEN)
                // The usual policy keeps those that were seen often, so that a new one would begin anew at each request.
                .eviction_policy(EvictionPolicy::lru())
                .build(),
        }
    }

    /// Whether any client's rate is limited.
    pub(super) fn are_on(&self) -> bool {
        self.token.is_on() || self.network.is_on()
    }

    /// Waits until a client may ask once more; an error where that would take too long.
    pub(super) async fn enter(&self, client: &Client) -> Result<()> {
        let Some(meter) = self.meter(client) else { return Ok(()) };
        let expected = meter.expected();
        if expected > self.delay_max {
            return Err(refused(expected));
        }
        meter.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(&meter.waiting);
        meter.enter(Instant::now() + self.delay_max).await.map_err(refused)
    }

    /// Counts the bytes of an answer: the client's next request waits for them.
    pub(super) fn charge(&self, client: &Client, bytes: u64) {
        if let Some(meter) = self.meter(client).filter(|meter| meter.bytes.is_some()) {
            meter.owed.fetch_add(bytes.div_ceil(UNIT_BYTES), Ordering::Relaxed);
        }
    }

    fn meter(&self, client: &Client) -> Option<Arc<Meter>> {
        let settings = match client {
            Client::Token(_) => &self.token,
            Client::Network(_) => &self.network,
        };
        settings.is_on().then(|| self.meters.get_with_by_ref(client, || Arc::new(Meter::new(settings))))
    }

    #[cfg(test)]
    fn clients(&self) -> u64 {
        self.meters.run_pending_tasks();
        self.meters.entry_count()
    }
}

impl Meter {
    fn new(settings: &RateSettings) -> Self {
        Self {
            requests: Rate::new(settings.requests_per_second, settings.requests_burst.into()),
            bytes: Rate::new(
                settings.bytes_per_second / UNIT_BYTES as f64,
                settings.bytes_burst.div_ceil(UNIT_BYTES),
            ),
            owed: AtomicU64::new(0),
            waiting: AtomicUsize::new(0),
            turn: tokio::sync::Mutex::new(()),
        }
    }

    /// In its turn, and once all is paid; how long that takes, where it takes too long.
    async fn enter(&self, deadline: Instant) -> Result<(), Duration> {
        let turn = tokio::time::timeout_at(deadline, self.turn.lock()).await;
        let _turn = turn.map_err(|_| self.expected())?;
        if let Some(bytes) = &self.bytes {
            loop {
                let owed = u32::try_from(self.owed.load(Ordering::Relaxed)).unwrap_or(u32::MAX);
                let Some(part) = NonZeroU32::new(owed.min(bytes.burst.get())) else { break };
                bytes.wait(part, deadline).await?;
                self.owed.fetch_sub(u64::from(part.get()), Ordering::Relaxed);
            }
        }
        if let Some(requests) = &self.requests {
            requests.wait(NonZeroU32::MIN, deadline).await?;
        }
        Ok(())
    }

    /// How long one that comes now has to wait, about, where bursts are used up.
    fn expected(&self) -> Duration {
        let waiting = self.waiting.load(Ordering::Relaxed) as f64;
        let owed = self.owed.load(Ordering::Relaxed) as f64;
        let time = |rate: &Option<Rate>, amount: f64| {
            rate.as_ref().map_or(0.0, |rate| (amount - f64::from(rate.burst.get())).max(0.0) / rate.a_second)
        };
        let seconds = time(&self.bytes, owed).max(time(&self.requests, waiting));
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }
}

impl Rate {
    /// None where there is no limit. A burst of 0 is what comes in a second.
    fn new(a_second: f64, burst: u64) -> Option<Self> {
        let quota = Quota::with_period(Duration::try_from_secs_f64(1.0 / a_second).ok()?)?;
        let burst = if burst == 0 { a_second.ceil() as u64 } else { burst };
        let burst = NonZeroU32::new(u32::try_from(burst).unwrap_or(u32::MAX)).unwrap_or(NonZeroU32::MIN);
        Some(Self { limiter: RateLimiter::direct(quota.allow_burst(burst)), burst, a_second })
    }

    async fn wait(&self, amount: NonZeroU32, deadline: Instant) -> Result<(), Duration> {
        while let Ok(Err(not_until)) = self.limiter.check_n(amount) {
            let wait = not_until.wait_time_from(DefaultClock::default().now());
            let until = Instant::now() + wait;
            if until > deadline {
                return Err(wait);
            }
            tokio::time::sleep_until(until).await;
        }
        Ok(())
    }
}

fn refused(expected: Duration) -> Error {
    let seconds =
        u32::try_from(expected.as_secs()).unwrap_or(u32::MAX).saturating_add(1).min(RETRY_SECONDS_MAX);
    let message = format!("too many requests: this server lets you go on in {seconds} seconds");
    Error::new(ErrorKind::RateLimited, message).with_retry_after(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(last: u8) -> Client {
        Client::Network(ipnet::IpNet::from(std::net::IpAddr::from([192, 0, 2, last])))
    }

    fn rates(network: RateSettings, delay_seconds_max: u64) -> Rates {
        Rates::new(&LimitsSettings {
            network,
            delay_seconds_max,
            clients_max: 100,
            ..LimitsSettings::default()
        })
    }

    #[tokio::test]
    async fn who_asks_too_often_waits_and_is_refused_only_where_that_would_take_too_long() {
        let network =
            RateSettings { requests_per_second: 50.0, requests_burst: 5, ..RateSettings::default() };
        let patient = rates(network.clone(), 10);
        let begun = Instant::now();
        let asked =
            futures::future::join_all((0..25).map(|_| async { patient.enter(&client(1)).await })).await;
        assert!(asked.iter().all(Result::is_ok), "{asked:?}");
        assert!(begun.elapsed() >= Duration::from_millis(350), "20 beyond the burst take 0.4 s");
        patient.enter(&client(2)).await.unwrap();

        let strict = rates(RateSettings { requests_per_second: 0.1, ..network }, 0);
        let who = client(1);
        let asked = futures::future::join_all((0..7).map(|_| strict.enter(&who))).await;
        let refused: Vec<_> = asked.into_iter().filter_map(Result::err).collect();
        assert!(!refused.is_empty());
        for error in refused {
            assert_eq!(error.kind, ErrorKind::RateLimited);
            assert!(error.retry_after_seconds.is_some_and(|seconds| seconds >= 1));
        }
    }

    #[tokio::test]
    async fn bytes_are_paid_by_the_next_request() {
        let network = RateSettings { bytes_per_second: 1e6, bytes_burst: 100_000, ..RateSettings::default() };
        let rates = rates(network, 10);
        rates.enter(&client(1)).await.unwrap();
        rates.charge(&client(1), 400_000);
        let begun = Instant::now();
        rates.enter(&client(1)).await.unwrap();
        assert!(begun.elapsed() >= Duration::from_millis(250), "300 kB beyond the burst take 0.3 s");
        rates.charge(&client(1), 100_000_000);
        let error = rates.enter(&client(1)).await.unwrap_err();
        assert!(error.retry_after_seconds.is_some_and(|seconds| (90..=110).contains(&seconds)), "{error:?}");
    }

    #[tokio::test]
    async fn a_new_client_is_held_to_its_rate_where_as_many_as_are_known_were_seen_often() {
        let network =
            RateSettings { requests_per_second: 0.01, requests_burst: 10, ..RateSettings::default() };
        let rates = rates(network, 0);
        for number in (0..100).cycle().take(1000) {
            rates.enter(&client(number)).await.unwrap();
        }
        let mut entered = 0;
        for _ in 0..1000 {
            entered += u32::from(rates.enter(&client(200)).await.is_ok());
            rates.clients();
        }
        assert_eq!(entered, 10);
    }

    #[tokio::test]
    async fn no_more_clients_are_known_than_allowed() {
        let rates = rates(RateSettings { requests_per_second: 1.0, ..RateSettings::default() }, 0);
        for number in 0..=255 {
            rates.enter(&client(number)).await.unwrap();
        }
        assert!(rates.clients() <= 100);
        let off = super::Rates::new(&LimitsSettings::default());
        off.enter(&client(1)).await.unwrap();
        assert!(!off.are_on() && off.clients() == 0);
    }
}
