//! Workers that announce themselves in Redis.

use std::collections::{BTreeMap, BTreeSet};

use engine::pools::PoolName;
use tier::{Tier, WorkerLease};

use super::member::authority_of;

/// After so many looks in a row that did not find a worker, it is gone: one that finds Redis empty, because that was
/// restarted, has announced itself again by then.
const MISSES_MAX: u32 = 3;
/// Most workers of which it is told that they are left out.
const TOLD_MAX: usize = 1000;

/// What is known of them. While Redis cannot be read, those that were known stay: the ones that are gone are found out by
/// their checks.
pub(super) struct Announced {
    tier: Tier,
    seen: BTreeMap<(PoolName, String), u32>,
    is_failing: bool,
    /// URLs, and why they were told to be left out: once.
    told: BTreeSet<String>,
}

impl Announced {
    /// Nobody known.
    pub(super) fn new(tier: Tier) -> Self {
        Self { tier, seen: BTreeMap::new(), is_failing: false, told: BTreeSet::new() }
    }

    /// Pools and URLs.
    pub(super) fn workers(&self) -> impl Iterator<Item = &(PoolName, String)> {
        self.seen.keys()
    }

    /// Looks who is there, of the catalog that the gateway has; where it has none yet, of the only one that is announced.
    /// Returns which that is.
    pub(super) async fn look(&mut self, catalog_id: Option<String>) -> Option<String> {
        let mut catalog_id = catalog_id;
        match self.tier.workers().await {
            Ok(leases) => {
                if catalog_id.is_none() {
                    let announced: BTreeSet<_> = leases.iter().map(|lease| &lease.catalog_id).collect();
                    catalog_id =
                        (announced.len() == 1).then(|| announced.first().copied().cloned()).flatten();
                }
                let (ours, others): (Vec<_>, _) =
                    leases.into_iter().partition(|lease| is_ours(lease, catalog_id.as_deref()));
                for lease in others {
                    if self.told.len() < TOLD_MAX && self.told.insert(lease.url.clone()) {
                        tracing::warn!(
                            worker = lease.url,
                            "an announced worker is left out: it is of another catalog (`redis.prefix` tells \
                             deployments apart), or its URL is none"
                        );
                    }
                }
                update(&mut self.seen, ours);
                self.is_failing = false;
            }
            Err(error) if !self.is_failing => {
                tracing::warn!(%error, "announced workers cannot be looked up: those known before stay");
                self.is_failing = true;
            }
            Err(_) => {}
        }
        catalog_id
    }
}

/// Whether a worker can be taken up.
fn is_ours(lease: &WorkerLease, catalog_id: Option<&str>) -> bool {
    catalog_id == Some(&lease.catalog_id) && authority_of(&lease.url).is_ok()
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
        WorkerLease { url: url.into(), pool: pool.into(), cores: 1, started_ms: 0, catalog_id: "ours".into() }
    }

    #[test]
    fn workers_of_another_catalog_and_those_without_a_url_are_left_out() {
        assert!(is_ours(&lease("http://a:1", "default"), Some("ours")));
        assert!(!is_ours(&lease("http://a:1", "default"), Some("theirs")));
        assert!(!is_ours(&lease("http://a:1", "default"), None));
        assert!(!is_ours(&lease("rubbish", "default"), Some("ours")));
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
