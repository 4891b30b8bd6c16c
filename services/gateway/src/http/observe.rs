//! What is true of every request: a span, a request id, metrics, cross-origin access, and no panic gets out.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt as _;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use http_body_util::BodyExt as _;
use model::Error;
use tracing::{Instrument as _, Span, field};

use super::cors;
use super::error::Failure;
use super::state::GatewayState;
use crate::limits::Client;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The outermost layer.
pub(super) async fn observe(
    State(state): State<Arc<GatewayState>>,
    request: Request,
    next: Next,
) -> Response {
    let begun = Instant::now();
    let method = method_name(request.method());
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched.as_ref().map_or("none", MatchedPath::as_str);
    let id = request_id(request.headers());
    let span = span(&request, method, route, &id);

    let mut response = if request.method() == Method::OPTIONS {
        cors::options()
    } else {
        let answering = limited(&state, route, request, next);
        let answer = AssertUnwindSafe(answering).catch_unwind().instrument(span.clone()).await;
        answer.unwrap_or_else(|panic| span.in_scope(|| panicked(&*panic)))
    };

    cors::allow(response.headers_mut());
    response.headers_mut().insert(REQUEST_ID, id);
    record(&span, &response, method, route, begun);
    response
}

/// The answer, once the client's rate lets it ask for it. Who operates the server is not limited.
async fn limited(state: &Arc<GatewayState>, route: &str, request: Request, next: Next) -> Response {
    let is_exempt = ["/admin/", "/healthz/", "/metrics"].iter().any(|prefix| route.starts_with(prefix));
    if is_exempt || !state.limits.are_rated() {
        return next.run(request).await;
    }
    let client = state.client(request.headers(), request.extensions());
    if let Err(error) = state.limits.enter(&client).await {
        telemetry::metrics().requests_limited_total.inc();
        return Failure(error).into_response();
    }
    let is_head = request.method() == Method::HEAD;
    let response = next.run(request).await;
    match length(&response) {
        _ if is_head => {}
        Some(bytes) => state.limits.charge(&client, bytes),
        None => return charged(Arc::clone(state), client, response),
    }
    response
}

/// An answer of no announced length, whose bytes count as they are sent.
fn charged(state: Arc<GatewayState>, client: Client, response: Response) -> Response {
    response.map(|body| {
        Body::new(body.map_frame(move |frame| {
            let bytes = frame.data_ref().map_or(0, bytes::Bytes::len);
            state.limits.charge(&client, bytes as u64);
            frame
        }))
    })
}

/// The length of an answer's body as it is announced, in bytes.
fn length(response: &Response) -> Option<u64> {
    response.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn span(request: &Request, method: &'static str, route: &str, id: &HeaderValue) -> Span {
    let span = tracing::info_span!(
        "request",
        method,
        route,
        dataset = dataset_of(request.uri().path()).unwrap_or_default(),
        id = id.to_str().unwrap_or_default(),
        status = field::Empty,
        size_bytes = field::Empty,
        duration_ms = field::Empty,
    );
    if span.is_disabled() {
        return span;
    }
    if request.headers().contains_key("traceparent") {
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        telemetry::propagation::continue_trace(&span, header);
    }
    span
}

fn dataset_of(path: &str) -> Option<&str> {
    path.strip_prefix("/datasets/")?.split('/').next().filter(|id| !id.is_empty())
}

/// Methods are labels of metrics: a client's own inventions must not become series.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}

/// The caller's id where it is a sane one, otherwise one of ours: unique in this process's life, and not guessable
/// from another's.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    static START: std::sync::LazyLock<u64> = std::sync::LazyLock::new(|| {
        use std::hash::{BuildHasher as _, RandomState};
        RandomState::new().hash_one("request ids of this process")
    });
    let is_sane =
        |id: &&HeaderValue| (1..=128).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic);
    if let Some(theirs) = headers.get(REQUEST_ID).filter(is_sane) {
        return theirs.clone();
    }
    let number = START.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
    HeaderValue::from_str(&format!("{number:016x}")).unwrap_or(HeaderValue::from_static("0"))
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> Response {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without words");
    Failure(Error::internal(format!("panic: {text}"))).into_response()
}

fn record(span: &Span, response: &Response, method: &'static str, route: &str, begun: Instant) {
    let duration = begun.elapsed();
    let status = response.status();
    let size_bytes = if method == "HEAD" { 0 } else { length(response).unwrap_or(0) };
    // Nobody sees these but who collects spans or debugs, and writing them costs as much as reading a small chunk.
    if telemetry::exports_spans() || tracing::enabled!(tracing::Level::DEBUG) {
        span.record("status", status.as_u16());
        span.record("size_bytes", size_bytes);
        span.record("duration_ms", duration.as_secs_f64() * 1e3);
        span.in_scope(|| tracing::debug!("answered"));
    }
    let metrics = telemetry::metrics();
    metrics.http_requests_total.with_label_values(&[route, method, status.as_str()]).inc();
    metrics.http_request_duration_seconds.with_label_values(&[route]).observe(duration.as_secs_f64());
    metrics.http_response_bytes_total.with_label_values(&[route]).inc_by(size_bytes);
}
