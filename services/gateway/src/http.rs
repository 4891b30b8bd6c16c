//! HTTP: the router is the table of contents. Grouped by who calls.
//!
//! A handler parses, calls one use case of `engine` and renders. Errors become answers in [`error`], whatever is true
//! of every answer (request id, cross-origin access, metrics, caught panics) happens in [`observe`].

mod address;
mod admin;
mod batch;
mod body;
mod collection;
mod compress;
mod conditional;
mod cors;
mod datasets;
mod document;
mod error;
#[cfg(fuzzing)]
pub mod fuzzing;
mod groupby;
mod health;
mod info;
mod observe;
mod off_runtime;
mod openapi;
mod opened;
mod page;
mod plan;
mod range;
mod server_info;
mod state;
mod tape;
mod view_steps;
mod zarr;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::routing::{delete, get, post};

pub use state::GatewayState;

/// Every path of the server.
pub fn router(state: Arc<GatewayState>) -> Router {
    let routes = Router::new()
        // Zarr clients. The first is the hot path.
        .route("/datasets/{id}/kerchunk/{*key}", get(zarr::key))
        .route("/datasets/{id}/kerchunk", get(zarr::listing::root))
        .route("/datasets/{id}/kerchunk/", get(zarr::listing::root))
        .route("/datasets/{id}/zarr/{*key}", get(zarr::key))
        .route("/datasets/{id}/zarr", get(zarr::listing::root))
        .route("/datasets/{id}/zarr/", get(zarr::listing::root))
        .route("/datasets/{id}/view/{steps}/zarr/{*key}", get(zarr::key))
        .route("/datasets/{id}/view/{steps}/zarr", get(zarr::listing::root))
        .route("/datasets/{id}/view/{steps}/zarr/", get(zarr::listing::root))
        .route("/datasets/{id}/views/{name}/zarr/{*key}", get(zarr::key))
        .route("/datasets/{id}/views/{name}/zarr", get(zarr::listing::root))
        .route("/datasets/{id}/views/{name}/zarr/", get(zarr::listing::root))
        .route("/datasets/{id}/chunks", post(batch::chunks))
        .route("/datasets/{id}/view/{steps}/chunks", post(batch::chunks))
        .route("/datasets/{id}/views/{name}/chunks", post(batch::chunks))
        .route("/datasets/{id}/kerchunk-tape-order/{*key}", get(tape::order))
        .route("/datasets/{id}/.zgroup", get(collection::dataset_zgroup))
        .route("/datasets/{id}/.zattrs", get(collection::dataset_zattrs))
        .route("/datasets/{id}/zarr.json", get(collection::dataset_zarr_json))
        .route("/datasets/.zmetadata", get(collection::zmetadata))
        .route("/datasets/.zgroup", get(collection::zgroup))
        .route("/datasets/.zattrs", get(collection::zattrs))
        .route("/datasets/zarr.json", get(collection::zarr_json))
        // Scripts and people.
        .route("/", get(page::landing))
        .route("/datasets", get(datasets::list))
        .route("/datasets/", get(datasets::list))
        .route("/datasets/{id}", get(page::dataset))
        .route("/datasets/{id}/", get(page::dataset))
        .route("/datasets/{id}/keys", get(datasets::keys))
        .route("/datasets/{id}/dict", get(datasets::dict))
        .route("/datasets/{id}/info", get(datasets::info))
        .route("/datasets/{id}/view/{steps}", get(page::dataset))
        .route("/datasets/{id}/view/{steps}/", get(page::dataset))
        .route("/datasets/{id}/view/{steps}/keys", get(datasets::keys))
        .route("/datasets/{id}/view/{steps}/dict", get(datasets::dict))
        .route("/datasets/{id}/view/{steps}/info", get(datasets::info))
        .route("/datasets/{id}/plan/{*request}", get(plan::plan))
        .route("/datasets/{id}/views/{name}", get(page::dataset))
        .route("/datasets/{id}/views/{name}/", get(page::dataset))
        .route("/datasets/{id}/views/{name}/keys", get(datasets::keys))
        .route("/datasets/{id}/views/{name}/dict", get(datasets::dict))
        .route("/datasets/{id}/views/{name}/info", get(datasets::info))
        .route("/datasets/{id}/groupby/{variable}/{coord}/{action}", get(groupby::answer))
        .route("/datasets/{id}/tape", get(tape::recalls))
        .route("/view-steps", get(view_steps::list))
        .route("/versions", get(server_info::versions))
        .route("/plugins", get(server_info::plugins))
        .route("/openapi.json", get(openapi::document))
        .route("/docs", get(openapi::docs_redirect))
        .route("/docs/", get(openapi::docs))
        .route("/docs/{*file}", get(openapi::docs_file))
        // Administrators.
        .route("/admin/v1/datasets", get(admin::list).post(admin::register))
        .route(
            "/admin/v1/datasets/{id}",
            get(admin::show).put(admin::replace).patch(admin::amend::amend).delete(admin::remove),
        )
        .route("/admin/v1/datasets/{id}/diagnostics", post(admin::amend::add_diagnostic))
        .route("/admin/v1/datasets/{id}/diagnostics/{name}", delete(admin::amend::remove_diagnostic))
        .route("/admin/v1/datasets/{id}/refresh", post(admin::refresh_dataset))
        .route("/admin/v1/pools", get(admin::pools::list))
        .route("/admin/v1/datasets/{id}/rollback", post(admin::roll_back))
        // Operations.
        .route("/healthz/live", get(health::live))
        .route("/healthz/ready", get(health::ready))
        .route("/metrics", get(health::metrics));
    routes
        .fallback(error::no_route)
        .method_not_allowed_fallback(error::no_method)
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&state), observe::observe))
        .with_state(state)
}
