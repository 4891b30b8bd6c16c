//! Calls for another catalog are refused: at an address that a worker of that one had, this one may have come to listen,
//! and what it does not have is not missing there.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use cloudify_proto::CATALOG_HEADER;
use engine::ports::Worker;
use http::HeaderValue;
use model::{Error, ErrorKind};

use super::request::refusal;

/// How long to look which catalog it is now.
const LOOK: Duration = Duration::from_secs(2);

/// Refuses calls that name another catalog, and says which this one is; those that name none are for any.
pub(super) async fn check(State(worker): State<Arc<dyn Worker>>, call: Request, next: Next) -> Response {
    if let Some(wanted) = call.headers().get(CATALOG_HEADER)
        && let Some(ours) = other_than(wanted, &*worker).await
    {
        return refused(wanted, &ours);
    }
    next.run(call).await
}

/// Which catalog it is, where that is another; what has no id is not told apart.
async fn other_than(wanted: &HeaderValue, worker: &dyn Worker) -> Option<String> {
    let is_other = |id: &String| !id.is_empty() && wanted.as_bytes() != id.as_bytes();
    Some(worker.catalog_id()).filter(is_other)?;
    // It may have been exchanged since the last look: a look that fails, or takes its time, says nothing new.
    let _ = tokio::time::timeout(LOOK, worker.list(None)).await;
    Some(worker.catalog_id()).filter(is_other)
}

fn refused(wanted: &HeaderValue, ours: &str) -> Response {
    let error = Error::new(ErrorKind::Unavailable, "this worker is of another catalog");
    let mut response =
        refusal(&error.with_internal(format!("it is of {ours}, and was asked for {wanted:?}")));
    if let Ok(ours) = HeaderValue::try_from(ours) {
        response.headers_mut().insert(CATALOG_HEADER, ours);
    }
    response
}
