//! Files on tape: ordering them without waiting, and what is ordered.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use askama::Template;
use axum::Json;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use engine::open::{Document, Located};
use engine::recall::{Recall, RecallState};
use http::header::{CACHE_CONTROL, RETRY_AFTER, VARY};
use http::{HeaderValue, StatusCode};
use model::{Error, ErrorKind};
use serde::Serialize;
use utoipa::ToSchema;
use zarr::key::Key;

use super::document::{self, Representation};
use super::error::Failure;
use super::opened::Opened;
use super::page;
use super::state::GatewayState;

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// The recall of one file.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(super) struct RecallView {
    /// The file's name.
    file: String,
    /// `ordered`, `running`, `online` or `failed`.
    #[schema(example = "ordered")]
    state: &'static str,
    /// When it was ordered, milliseconds since 1970.
    ordered_ms: i64,
    /// When the recall began, milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    started_ms: Option<i64>,
    /// When it ended, milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_ms: Option<i64>,
    /// In how many seconds the file is expected; after a failure, when it can be ordered again.
    expected_seconds: u32,
    /// When the file is expected, milliseconds since 1970; only where it waits or is on its way.
    #[serde(skip_serializing_if = "Option::is_none")]
    expected_ms: Option<i64>,
    /// Its place among the files that wait, from 1; 0 where it does not wait.
    position: u64,
}

/// What is ordered of a dataset.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(super) struct Recalls {
    /// Files that wait.
    ordered: usize,
    /// Files on their way.
    running: usize,
    /// Files that came lately.
    online: usize,
    /// Files whose recall failed.
    failed: usize,
    /// All of them, in the order in which they were ordered.
    files: Vec<RecallView>,
}

impl RecallView {
    fn new(recall: Recall, now_ms: i64) -> Self {
        let is_coming = matches!(recall.state, RecallState::Ordered | RecallState::Running);
        Self {
            file: recall.file,
            state: recall.state.name(),
            ordered_ms: recall.ordered_ms,
            started_ms: recall.started_ms,
            finished_ms: recall.finished_ms,
            expected_seconds: recall.expected_seconds,
            expected_ms: is_coming.then(|| now_ms.saturating_add(i64::from(recall.expected_seconds) * 1000)),
            position: recall.position,
        }
    }
}

