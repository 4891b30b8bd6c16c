//! Making chunks that no file holds in the form that is asked for.
//!
//! ```text
//! evaluate ─▶ made before, and sources unchanged? ─▶ locate ─▶ admit by bytes ─▶ read ─▶ decode, encode ─▶ keep
//!              or being made                            │                                 at most one a core
//!                                                      computed ─▶ mosaic: parts of several sources
//! ```
//! Requests for the same chunk at once make it once. An error is never an element: a source that changed, is damaged or
//! is on tape fails the whole chunk, and only what the source lacks is missing.

mod decode;
mod disk;
mod locate;
mod made;
mod mosaic;
mod plan;
mod pool;
mod rounding;
mod view;
mod witness;

pub(crate) use made::{Answer, answering};

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use engine::ports::{EvaluatedChunk, Form, MadeChunk, PublishedDataset};
use engine::sections::{LongReduction, Section, Sections};
use model::{DatasetId, Error, Result, Variable, Version};
use moka::future::Cache;

use crate::catalog::Catalog;
use crate::settings::EvaluateSettings;
use crate::storage::Files;
use decode::Decoder;
use disk::DiskCache;
use locate::{Records, Source};
use made::{Fresh, Made};
use mosaic::Mosaics;
use pool::Pool;
use view::{ViewKey, Views};
use witness::Witness;

/// Most variables whose codecs are kept ready.
const RECIPES_MAX: u64 = 10_000;

/// Makes chunks, keeps some, and bounds both.
pub struct Evaluator {
    inner: Arc<Inner>,
    made: Cache<EvaluatedChunk, Made>,
}

struct Inner {
    catalog: Arc<Catalog>,
    files: Files,
    pool: Pool,
    records: Records,
    recipes: Cache<RecipeKey, Arc<Recipe>>,
    mosaics: Mosaics,
    views: Views,
    disk: Option<Arc<DiskCache>>,
}

/// A variable of a version, in a form.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct RecipeKey {
    id: DatasetId,
    version: Version,
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
    /// Nothing made yet, but what is on disk. Waits for that.
    pub fn new(catalog: Arc<Catalog>, files: Files, settings: &EvaluateSettings) -> Self {
        let weight = |_: &EvaluatedChunk, made: &Made| made.weight();
        let pool = Pool::new(settings);
        let cores = pool.cores_count();
        let inner = Inner {
            catalog,
            files,
            pool,
            records: Records::new(),
            recipes: Cache::new(RECIPES_MAX),
            mosaics: Mosaics::new(),
            views: Views::new(settings, cores),
            disk: DiskCache::open(settings),
        };
        Self {
            inner: Arc::new(inner),
            made: Cache::builder().weigher(weight).max_capacity(settings.cache_bytes_max).build(),
        }
    }

    /// A chunk; none where the sources have nothing of it.
    pub async fn evaluate(&self, chunk: &EvaluatedChunk) -> Result<Option<Bytes>> {
        self.once(chunk, || self.make(chunk)).await.map(|made| made.bytes)
    }

    /// The same, and on what conditions others may keep it.
    pub async fn evaluate_to_keep(&self, chunk: &EvaluatedChunk) -> Result<MadeChunk> {
        let made = self.once(chunk, || self.make(chunk)).await?;
        Ok(MadeChunk { keeping: made.keeping(self.inner.catalog.id()), bytes: made.bytes })
    }

    /// How many chunks are made at once.
    pub fn cores_count(&self) -> usize {
        self.inner.pool.cores_count()
    }

    /// Long reductions that a chunk is made of, if it is not kept.
    pub async fn long_reductions(&self, chunk: &EvaluatedChunk) -> Result<Vec<LongReduction>> {
        match key_of_view(chunk) {
            Ok(key) if !self.made.contains_key(chunk) => self.inner.long_reductions(key, chunk).await,
            _ => Ok(Vec::new()),
        }
    }

    /// A section of one of them, for whoever assembles the chunk.
    pub async fn section(&self, chunk: &EvaluatedChunk, section: Section) -> Result<Bytes> {
        self.inner.section(key_of_view(chunk)?, chunk, section).await
    }

    /// A chunk, of sections that were made before.
    pub async fn assemble(&self, chunk: &EvaluatedChunk, sections: Sections) -> Result<Option<Bytes>> {
        // Before others wait for the chunk: they have sections of their own, and these may never end.
        let given = self.inner.given(key_of_view(chunk)?, chunk, sections).await?;
        self.once(chunk, || self.inner.chunk_of_given(given, chunk)).await.map(|made| made.bytes)
    }

    /// What is kept of a chunk, if its sources are what they were; else what is made now, once for all who ask.
    async fn once<F: Future<Output = Result<Fresh>>>(
        &self,
        chunk: &EvaluatedChunk,
        work: impl FnOnce() -> F,
    ) -> Result<Made> {
        if let Some(made) = self.made.get(chunk).await {
            // Bytes of the registered state, or none: also where they are kept.
            if self.inner.are_unchanged(&made.sources).await? {
                self.inner.answer(&made).await?;
                return Ok(made);
            }
            self.made.invalidate(chunk).await;
        }
        // Of the caller who makes it, until the answer has it: what is kept has no part in it.
        let memory = Mutex::new(None);
        let new = async {
            let (made, admitted) = self.inner.kept_on_disk_or(chunk, work()).await?.into_made();
            *memory.lock().unwrap_or_else(PoisonError::into_inner) = admitted;
            Ok(made)
        };
        let made = self.made.try_get_with(chunk.clone(), Box::pin(new)).await;
        let made = made.map_err(|error: Arc<Error>| Error::clone(&error))?;
        self.inner.answer(&made).await?;
        Ok(made)
    }

    async fn make(&self, chunk: &EvaluatedChunk) -> Result<Fresh> {
        match &chunk.form {
            Form::View(_) => self.inner.chunk_of_view(key_of_view(chunk)?, chunk).await,
            Form::Stored | Form::Decoded => self.inner.make(chunk).await,
        }
    }

    /// What a view makes of a version of a dataset.
    pub async fn open_view(&self, id: &DatasetId, version: Version, steps: &str) -> Result<PublishedDataset> {
        let view = self.inner.view(ViewKey::new(id, version, &steps.into())).await?;
        Ok(view.shown().clone())
    }
}

