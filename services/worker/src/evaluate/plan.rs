//! What a chunk costs: which chunks of sources it is made of, where they are, and how large.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use engine::ports::{ChunkPlan, EvaluatedChunk, Form};
use model::{Error, Region, Result, SourceFile};
use views::array::Array;
use views::compute::{self, Leaf};

use super::locate::Source;
use super::view::{self, ViewKey, too_many};
use super::{Evaluator, Inner};

/// Most chunks of sources that are counted.
const COUNTED_MAX: usize = 1 << 20;
/// Most of them that are looked up; of more, stored bytes and files are estimated.
const LOCATED_MAX: usize = 10_000;
/// Most files that are asked whether they are on tape.
const FILES_MAX: usize = 1_000;

impl Evaluator {
    /// What a chunk costs. Nothing is read of it but references.
    pub async fn plan(&self, chunk: &EvaluatedChunk) -> Result<ChunkPlan> {
        match &chunk.form {
            Form::View(steps) => {
                let key = ViewKey::new(&chunk.id, chunk.version, steps);
                self.inner.plan_of_view(key, chunk).await
            }
            Form::Stored => self.inner.plan_of_stored(chunk).await,
            Form::Decoded => self.inner.plan_of_chunk(chunk).await,
        }
    }
}

impl Inner {
    /// A chunk that is read as it is stored, whatever codecs it has.
    async fn plan_of_stored(&self, chunk: &EvaluatedChunk) -> Result<ChunkPlan> {
        let (catalog, id, version) = (Arc::clone(&self.catalog), chunk.id.clone(), chunk.version);
        let published = crate::local::blocking(move || catalog.dataset(&id, Some(version))).await?;
        let variables = &published.dataset.variables;
        let place = variables.iter().position(|variable| variable.path == chunk.variable);
        let place = place.ok_or_else(|| Error::not_found("no such variable"))?;
        if chunk.number >= variables[place].grid.chunk_count() {
            return Err(no_chunk());
        }
        let mut costs = Costs::default();
        costs.add(self.locate(&published, place, chunk.number).await?);
        let plan = self.finished(costs, 1).await?;
        Ok(ChunkPlan { decoded_bytes_max: 0, ..plan })
    }

    /// A chunk that is made of one of the dataset.
    async fn plan_of_chunk(&self, chunk: &EvaluatedChunk) -> Result<ChunkPlan> {
        let recipe = self.recipe(chunk).await?;
        if chunk.number >= recipe.own().grid.chunk_count() {
            return Err(no_chunk());
        }
        let decoded = recipe.decoder.decoded_bytes().unwrap_or_default() as u64;
        let mut costs = Costs::default();
        costs.add(self.locate(&recipe.published, recipe.variable, chunk.number).await?);
        let mut plan = self.finished(costs, 1).await?;
        plan.decoded_bytes = decoded;
        plan.memory_bytes = decoded.saturating_mul(3).saturating_add(plan.stored_bytes);
        Ok(plan)
    }

    async fn plan_of_view(self: &Arc<Self>, key: ViewKey, chunk: &EvaluatedChunk) -> Result<ChunkPlan> {
        let view = self.view(key).await?;
        let Some((output, region)) = view.output(chunk)? else {
            let form = Form::Decoded;
            return self.plan_of_chunk(&EvaluatedChunk { form, ..chunk.clone() }).await;
        };
        let (cost, array) = (output.cost, Arc::clone(&output.array));
        let chunks = crate::local::blocking(move || source_chunks(&array, &region)).await?;
        let mut costs = Costs::default();
        for (variable, number) in chunks.iter().take(LOCATED_MAX) {
            let recipe = self.recipe_of(view.source(), *variable).await?;
            costs.add(self.locate(&recipe.published, recipe.variable, *number).await?);
        }
        let plan = self.finished(costs, chunks.len()).await?;
        Ok(ChunkPlan { decoded_bytes: cost.input_bytes, memory_bytes: cost.memory_bytes, ..plan })
    }

    /// The plan of so many chunks, some of which were looked up.
    async fn finished(&self, costs: Costs, chunks: usize) -> Result<ChunkPlan> {
        let located = chunks.clamp(1, LOCATED_MAX);
        let scaled = |count: u64| (u128::from(count) * chunks as u128 / located as u128) as u64;
        // More files come with more chunks only where they did so far: the second half of those looked up tells.
        let more = (costs.files.len() - costs.files_of_first_half) as u64;
        let files = costs.files.len() as u64 + 2 * (scaled(more) - more);
        let mut offline = 0;
        for file in costs.files.values().take(FILES_MAX) {
            offline += u64::from(self.files.is_offline(file).await?);
        }
        Ok(ChunkPlan {
            source_chunks: chunks as u64,
            missing_chunks: scaled(costs.missing),
            stored_bytes: scaled(costs.stored_bytes),
            files,
            offline_files: offline,
            decoded_bytes_max: view::INPUT_BYTES_MAX,
            is_estimated: chunks > LOCATED_MAX || costs.files.len() > FILES_MAX,
            ..ChunkPlan::default()
        })
    }
}

fn no_chunk() -> Error {
    Error::invalid("the array has no such chunk")
}

/// What was found of chunks that were looked up.
#[derive(Default)]
struct Costs {
    missing: u64,
    stored_bytes: u64,
    files: HashMap<String, Arc<SourceFile>>,
    /// Those of the first half of the chunks that are looked up at most.
    files_of_first_half: usize,
    count: usize,
}

impl Costs {
    fn add(&mut self, source: Source) {
        self.count += 1;
        if self.count == LOCATED_MAX / 2 {
            self.files_of_first_half = self.files.len();
        }
        match source {
            Source::Missing(_) => self.missing += 1,
            Source::Inline(bytes) => self.stored_bytes += bytes.len() as u64,
            Source::Stored(witness, range) => {
                self.stored_bytes += range.length;
                self.files.entry(witness.file.path.clone()).or_insert(witness.file);
            }
            // Of several sources: what they are is known once they are read.
            Source::Computed => {}
        }
    }
}

/// The chunks of the dataset that a region is made of, each once, through all its reductions.
fn source_chunks(array: &Arc<Array>, region: &Region) -> Result<Vec<(usize, u64)>> {
    let (mut chunks, mut blocks) = (HashSet::new(), HashSet::new());
    let mut open = compute::leaves(array, region).map_err(too_many)?;
    while let Some(leaf) = open.pop() {
        match leaf {
            Leaf::Chunk { variable, number } => {
                chunks.insert((variable, number));
            }
            Leaf::Block { array, number } => {
                if blocks.insert((Arc::as_ptr(&array) as usize, number)) {
                    open.extend(compute::leaves_of_block(&array, &array.block(number)?).map_err(too_many)?);
                }
            }
        }
        if chunks.len() + open.len() > COUNTED_MAX {
            return Err(too_many(compute::TooManyLeaves));
        }
    }
    let mut chunks: Vec<_> = chunks.into_iter().collect();
    chunks.sort_unstable();
    Ok(chunks)
}