/// What of a dataset is on its way from tape: as JSON or, for browsers, as a page.
#[utoipa::path(
    get, path = "/datasets/{id}/tape", tag = "Datasets",
    params(("id" = String, Path, description = "Dataset id")),
    responses((status = 200, description = "What is ordered, waits, came or failed", content(
        (Recalls = "application/json"), (String = "text/html")))),
)]
pub(super) async fn recalls(
    State(state): State<Arc<GatewayState>>,
    Opened(dataset): Opened,
    request: Request,
) -> Result<Response, Failure> {
    let (request, _) = request.into_parts();
    let published = dataset.published();
    let recalls = state.in_time(state.worker.recalls(&published.id, published.version)).await?;
    let now_ms = now_ms();
    let mut response = if page::is_wanted(&request.headers) {
        let page = TapePage::new(page::root(&request), published.id.as_str(), recalls, now_ms);
        let document = Cow::Owned(Document::new(page.render().map_err(Error::internal)?));
        let page = Representation::metadata(&state, document, None).page();
        document::answer(&state, &request, Representation { cache_control: NO_STORE, ..page }).await?
    } else {
        let count = |state| recalls.iter().filter(|recall| recall.state == state).count();
        let shown = Recalls {
            ordered: count(RecallState::Ordered),
            running: count(RecallState::Running),
            online: count(RecallState::Online),
            failed: count(RecallState::Failed),
            files: recalls.into_iter().map(|recall| RecallView::new(recall, now_ms)).collect(),
        };
        ([(CACHE_CONTROL, NO_STORE)], Json(shown)).into_response()
    };
    response.headers_mut().append(VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

/// Orders the file of a chunk back from tape, without waiting for it.
///
/// 202 where it is on its way, with `Retry-After`; 200 where it is on disk already. Metadata, which never are on tape,
/// are answered as under `/kerchunk`.
#[utoipa::path(
    get, path = "/datasets/{id}/kerchunk-tape-order/{key}", tag = "Zarr",
    params(
        ("id" = String, Path, description = "Dataset id"),
        ("key" = String, Path, description = "Key of a chunk; slashes stay slashes", allow_reserved, example = "tas/0.0.0"),
    ),
    responses(
        (status = 200, description = "The chunk's file is on disk"),
        (status = 202, body = RecallView, description = "It is ordered; Retry-After says when it is expected"),
        (status = 404, body = super::error::Problem, content_type = "application/problem+json",
            description = "No such dataset or key, or a chunk that is absent"),
    )
)]
pub(super) async fn order(
    State(state): State<Arc<GatewayState>>,
    Path((id, key)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Failure> {
    let (request, _) = request.into_parts();
    let dataset = state.in_time(state.datasets.open(&id)).await?;
    let unknown = || Error::not_found("no such key in this dataset");
    let (variable, index) = match zarr::key::parse(&key, |path| dataset.variable(path).is_some()) {
        Ok(Key::Chunk { variable, index }) => (variable, index),
        Ok(Key::Metadata { .. }) => {
            let document = dataset.document(&key).ok_or_else(unknown)?;
            let published_ms = dataset.published().published_ms;
            let metadata = Representation::metadata(&state, Cow::Borrowed(document), Some(published_ms));
            return document::answer(&state, &request, metadata).await;
        }
        Err(_) => return Err(unknown().into()),
    };
    let (place, _) = dataset.variable(variable).ok_or_else(unknown)?;
    let ordered = async {
        match state.datasets.locate(&dataset, place, &index).await? {
            Located::Stored { file, .. } | Located::File { file, .. } => {
                state.worker.order_recall(&dataset.published().id, &file).await
            }
            Located::Inline(_) => Ok(None),
            Located::Missing | Located::Outside => Err(Error::not_found("there is no such chunk")),
            Located::Computed(_) => Err(Error::new(
                ErrorKind::Unsupported,
                "the chunk is made of several files: read it to order them",
            )),
        }
    };
    Ok(match state.in_time(ordered).await? {
        None => ([(CACHE_CONTROL, NO_STORE)], Json(serde_json::json!({"state": "online"}))).into_response(),
        Some(recall) => {
            let seconds = HeaderValue::from(recall.expected_seconds.clamp(1, 3600));
            let view = RecallView::new(recall, now_ms());
            (StatusCode::ACCEPTED, [(CACHE_CONTROL, NO_STORE), (RETRY_AFTER, seconds)], Json(view))
                .into_response()
        }
    })
}

/// The page of a dataset's recalls.
#[derive(Template)]
#[template(path = "tape.html")]
struct TapePage {
    root: String,
    id: String,
    segment: String,
    recalls: Vec<Row>,
}

struct Row {
    file: String,
    state: &'static str,
    ordered: String,
    position: u64,
    expected: String,
}

impl TapePage {
    fn new(root: String, id: &str, recalls: Vec<Recall>, now_ms: i64) -> Self {
        let row = |recall: Recall| Row {
            state: recall.state.name(),
            ordered: format!("{} s ago", now_ms.saturating_sub(recall.ordered_ms).max(0) / 1000),
            position: recall.position,
            expected: match recall.state {
                RecallState::Ordered | RecallState::Running => format!("in {} s", recall.expected_seconds),
                RecallState::Failed => format!("can be ordered again in {} s", recall.expected_seconds),
                RecallState::Online => String::new(),
            },
            file: recall.file,
        };
        Self {
            root,
            id: id.to_owned(),
            segment: page::segment(id),
            recalls: recalls.into_iter().map(row).collect(),
        }
    }
}

fn now_ms() -> i64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX)
}
