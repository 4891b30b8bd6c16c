//! Workers that announce themselves in Redis.

use std::collections::BTreeMap;

use engine::pools::PoolName;
use tier::{Tier, WorkerLease};

/// After so many looks in a row that did not find a worker, it is gone: one that finds Redis empty, because that was
/// restarted, has announced itself again by then.
const MISSES_MAX: u32 = 3;

/// What is known of them. While Redis cannot be read, those that were known stay: the ones that are gone are found out by
/// their checks.
pub(super) struct Announced {
    tier: Tier,
    seen: BTreeMap<(PoolName, String), u32>,
    is_failing: bool,
}

impl Announced {
    /// Nobody known.
    pub(super) fn new(tier: Tier) -> Self {
        Self { tier, seen: BTreeMap::new(), is_failing: false }
    }

    /// Pools and URLs.
    pub(super) fn workers(&self) -> impl Iterator<Item = &(PoolName, String)> {
        self.seen.keys()
    }

    /// Looks who is there.
    pub(super) async fn look(&mut self) {
        match self.tier.workers().await {
            Ok(leases) => {
                update(&mut self.seen, leases);
                self.is_failing = false;
            }
            Err(error) if !self.is_failing => {
                tracing::warn!(%error, "announced workers cannot be looked up: those known before stay");
                self.is_failing = true;
            }
            Err(_) => {}
        }
    }
}

fn update(seen: &mut BTreeMap<(PoolName, String), u32>, leases: Vec<WorkerLease>) {
    for misses in seen.values_mut() {
        *misses += 1;
    }
    for lease in leases {
        match PoolName::parse(&lease.pool) {
            Ok(pool) => {
                seen.insert((pool, lease.url), 0);
            }
            Err(error) => tracing::warn!(worker = lease.url, %error, "a worker announces no pool"),
        }
    }
    seen.retain(|_, misses| *misses < MISSES_MAX);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(url: &str, pool: &str) -> WorkerLease {
        WorkerLease { url: url.into(), pool: pool.into(), cores: 1, started_ms: 0 }
    }

    #[test]
    fn a_worker_is_gone_when_it_was_not_seen_for_a_while() {
        let mut seen = BTreeMap::new();
        update(
            &mut seen,
            vec![lease("http://a:1", "default"), lease("http://b:1", "tape"), lease("x", "a b")],
        );
        assert_eq!(seen.len(), 2);
        update(&mut seen, vec![]);
        update(&mut seen, vec![lease("http://a:1", "default")]);
        assert_eq!(seen.len(), 2, "an empty list may be that of a Redis that was just started");
        update(&mut seen, vec![lease("http://a:1", "default")]);
        assert!(seen.keys().map(|(_, url)| url.as_str()).eq(["http://a:1"]));
    }
}
