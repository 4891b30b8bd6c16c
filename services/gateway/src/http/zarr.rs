//! Zarr keys under `/datasets/{id}/kerchunk/`: metadata documents and chunks as they are stored. The hot path.
//! And under `/datasets/{id}/zarr/`, the same decoded where readers need that; under `/datasets/{id}/view/{steps}/zarr/`,
//! what the steps make of it.

pub(super) mod content;
pub(super) mod listing;
pub(super) mod pieces;

use std::borrow::Cow;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use engine::etag;
use engine::open::Document;
use engine::ports::StoredBytes;
use fair::Flow;
use futures::stream::{self, StreamExt as _};
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, LAST_MODIFIED, RANGE,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use model::{ByteRange, Error, SourceFile};

use self::content::{Content, Made, Store};
pub(super) use self::content::{form, name, never_missing};
use self::pieces::Pieces;
use super::address::Address;
use super::conditional::Validators;
use super::document::{self, BYTES, Compression, Representation};
use super::error::Failure;
use super::range::multipart::Multipart;
use super::range::{self, Wanted};
use super::state::GatewayState;
use crate::limits::{Grant, Held, Kind};

/// Parts of one answer that are asked of workers at once.
const PARTS_AT_ONCE: usize = 4;

/// A key of a dataset's store.
///
/// Zarr v2 keys (`.zmetadata`, `.zgroup`, `.zattrs`, `{variable}/.zarray`, `{variable}/0.0.1`) and Zarr v3 keys
/// (`zarr.json`, `{variable}/zarr.json`, `{variable}/c/0/0/1`). Chunks are the bytes of the source file, untouched.
/// A group or array itself is a page of links to what is in it.
///
/// Below `/zarr/` instead of `/kerchunk/` is the decoded view: chunks are decoded through any codec of the source and
/// compressed anew as the dataset's registration says, with Blosc and LZ4 if it says nothing.
#[utoipa::path(
    get, path = "/datasets/{id}/kerchunk/{key}", tag = "Zarr",
    params(
        ("id" = String, Path, description = "Dataset id"),
        ("key" = String, Path, description = "Zarr key; slashes stay slashes", allow_reserved, example = ".zmetadata"),
        ("Range" = Option<String>, Header, description = "Byte ranges, at most 64"),
        ("If-None-Match" = Option<String>, Header, description = "Entity tags that the client has"),
    ),
    responses(
        (status = 200, description = "The document, chunk or page", content(
            (serde_json::Value = "application/json"), (Vec<u8> = "application/octet-stream"),
            (String = "text/html"))),
        (status = 206, description = "The bytes of the range; of several ranges, `multipart/byteranges`", content(
            (String = "application/json"), (Vec<u8> = "application/octet-stream"), (String = "text/html"))),
        (status = 304, description = "The client has it"),
        (status = 404, body = super::error::Problem, content_type = "application/problem+json",
            description = "No such dataset, variable or document; or the chunk is absent: it reads as the fill value"),
        (status = 409, body = super::error::Problem, content_type = "application/problem+json",
            description = "The source file changed since it was registered"),
        (status = 410, body = super::error::Problem, content_type = "application/problem+json",
            description = "A chunk of a dataset or diagnostic that is not there: it may have been removed since it was opened"),
    )
)]
pub(super) async fn key(State(state): State<Arc<GatewayState>>, request: Request) -> Response {
    let (parts, _body) = request.into_parts();
    let flow = state.client(&parts.headers, &parts.extensions).flow();
    let answered = flow.scope(state.in_time(answer(&state, &parts))).await;
    answered.unwrap_or_else(IntoResponse::into_response)
}

async fn answer(state: &GatewayState, request: &Parts) -> Result<Response, Failure> {
    let address = Address::of(request.uri.path())?;
    let (store, key) = address.store()?;
    let dataset = address.open(&state.datasets).await.map_err(|error| content::gone(&key, error))?;
    let store = Store { state, dataset: &dataset, form: content::form(&dataset, store)? };
    let parsed = match store.parse(&key) {
        Ok(parsed) => parsed,
        Err(error) => {
            let node = listing::node(&dataset, &key).ok_or_else(|| content::unknown(&key, error))?;
            return listing::answer(state, request, &dataset, &store.form, &node).await;
        }
    };
    match store.find(&key, &parsed).await? {
        Content::Metadata(document) => {
            let published_ms = dataset.published().published_ms;
            let document = Representation::metadata(state, Cow::Borrowed(document), Some(published_ms));
            document::answer(state, request, document).await
        }
        Content::Stored { file, range } => stored(&store, request, &file, range).await,
        Content::Here(chunk) => whole(&store, request, chunk).await,
        Content::Made(made) => computed(&store, request, &made).await,
    }
}

/// Answers with a chunk that a worker makes. What the client has is not made again: its tag is that of the chunk's name
/// and version, which do not change.
async fn computed(store: &Store<'_>, request: &Parts, made: &Made) -> Result<Response, Failure> {
    let etag = etag::of_evaluated(&made.chunk);
    let validators = Validators::new(&etag, store.dataset.published().modified_ns);
    let mut headers = HeaderMap::with_capacity(16);
    headers.insert(ETAG, validators.etag_header());
    headers.insert(CACHE_CONTROL, store.state.chunk_cache_control.clone());
    if let Some(answer) = document::settled(&validators, &request.headers, &headers) {
        return Ok(answer);
    }
    let (state, kind) = (store.state, Kind::of(&made.chunk));
    let (flow, decoded_bytes) = (Flow::current(), store.decoded_bytes(made));
    let mut grant = state.limits.made(request.extensions.get(), flow, &kind, decoded_bytes).await?;
    let chunk = store.make(made).await?;
    state.limits.is_made(&mut grant, &kind, decoded_bytes, chunk.bytes.len() as u64);
    Ok(whole(store, request, chunk).await?.map(|body| Held::body(body, grant)))
}

