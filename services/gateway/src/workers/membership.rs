//! Who is in which pool: fixed lists, names that are resolved again and again, and workers that announce themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Weak};
use std::time::Duration;

use engine::pools::PoolName;
use model::{Error, Result};
use tier::Tier;
use tokio::time::MissedTickBehavior;

use super::announced::Announced;
use super::pools::Pools;
use crate::settings::PoolSettings;

/// What a worker's URL begins with that stands for all addresses of its host.
const DNS: &str = "dns://";

/// Members by pool.
type Members = BTreeMap<PoolName, BTreeSet<String>>;

/// Where members come from.
pub(super) struct Membership {
    /// URLs as they were given.
    fixed: Members,
    /// Hosts with their ports, and the addresses that they had last.
    named: Vec<Named>,
    /// Workers that announce themselves, where there is a Redis.
    announced: Option<Announced>,
}

/// A host whose addresses are workers: a headless service of Kubernetes.
#[derive(Debug)]
struct Named {
    pool: PoolName,
    authority: String,
    urls: BTreeSet<String>,
}

impl Membership {
    /// Of the settings, pools by their names, and of what workers say of themselves.
    pub(super) fn new(pools: &BTreeMap<String, PoolSettings>, tier: Option<Tier>) -> Result<Self> {
        let announced = tier.map(Announced::new);
        let mut this = Self { fixed: Members::new(), named: Vec::new(), announced };
        for (name, settings) in pools {
            let pool = PoolName::parse(name)?;
            let fixed = this.fixed.entry(pool.clone()).or_default();
            for url in &settings.workers {
                match url.strip_prefix(DNS) {
                    None => {
                        fixed.insert(url.clone());
                    }
                    Some(authority) if is_host_and_port(authority) => {
                        let (pool, authority) = (pool.clone(), authority.to_owned());
                        this.named.push(Named { pool, authority, urls: BTreeSet::new() });
                    }
                    Some(_) => {
                        return Err(Error::invalid(format!(
                            "{url:?} names no workers: give dns://host:port"
                        )));
                    }
                }
            }
        }
        Ok(this)
    }

    /// Members that are known without asking anybody.
    pub(super) fn known(&self) -> Members {
        let mut members = self.fixed.clone();
        for named in &self.named {
            members.entry(named.pool.clone()).or_default().extend(named.urls.iter().cloned());
        }
        for (pool, url) in self.announced.iter().flat_map(Announced::workers) {
            members.entry(pool.clone()).or_default().insert(url.clone());
        }
        members
    }

    /// Keeps members up to date as long as there are pools.
    pub(super) async fn keep(mut self, pools: Weak<Pools>, every: Duration) {
        let mut ticks = tokio::time::interval(every.max(Duration::from_millis(100)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            for named in &mut self.named {
                named.resolve().await;
            }
            if let Some(announced) = &mut self.announced {
                let Some(known) = pools.upgrade().map(|pools| pools.catalog_id()) else { return };
                if let Some(found) = announced.look(known).await
                    && let Some(pools) = pools.upgrade()
                {
                    pools.is_of(&found);
                }
            }
            let Some(pools) = pools.upgrade() else { return };
            apply(&pools, &self.known());
        }
    }

    /// Whether members can change.
    pub(super) fn is_fixed(&self) -> bool {
        self.named.is_empty() && self.announced.is_none()
    }
}

/// Gives pools their members; one that cannot be a worker is left out by whoever named it.
fn apply(pools: &Arc<Pools>, members: &Members) {
    if let Err(error) = pools.set(members) {
        tracing::warn!(%error, "workers of a pool cannot be taken up");
    }
}

impl Named {
    /// Looks the host up. Where that fails or finds none, the addresses before stay: they are checked anyway.
    async fn resolve(&mut self) {
        match tokio::net::lookup_host(&self.authority).await {
            Ok(addresses) => {
                let urls: BTreeSet<_> = addresses.map(|address| format!("http://{address}")).collect();
                if !urls.is_empty() {
                    self.urls = urls;
                }
            }
            Err(error) => tracing::warn!(host = self.authority, %error, "workers cannot be looked up"),
        }
    }
}

fn is_host_and_port(authority: &str) -> bool {
    let parsed: Option<http::uri::Authority> = authority.parse().ok();
    parsed.is_some_and(|authority| authority.port().is_some() && !authority.as_str().contains('@'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn membership(urls: &[&str]) -> Result<Membership> {
        let workers = urls.iter().map(|&url| url.to_owned()).collect();
        Membership::new(&BTreeMap::from([("default".to_owned(), PoolSettings { workers })]), None)
    }

    #[tokio::test]
    async fn names_stand_for_all_their_addresses() {
        let mut membership = membership(&["http://a:1", "dns://localhost:9100"]).unwrap();
        assert!(!membership.is_fixed());
        membership.named[0].resolve().await;
        let members = membership.known().remove(&PoolName::default()).unwrap();
        assert!(members.contains("http://a:1"), "{members:?}");
        assert!(members.contains("http://127.0.0.1:9100") || members.contains("http://[::1]:9100"));
        membership.named[0].authority = "no-such-host.invalid:1".into();
        membership.named[0].resolve().await;
        assert!(membership.known()[&PoolName::default()].len() >= 2, "the addresses before stay");
    }

    #[test]
    fn malformed_names_are_refused() {
        for bad in ["dns://", "dns://host", "dns://user@host:1", "dns://ho st:1"] {
            assert!(membership(&[bad]).is_err(), "{bad}");
        }
    }
}
