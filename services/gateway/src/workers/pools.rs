//! All pools, and which of them a dataset's files are seen by.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use engine::pools::{PoolName, PoolStatus};
use engine::ports::Listing;
use futures::future::join_all;
use model::{DatasetId, Error, ErrorKind, Result};

use super::catalog_id::CatalogId;
use super::pool::Pool;
use super::{Tuning, catalog};
use crate::settings::RoutingSettings;

/// The pools of a gateway.
pub(super) struct Pools {
    timeout: Duration,
    routing: RoutingSettings,
    tuning: Tuning,
    default: Arc<Pool>,
    /// All, the default one among them.
    by_name: RwLock<Arc<BTreeMap<PoolName, Arc<Pool>>>>,
    /// The catalog that all workers see.
    catalog: Arc<CatalogId>,
    /// Pools of datasets that name another than the default one.
    of: RwLock<Arc<HashMap<DatasetId, PoolName>>>,
}

impl Pools {
    /// The default pool, without members.
    pub(super) fn new(timeout: Duration, routing: &RoutingSettings, tuning: &Tuning) -> Self {
        let catalog = Arc::new(CatalogId::default());
        let default = Arc::new(Pool::new(PoolName::default(), timeout, routing, tuning, &catalog));
        let pools = BTreeMap::from([(PoolName::default(), Arc::clone(&default))]);
        Self {
            timeout,
            routing: routing.clone(),
            tuning: tuning.clone(),
            default,
            by_name: RwLock::new(Arc::new(pools)),
            catalog,
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
        self.catalog.now().map(|id| id.to_string())
    }

    /// Says which catalog it is; the first word counts, until all workers have [another](Self::adopt).
    pub(super) fn is_of(&self, catalog_id: &str) {
        self.catalog.learn(catalog_id);
    }

    /// Takes another catalog for ours where every worker refuses ours and has that one: it was made anew in the place of one
    /// that was removed. One worker that cannot be asked may have ours still. Returns whether it did so.
    pub(super) async fn adopt(&self) -> bool {
        let all = self.all();
        let members: Vec<_> = all.values().flat_map(|pool| pool.now().all().to_vec()).collect();
        if !members.iter().any(|member| member.health.is_of_another_catalog()) {
            return false;
        }
        let theirs = join_all(members.iter().map(|member| catalog::other(member))).await;
        let Some(Some(id)) = theirs.first() else { return false };
        if theirs.iter().any(|other| other.as_ref() != Some(id)) {
            return false;
        }
        tracing::warn!(
            before = self.catalog_id(),
            now = id,
            "all workers have another catalog: it is taken for ours"
        );
        self.catalog.exchange(id);
        true
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
                let (name, catalog) = (name.clone(), &self.catalog);
                let pool =
                    || Arc::new(Pool::new(name.clone(), self.timeout, &self.routing, &self.tuning, catalog));
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
