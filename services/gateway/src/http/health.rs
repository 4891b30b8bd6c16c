//! Operations: whether the process lives, whether it is ready, and its metrics.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use model::{Error, ErrorKind};

use super::error::{Failure, Problem};
use super::state::GatewayState;

/// Whether the process lives.
#[utoipa::path(get, path = "/healthz/live", tag = "Operations", responses((status = 200, body = String, description = "It does")))]
pub(super) async fn live() -> &'static str {
    "live\n"
}

/// Whether requests should be sent here: a worker answers, the catalog was read, and the server is not shutting down.
#[utoipa::path(
    get, path = "/healthz/ready", tag = "Operations",
    responses(
        (status = 200, body = String, description = "They should"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "They should not, and why"),
    )
)]
pub(super) async fn ready(State(state): State<Arc<GatewayState>>) -> Result<&'static str, Failure> {
    if state.is_draining() {
        return Err(Error::new(ErrorKind::Unavailable, "the server is shutting down").into());
    }
    let answers = async {
        state.worker.ready().await?;
        state.datasets.catalog().await
    };
    // Whatever the cause, the answer to this question is 503: another status would mean another thing.
    match state.in_time(answers).await {
        Ok(_) => Ok("ready\n"),
        Err(error) => Err(Error { kind: ErrorKind::Unavailable, ..error }.into()),
    }
}

/// Metrics in Prometheus' text format.
#[utoipa::path(get, path = "/metrics", tag = "Operations", responses((status = 200, body = String, description = "The metrics")))]
pub(super) async fn metrics(State(state): State<Arc<GatewayState>>) -> Response {
    let metrics = telemetry::metrics();
    metrics.references_cached_bytes.set(state.datasets.references_cached_bytes() as i64);
    let (waiting, held_bytes) = state.limits.load();
    metrics.requests_waiting.set(waiting as i64);
    metrics.answers_held_bytes.set(held_bytes as i64);
    if let Ok(catalog) = state.datasets.catalog().await {
        metrics.datasets.set(catalog.datasets().len() as i64);
    }
    let text_format = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    (StatusCode::OK, [(CONTENT_TYPE, text_format)], telemetry::metrics_text()).into_response()
}