/// Answers with a chunk that is here.
async fn whole(store: &Store<'_>, request: &Parts, chunk: Document) -> Result<Response, Failure> {
    let whole = Representation {
        document: Cow::Owned(chunk),
        content_type: BYTES,
        cache_control: store.state.chunk_cache_control.clone(),
        modified_ns: Some(store.dataset.published().modified_ns),
        compression: Compression::Never,
    };
    document::answer(store.state, request, whole).await
}

/// Answers with a range of a source file. The worker is asked even where no byte is wanted (HEAD): it alone knows
/// whether the file is still what it was. Only a client that has the chunk (304) is answered without it.
async fn stored(
    store: &Store<'_>,
    request: &Parts,
    file: &Arc<SourceFile>,
    range: ByteRange,
) -> Result<Response, Failure> {
    let (state, id) = (store.state, &store.dataset.published().id);
    let validators = Validators::new(&etag::of_range(file, range), file.identity.modified_ns);
    let mut headers = HeaderMap::with_capacity(16);
    headers.insert(ETAG, validators.etag_header());
    headers.insert(CACHE_CONTROL, state.chunk_cache_control.clone());
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Some(date) = validators.last_modified_header() {
        headers.insert(LAST_MODIFIED, date);
    }
    if let Some(answer) = document::settled(&validators, &request.headers, &headers) {
        return Ok(answer);
    }
    headers.insert(CONTENT_TYPE, BYTES);
    if request.method == Method::HEAD {
        headers.insert(CONTENT_LENGTH, range.length.into());
        state.worker.read(id, file, ByteRange { offset: range.offset, length: 0 }).await?;
        return Ok((StatusCode::OK, headers).into_response());
    }
    let asked = request.headers.get(RANGE).filter(|_| validators.allow_range(&request.headers));
    let part = match asked.map_or(Wanted::Whole, |asked| range::wanted(asked, range.length)) {
        Wanted::Unsatisfiable => return Ok(document::unsatisfiable(range.length)),
        Wanted::Parts(parts) => return several(store, request, headers, (file, range), parts).await,
        Wanted::Whole => ByteRange { offset: 0, length: range.length },
        Wanted::Part(part) => {
            headers.insert(CONTENT_RANGE, range::content_range(part, range.length));
            part
        }
    };
    let is_part = headers.contains_key(CONTENT_RANGE);
    let grant = state.limits.stored(request.extensions.get(), Flow::current(), part.length).await?;
    let bytes = state.read_part(id, file, range, part).await?;
    headers.insert(CONTENT_LENGTH, part.length.into());
    let mut response = Response::new(held(body(bytes, part.length)?, grant));
    *response.status_mut() = if is_part { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    *response.headers_mut() = headers;
    Ok(response)
}

/// Answers with several parts of a range of a source file. What the first of them is read with decides the status; where
/// another cannot be read, the answer is broken off.
async fn several(
    store: &Store<'_>,
    request: &Parts,
    mut headers: HeaderMap,
    (file, range): (&Arc<SourceFile>, ByteRange),
    parts: Vec<ByteRange>,
) -> Result<Response, Failure> {
    let answer = Multipart::new(parts, range.length, &BYTES);
    headers.insert(CONTENT_TYPE, answer.content_type());
    headers.insert(CONTENT_LENGTH, answer.length().into());
    let limits = &store.state.limits;
    let grant = limits.stored(request.extensions.get(), Flow::current(), answer.length()).await?;
    let (worker, file) = (Arc::clone(&store.state.worker), Arc::clone(file));
    let id = store.dataset.published().id.clone();
    let read = move |part: ByteRange| {
        let (worker, id, file) = (Arc::clone(&worker), id.clone(), Arc::clone(&file));
        async move {
            let bytes = worker.read(&id, &file, inside(range, part)?).await?;
            Ok(Pieces::of(bytes, part.length))
        }
    };
    let mut parts = stream::iter(answer.parts().to_vec()).map(read).buffered(PARTS_AT_ONCE).boxed();
    let first = parts.next().await.unwrap_or_else(|| Err(Error::internal("an answer of no parts")))?;
    let body = answer.body(stream::iter([Ok(first)]).chain(parts));
    Ok((StatusCode::PARTIAL_CONTENT, headers, held(Body::new(body), grant)).into_response())
}

/// A body that holds what it was admitted with, if anything.
fn held(body: Body, grant: Option<Grant>) -> Body {
    match grant {
        Some(grant) => Held::body(body, grant),
        None => body,
    }
}

/// A part of a range, as a range of its file.
pub(super) fn inside(range: ByteRange, part: ByteRange) -> Result<ByteRange, Error> {
    let offset = range.offset.checked_add(part.offset);
    let offset = offset.ok_or_else(|| Error::internal("a range ends beyond 2^64"))?;
    Ok(ByteRange { offset, length: part.length })
}

fn body(bytes: StoredBytes, length: u64) -> Result<Body, Error> {
    match bytes {
        StoredBytes::Whole(bytes) => Ok(Body::from(pieces::exact(bytes, length)?)),
        pieces @ StoredBytes::Pieces(_) => Ok(Body::new(Pieces::of(pieces, length))),
    }
}
