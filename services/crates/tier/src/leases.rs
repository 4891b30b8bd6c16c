//! Leases: workers say that they are there, again and again; gateways see which are.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use model::Result;
use redis::pipe;
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::Tier;

/// How often a worker says that it is there.
const RENEWED_EVERY: Duration = Duration::from_secs(2);
/// How long that is believed.
const LIVES: Duration = Duration::from_secs(10);
/// How long the index keeps the name of a worker that is gone: whatever two machines' clocks differ by.
const NAMED: Duration = Duration::from_hours(24);

/// A worker that said that it is there.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct WorkerLease {
    /// Where gateways reach it: `http://host:port`.
    pub url: String,
    /// The pool that it is of.
    pub pool: String,
    /// How many chunks it makes at once.
    pub cores: u32,
    /// When it was started, milliseconds since 1970.
    pub started_ms: i64,
    /// The id of its catalog: workers of another are none of ours, though they announce themselves in the same place.
    #[serde(default)]
    pub catalog_id: String,
}

/// A worker being announced, until this is retired or dropped: then the lease runs out.
pub struct Announcement {
    tier: Tier,
    url: String,
    renewing: JoinHandle<()>,
}

impl Tier {
    /// Says that a worker is there, and again every two seconds, whatever becomes of Redis meanwhile.
    pub fn announce(&self, lease: WorkerLease) -> Announcement {
        let (tier, url) = (self.clone(), lease.url.clone());
        let renewing = tokio::spawn(async move { tier.renew(lease).await });
        Announcement { tier: self.clone(), url, renewing }
    }

    /// Workers that are there now, in order of their URLs.
    pub async fn workers(&self) -> Result<Vec<WorkerLease>> {
        let urls: Vec<String> =
            self.run(redis::cmd("ZRANGE").arg(self.index()).arg(0).arg(-1).take()).await?;
        if urls.is_empty() {
            return Ok(Vec::new());
        }
        let keys: Vec<String> = urls.iter().map(|url| self.lease(url)).collect();
        let leases: Vec<Option<String>> = self.run(redis::cmd("MGET").arg(keys).take()).await?;
        let mut leases: Vec<WorkerLease> = leases.iter().flatten().filter_map(|text| read(text)).collect();
        leases.sort_by(|one, other| one.url.cmp(&other.url));
        Ok(leases)
    }

    async fn renew(&self, lease: WorkerLease) {
        let mut ticks = tokio::time::interval(RENEWED_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut failing = false;
        loop {
            ticks.tick().await;
            let said = self.say(&lease).await;
            match &said {
                Ok(()) if failing => tracing::info!("this worker is announced again"),
                Err(error) if !failing => {
                    tracing::warn!(%error, "this worker cannot be announced now: gateways may lose sight of it");
                }
                _ => {}
            }
            failing = said.is_err();
        }
    }

    async fn say(&self, lease: &WorkerLease) -> Result<()> {
        let text = serde_json::to_string(lease).map_err(model::Error::internal)?;
        let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
        let mut commands = pipe();
        commands.zadd(self.index(), &lease.url, now_ms).ignore();
        commands.zrembyscore(self.index(), 0, now_ms - NAMED.as_millis() as i64).ignore();
        commands.pset_ex(self.lease(&lease.url), text, LIVES.as_millis() as u64).ignore();
        self.run_all(commands).await
    }

    async fn forget(&self, url: &str) -> Result<()> {
        let mut commands = pipe();
        commands.del(self.lease(url)).ignore();
        commands.zrem(self.index(), url).ignore();
        self.run_all(commands).await
    }

    /// The names of all workers. What stands in braces keeps index and leases together in a Cluster.
    fn index(&self) -> String {
        format!("{{{}:workers}}", self.settings().prefix)
    }

    fn lease(&self, url: &str) -> String {
        format!("{}:{url}", self.index())
    }
}

impl Announcement {
    /// Takes the announcement back: the worker is about to stop.
    pub async fn retire(self) {
        self.renewing.abort();
        // Not that it is still saying so while it is taken back.
        while !self.renewing.is_finished() {
            tokio::task::yield_now().await;
        }
        if let Err(error) = self.tier.forget(&self.url).await {
            tracing::warn!(%error, "the announcement of this worker was not taken back: it runs out");
        }
    }
}

impl Drop for Announcement {
    fn drop(&mut self) {
        self.renewing.abort();
    }
}

/// A lease of a worker of this release or another; what is none is skipped.
fn read(text: &str) -> Option<WorkerLease> {
    serde_json::from_str(text).inspect_err(|error| tracing::debug!(%error, "no lease")).ok()
}
