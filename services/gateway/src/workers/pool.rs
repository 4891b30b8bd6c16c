//! A pool: workers that see the same files, whoever they are now.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use engine::pools::{MemberStatus, PoolName, PoolStatus};
use model::Result;

use super::Tuning;
use super::budget::RetryBudget;
use super::catalog_id::CatalogId;
use super::latency::Latency;
use super::load::Kind;
use super::member::Member;
use super::members::{Members, Shared};
use super::spread::Spreading;
use crate::settings::RoutingSettings;

/// A pool.
pub(super) struct Pool {
    name: PoolName,
    members: RwLock<Arc<Members>>,
    shared: Arc<Shared>,
    pub(super) spreading: Spreading,
    timeout: Duration,
    tuning: Tuning,
    catalog: Arc<CatalogId>,
}

impl Pool {
    /// Without members. `timeout` is how long to wait for an answer's first byte.
    pub(super) fn new(
        name: PoolName,
        timeout: Duration,
        routing: &RoutingSettings,
        tuning: &Tuning,
        catalog: &Arc<CatalogId>,
    ) -> Self {
        let shared = Arc::new(Shared {
            budget: RetryBudget::new(),
            latency: Latency::new(),
            rose: Arc::default(),
            try_timeout: Duration::from_secs(routing.try_timeout_seconds.max(1)),
            hedges: routing.hedging,
            present: RwLock::default(),
        });
        let members = RwLock::new(Arc::new(Members::new(Vec::new(), Arc::clone(&shared))));
        let (tuning, catalog) = (tuning.clone(), Arc::clone(catalog));
        Self { name, members, shared, spreading: Spreading::new(), timeout, tuning, catalog }
    }

    /// Its members now.
    pub(super) fn now(&self) -> Arc<Members> {
        Arc::clone(&self.members.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes the workers at these URLs its members. Those that are so already keep their connections; those that are no
    /// longer finish what they began.
    pub(super) fn set(&self, urls: &BTreeSet<String>) -> Result<()> {
        let before = self.now();
        if before.all().iter().map(|member| member.url()).eq(urls.iter().map(String::as_str)) {
            return Ok(());
        }
        let (rose, catalog) = (&self.shared.rose, &self.catalog);
        let member = |url: &String| match before.all().iter().find(|member| member.url() == url) {
            Some(known) => Ok(Arc::clone(known)),
            None => Member::new(url, self.timeout, &self.tuning, rose, catalog).map(Arc::new),
        };
        let list = urls.iter().map(member).collect::<Result<Vec<_>>>()?;
        tracing::info!(pool = %self.name, workers = list.len(), "the workers of a pool are known");
        let members = Arc::new(Members::new(list, Arc::clone(&self.shared)));
        *self.shared.present.write().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(&members);
        *self.members.write().unwrap_or_else(PoisonError::into_inner) = members;
        // One may have risen before it was a member.
        self.shared.rose.notify_waiters();
        Ok(())
    }

    /// For operators.
    pub(super) fn status(&self) -> PoolStatus {
        let member = |member: &Arc<Member>| {
            let (calls, failed_calls) = member.load.totals();
            MemberStatus {
                url: member.url().to_owned(),
                health: member.health.now(),
                reads_under_way: member.load.under_way(Kind::Read) as u64,
                evaluations_under_way: member.load.under_way(Kind::Evaluation) as u64,
                calls,
                failed_calls,
            }
        };
        PoolStatus {
            name: self.name.clone(),
            members: self.now().all().iter().map(member).collect(),
            retries_left: self.shared.budget.left(),
            hedge_after_ms: self.shared.latency.late().as_secs_f64() * 1e3,
        }
    }
}
