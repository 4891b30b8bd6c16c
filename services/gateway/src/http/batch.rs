//! `POST /datasets/{id}/chunks`: many keys of a store in one request, their bytes in one stream of frames.
//!
//! ```text
//! keys ─▶ Room: 64 at once, bytes bounded ─▶ Store::find, Store::read ─▶ Frames, as they are ready ─▶ client
//!         a task of its own, which ends with the body                    pieces of large chunks only as they are taken
//!         all where bulk is moved
//! ```
//! The format of the stream is described in [`frame`].

mod frame;
mod frames;
mod keys;
mod room;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::response::{IntoResponse, Response};
use engine::open::OpenDataset;
use engine::ports::{Form, StoredBytes};
use fair::{Admitted, Flow};
use futures::stream::{self, StreamExt as _};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, StatusCode};
use model::{Error, ErrorKind, Result};
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use tracing::{Instrument as _, Span};
use utoipa::ToSchema;

use self::frame::Frame;
use self::frames::Frames;
use self::keys::Keys;
pub(super) use self::room::Room;
use self::room::{BatchRoom, Shared};
use super::address::Address;
use super::body;
use super::error::{self, Failure, Problem};
use super::state::GatewayState;
use super::zarr::content::{self, Store};
use crate::limits::Held;
use crate::server::Arrival;

/// Most keys of a request.
const KEYS_MAX: usize = 10_000;
/// Longest body of a request, in bytes.
const BODY_BYTES_MAX: usize = 4 << 20;
/// Keys of a request that are under way at once, those that wait to be sent among them.
const UNDER_WAY_MAX: usize = 64;
/// Most bytes that a worker sends ahead of a chunk that comes in pieces.
const PIECES_BYTES: u64 = 2 << 20;

/// Which keys are wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChunksBody {
    /// Of which store: `kerchunk`, chunks as they are stored, or `zarr`, decoded; a view has the latter alone.
    #[schema(example = "kerchunk")]
    store: String,
    /// Keys of the store, not percent-encoded; the same one may be there twice.
    #[schema(value_type = Vec<String>, max_items = 10_000, example = json!(["tas/.zarray", "tas/0.0.0", "tas/0.0.1"]))]
    keys: Keys,
}

/// Many keys of a store at once.
///
/// The answer is one stream of frames, one for each key, in the order in which they are ready: a head of 16 bytes and then
/// the bytes. The head has, in little-endian order, the key's place in the request (32 bits), its status (32 bits) and how many
/// bytes follow (64 bits). The status is what a request for that key alone has: with 200 follows the document or chunk, 404 of a
/// chunk is one that reads as the fill value, and with any other status than 200 follows a problem as JSON.
/// The last frame has the place 4294967295, the status 200 and no bytes: a stream that ends without it is broken off.
#[utoipa::path(
    post, path = "/datasets/{id}/chunks", tag = "Zarr", operation_id = "chunks",
    params(("id" = String, Path, description = "Dataset id")),
    request_body = ChunksBody,
    responses(
        (status = 200, description = "A frame for each key and one that says that all came",
            body = Vec<u8>, content_type = "application/vnd.cloudify.chunks"),
        (status = 410, body = Problem, content_type = "application/problem+json",
            description = "No such dataset or view: it may have been removed since it was opened"),
        (status = 413, body = Problem, content_type = "application/problem+json",
            description = "More than 10000 keys, or a body of more than 4 MiB"),
    )
)]
pub(super) async fn chunks(
    State(state): State<Arc<GatewayState>>,
    route: MatchedPath,
    request: Request,
) -> Result<Response, Failure> {
    let flow = state.client(request.headers(), request.extensions()).flow();
    let patience = state.batches.patience();
    let length = body::announced(request.headers()).unwrap_or(u64::MAX).min(BODY_BYTES_MAX as u64);
    let mut body_room = state.batches.for_body(flow, length).await?;
    let read = body::json::<ChunksBody>(request, BODY_BYTES_MAX, "ask in several requests");
    let late = |_| Error::invalid(format!("the body did not come within {} seconds", patience.as_secs()));
    let (parts, asked) = tokio::time::timeout(patience, read).await.map_err(late)??;
    if asked.keys.count > KEYS_MAX {
        let many = format!("{} keys: at most {KEYS_MAX} in one request", asked.keys.count);
        return Err(Error::new(ErrorKind::TooLarge, many).into());
    }
    let keys_bytes = asked.keys.texts.iter().map(|key| (key.len() + size_of::<String>()) as u64).sum();
    body_room.keep(keys_bytes);
    let address = Address::of(parts.uri.path())?;
    let opened = flow.scope(address.open_for(&asked.store, &state.datasets));
    let dataset = state.in_time(opened).await.map_err(no_404)?;
    let no_store = |_| Error::invalid("there is no such store here: kerchunk or zarr, of a view zarr");
    let form = content::form(&dataset, &asked.store).map_err(no_store)?;
    let (sender, ready) = mpsc::channel(UNDER_WAY_MAX);
    let count = asked.keys.texts.len();
    let room = state.batches.of_batch();
    let batch = Batch { state, dataset, form, room, keys: asked.keys.texts, _body_room: body_room };
    let work = priority::bulk().spawn(flow.scope(batch.run(sender)).instrument(Span::current()));
    let body = Body::new(Frames::new(ready, count, route, AbortOnDropHandle::new(work)));
    let body = match parts.extensions.get::<Arrival>() {
        Some(arrival) => Held::body(body, arrival.place.bulk(flow.0).await),
        None => body,
    };
    Ok((StatusCode::OK, HEADERS, body).into_response())
}

