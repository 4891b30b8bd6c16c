//! `/datasets/{id}/plan/…`: what a request would cost, before it is made.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use engine::diagnostics::Question;
use engine::open::{Document, Located, OpenDataset};
use engine::ports::{ChunkPlan, EvaluatedChunk, Form};
use http::HeaderValue;
use model::{Codec, Error, Result};
use serde::Serialize;
use utoipa::ToSchema;
use zarr::key::{ChunkIndex, Key};

use super::address::Address;
use super::document::{self, Representation};
use super::error::Failure;
use super::groupby;
use super::state::GatewayState;
use super::zarr as store;

/// Chunks of an array that are planned one by one; of more, the others are taken to be like them.
const SAMPLES: u64 = 16;

/// What a request costs.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(super) struct Plan {
    /// The request.
    #[schema(example = "view/mean~etime/zarr/tas/0.0")]
    request: String,
    /// Chunks that the client gets.
    chunks_sent: u64,
    /// Their bytes; of what is made for the client, before it is compressed.
    bytes_sent: u64,
    /// Chunks of the dataset that are read, each counted once a chunk that is sent.
    chunks_read: u64,
    /// Those of them that are missing, which read as the fill value.
    chunks_missing: u64,
    /// Bytes that are read, as they are stored.
    bytes_read: u64,
    /// Bytes of the elements that are decoded.
    bytes_decoded: u64,
    /// Bytes of memory of a worker for the largest chunk.
    memory_bytes: u64,
    /// Files that are read for the chunk with most of them.
    files_read: u64,
    /// Those of them that are on tape: the request orders them, and is answered once they are back.
    files_on_tape: u64,
    /// Whether figures are estimated from some of the chunks.
    is_estimated: bool,
    /// Whether each chunk is within the limits: otherwise it is refused with 413.
    is_within_limits: bool,
    /// Most bytes of elements that one chunk may be made of, where any is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_decoded_max: Option<u64>,
    /// What would be within the limits, where this is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

/// What a request would cost.
///
/// Behind `/plan/` stands what would stand behind the dataset's id: a chunk, an array, or a store, of the dataset or of a
/// view of it (`view/mean=time/zarr/tas/0.0`), or a diagnostic (`groupby/tas/time.month/mean`). Nothing is read of the data, nothing made, and nothing ordered from tape.
#[utoipa::path(
    get, path = "/datasets/{id}/plan/{request}", tag = "Views",
    params(
        ("id" = String, Path, description = "Dataset id"),
        ("request" = String, Path, description = "What would stand behind the dataset's id", allow_reserved,
            example = "view/mean=time/zarr/tas"),
    ),
    responses(
        (status = 200, body = Plan, description = "The plan"),
        (status = 400, body = super::error::Problem, content_type = "application/problem+json",
            description = "Steps that cannot be read or applied"),
        (status = 404, body = super::error::Problem, content_type = "application/problem+json",
            description = "No such dataset, array or chunk"),
        (status = 413, body = super::error::Problem, content_type = "application/problem+json",
            description = "A chunk is made of too many others to be counted"),
    )
)]
pub(super) async fn plan(
    State(state): State<Arc<GatewayState>>,
    request: Request,
) -> std::result::Result<Response, Failure> {
    let (request, _) = request.into_parts();
    let path = request.uri.path();
    let (id, wanted) = path
        .strip_prefix("/datasets/")
        .and_then(|rest| rest.split_once("/plan/"))
        .ok_or_else(|| Error::not_found("Not Found"))?;
    let target = format!("/datasets/{id}/{wanted}");
    let mut plan = state.in_time(of_path(&state, &target)).await?;
    wanted.clone_into(&mut plan.request);
    let json = serde_json::to_value(&plan).map_err(Error::internal)?;
    let mut answer = Representation::metadata(&state, Cow::Owned(Document::json(&json)), None);
    answer.cache_control = HeaderValue::from_static("no-store");
    document::answer(&state, &request, answer).await
}

/// The plan of what a path asks for.
async fn of_path(state: &GatewayState, path: &str) -> Result<Plan> {
    let address = Address::of(path)?;
    let (name, key) = address.store()?;
    let dataset = address.open(&state.datasets).await?;
    if let Some(asked) = address.diagnostic()? {
        return of_diagnostic(state, &dataset, asked).await;
    }
    let form = store::form(&dataset, name)?;
    let mut plan = Plan { is_within_limits: true, ..Plan::default() };
    if let Ok(Key::Chunk { variable, index }) =
        zarr::key::parse(&key, |path| dataset.variable(path).is_some())
    {
        let (place, _) = dataset.variable(variable).ok_or_else(|| Error::not_found("no such variable"))?;
        plan.add(of_chunk(state, &dataset, &form, place, &index).await?, 1);
        return Ok(plan);
    }
    let path = key.trim_matches('/');
    let within = |variable: &str| {
        path.is_empty()
            || variable == path
            || variable.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'))
    };
    let places: Vec<usize> = (0..dataset.dataset().variables.len())
        .filter(|place| within(dataset.dataset().variables[*place].path.as_str()))
        .collect();
    if places.is_empty() && !path.is_empty() {
        // A document: what it costs is its text.
        let document = dataset.document_in(&form, &key);
        let document = document.ok_or_else(|| Error::not_found("no such key in this dataset"))?;
        return Ok(Plan { bytes_sent: document.bytes.len() as u64, ..plan });
    }
    for place in places {
        of_array(state, &dataset, &form, place, &mut plan).await?;
    }
    Ok(plan)
}

