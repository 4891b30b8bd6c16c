//! All datasets as one Zarr hierarchy below `/datasets`: `{id}/kerchunk/{variable}`.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use engine::open::{Document, HierarchyDocument};
use model::Group;
use serde_json::{Value, json};

use super::document::{self, Representation};
use super::error::Failure;
use super::opened::Opened;
use super::state::GatewayState;

type Answer = Result<Response, Failure>;

/// Consolidated Zarr v2 metadata of all datasets.
#[utoipa::path(
    get, path = "/datasets/.zmetadata", tag = "Zarr",
    responses(
        (status = 200, body = Value, description = "Every group and array, by `{id}/kerchunk/{variable}`"),
    )
)]
pub(super) async fn zmetadata(State(state): State<Arc<GatewayState>>, request: Request) -> Answer {
    hierarchy(&state, request, HierarchyDocument::Zmetadata).await
}

/// Zarr v3 root of all datasets, with consolidated metadata.
#[utoipa::path(
    get, path = "/datasets/zarr.json", tag = "Zarr",
    responses(
        (status = 200, body = Value, description = "A group with every group and array inline"),
    )
)]
pub(super) async fn zarr_json(State(state): State<Arc<GatewayState>>, request: Request) -> Answer {
    hierarchy(&state, request, HierarchyDocument::ZarrJson).await
}

/// The root group of all datasets (Zarr v2).
#[utoipa::path(get, path = "/datasets/.zgroup", tag = "Zarr", responses((status = 200, body = Value, description = "A group")))]
pub(super) async fn zgroup(State(state): State<Arc<GatewayState>>, request: Request) -> Answer {
    small(&state, request, &zarr::v2::group()).await
}

/// The root group's attributes: none (Zarr v2).
#[utoipa::path(get, path = "/datasets/.zattrs", tag = "Zarr", responses((status = 200, body = Value, description = "No attributes")))]
pub(super) async fn zattrs(State(state): State<Arc<GatewayState>>, request: Request) -> Answer {
    small(&state, request, &json!({})).await
}

/// The group around a dataset's store in the hierarchy of all (Zarr v2).
#[utoipa::path(
    get, path = "/datasets/{id}/.zgroup", tag = "Zarr",
    params(("id" = String, Path, description = "Dataset id")),
    responses(
        (status = 200, body = Value, description = "A group"),
    )
)]
pub(super) async fn dataset_zgroup(
    State(state): State<Arc<GatewayState>>,
    _: Opened,
    request: Request,
) -> Answer {
    small(&state, request, &zarr::v2::group()).await
}

/// That group's attributes: none (Zarr v2).
#[utoipa::path(
    get, path = "/datasets/{id}/.zattrs", tag = "Zarr",
    params(("id" = String, Path, description = "Dataset id")),
    responses(
        (status = 200, body = Value, description = "No attributes"),
    )
)]
pub(super) async fn dataset_zattrs(
    State(state): State<Arc<GatewayState>>,
    _: Opened,
    request: Request,
) -> Answer {
    small(&state, request, &json!({})).await
}

/// The group around a dataset's store in the hierarchy of all (Zarr v3).
#[utoipa::path(
    get, path = "/datasets/{id}/zarr.json", tag = "Zarr",
    params(("id" = String, Path, description = "Dataset id")),
    responses(
        (status = 200, body = Value, description = "A group"),
    )
)]
pub(super) async fn dataset_zarr_json(
    State(state): State<Arc<GatewayState>>,
    _: Opened,
    request: Request,
) -> Answer {
    small(&state, request, &zarr::v3::group(&Group::default())).await
}

async fn hierarchy(state: &GatewayState, request: Request, name: HierarchyDocument) -> Answer {
    let document = state.in_time(state.datasets.hierarchy(name)).await?;
    let (request, _) = request.into_parts();
    document::answer(state, &request, Representation::metadata(state, Cow::Owned(document), None)).await
}

async fn small(state: &GatewayState, request: Request, value: &Value) -> Answer {
    let (request, _) = request.into_parts();
    let document = Cow::Owned(Document::json(value));
    document::answer(state, &request, Representation::metadata(state, document, None)).await
}
