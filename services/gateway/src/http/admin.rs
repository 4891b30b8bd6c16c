//! The admin API, `/admin/v1`: register, list, show, replace, amend, remove, roll back. Off unless a token is configured.

pub(super) mod amend;
mod auth;
mod body;
pub(super) mod pools;
mod registration;

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts, Path, Request, State};
use axum::response::{IntoResponse, Response};
use engine::diagnostics::Diagnostic;
use engine::pools::PoolName;
use engine::ports::{IfExists, RefreshReport, Registration, RegistrationGoal, SourcesAre, VersionList};
use http::StatusCode;
use http::request::Parts;
use model::{DatasetId, Error, Result, Version};
use serde_json::{Value, json};

pub(super) use auth::Tokens;
use auth::{Administrator, Editor, Viewer};
use body::{Read, RegisterBody, ReplaceBody, RollBackBody};

use super::error::AdminFailure;
use super::state::GatewayState;

type Answer = Result<Response, AdminFailure>;

/// All datasets.
#[utoipa::path(
    get, path = "/admin/v1/datasets", tag = "Admin", operation_id = "admin_list", security(("token" = [])),
    responses(
        (status = 200, body = Value, description = "The catalog's revision and its datasets"),
    )
)]
pub(super) async fn list(State(state): State<Arc<GatewayState>>, _: Viewer) -> Answer {
    state.in_time(state.datasets.refresh()).await?;
    let catalog = state.in_time(state.datasets.catalog()).await?;
    let datasets: Vec<Value> = catalog
        .datasets()
        .iter()
        .map(|listed| json!({"id": listed.id.as_str(), "version": listed.version.0, "title": listed.title, "pool": listed.pool.as_str()}))
        .collect();
    Ok(Json(json!({"revision": catalog.revision(), "datasets": datasets})).into_response())
}

/// Registers a dataset, or all entries of a catalog.
///
/// With `Accept: text/event-stream` the answer is a stream of events `progress`, `preview`, `published` and `error`;
/// otherwise it comes when the registration is over. A catalog (an intake file, a STAC collection) makes an event
/// `entry` for each of its entries, whatever became of it, and ends with a `summary`.
#[utoipa::path(
    post, path = "/admin/v1/datasets", tag = "Admin", operation_id = "admin_register", security(("token" = [])),
    request_body = RegisterBody,
    responses(
        (status = 200, body = Value, description = "What would be published, or the events"),
        (status = 201, body = Value, description = "What was published"),
    )
)]
pub(super) async fn register(
    State(state): State<Arc<GatewayState>>,
    viewer: Viewer,
    request: Request,
) -> Answer {
    let (parts, Read(body)) = body::read::<RegisterBody>(&state, request).await?;
    let id = DatasetId::parse(&body.id)?;
    let if_exists = if body.replace { IfExists::Replace } else { IfExists::Refuse };
    let goal = goal(body.preview);
    if goal == RegistrationGoal::Publish {
        viewer.at_least_editor()?;
    }
    let sources_are = match body.catalog {
        None => SourcesAre::Detected,
        Some(true) => SourcesAre::Catalog,
        Some(false) => SourcesAre::Data,
    };
    let pool = body.pool.as_deref().map(PoolName::parse).transpose()?;
    let RegisterBody { sources, refresh_seconds, view, views: named_views, .. } = body;
    let registration =
        Registration { id, sources, if_exists, goal, view, named_views, refresh_seconds, sources_are, pool };
    registration::run(state, &parts, viewer.name(), registration).await
}

/// Publishes a new version of a dataset from other sources.
#[utoipa::path(
    put, path = "/admin/v1/datasets/{id}", tag = "Admin", operation_id = "admin_replace", security(("token" = [])),
    params(("id" = String, Path, description = "Dataset id")),
    request_body = ReplaceBody,
    responses(
        (status = 200, body = Value, description = "What would be published, or the events"),
        (status = 201, body = Value, description = "What was published"),
    )
)]
pub(super) async fn replace(
    State(state): State<Arc<GatewayState>>,
    editor: Editor,
    id: Id,
    request: Request,
) -> Answer {
    let (parts, Read(body)) = body::read::<ReplaceBody>(&state, request).await?;
    let registration = Registration {
        id: id.0,
        sources: body.sources,
        if_exists: IfExists::Replace,
        goal: goal(body.preview),
        view: body.view,
        named_views: body.views,
        refresh_seconds: body.refresh_seconds,
        sources_are: SourcesAre::Data,
        pool: body.pool.as_deref().map(PoolName::parse).transpose()?,
    };
    registration::run(state, &parts, editor.name(), registration).await
}

