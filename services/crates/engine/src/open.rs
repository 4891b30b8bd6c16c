//! Opening datasets: the catalog as a gateway sees it.
//!
//! ```text
//! refresh ─▶ Catalog (id → version) ─▶ open ─▶ OpenDataset ─▶ locate ─▶ Located
//!  polled        last list that came    kept by (id, version)    kept by record of references
//!                                  ├▶ open_with_diagnostics: the same with variables that are views
//!                                  └▶ open_view ─▶ OpenDataset: the same of a view by URL, kept by its steps too
//! ```
//! A warm request costs a look-up for the dataset, one for the variable and one for the record, and asks nobody.

mod absent;
mod dataset;
mod documents;
mod guests;
mod hierarchy;
mod locate;
mod shards;
mod view;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use model::{DatasetId, Error, ErrorKind, Result, SourceFile, Version};
use moka::future::Cache;
use moka::policy::EvictionPolicy;

pub use dataset::OpenDataset;
pub use documents::Document;
pub use hierarchy::HierarchyDocument;
pub use locate::{Located, by_key, in_record};

use crate::ports::{ListedDataset, Listing, PublishedDataset, ReferenceRecord, Worker};
use absent::AbsentKey;
use locate::RecordKey;
use shards::ShardKey;
use view::ViewKey;
use zarr::shard::ShardIndex;

/// Most lengths of files that are kept: about a hundred bytes each.
const LENGTHS_MAX: u64 = 200_000;
/// How long: a store that grows is looked at again.
const LENGTHS_KEPT: Duration = Duration::from_mins(1);
/// Most bytes of chunks of fill values that are kept.
const ABSENT_BYTES_MAX: u64 = 64 << 20;

/// How much to keep in memory.
#[derive(Debug, Clone, Copy)]
pub struct OpenLimits {
    /// Most opened datasets.
    pub datasets_max: u64,
    /// Most bytes of chunk references, and as many of shards' indexes.
    pub references_bytes_max: u64,
}

/// The datasets of a catalog: which there are, the opened ones, and the references read so far.
pub struct Datasets {
    worker: Arc<dyn Worker>,
    catalog: RwLock<Option<Arc<Catalog>>>,
    /// One refresh at a time, so that an older list never follows a newer one.
    refreshing: tokio::sync::Mutex<()>,
    opened: Cache<Arc<DatasetKey>, Arc<OpenDataset>>,
    with_diagnostics: Cache<Arc<DatasetKey>, Arc<OpenDataset>>,
    views: Cache<ViewKey, Arc<OpenDataset>>,
    records: Cache<RecordKey, Arc<ReferenceRecord>>,
    hierarchies: Cache<(u64, HierarchyDocument), Document>,
    lengths: Cache<Arc<SourceFile>, Option<u64>>,
    shards: Cache<ShardKey, Arc<ShardIndex>>,
    absent: Cache<AbsentKey, Option<Document>>,
}

/// The catalog's list at one revision.
#[derive(Debug)]
pub struct Catalog {
    revision: u64,
    id: String,
    datasets: Vec<ListedDataset>,
    by_id: HashMap<String, Arc<DatasetKey>>,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct DatasetKey {
    id: DatasetId,
    version: Version,
}

impl DatasetKey {
    /// Refuses an answer for another version than was asked for.
    fn check(&self, published: &PublishedDataset) -> Result<()> {
        if published.version == self.version && published.id == self.id {
            return Ok(());
        }
        Err(Error::internal(format!(
            "asked for version {} of {}, got version {} of {}",
            self.version, self.id, published.version, published.id
        )))
    }
}

impl Catalog {
    fn new(listing: Listing) -> Self {
        let key = |listed: &ListedDataset| DatasetKey { id: listed.id.clone(), version: listed.version };
        let by_id = listing.datasets.iter().map(|d| (d.id.as_str().to_owned(), Arc::new(key(d)))).collect();
        Self { revision: listing.revision, id: listing.catalog_id, datasets: listing.datasets, by_id }
    }

    /// Changes with every change of the catalog.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Which catalog it is; empty where it cannot be told apart ([`Listing::catalog_id`]).
    pub fn catalog_id(&self) -> &str {
        &self.id
    }

