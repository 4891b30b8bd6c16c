//! Zarr keys under `/datasets/{id}/kerchunk/`: metadata documents and chunks as they are stored. The hot path.
//! And under `/datasets/{id}/zarr/`, the same decoded where readers need that; under `/datasets/{id}/view/{steps}/zarr/`,
//! what the steps make of it.

pub(super) mod listing;
mod pieces;

use std::borrow::Cow;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use engine::open::{Document, Located, OpenDataset};
use engine::ports::{EvaluatedChunk, Form, StoredBytes};
use engine::{diagnostics, etag};
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, LAST_MODIFIED, RANGE,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use model::{ByteRange, Error, ErrorKind, SourceFile};
use zarr::collection::STORE as STORED;
use zarr::key::{ChunkIndex, Key, KeyError, KeyFault};

use super::address::Address;
use super::conditional::Validators;
use super::document::{self, BYTES, Compression, Representation};
use super::error::Failure;
use super::range::{self, Wanted};
use super::state::GatewayState;
use crate::limits::{Held, Kind};

/// The name of decoded stores.
const DECODED: &str = "zarr";

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
        ("Range" = Option<String>, Header, description = "One byte range"),
        ("If-None-Match" = Option<String>, Header, description = "Entity tags that the client has"),
    ),
    responses(
        (status = 200, description = "The document, chunk or page", content(
            (serde_json::Value = "application/json"), (Vec<u8> = "application/octet-stream"),
            (String = "text/html"))),
        (status = 206, description = "The bytes of the range", content(
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
    state.in_time(answer(&state, &parts)).await.unwrap_or_else(IntoResponse::into_response)
}

async fn answer(state: &GatewayState, request: &Parts) -> Result<Response, Failure> {
    let address = Address::of(request.uri.path())?;
    let (store, key) = address.store()?;
    let dataset = address.open(&state.datasets).await.map_err(|error| gone(&key, error))?;
    let form = form(&dataset, store)?;
    match zarr::key::parse(&key, |path| dataset.variable(path).is_some()) {
        Ok(Key::Metadata { .. }) => metadata(state, request, &dataset, &form, &key).await,
        Ok(Key::Chunk { variable, index }) => chunk(state, request, &dataset, &form, variable, &index).await,
        Err(error) => match listing::node(&dataset, &key) {
            Some(node) => listing::answer(state, request, &dataset, &form, &node).await,
            None if diagnostics::may_have_been(&key) => Err(gone(&key, refused(error)).into()),
            None => Err(refused(error).into()),
        },
    }
}

/// The form of what is in the store of a name: a dataset has two stores, a view by URL has one.
pub(super) fn form(dataset: &OpenDataset, store: &str) -> Result<Form, Error> {
    match (dataset.form(), store) {
        (Form::Stored, STORED) => Ok(Form::Stored),
        (Form::Stored, DECODED) => Ok(Form::Decoded),
        (view, DECODED) => Ok(view.clone()),
        _ => Err(Error::not_found("Not Found")),
    }
}

/// The name of a store.
pub(super) fn name(form: &Form) -> &'static str {
    if *form == Form::Stored { STORED } else { DECODED }
}

/// A chunk of a dataset, or of a diagnostic, that is not there is asked for by a client that opened it before it was removed.
/// Never a 404, which it would fill in; of metadata, a 404 is what says that there is none.
fn gone(key: &str, error: Error) -> Error {
    if error.kind == ErrorKind::NotFound && zarr::key::is_chunk_like(key) {
        return Error { kind: ErrorKind::Gone, ..error };
    }
    error
}

/// What no store can have is the request's fault; an empty segment is what clients make of a trailing slash.
fn refused(error: KeyError) -> Error {
    match error {
        KeyError::Malformed(fault) if fault != KeyFault::EmptySegment => {
            Error::invalid(format!("key {fault}"))
        }
        KeyError::Malformed(_) | KeyError::Unknown => Error::not_found("no such key in this dataset"),
    }
}

async fn metadata(
    state: &GatewayState,
    request: &Parts,
    dataset: &OpenDataset,
    form: &Form,
    key: &str,
) -> Result<Response, Failure> {
    let document =
        dataset.document_in(form, key).ok_or_else(|| Error::not_found("no such key in this dataset"))?;
    let published_ms = dataset.published().published_ms;
    let representation = Representation::metadata(state, Cow::Borrowed(document), Some(published_ms));
    document::answer(state, request, representation).await
}

async fn chunk(
    state: &GatewayState,
    request: &Parts,
    dataset: &OpenDataset,
    form: &Form,
    variable: &str,
    index: &ChunkIndex,
) -> Result<Response, Failure> {
    let (place, _) = dataset.variable(variable).ok_or_else(|| Error::not_found("no such variable"))?;
    match state.datasets.locate_in(form, dataset, place, index).await? {
        Located::Stored { file, range } => stored(state, request, &file, range).await,
        Located::File { file, array } => match state.datasets.length(&file, array.as_deref()).await? {
            Some(length) => stored(state, request, &file, ByteRange { offset: 0, length }).await,
            None => absent(state, request, dataset, form, place, index).await,
        },
        Located::Inline(bytes) => whole(state, request, dataset, Document::new(bytes)).await,
        Located::Computed(chunk) => {
            match computed(state, request, dataset, (&chunk, decoded_bytes(dataset, form, place))).await? {
                Some(answer) => Ok(answer),
                None => absent(state, request, dataset, form, place, index).await,
            }
        }
        Located::Missing => absent(state, request, dataset, form, place, index).await,
        Located::Outside => Err(Error::not_found("the array has no such chunk").into()),
    }
}

/// Answers for a chunk that the source lacks: 404, or, where v2's document does not say what it reads as, with that.
async fn absent(
    state: &GatewayState,
    request: &Parts,
    dataset: &OpenDataset,
    form: &Form,
    variable: usize,
    index: &ChunkIndex,
) -> Result<Response, Failure> {
    if index.is_of_v2()
        && let Some(chunk) = state.datasets.absent_chunk(form, dataset, variable).await?
    {
        return whole(state, request, dataset, chunk).await;
    }
    Err(Error::not_found("the chunk is absent in the source: it reads as the fill value").into())
}

/// Answers with a chunk that a worker makes; none where the sources lack it. What the client has is not made again: its tag is that of the chunk's name
/// and version, which do not change.
async fn computed(
    state: &GatewayState,
    request: &Parts,
    dataset: &OpenDataset,
    (chunk, decoded_bytes): (&EvaluatedChunk, u64),
) -> Result<Option<Response>, Failure> {
    let etag = etag::of_evaluated(chunk);
    let validators = Validators::new(&etag, dataset.published().modified_ns);
    let mut headers = HeaderMap::with_capacity(16);
    headers.insert(ETAG, validators.etag_header());
    headers.insert(CACHE_CONTROL, state.chunk_cache_control.clone());
    if let Some(answer) = document::settled(&validators, &request.headers, &headers) {
        return Ok(Some(answer));
    }
    let (client, kind) = (state.client(&request.headers, &request.extensions), Kind::of(chunk));
    let mut grant = state.limits.made(request, client, &kind, decoded_bytes).await?;
    let made = state.worker.evaluate(chunk).await.map_err(never_missing)?;
    let Some(bytes) = made else { return Ok(None) };
    state.limits.is_made(&mut grant, &kind, decoded_bytes, bytes.len() as u64);
    let response = whole(state, request, dataset, Document { bytes, etag }).await?;
    Ok(Some(response.map(|body| Held::body(body, grant))))
}

/// How many bytes a chunk has before it is encoded, at most: where elements have no fixed size, those of a reference.
fn decoded_bytes(dataset: &OpenDataset, form: &Form, place: usize) -> u64 {
    let Some(variable) = dataset.dataset_in(form).variables.get(place) else { return 0 };
    let elements = variable.grid.chunk_shape().iter().fold(1_u64, |all, size| all.saturating_mul(*size));
    elements.saturating_mul(variable.data_type.size().unwrap_or(16) as u64)
}

/// Answers with bytes that are here.
async fn whole(
    state: &GatewayState,
    request: &Parts,
    dataset: &OpenDataset,
    document: Document,
) -> Result<Response, Failure> {
    let whole = Representation {
        document: Cow::Owned(document),
        content_type: BYTES,
        cache_control: state.chunk_cache_control.clone(),
        modified_ns: Some(dataset.published().modified_ns),
        compression: Compression::Never,
    };
    document::answer(state, request, whole).await
}

/// What a worker does not find is a fault, as opposed to a chunk that it finds to be missing. Never a 404: a client would
/// read fill values.
pub(super) fn never_missing(error: Error) -> Error {
    if error.kind == ErrorKind::NotFound { Error { kind: ErrorKind::Conflict, ..error } } else { error }
}

/// Answers with a range of a source file. The worker is asked even where no byte is wanted (HEAD): it alone knows
/// whether the file is still what it was. Only a client that has the chunk (304) is answered without it.
async fn stored(
    state: &GatewayState,
    request: &Parts,
    file: &Arc<SourceFile>,
    range: ByteRange,
) -> Result<Response, Failure> {
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
        state.worker.read(file, ByteRange { offset: range.offset, length: 0 }).await?;
        return Ok((StatusCode::OK, headers).into_response());
    }
    let asked = request.headers.get(RANGE).filter(|_| validators.allow_range(&request.headers));
    let (status, part) = match asked.map_or(Wanted::Whole, |asked| range::wanted(asked, range.length)) {
        Wanted::Unsatisfiable => return Ok(document::unsatisfiable(range.length)),
        Wanted::Whole => (StatusCode::OK, ByteRange { offset: 0, length: range.length }),
        Wanted::Part(part) => {
            headers.insert(CONTENT_RANGE, range::content_range(part, range.length));
            (StatusCode::PARTIAL_CONTENT, part)
        }
    };
    let offset =
        range.offset.checked_add(part.offset).ok_or_else(|| Error::internal("a range ends beyond 2^64"))?;
    let client = || state.client(&request.headers, &request.extensions);
    let grant = state.limits.stored(request, client, part.length).await?;
    let bytes = state.worker.read(file, ByteRange { offset, length: part.length }).await?;
    headers.insert(CONTENT_LENGTH, part.length.into());
    let body = body(bytes, part.length)?;
    let mut response = Response::new(match grant {
        Some(grant) => Held::body(body, grant),
        None => body,
    });
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

fn body(bytes: StoredBytes, length: u64) -> Result<Body, Error> {
    match bytes {
        StoredBytes::Whole(bytes) if bytes.len() as u64 == length => Ok(Body::from(bytes)),
        StoredBytes::Whole(bytes) => {
            Err(Error::internal(format!("asked a worker for {length} bytes, got {}", bytes.len())))
        }
        StoredBytes::Pieces(pieces) => Ok(Body::new(pieces::Pieces::new(pieces, length))),
    }
}
