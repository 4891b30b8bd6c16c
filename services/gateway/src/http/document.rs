//! Answering with a document: metadata, JSON, HTML. Conditions, ranges and compression are weighed here, once for all.

use std::borrow::Cow;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use engine::open::Document;
use engine::ports::StoredBytes;
use futures::stream;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG, LAST_MODIFIED, RANGE, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use http_body::Body as _;
use model::ByteRange;

use super::compress::{Coding, WORTH_IT_BYTES};
use super::conditional::{Validators, Verdict};
use super::error::{Failure, Problem};
use super::range::multipart::Multipart;
use super::range::{self, Wanted};
use super::state::GatewayState;
use super::zarr::pieces::Pieces;

/// JSON, as Zarr metadata is.
pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// A page.
pub(super) const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
/// Bytes of chunks.
pub(super) const BYTES: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// Pages have no scripts and fetch nothing: attributes of a dataset can never become either. A listing says where its
/// links begin.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'self'; form-action 'none'",
);

/// A document and how it is to be served.
#[derive(Debug)]
pub(super) struct Representation<'d> {
    pub(super) document: Cow<'d, Document>,
    pub(super) content_type: HeaderValue,
    pub(super) cache_control: HeaderValue,
    /// Nanoseconds since 1970; none for what has no time of its own.
    pub(super) modified_ns: Option<i64>,
    pub(super) compression: Compression,
}

/// Whether a document may be compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    Negotiated,
    Never,
}

impl<'d> Representation<'d> {
    /// Metadata that changes with its dataset.
    pub(super) fn metadata(
        state: &GatewayState,
        document: Cow<'d, Document>,
        published_ms: Option<i64>,
    ) -> Self {
        Self {
            document,
            content_type: JSON,
            cache_control: state.metadata_cache_control.clone(),
            modified_ns: published_ms.map(|ms| ms.saturating_mul(1_000_000)),
            compression: Compression::Negotiated,
        }
    }

    /// The same as a page.
    #[must_use]
    pub(super) fn page(self) -> Self {
        Self { content_type: HTML, ..self }
    }
}

/// Answers a GET or HEAD with a representation.
pub(super) async fn answer(
    state: &GatewayState,
    request: &Parts,
    it: Representation<'_>,
) -> Result<Response, Failure> {
    let range = request.headers.get(RANGE).filter(|_| request.method == Method::GET);
    let may_compress = it.compression == Compression::Negotiated && it.document.bytes.len() >= WORTH_IT_BYTES;
    // A range is of the document as it is: the coded variants offer none.
    let coding = if may_compress && range.is_none() { Coding::wanted(&request.headers) } else { None };
    let etag: Cow<'_, str> = match coding {
        Some(coding) => format!("{}-{}", it.document.etag, coding.name()).into(),
        None => it.document.etag.as_str().into(),
    };
    let validators = Validators::new(&etag, it.modified_ns.unwrap_or(i64::MAX));
    let mut headers = head(&validators, &it);
    if may_compress {
        headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    }
    if let Some(answer) = settled(&validators, &request.headers, &headers) {
        return Ok(answer);
    }
    if it.content_type == HTML {
        headers.insert(CONTENT_SECURITY_POLICY, PAGE_POLICY);
    }
    headers.insert(CONTENT_TYPE, it.content_type);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let (status, body) = match (coding, range) {
        (Some(coding), _) => {
            headers.insert(CONTENT_ENCODING, coding.header());
            (StatusCode::OK, Body::from(state.variants.get(&it.document, coding).await?))
        }
        (None, Some(range)) if validators.allow_range(&request.headers) => {
            match cut(&it.document.bytes, range, &mut headers) {
                Some(cut) => cut,
                None => return Ok(unsatisfiable(it.document.bytes.len() as u64)),
            }
        }
        (None, _) => (StatusCode::OK, Body::from(it.document.bytes.clone())),
    };
    // All of these know their length.
    if let Some(length) = body.size_hint().exact() {
        headers.insert(CONTENT_LENGTH, length.into());
    }
    let body = if request.method == Method::HEAD { Body::empty() } else { body };
    Ok((status, headers, body).into_response())
}

/// The headers that a 304 has too.
fn head(validators: &Validators, it: &Representation<'_>) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(16);
    headers.insert(ETAG, validators.etag_header());
    headers.insert(CACHE_CONTROL, it.cache_control.clone());
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Some(date) = validators.last_modified_header() {
        headers.insert(LAST_MODIFIED, date);
    }
    headers
}

/// The answer where conditions alone decide it.
pub(super) fn settled(validators: &Validators, asked: &HeaderMap, headers: &HeaderMap) -> Option<Response> {
    match validators.weigh(asked) {
        Verdict::Proceed => None,
        Verdict::NotModified => Some((StatusCode::NOT_MODIFIED, headers.clone()).into_response()),
        Verdict::Failed => Some(
            Problem::new(
                StatusCode::PRECONDITION_FAILED,
                "what is here is not the state that the request asks for",
            )
            .into_response(),
        ),
    }
}

/// The part, or the parts, that ranges want; none where none can be had.
fn cut(bytes: &Bytes, range: &HeaderValue, headers: &mut HeaderMap) -> Option<(StatusCode, Body)> {
    let total = bytes.len() as u64;
    let slice = |bytes: &Bytes, part: ByteRange| {
        let from = part.offset as usize;
        bytes.slice(from..from + part.length as usize)
    };
    match range::wanted(range, total) {
        Wanted::Whole => Some((StatusCode::OK, Body::from(bytes.clone()))),
        Wanted::Unsatisfiable => None,
        Wanted::Part(part) => {
            headers.insert(CONTENT_RANGE, range::content_range(part, total));
            Some((StatusCode::PARTIAL_CONTENT, Body::from(slice(bytes, part))))
        }
        Wanted::Parts(parts) => {
            let content_type = headers.get(CONTENT_TYPE).cloned().unwrap_or(BYTES);
            let answer = Multipart::new(parts, total, &content_type);
            headers.insert(CONTENT_TYPE, answer.content_type());
            let whole = bytes.clone();
            let contents = answer
                .parts()
                .to_vec()
                .into_iter()
                .map(move |part| Ok(Pieces::of(StoredBytes::Whole(slice(&whole, part)), part.length)));
            Some((StatusCode::PARTIAL_CONTENT, Body::new(answer.body(stream::iter(contents)))))
        }
    }
}

/// 416 for a range of something of `total` bytes.
pub(super) fn unsatisfiable(total: u64) -> Response {
    let detail = format!("the range has no byte in it: there are {total}");
    let mut response = Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, detail).into_response();
    response.headers_mut().insert(CONTENT_RANGE, range::content_range_none(total));
    response
}
