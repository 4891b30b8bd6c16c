//! All pools, and which of them a dataset's files are seen by.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use engine::pools::{PoolName, PoolStatus};
use engine::ports::Listing;
use model::{DatasetId, Error, ErrorKind, Result};

use super::Tuning;
use super::pool::Pool;
use crate::settings::RoutingSettings;

/// The pools of a gateway.
pub(super) struct Pools {
    timeout: Duration,
    routing: RoutingSettings,
    tuning: Tuning,
    default: Arc<Pool>,
    /// All, the default one among them.
    by_name: RwLock<Arc<BTreeMap<PoolName, Arc<Pool>>>>,
    /// Id of the catalog that all workers see, once it is known.
    catalog_id: OnceLock<String>,
    /// Pools of datasets that name another than the default one.
    of: RwLock<Arc<HashMap<DatasetId, PoolName>>>,
}

impl Pools {
    /// The default pool, without members.
    pub(super) fn new(timeout: Duration, routing: &RoutingSettings, tuning: &Tuning) -> Self {
        let default = Arc::new(Pool::new(PoolName::default(), timeout, routing, tuning));
        let pools = BTreeMap::from([(PoolName::default(), Arc::clone(&default))]);
        Self {
            timeout,
            routing: routing.clone(),
            tuning: tuning.clone(),
            default,
            by_name: RwLock::new(Arc::new(pools)),
            catalog_id: OnceLock::new(),
            of: RwLock::default(),
        }
    }

    /// The pool whose workers see a dataset's files.
    pub(super) fn of(&self, id: &DatasetId) -> Result<Arc<Pool>> {
        let of = Arc::clone(&self.of.read().unwrap_or_else(PoisonError::into_inner));
        match of.get(id) {
            None => Ok(Arc::clone(&self.default)),
            Some(name) => self.named(name),
        }
    }

    /// The pool of a name.
    pub(super) fn named(&self, name: &PoolName) -> Result<Arc<Pool>> {
        self.all().get(name).cloned().ok_or_else(|| {
            Error::new(ErrorKind::Unavailable, format!("no workers of the pool {name} are known here"))
        })
    }

    /// All pools.
    pub(super) fn all(&self) -> Arc<BTreeMap<PoolName, Arc<Pool>>> {
        Arc::clone(&self.by_name.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Pools whose workers can be asked for the catalog, which all of them see: the default one first.
    pub(super) fn for_catalog(&self) -> Vec<Arc<Pool>> {
        let all = self.all();
        let others = all.values().filter(|pool| !Arc::ptr_eq(pool, &self.default));
        let pools = std::iter::once(&self.default).chain(others);
        pools.filter(|pool| !pool.now().all().is_empty()).cloned().collect()
    }

    /// Id of the catalog, once it is known.
    pub(super) fn catalog_id(&self) -> Option<String> {
        self.catalog_id.get().cloned()
    }

    /// Says which catalog it is; the first word counts as long as the gateway runs.
    pub(super) fn is_of(&self, catalog_id: &str) {
        if !catalog_id.is_empty() {
            self.catalog_id.get_or_init(|| catalog_id.to_owned());
        }
    }

    /// Remembers of which pools datasets are, and the catalog.
    pub(super) fn learn(&self, listing: &Listing) {
        self.is_of(&listing.catalog_id);
        let named = listing.datasets.iter().filter(|listed| !listed.pool.is_default());
        let of = named.map(|listed| (listed.id.clone(), listed.pool.clone())).collect();
        *self.of.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(of);
    }

    /// Gives pools their members; those that are not named have none any more.
    pub(super) fn set(&self, members: &BTreeMap<PoolName, BTreeSet<String>>) -> Result<()> {
        let all = self.all();
        if members.keys().any(|name| !all.contains_key(name)) {
            let mut pools = (*all).clone();
            for name in members.keys() {
                let pool = || Arc::new(Pool::new(name.clone(), self.timeout, &self.routing, &self.tuning));
                pools.entry(name.clone()).or_insert_with(pool);
            }
            *self.by_name.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(pools);
        }
        let none = BTreeSet::new();
        self.all().iter().try_for_each(|(name, pool)| pool.set(members.get(name).unwrap_or(&none)))
    }

    /// For operators.
    pub(super) fn status(&self) -> Vec<PoolStatus> {
        self.all().values().map(|pool| pool.status()).collect()
    }
}