const HEADERS: [(http::HeaderName, HeaderValue); 3] = [
    (CONTENT_TYPE, HeaderValue::from_static("application/vnd.cloudify.chunks")),
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
];

/// Of a request for many keys there is no 404: a client that took it for each of them would read fill values.
fn no_404(error: Error) -> Error {
    if error.kind == ErrorKind::NotFound { Error { kind: ErrorKind::Gone, ..error } } else { error }
}

/// The keys of a request, being answered.
struct Batch {
    state: Arc<GatewayState>,
    dataset: Arc<OpenDataset>,
    form: Form,
    room: BatchRoom,
    keys: Vec<String>,
    _body_room: Admitted,
}

impl Batch {
    /// Sends a frame for each key as soon as it is ready. In a task apart from the answer's: where the client is slow, what
    /// workers have begun to send is still taken from them, and nobody else's waits behind it.
    async fn run(self, ready: mpsc::Sender<Frame>) {
        let batch = &self;
        let store = Store { state: &self.state, dataset: &self.dataset, form: self.form.clone() };
        let (store, ready) = (&store, &ready);
        stream::iter(0..self.keys.len())
            .map(|place| async move { batch.frame(store, place).await })
            .buffer_unordered(UNDER_WAY_MAX)
            // There is room for all that may be under way: this never waits. Nobody takes it: then this task is ended.
            .for_each(|frame| async move { drop(ready.send(frame).await) })
            .await;
    }

    /// The frame of one key.
    async fn frame(&self, store: &Store<'_>, place: usize) -> Frame {
        let mut held = self.room.slot().await;
        let read = self.read(store, &self.keys[place], &mut held).await;
        let (status, (bytes, length)) =
            read.map_or_else(|error| problem(&error), |read| (StatusCode::OK, read));
        telemetry::metrics().batch_keys_total.with_label_values(&[status.as_str()]).inc();
        Frame { place, status, bytes, length, held }
    }

    async fn read(&self, store: &Store<'_>, key: &str, held: &mut room::Held) -> Result<(StoredBytes, u64)> {
        let parsed = store.parse(key).map_err(|error| content::unknown(key, error))?;
        let found = self.state.in_time(store.find(key, &parsed)).await?;
        let (limits, bytes) = (&self.state.limits, store.memory_bytes(&found, PIECES_BYTES));
        let kind = found.kind();
        let admitted = async {
            match &kind {
                Some(kind) => limits.made(None, Flow::current(), kind, bytes).await.map(Shared::Made),
                None => limits.batched(Flow::current(), bytes).await.map(Shared::Stored),
            }
        };
        // Apart from the time that workers have: a slow client makes this wait.
        self.room.for_bytes(held, bytes, admitted).await?;
        let read = self.state.in_time(store.read(found)).await?;
        if let (Some(kind), Some(grant)) = (kind, held.grant()) {
            limits.is_made(grant, &kind, bytes, read.1);
        }
        Ok(read)
    }
}

/// An error as a frame has it.
fn problem(error: &Error) -> (StatusCode, (StoredBytes, u64)) {
    error::log(error);
    let problem = Problem::without_headers(error);
    let json = problem.json();
    let length = json.len() as u64;
    (problem.status(), (StoredBytes::Whole(json.into()), length))
}
