//! Errors outward: one table from kinds to statuses, one shape ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)).
//! `detail` is what clients of xpublish read. Internal texts go to the log, and to administrators only.

use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, StatusCode, Uri};
use model::{Error, ErrorKind};
use serde::Serialize;
use tracing::Level;
use utoipa::ToSchema;

use super::address::no_part_of_a_view;

/// What a client sees of each kind, and when it may come again (seconds) where the error does not say.
pub(super) const TABLE: [(ErrorKind, StatusCode, Option<u32>); 15] = [
    (ErrorKind::InvalidRequest, StatusCode::BAD_REQUEST, None),
    (ErrorKind::Unauthorized, StatusCode::UNAUTHORIZED, None),
    (ErrorKind::Forbidden, StatusCode::FORBIDDEN, None),
    (ErrorKind::NotFound, StatusCode::NOT_FOUND, None),
    (ErrorKind::Gone, StatusCode::GONE, None),
    (ErrorKind::Conflict, StatusCode::CONFLICT, None),
    (ErrorKind::TooLarge, StatusCode::PAYLOAD_TOO_LARGE, None),
    (ErrorKind::Unsupported, StatusCode::NOT_IMPLEMENTED, None),
    (ErrorKind::RateLimited, StatusCode::TOO_MANY_REQUESTS, Some(1)),
    (ErrorKind::Overloaded, StatusCode::SERVICE_UNAVAILABLE, Some(5)),
    (ErrorKind::Offline, StatusCode::SERVICE_UNAVAILABLE, Some(600)),
    (ErrorKind::Unavailable, StatusCode::SERVICE_UNAVAILABLE, Some(2)),
    (ErrorKind::DeadlineExceeded, StatusCode::GATEWAY_TIMEOUT, None),
    (ErrorKind::CorruptData, StatusCode::BAD_GATEWAY, None),
    (ErrorKind::Internal, StatusCode::INTERNAL_SERVER_ERROR, None),
];

/// The body of every error.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(super) struct Problem {
    /// Always `about:blank`: the status says what kind of problem it is.
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    /// The status in words.
    #[schema(example = "Not Found")]
    pub(super) title: &'static str,
    /// The HTTP status.
    #[schema(example = 404)]
    pub(super) status: u16,
    /// What failed and what to change.
    #[schema(example = "Dataset 'nope' not found")]
    pub(super) detail: String,
    /// In how many seconds to come again, as `Retry-After` says it: there where the answer may be another then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 120)]
    pub(super) retry_after: Option<u32>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("Error");
        Self { kind: "about:blank", title, status: status.as_u16(), detail: detail.into(), retry_after: None }
    }

    /// An error for the public.
    pub(super) fn public(error: &Error) -> Self {
        Self { retry_after: error.retry_after_seconds, ..Self::new(row(error.kind).0, error.message.clone()) }
    }

    /// An error for the public where no header goes with it: when to come again stands in it whatever the kind.
    pub(super) fn without_headers(error: &Error) -> Self {
        let retry_after = error.retry_after_seconds.or(row(error.kind).1);
        Self { retry_after, ..Self::public(error) }
    }

    /// An error for an administrator: its internal text too.
    pub(super) fn full(error: &Error) -> Self {
        Self { retry_after: error.retry_after_seconds, ..Self::new(row(error.kind).0, error.to_string()) }
    }
}

impl Problem {
    /// Its status.
    pub(super) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Its text.
    pub(super) fn json(&self) -> Vec<u8> {
        // Plain fields: serialising them cannot fail.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status(), self.json()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response
    }
}

/// An error as an answer to the public. Logs it: this is where errors end.
#[derive(Debug)]
pub(super) struct Failure(pub(super) Error);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        log(&self.0);
        answer(&self.0, Problem::public(&self.0))
    }
}

/// An error as an answer to somebody who has shown a token.
#[derive(Debug)]
pub(super) struct AdminFailure(pub(super) Error);

impl From<Error> for AdminFailure {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for AdminFailure {
    fn into_response(self) -> Response {
        log(&self.0);
        let mut response = answer(&self.0, Problem::full(&self.0));
        if self.0.kind == ErrorKind::Unauthorized {
            let challenge = HeaderValue::from_static("Bearer realm=\"cloudify admin API\"");
            response.headers_mut().insert(http::header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

fn answer(error: &Error, problem: Problem) -> Response {
    let mut response = problem.into_response();
    if let Some(seconds) = error.retry_after_seconds.or(row(error.kind).1)
        && matches!(response.status(), StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS)
    {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

/// Writes an error to the log.
pub(super) fn log(error: &Error) {
    let (kind, internal) = (error.kind, error.internal.as_deref());
    match level(kind) {
        Level::WARN => tracing::warn!(?kind, internal, "{}", error.message),
        Level::INFO => tracing::info!(?kind, internal, "{}", error.message),
        _ => tracing::debug!(?kind, internal, "{}", error.message),
    }
}

/// What is the server's fault is a warning, what a client did wrong information. What is not there is told only when
/// asked for: clients of Zarr ask for much that is not, absent chunks among it.
pub(super) fn level(kind: ErrorKind) -> Level {
    match row(kind).0 {
        // Nothing is at fault, and it is told for every chunk.
        _ if kind == ErrorKind::Offline => Level::DEBUG,
        // Who asks for too much must not fill the log as well.
        _ if kind == ErrorKind::RateLimited => Level::DEBUG,
        status if status.is_server_error() => Level::WARN,
        StatusCode::NOT_FOUND => Level::DEBUG,
        _ => Level::INFO,
    }
}

fn row(kind: ErrorKind) -> (StatusCode, Option<u32>) {
    let row = TABLE.iter().find(|(k, ..)| *k == kind);
    row.map_or((StatusCode::INTERNAL_SERVER_ERROR, None), |(_, status, retry)| (*status, *retry))
}

/// The answer for a path that no route has.
pub(super) async fn no_route(uri: Uri) -> Failure {
    let unknown = || Error::not_found("Not Found: this server has no such path; /docs lists those it has");
    Failure(no_part_of_a_view(uri.path()).unwrap_or_else(unknown))
}

/// The answer for a method that a path does not have; the router adds `Allow`.
pub(super) async fn no_method() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed: the Allow header lists those that are")
}