/// The plan of a group-by diagnostic: of the chunks that its values, and what tells of them, are read of.
async fn of_diagnostic(
    state: &GatewayState,
    dataset: &OpenDataset,
    [variable, coord, action]: [String; 3],
) -> Result<Plan> {
    let question = Question::new(dataset.dataset(), &variable, &coord, &action)?;
    let view = state.datasets.open_view(dataset.published().id.as_str(), &question.steps).await?;
    question.place(view.dataset())?;
    let mut plan = Plan { is_within_limits: true, ..Plan::default() };
    for place in 0..view.dataset().variables.len() {
        of_array(state, &view, view.form(), place, &mut plan).await?;
    }
    if plan.bytes_sent > groupby::BYTES_MAX {
        plan.is_within_limits = false;
        plan.advice = Some("the values are too many for one answer: read them as Zarr, ?format=zarr".into());
    }
    Ok(plan)
}

/// Adds all chunks of an array.
async fn of_array(
    state: &GatewayState,
    dataset: &OpenDataset,
    form: &Form,
    place: usize,
    plan: &mut Plan,
) -> Result<()> {
    let grid = &dataset.dataset_in(form).variables[place].grid;
    let count = grid.chunk_count();
    let samples = count.min(SAMPLES);
    for sample in 0..samples {
        // Evenly spread; each stands for those up to the next.
        let at = |sample: u64| (u128::from(count) * u128::from(sample) / u128::from(samples)) as u64;
        let index = ChunkIndex::of_v3(grid.index(at(sample)));
        plan.add(of_chunk(state, dataset, form, place, &index).await?, at(sample + 1) - at(sample));
    }
    plan.is_estimated |= count > samples;
    Ok(())
}

/// One chunk, and the bytes that are sent.
async fn of_chunk(
    state: &GatewayState,
    dataset: &OpenDataset,
    form: &Form,
    place: usize,
    index: &ChunkIndex,
) -> Result<(ChunkPlan, u64)> {
    let variable = &dataset.dataset_in(form).variables[place];
    let codecs = dataset.dataset().variables[place].codecs.as_slice();
    let is_inner = index.is_of_v2() && matches!(codecs, [Codec::Sharding(_)]);
    let read = |length| ChunkPlan { source_chunks: 1, stored_bytes: length, ..ChunkPlan::default() };
    Ok(match state.datasets.locate_in(form, dataset, place, index).await? {
        Located::Computed(chunk) => {
            let size = variable.data_type.size().unwrap_or(1) as u64;
            let elements: u64 = variable.grid.chunk_shape().iter().product();
            (state.worker.plan(&chunk).await?, elements.saturating_mul(size))
        }
        // An inner chunk of a shard, as v2 names it: its shard was looked into to find it.
        Located::Stored { range, .. } if is_inner => (read(range.length), range.length),
        Located::Stored { .. } | Located::File { .. } => {
            // A worker knows how long it is, and whether it is on tape.
            let number = index.number(&dataset.dataset().variables[place].grid);
            let number = number.ok_or_else(no_chunk)?;
            let chunk = EvaluatedChunk { form: Form::Stored, ..dataset.chunk(place, number) };
            let plan = state.worker.plan(&chunk).await?;
            (plan, plan.stored_bytes)
        }
        Located::Inline(bytes) => (read(bytes.len() as u64), bytes.len() as u64),
        Located::Missing => (ChunkPlan { source_chunks: 1, missing_chunks: 1, ..ChunkPlan::default() }, 0),
        Located::Outside => return Err(no_chunk()),
    })
}

fn no_chunk() -> Error {
    Error::not_found("the array has no such chunk")
}

impl Plan {
    /// Adds so many chunks of one plan.
    fn add(&mut self, (one, sent): (ChunkPlan, u64), count: u64) {
        let sum = |sum: u64, of_one: u64| sum.saturating_add(of_one.saturating_mul(count));
        self.chunks_sent = sum(self.chunks_sent, 1);
        self.bytes_sent = sum(self.bytes_sent, sent);
        self.chunks_read = sum(self.chunks_read, one.source_chunks);
        self.chunks_missing = sum(self.chunks_missing, one.missing_chunks);
        self.bytes_read = sum(self.bytes_read, one.stored_bytes);
        self.bytes_decoded = sum(self.bytes_decoded, one.decoded_bytes);
        self.memory_bytes = self.memory_bytes.max(one.memory_bytes);
        self.files_read = self.files_read.max(one.files);
        self.files_on_tape = self.files_on_tape.max(one.offline_files);
        self.is_estimated |= one.is_estimated;
        let limit = Some(one.decoded_bytes_max).filter(|max| *max > 0);
        self.bytes_decoded_max = self.bytes_decoded_max.max(limit);
        if let Some(max) = limit
            && one.decoded_bytes > max
        {
            self.is_within_limits = false;
            let share = one.decoded_bytes.div_ceil(max);
            self.advice = Some(format!(
                "a chunk is made of {share} times what one may be: select a {share}th of it with isel= or sel=, or ask for \
                 smaller chunks="
            ));
        }
    }
}
