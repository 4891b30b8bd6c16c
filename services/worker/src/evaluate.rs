//! Making chunks that no file holds in the form that is asked for.
//!
//! ```text
//! evaluate ─▶ made before? ─▶ locate ─▶ admit by bytes ─▶ read ─▶ decode, encode on the pool ─▶ keep
//!              or being made              │                       at most one a core
//!                                        computed ─▶ mosaic: parts of several sources
//! ```
//! Requests for the same chunk at once make it once. An error is never an element: a source that changed, is damaged or
//! is on tape fails the whole chunk, and only what the source lacks is missing.

mod decode;
mod locate;
mod mosaic;
mod pool;

use std::sync::Arc;

use bytes::Bytes;
use engine::ports::{EvaluatedChunk, Form, PublishedDataset};
use model::{Error, Result, Variable};
use moka::future::Cache;

use crate::catalog::Catalog;
use crate::settings::EvaluateSettings;
use crate::storage::Files;
use decode::Decoder;
use locate::{Records, Source};
use mosaic::Mosaics;
use pool::Pool;

/// Most variables whose codecs are kept ready.
const RECIPES_MAX: u64 = 10_000;

/// Makes chunks, keeps some, and bounds both.
pub struct Evaluator {
    inner: Arc<Inner>,
    made: Cache<EvaluatedChunk, Option<Bytes>>,
}

struct Inner {
    catalog: Arc<Catalog>,
    files: Files,
    pool: Pool,
    records: Records,
    recipes: Cache<RecipeKey, Arc<Recipe>>,
    mosaics: Mosaics,
}

/// A variable of a version, in a form.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct RecipeKey {
    id: model::DatasetId,
    version: model::Version,
    variable: model::NodePath,
    form: Form,
}

/// How chunks of a variable are made.
struct Recipe {
    published: PublishedDataset,
    /// Place in the dataset's list.
    variable: usize,
    /// From what is stored to elements, and from those to what is asked for.
    decoder: Decoder,
}

impl Evaluator {
    /// Nothing made yet.
    pub fn new(catalog: Arc<Catalog>, files: Files, settings: &EvaluateSettings) -> Self {
        let weight = |_: &EvaluatedChunk, bytes: &Option<Bytes>| {
            u32::try_from(bytes.as_ref().map_or(0, Bytes::len) + 256).unwrap_or(u32::MAX)
        };
        let inner = Inner {
            catalog,
            files,
            pool: Pool::new(settings),
            records: Records::new(),
            recipes: Cache::new(RECIPES_MAX),
            mosaics: Mosaics::new(),
        };
        Self {
            inner: Arc::new(inner),
            made: Cache::builder().weigher(weight).max_capacity(settings.cache_bytes_max).build(),
        }
    }

    /// A chunk; none where the sources have nothing of it.
    pub async fn evaluate(&self, chunk: &EvaluatedChunk) -> Result<Option<Bytes>> {
        if let Some(made) = self.made.get(chunk).await {
            return Ok(made);
        }
        let made = self.made.try_get_with(chunk.clone(), self.inner.make(chunk)).await;
        made.map_err(|error| Error::clone(&error))
    }
}

impl Inner {
    async fn make(&self, chunk: &EvaluatedChunk) -> Result<Option<Bytes>> {
        let recipe = self.recipe(chunk).await?;
        let variable = recipe.own();
        if chunk.number >= variable.grid.chunk_count() {
            return Err(Error::invalid("the array has no such chunk"));
        }
        let stored_bytes = match self.locate(&recipe, chunk.number).await? {
            Source::Missing => return Ok(None),
            Source::Computed => return self.composed(&recipe, chunk.number).await,
            Source::Inline(bytes) => bytes,
            Source::Stored(file, range) => {
                let admitted = self.pool.admit(range.length, recipe.decoder.decoded_bytes()).await?;
                let stored = self.read(&file, range).await?;
                return self.recode(&recipe, stored, admitted).await.map(Some);
            }
        };
        let length = stored_bytes.len() as u64;
        let admitted = self.pool.admit(length, recipe.decoder.decoded_bytes()).await?;
        self.recode(&recipe, stored_bytes, admitted).await.map(Some)
    }

    /// A chunk that is made of several sources, or of sources of another form.
    async fn composed(&self, recipe: &Arc<Recipe>, number: u64) -> Result<Option<Bytes>> {
        let Some(elements) = self.compose(recipe, number).await? else { return Ok(None) };
        let recipe = Arc::clone(recipe);
        self.pool.run_admitted(move || recipe.decoder.encode(&elements)).await.map(Some)
    }

    async fn recode(&self, recipe: &Arc<Recipe>, stored: Bytes, admitted: pool::Admitted) -> Result<Bytes> {
        let recipe = Arc::clone(recipe);
        self.pool.run(admitted, move || recipe.decoder.recode(stored)).await
    }

    async fn recipe(&self, chunk: &EvaluatedChunk) -> Result<Arc<Recipe>> {
        let key = RecipeKey {
            id: chunk.id.clone(),
            version: chunk.version,
            variable: chunk.variable.clone(),
            form: chunk.form,
        };
        if let Some(recipe) = self.recipes.get(&key).await {
            return Ok(recipe);
        }
        let catalog = Arc::clone(&self.catalog);
        let make = {
            let key = key.clone();
            crate::local::blocking(move || {
                let published = catalog.dataset(&key.id, Some(key.version))?;
                let place =
                    published.dataset.variables.iter().position(|variable| variable.path == key.variable);
                let place = place.ok_or_else(|| Error::not_found("no such variable"))?;
                let decoder = Decoder::new(&published.dataset.variables[place], key.form)?;
                Ok(Arc::new(Recipe { published, variable: place, decoder }))
            })
        };
        self.recipes.try_get_with(key, make).await.map_err(|error| Error::clone(&error))
    }
}

impl Recipe {
    /// The variable as it is stored.
    fn own(&self) -> &Variable {
        &self.published.dataset.variables[self.variable]
    }
}

#[cfg(test)]
mod tests;
