//! The dataset that a path names, opened.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Path};
use engine::open::OpenDataset;
use http::request::Parts;
use model::Error;

use super::error::Failure;
use super::state::GatewayState;

/// The dataset of `{id}`.
pub(super) struct Opened(pub(super) Arc<OpenDataset>);

impl FromRequestParts<Arc<GatewayState>> for Opened {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<GatewayState>) -> Result<Self, Failure> {
        let id = Path::<String>::from_request_parts(parts, state).await;
        let Path(id) = id.map_err(|_| Error::invalid("the path is not UTF-8 after percent-decoding"))?;
        Ok(Self(state.in_time(state.datasets.open(&id)).await?))
    }
}
