//! The dataset or view that a path names, opened.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use engine::open::OpenDataset;
use http::request::Parts;

use super::address::Address;
use super::error::Failure;
use super::state::GatewayState;

/// The dataset of `{id}`, or the view of it where `/view/{steps}` follows.
pub(super) struct Opened(pub(super) Arc<OpenDataset>);

impl FromRequestParts<Arc<GatewayState>> for Opened {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<GatewayState>) -> Result<Self, Failure> {
        let address = Address::of(parts.uri.path())?;
        Ok(Self(state.in_time(address.open(&state.datasets)).await?))
    }
}