/// Publishes a new version of a dataset where its sources are new or changed.
///
/// With `Accept: text/event-stream` the answer is a stream of events `progress`, `compared` (how many files are new,
/// changed, gone, unchanged), `preview`, `published` or `unchanged`, and `error`.
#[utoipa::path(
    post, path = "/admin/v1/datasets/{id}/refresh", tag = "Admin", operation_id = "admin_refresh",
    security(("token" = [])),
    params(("id" = String, Path, description = "Dataset id")),
    responses(
        (status = 200, body = Value, description = "Nothing is different (`unchanged`), or the events"),
        (status = 201, body = Value, description = "What was published"),
    )
)]
pub(super) async fn refresh_dataset(
    State(state): State<Arc<GatewayState>>,
    editor: Editor,
    Id(id): Id,
    request: Request,
) -> Answer {
    let (parts, _) = request.into_parts();
    registration::run_refresh(state, &parts, editor.name(), &id).await
}

/// One dataset with its versions.
#[utoipa::path(
    get, path = "/admin/v1/datasets/{id}", tag = "Admin", operation_id = "admin_show", security(("token" = [])),
    params(("id" = String, Path, description = "Dataset id")),
    responses(
        (status = 200, body = Value, description = "Its versions with sources and counts"),
    )
)]
pub(super) async fn show(State(state): State<Arc<GatewayState>>, _: Viewer, Id(id): Id) -> Answer {
    let versions = state.in_time(state.worker.versions(&id)).await?;
    let current = state.in_time(state.worker.dataset(&id, Some(versions.current))).await?;
    let mut shown = shown_versions(&id, &versions);
    shown["variables"] = current.dataset.variables.len().into();
    shown["views"] = json!(*current.named_views);
    shown["diagnostics"] = current.diagnostics.iter().map(Diagnostic::name).collect();
    shown["groups"] = current.dataset.groups.len().into();
    shown["chunks"] = current
        .dataset
        .variables
        .iter()
        .map(|variable| variable.grid.chunk_count())
        .fold(0, u64::saturating_add)
        .into();
    Ok(Json(shown).into_response())
}

/// Takes a dataset out of the catalog. Its source files stay untouched.
#[utoipa::path(
    delete, path = "/admin/v1/datasets/{id}", tag = "Admin", operation_id = "admin_remove", security(("token" = [])),
    params(("id" = String, Path, description = "Dataset id")),
    responses(
        (status = 204, description = "It is gone"),
    )
)]
pub(super) async fn remove(State(state): State<Arc<GatewayState>>, by: Administrator, Id(id): Id) -> Answer {
    state.in_time(state.worker.remove(&id)).await?;
    tracing::info!(dataset = id.as_str(), by = by.name(), "removed");
    refresh(&state).await;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Makes an earlier version current: the one before where none is named.
#[utoipa::path(
    post, path = "/admin/v1/datasets/{id}/rollback", tag = "Admin", operation_id = "admin_roll_back",
    security(("token" = [])),
    params(("id" = String, Path, description = "Dataset id")),
    request_body = Option<RollBackBody>,
    responses(
        (status = 200, body = Value, description = "The version that is current now"),
    )
)]
pub(super) async fn roll_back(
    State(state): State<Arc<GatewayState>>,
    by: Administrator,
    Id(id): Id,
    request: Request,
) -> Answer {
    let (_, Read(body)) = body::read::<RollBackBody>(&state, request).await?;
    let version = state.in_time(state.worker.roll_back(&id, body.version.map(Version))).await?;
    tracing::info!(dataset = id.as_str(), version = version.0, by = by.name(), "rolled back");
    refresh(&state).await;
    Ok(Json(json!({"id": id.as_str(), "version": version.0})).into_response())
}

/// The id in a path. Unlike on public paths one that cannot be is a mistake to point out.
pub(super) struct Id(DatasetId);

impl FromRequestParts<Arc<GatewayState>> for Id {
    type Rejection = AdminFailure;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<GatewayState>) -> Result<Self, AdminFailure> {
        let id = Path::<String>::from_request_parts(parts, state).await;
        let Path(id) = id.map_err(|_| Error::invalid("the path is not UTF-8 after percent-decoding"))?;
        Ok(Self(DatasetId::parse(&id)?))
    }
}

fn goal(preview: bool) -> RegistrationGoal {
    if preview { RegistrationGoal::Preview } else { RegistrationGoal::Publish }
}

fn shown_versions(id: &DatasetId, versions: &VersionList) -> Value {
    let all: Vec<Value> = versions
        .versions
        .iter()
        .map(|summary| {
            json!({
                "version": summary.version.0,
                "published_ms": summary.published_ms,
                "sources": summary.sources,
                "file_count": summary.file_count,
                "warning_count": summary.warning_count,
            })
        })
        .collect();
    let RefreshReport { every_seconds, last } = &versions.refresh;
    let last = last
        .as_ref()
        .map(|last| json!({"at_ms": last.at_ms, "outcome": last.outcome, "message": last.message}));
    json!({
        "id": id.as_str(),
        "current": versions.current.0,
        "versions": all,
        "refresh": {"every_seconds": every_seconds, "last": last},
    })
}

/// Lets this gateway see a change at once. The change is done even where the list cannot be read now.
async fn refresh(state: &GatewayState) {
    if let Err(error) = state.in_time(state.datasets.refresh()).await {
        tracing::warn!(%error, "the list could not be read after a change; it will be soon");
    }
}
