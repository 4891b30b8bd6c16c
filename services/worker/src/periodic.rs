//! Refreshing datasets by period.
//!
//! Every worker looks; a lease in the catalog lets one of them do it ([`crate::catalog`]). What one has refreshed, the
//! others see in the note of the last refresh.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use engine::pools::PoolName;
use engine::ports::LastRefresh;
use futures::StreamExt as _;
use model::{DatasetId, ErrorKind, Result};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::catalog::{Catalog, Due};
use crate::register::Registrar;

/// How often is looked for what is due.
const LOOK: Duration = Duration::from_secs(1);
/// Longest delay of a refresh beyond its period, which keeps datasets from being due all at once, as a part of it.
const JITTER_PART: u64 = 10;
/// And in milliseconds.
const JITTER_MS_MAX: u64 = 60_000;

/// Refreshes what is due, `at_once` datasets at a time, as long as the registrar is there. Of a pool's datasets alone, if one
/// is named: its workers see no other files.
pub(crate) async fn run(
    registrar: Weak<Registrar>,
    catalog: Arc<Catalog>,
    pool: Option<PoolName>,
    at_once: usize,
) {
    let mut ticks = tokio::time::interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut running = JoinSet::new();
    let mut waiting: HashMap<DatasetId, i64> = HashMap::new();
    let mut failing = false;
    loop {
        ticks.tick().await;
        while running.try_join_next().is_some() {}
        let Some(registrar) = registrar.upgrade() else { return };
        let now_ms = now_ms();
        match due(Arc::clone(&catalog), pool.clone(), std::mem::take(&mut waiting), now_ms).await {
            Ok((due, later)) => {
                failing = false;
                waiting = later;
                for due in due {
                    if running.len() >= at_once.max(1) {
                        break;
                    }
                    // Looked at again only when this one is over, or another worker's.
                    waiting.insert(due.id.clone(), now_ms + i64::from(due.every_seconds) * 1000);
                    running.spawn(refresh(Arc::clone(&registrar), due));
                }
            }
            Err(error) => {
                if !failing {
                    tracing::warn!(%error, "the catalog cannot be read: nothing is refreshed by period now");
                }
                failing = true;
            }
        }
    }
}

/// Datasets that are due, and when to look at the others again.
async fn due(
    catalog: Arc<Catalog>,
    pool: Option<PoolName>,
    waiting: HashMap<DatasetId, i64>,
    now_ms: i64,
) -> Result<(Vec<Due>, HashMap<DatasetId, i64>)> {
    crate::register::blocking(move || {
        let (mut due, mut later) = (Vec::new(), HashMap::new());
        for (id, every_seconds) in catalog.periodic(pool.as_ref())? {
            if let Some(at_ms) = waiting.get(&id).copied().filter(|at_ms| *at_ms > now_ms) {
                later.insert(id, at_ms);
                continue;
            }
            let Some(found) = catalog.due(&id, every_seconds)? else { continue };
            let at_ms = found.since_ms.saturating_add(period_ms(&id, every_seconds));
            if at_ms > now_ms {
                later.insert(id, at_ms);
            } else {
                due.push(found);
            }
        }
        Ok((due, later))
    })
    .await
}

/// The time between two refreshes of a dataset: its period and a little more, always the same for it.
fn period_ms(id: &DatasetId, every_seconds: u32) -> i64 {
    let every_ms = u64::from(every_seconds) * 1000;
    let jitter_max = (every_ms / JITTER_PART).clamp(1, JITTER_MS_MAX);
    let mut hasher = DefaultHasher::new();
    id.as_str().hash(&mut hasher);
    (every_ms + hasher.finish() % jitter_max) as i64
}

/// Refreshes one dataset. The same failure again and again is told once.
async fn refresh(registrar: Arc<Registrar>, due: Due) {
    let mut events = registrar.refresh(due.id.clone());
    let mut failure = None;
    while let Some(event) = events.next().await {
        if let Err(error) = event {
            failure = Some(error);
        }
    }
    let Some(error) = failure else { return };
    let is_known = |last: &LastRefresh| last.outcome == "failed" && last.message == error.message;
    // Another worker, or a registration by hand, is at it.
    if error.kind != ErrorKind::Conflict && !due.last.as_ref().is_some_and(is_known) {
        tracing::warn!(dataset = %due.id, %error, "a refresh failed: the version before still serves");
    }
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_a_little_longer_than_said_and_steady() {
        let ids: Vec<DatasetId> = (0..50).map(|n| DatasetId::parse(&format!("d{n}")).unwrap()).collect();
        let periods: Vec<i64> = ids.iter().map(|id| period_ms(id, 600)).collect();
        assert!(periods.iter().all(|ms| (600_000..660_000).contains(ms)), "{periods:?}");
        assert!(periods.iter().collect::<std::collections::HashSet<_>>().len() > 40);
        assert_eq!(periods[7], period_ms(&ids[7], 600));
        assert!(period_ms(&ids[0], u32::MAX) > 0);
    }
}