impl Inner {
    async fn make(&self, chunk: &EvaluatedChunk) -> Result<Fresh> {
        let recipe = self.recipe(chunk).await?;
        let variable = recipe.own();
        if chunk.number >= variable.grid.chunk_count() {
            return Err(Error::invalid("the array has no such chunk"));
        }
        let decoded_bytes = recipe.decoder.decoded_bytes();
        match self.locate(&recipe.published, recipe.variable, chunk.number).await? {
            Source::Missing(place) => {
                Ok(Fresh { bytes: None, sources: place.into_iter().collect(), admitted: None })
            }
            Source::Computed => self.composed(&recipe, chunk.number).await,
            Source::Inline(stored) => {
                let admitted = self.pool.admit(stored.len() as u64, decoded_bytes).await?;
                self.recode(&recipe, vec![stored], admitted, Arc::default()).await
            }
            Source::Stored(source, range) => {
                let admitted = self.pool.admit(range.length, decoded_bytes).await?;
                let stored = self.read_pieces(&source.file, range).await?;
                self.recode(&recipe, stored, admitted, [source].into()).await
            }
        }
    }

    /// A chunk that is made of several sources, or of sources of another form.
    async fn composed(&self, recipe: &Arc<Recipe>, number: u64) -> Result<Fresh> {
        let bytes = self.composing_bytes(recipe, number).await?;
        let admitted = self.pool.admit(0, Some(bytes)).await?;
        let (elements, sources) = self.compose(recipe, number).await?;
        let Some(elements) = elements else { return Ok(Fresh { bytes: None, sources, admitted: None }) };
        let recipe = Arc::clone(recipe);
        let encode = move || recipe.decoder.encode(elements.into());
        let (bytes, admitted) = self.pool.run(admitted, encode).await?;
        Ok(Fresh { bytes: Some(bytes), sources, admitted: Some(admitted) })
    }

    async fn recode(
        &self,
        recipe: &Arc<Recipe>,
        stored: Vec<Bytes>,
        admitted: pool::Admitted,
        sources: Arc<[Witness]>,
    ) -> Result<Fresh> {
        let recipe = Arc::clone(recipe);
        let (bytes, admitted) = self.pool.run(admitted, move || recipe.decoder.recode(stored)).await?;
        Ok(Fresh { bytes: Some(bytes), sources, admitted: Some(admitted) })
    }

    /// The recipe of a variable's elements, by its place in the dataset.
    async fn recipe_of(&self, published: &PublishedDataset, variable: usize) -> Result<Arc<Recipe>> {
        let of =
            published.dataset.variables.get(variable).ok_or_else(|| Error::internal("no such variable"))?;
        let chunk = EvaluatedChunk {
            id: published.id.clone(),
            version: published.version,
            variable: of.path.clone(),
            number: 0,
            form: Form::Decoded,
        };
        self.recipe(&chunk).await
    }

    async fn recipe(&self, chunk: &EvaluatedChunk) -> Result<Arc<Recipe>> {
        let key = RecipeKey {
            id: chunk.id.clone(),
            version: chunk.version,
            variable: chunk.variable.clone(),
            form: chunk.form.clone(),
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
                let encoding = engine::encoding::of_view(&published.view, &published.dataset)?;
                let decoder = Decoder::new(&published.dataset.variables[place], &key.form, &encoding)?;
                Ok(Arc::new(Recipe { published, variable: place, decoder }))
            })
        };
        self.recipes.try_get_with(key, make).await.map_err(|error| Error::clone(&error))
    }
}

/// The view that a chunk is of.
fn key_of_view(chunk: &EvaluatedChunk) -> Result<ViewKey> {
    match &chunk.form {
        Form::View(steps) => Ok(ViewKey::new(&chunk.id, chunk.version, steps)),
        Form::Stored | Form::Decoded => Err(Error::invalid("the chunk is of no view")),
    }
}

impl Recipe {
    /// The elements of a stored chunk, in the memory of `spare` where that can be used.
    fn decode_into(&self, stored: &[u8], spare: Vec<u8>) -> Result<Bytes> {
        self.decoder.decode_into(stored, spare)
    }

    /// The elements of a chunk that is missing.
    fn missing(&self) -> Bytes {
        self.decoder.missing()
    }

    /// The variable as it is stored.
    fn own(&self) -> &Variable {
        &self.published.dataset.variables[self.variable]
    }
}

#[cfg(test)]
mod tests;
