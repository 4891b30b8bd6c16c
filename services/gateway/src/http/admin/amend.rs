//! Amendments of a dataset: new versions that nothing is scanned for.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::IntoResponse;
use engine::diagnostics::Diagnostic;
use engine::ports::{Amended, Amendment};
use http::StatusCode;
use model::{DatasetId, Error, Result, Version};
use serde_json::{Value, json};

use super::auth::Editor;
use super::body::{self, AmendBody, DiagnosticBody, Read};
use super::{Answer, Id, refresh};
use crate::http::state::GatewayState;

/// Gives a dataset named views, or takes them away.
///
/// Publishes a version with the same data; nothing is scanned.
#[utoipa::path(
    patch, path = "/admin/v1/datasets/{id}", tag = "Admin", operation_id = "admin_amend", security(("token" = [])),
    params(("id" = String, Path, description = "Dataset id")),
    request_body = AmendBody,
    responses(
        (status = 200, body = Value, description = "All was so already: the current version"),
        (status = 201, body = Value, description = "The version that was published"),
    )
)]
pub(in crate::http) async fn amend(
    State(state): State<Arc<GatewayState>>,
    editor: Editor,
    Id(id): Id,
    request: Request,
) -> Answer {
    let (_, Read(body)) = body::read::<AmendBody>(&state, request).await?;
    let amended = run(&state, editor.name(), &id, None, Amendment::NameViews(body.views)).await?;
    Ok(answer(&id, amended, None))
}

/// Makes a group-by diagnostic a variable of a dataset, `pp_{variable}_{coord}_{action}`.
///
/// Publishes a version with the same data, whose decoded store (`/zarr`), `keys`, `dict` and `info` have the variable and
/// the coordinate of its groups. Its values are made as they are asked for.
#[utoipa::path(
    post, path = "/admin/v1/datasets/{id}/diagnostics", tag = "Admin", operation_id = "admin_add_diagnostic",
    security(("token" = [])),
    params(("id" = String, Path, description = "Dataset id")),
    request_body = DiagnosticBody,
    responses(
        (status = 200, body = Value, description = "It is there already: its name and the current version"),
        (status = 201, body = Value, description = "Its name and the version that was published"),
        (status = 400, body = crate::http::error::Problem, content_type = "application/problem+json",
            description = "The variable cannot be grouped so, or the dataset has too many diagnostics"),
        (status = 404, body = crate::http::error::Problem, content_type = "application/problem+json",
            description = "No such dataset, variable, coordinate or action"),
        (status = 409, body = crate::http::error::Problem, content_type = "application/problem+json",
            description = "The dataset has its name for something else, or is being registered or refreshed"),
    )
)]
pub(in crate::http) async fn add_diagnostic(
    State(state): State<Arc<GatewayState>>,
    editor: Editor,
    Id(id): Id,
    request: Request,
) -> Answer {
    let (_, Read(body)) = body::read::<DiagnosticBody>(&state, request).await?;
    let DiagnosticBody { variable, coord, action } = body;
    let diagnostic = Diagnostic { variable, coord, action };
    let name = diagnostic.name();
    // It is checked against the version that is current now.
    state.in_time(state.datasets.refresh()).await?;
    let of = state.in_time(state.datasets.check_diagnostic(id.as_str(), &diagnostic)).await?;
    let amended = run(&state, editor.name(), &id, Some(of), Amendment::AddDiagnostic(diagnostic)).await?;
    Ok(answer(&id, amended, Some(name)))
}

/// Takes a diagnostic out of a dataset, by its name.
#[utoipa::path(
    delete, path = "/admin/v1/datasets/{id}/diagnostics/{name}", tag = "Admin",
    operation_id = "admin_remove_diagnostic", security(("token" = [])),
    params(
        ("id" = String, Path, description = "Dataset id"),
        ("name" = String, Path, description = "Its name", example = "pp_tas_time.month_mean"),
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, body = crate::http::error::Problem, content_type = "application/problem+json",
            description = "No such dataset, or no such diagnostic of it"),
    )
)]
pub(in crate::http) async fn remove_diagnostic(
    State(state): State<Arc<GatewayState>>,
    editor: Editor,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Answer {
    let Path((id, name)) =
        path.map_err(|_| Error::invalid("the path is not UTF-8 after percent-decoding"))?;
    let id = DatasetId::parse(&id)?;
    run(&state, editor.name(), &id, None, Amendment::RemoveDiagnostic(name)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Amends a dataset, and lets this gateway see it at once.
async fn run(
    state: &GatewayState,
    by: &str,
    id: &DatasetId,
    of: Option<Version>,
    amendment: Amendment,
) -> Result<Amended> {
    let what = format!("{amendment:?}");
    let amended = state.in_time(state.worker.amend(id, of, amendment)).await?;
    tracing::info!(dataset = id.as_str(), version = amended.version.0, by, what, "amended");
    refresh(state).await;
    Ok(amended)
}

fn answer(id: &DatasetId, amended: Amended, name: Option<String>) -> axum::response::Response {
    let status = if amended.is_new { StatusCode::CREATED } else { StatusCode::OK };
    let mut told = json!({"id": id.as_str(), "version": amended.version.0});
    if let Some(name) = name {
        told["name"] = Value::from(name);
    }
    (status, Json(told)).into_response()
}