    /// Every dataset, in order of first registration.
    pub fn datasets(&self) -> &[ListedDataset] {
        &self.datasets
    }
}

impl Datasets {
    /// The datasets that `worker` knows. Nothing is asked before the first [`refresh`](Self::refresh) or request.
    pub fn new(worker: Arc<dyn Worker>, limits: OpenLimits) -> Self {
        let records = Cache::builder()
            .weigher(|_, record: &Arc<ReferenceRecord>| locate::weight(record))
            .max_capacity(limits.references_bytes_max)
            // Not by frequency: a record newly come must stay, or each of its chunks would fetch it again.
            .eviction_policy(EvictionPolicy::lru())
            .build();
        let opened = || {
            Cache::builder().max_capacity(limits.datasets_max).eviction_policy(EvictionPolicy::lru()).build()
        };
        // A few documents of the revision now and the one before.
        let hierarchies = Cache::builder().max_capacity(8).eviction_policy(EvictionPolicy::lru()).build();
        let lengths = Cache::builder().max_capacity(LENGTHS_MAX).time_to_live(LENGTHS_KEPT).build();
        let shards = Cache::builder()
            .weigher(|_, index: &Arc<ShardIndex>| shards::weight(index))
            .max_capacity(limits.references_bytes_max)
            .eviction_policy(EvictionPolicy::lru())
            .build();
        let absent = Cache::builder()
            .weigher(|_, chunk: &Option<Document>| absent::weight(chunk.as_ref()))
            .max_capacity(ABSENT_BYTES_MAX)
            .build();
        Self {
            worker,
            catalog: RwLock::new(None),
            refreshing: tokio::sync::Mutex::new(()),
            opened: opened(),
            with_diagnostics: opened(),
            views: view::cache(),
            records,
            hierarchies,
            lengths,
            shards,
            absent,
        }
    }

    /// Asks for the list if it changed. Returns whether it did. After an error the last known list still serves.
    pub async fn refresh(&self) -> Result<bool> {
        let _one_at_a_time = self.refreshing.lock().await;
        let known = self.known();
        let Some(listing) = self.worker.list(known.as_ref().map(|catalog| catalog.revision)).await? else {
            return Ok(false);
        };
        let catalog = Arc::new(Catalog::new(listing));
        *self.catalog.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&catalog));
        for (id, old) in known.iter().flat_map(|known| &known.by_id) {
            if catalog.by_id.get(id) != Some(old) {
                self.opened.invalidate(old).await;
                self.with_diagnostics.invalidate(old).await;
            }
        }
        Ok(true)
    }

    /// The last list that came. Asks for it where none ever did: an unknown list must not look like an empty one.
    pub async fn catalog(&self) -> Result<Arc<Catalog>> {
        if let Some(catalog) = self.known() {
            return Ok(catalog);
        }
        self.refresh().await?;
        self.known().ok_or_else(|| Error::new(ErrorKind::Unavailable, "the catalog has not been read yet"))
    }

    /// Opens the current version of a dataset by its id.
    pub async fn open(&self, id: &str) -> Result<Arc<OpenDataset>> {
        self.open_key(&self.current(id).await?).await
    }

    /// The current version of a dataset.
    async fn current(&self, id: &str) -> Result<Arc<DatasetKey>> {
        let catalog = self.catalog().await?;
        catalog.by_id.get(id).cloned().ok_or_else(|| not_found(id))
    }

    async fn open_key(&self, key: &Arc<DatasetKey>) -> Result<Arc<OpenDataset>> {
        if let Some(opened) = self.opened.get(key).await {
            return Ok(opened);
        }
        let fetch = async {
            let published = self.worker.dataset(&key.id, Some(key.version)).await.map_err(listed)?;
            key.check(&published)?;
            Ok(Arc::new(OpenDataset::new(published)?))
        };
        self.opened.try_get_with(Arc::clone(key), fetch).await.map_err(|error| Error::clone(&error))
    }

    /// Memory of the references kept, in bytes.
    pub fn references_cached_bytes(&self) -> u64 {
        self.records.weighted_size()
    }

    fn known(&self) -> Option<Arc<Catalog>> {
        // The lock is held for a copy of a pointer only, so a poisoned one still holds a whole value.
        self.catalog.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What the list names is there: a worker that does not find it sees the catalog as it was, or not at all.
fn listed(error: Error) -> Error {
    if error.kind == ErrorKind::NotFound {
        let message = "the dataset is listed, but its catalog cannot be read now";
        return Error::new(ErrorKind::Unavailable, message).with_internal(error).with_retry_after(1);
    }
    error
}

/// The answer for an unknown dataset, in the words that clients of xpublish know.
fn not_found(id: &str) -> Error {
    // What a client sent comes back shortened: an answer is no place for a kilobyte of anything.
    let shown: String = id.chars().take(DatasetId::LENGTH_MAX).collect();
    Error::not_found(format!("Dataset '{shown}' not found"))
}

#[cfg(test)]
mod tests;
