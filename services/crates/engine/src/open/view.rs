//! Views by URL: opened by a worker, and kept.

use std::num::NonZeroU64;
use std::sync::Arc;

use model::{ChunkGrid, Error, Result, Sharding};
use moka::future::Cache;
use moka::policy::EvictionPolicy;
use views::steps::{Chunks, Extent};
use views::{Name, Step, Steps};
use zarr::key::ChunkIndex;

use super::{DatasetKey, Datasets, Located, OpenDataset};
use crate::named_views::{NAME_BYTES_MAX, NamedViews};
use crate::ports::Form;

/// Most bytes of opened views that are kept: anybody can ask for any number of them.
const VIEWS_BYTES_MAX: u64 = 128 << 20;
/// An opened dataset is itself and its documents, of two formats and consolidated: so many times its metadata.
const COPIES: usize = 5;
/// Most names that an error lists.
const LISTED_MAX: usize = 20;

/// A version of a dataset and the canonical spelling of a view's steps.
pub(super) type ViewKey = (Arc<DatasetKey>, Arc<str>);

/// No views yet.
pub(super) fn cache() -> Cache<ViewKey, Arc<OpenDataset>> {
    Cache::builder()
        .weigher(|(_, steps): &ViewKey, view: &Arc<OpenDataset>| weight(steps, view))
        .max_capacity(VIEWS_BYTES_MAX)
        .eviction_policy(EvictionPolicy::lru())
        .build()
}

/// Bytes of memory of a view, as the cache counts them.
fn weight(steps: &str, view: &OpenDataset) -> u32 {
    let metadata = zarr::document::to_json(view.dataset()).len();
    u32::try_from(metadata.saturating_mul(COPIES) + steps.len() + 1024).unwrap_or(u32::MAX)
}

impl OpenDataset {
    /// An inner chunk of a view's shard, as v2, which has no shards, names it: a chunk of the same view without shards,
    /// and in these chunks.
    pub(super) fn unsharded(
        &self,
        variable: usize,
        sharding: &Sharding,
        steps: &Steps,
        index: &ChunkIndex,
    ) -> Located {
        let Some(described) = self.dataset().variables.get(variable) else { return Located::Outside };
        let grid = ChunkGrid::new(described.grid.shape().to_vec(), sharding.chunk_shape.clone()).ok();
        let Some(number) = grid.and_then(|grid| index.number(&grid)) else { return Located::Outside };
        let lengths = described.dimensions.iter().zip(&sharding.chunk_shape);
        let lengths = lengths.filter_map(|(dimension, length)| {
            Some((Name::new(dimension)?, Extent::Elements(NonZeroU64::new(*length)?)))
        });
        let chunks = Step::Chunks(Chunks { dimensions: lengths.collect() });
        let others = steps.as_slice().iter().filter(|step| !matches!(step, Step::Shards(_))).cloned();
        let Some(steps) = Steps::new(others.chain([chunks]).collect()) else { return Located::Outside };
        self.computed(variable, number, &Form::View(steps.to_string().into()))
    }
}

impl Datasets {
    /// Opens a view of the current version of a dataset. Equal views are opened once, however they were spelled, and a
    /// new version makes new ones.
    pub async fn open_view(&self, id: &str, steps: &Steps) -> Result<Arc<OpenDataset>> {
        self.open_view_of(self.current(id).await?, steps).await
    }

    /// Opens a view that the current version of a dataset has by name: the same view as by its steps.
    pub async fn open_named_view(&self, id: &str, name: &str) -> Result<Arc<OpenDataset>> {
        let key = self.current(id).await?;
        let dataset = self.open_key(&key).await?;
        let views = &dataset.published().named_views;
        let steps = views.get(name).ok_or_else(|| no_view(id, name, views))?;
        self.open_view_of(key, &crate::encoding::parse(steps)?).await
    }

    pub(super) async fn open_view_of(
        &self,
        dataset: Arc<DatasetKey>,
        steps: &Steps,
    ) -> Result<Arc<OpenDataset>> {
        let text: Arc<str> = steps.to_string().into();
        let key = (dataset, text);
        if let Some(view) = self.views.get(&key).await {
            return Ok(view);
        }
        let (dataset, text) = key.clone();
        let fetch = async {
            let published = self.worker.open_view(&dataset.id, dataset.version, &text).await?;
            dataset.check(&published)?;
            let view = OpenDataset::of_view(published, steps.clone(), Arc::clone(&text))?;
            Ok(Arc::new(view))
        };
        self.views.try_get_with(key, fetch).await.map_err(|error| Error::clone(&error))
    }
}

/// The answer for an unknown name, with those that there are.
fn no_view(id: &str, name: &str, views: &NamedViews) -> Error {
    let shown: String = name.chars().take(NAME_BYTES_MAX).collect();
    let names: Vec<&str> = views.keys().map(String::as_str).take(LISTED_MAX).collect();
    let there_are =
        if names.is_empty() { "it has none".into() } else { format!("it has {}", names.join(", ")) };
    Error::not_found(format!("Dataset '{id}' has no view '{shown}': {there_are}"))
}
