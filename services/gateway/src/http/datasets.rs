//! The list of datasets and what xpublish tells of each: `keys`, `dict`, `info`.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use engine::open::{Document, OpenDataset};
use http::request::Parts;
use serde_json::Value;

use super::document::{self, Representation};
use super::error::Failure;
use super::info;
use super::off_runtime::off_runtime;
use super::opened::Opened;
use super::state::GatewayState;

/// Ids of all datasets, in order of first registration.
#[utoipa::path(
    get, path = "/datasets", tag = "Datasets",
    responses(
        (status = 200, body = Vec<String>, description = "Ids"),
    )
)]
pub(super) async fn list(
    State(state): State<Arc<GatewayState>>,
    request: Request,
) -> Result<Response, Failure> {
    let catalog = state.in_time(state.datasets.catalog()).await?;
    let ids = catalog.datasets().iter().map(|listed| Value::from(listed.id.as_str())).collect();
    let document = Document::json(&Value::Array(ids));
    let (request, _) = request.into_parts();
    document::answer(&state, &request, Representation::metadata(&state, Cow::Owned(document), None)).await
}

/// Names of a dataset's variables: data variables first, then coordinates.
#[utoipa::path(
    get, path = "/datasets/{id}/keys", tag = "Datasets",
    params(("id" = String, Path, description = "Dataset id")),
    responses(
        (status = 200, body = Vec<String>, description = "Names"),
    )
)]
pub(super) async fn keys(
    State(state): State<Arc<GatewayState>>,
    Opened(dataset): Opened,
    request: Request,
) -> Result<Response, Failure> {
    json(&state, request, dataset, info::keys).await
}

/// A dataset as `xarray.Dataset.to_dict(data=False)` shows it once decoded.
#[utoipa::path(
    get, path = "/datasets/{id}/dict", tag = "Datasets",
    params(("id" = String, Path, description = "Dataset id")),
    responses(
        (status = 200, body = Value, description = "Coordinates, attributes, dimensions and data variables"),
    )
)]
pub(super) async fn dict(
    State(state): State<Arc<GatewayState>>,
    Opened(dataset): Opened,
    request: Request,
) -> Result<Response, Failure> {
    json(&state, request, dataset, info::dict).await
}

/// A dataset as it is stored: dimensions, variables with their types and attributes, global attributes.
#[utoipa::path(
    get, path = "/datasets/{id}/info", tag = "Datasets",
    params(("id" = String, Path, description = "Dataset id")),
    responses(
        (status = 200, body = Value, description = "Dimensions, variables and global attributes"),
    )
)]
pub(super) async fn info(
    State(state): State<Arc<GatewayState>>,
    Opened(dataset): Opened,
    request: Request,
) -> Result<Response, Failure> {
    json(&state, request, dataset, info::info).await
}

async fn json(
    state: &GatewayState,
    request: Request,
    dataset: Arc<OpenDataset>,
    render: fn(&OpenDataset) -> Value,
) -> Result<Response, Failure> {
    let (request, _): (Parts, _) = request.into_parts();
    let published_ms = Some(dataset.published().published_ms);
    let document = off_runtime(move || Ok(Document::json(&render(&dataset)))).await?;
    document::answer(state, &request, Representation::metadata(state, Cow::Owned(document), published_ms))
        .await
}
