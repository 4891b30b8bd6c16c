//! What the server is made of, in the shapes of xpublish: `versions`, `plugins`.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use engine::open::Document;
use serde_json::{Map, Value, json};

use super::document::{self, Representation};
use super::error::Failure;
use super::state::GatewayState;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The abilities that xpublish calls plugins, and where each is in our code.
const PLUGINS: [(&str, &str); 4] = [
    ("kerchunk", "gateway::http::zarr"),
    ("dataset_info", "gateway::http::datasets"),
    ("module_version", "gateway::http::server_info"),
    ("plugin_info", "gateway::http::server_info"),
];

/// Versions of the server and what it runs on.
#[utoipa::path(get, path = "/versions", tag = "Server", responses((status = 200, body = Value, description = "Name and version of each part")))]
pub(super) async fn versions(
    State(state): State<Arc<GatewayState>>,
    request: Request,
) -> Result<Response, Failure> {
    let byte_order = if cfg!(target_endian = "little") { "little" } else { "big" };
    let versions = json!({
        "cloudify": VERSION,
        "OS": std::env::consts::OS,
        "machine": std::env::consts::ARCH,
        "byteorder": byte_order,
        "rust-minimum": env!("CARGO_PKG_RUST_VERSION"),
    });
    answer(&state, request, &versions).await
}

/// What the server can do, by xpublish's names of plugins.
#[utoipa::path(get, path = "/plugins", tag = "Server", responses((status = 200, body = Value, description = "Path and version of each")))]
pub(super) async fn plugins(
    State(state): State<Arc<GatewayState>>,
    request: Request,
) -> Result<Response, Failure> {
    let entry = |(name, path): (&str, &str)| (name.to_owned(), json!({"path": path, "version": VERSION}));
    let plugins: Map<String, Value> = PLUGINS.into_iter().map(entry).collect();
    answer(&state, request, &Value::Object(plugins)).await
}

async fn answer(state: &GatewayState, request: Request, value: &Value) -> Result<Response, Failure> {
    let (request, _) = request.into_parts();
    let document = Cow::Owned(Document::json(value));
    document::answer(state, &request, Representation::metadata(state, document, None)).await
}
