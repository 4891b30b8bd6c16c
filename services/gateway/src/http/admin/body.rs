//! What administrators send.

use axum::extract::Request;
use engine::named_views::NamedViews;
use http::request::Parts;
use model::Result;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

use crate::http::body;
use crate::http::state::GatewayState;

/// A dataset to register.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct RegisterBody {
    /// Its id: one segment of a URL.
    #[schema(example = "atmos")]
    pub(super) id: String,
    /// Absolute paths and globs, below the allowed roots.
    #[schema(example = json!(["/data/atmos/*.nc"]))]
    pub(super) sources: Vec<String>,
    /// Publish a new version where there is a dataset of that id.
    #[serde(default)]
    pub(super) replace: bool,
    /// Only say what would be published.
    #[serde(default)]
    pub(super) preview: bool,
    /// Seconds between two refreshes; 0 for none. Left out: none, or as the version before has it.
    #[serde(default)]
    pub(super) refresh_seconds: Option<u32>,
    /// Steps of the decoded view, `/datasets/{id}/zarr`: how numbers are rounded and compressed there. Left out: as the
    /// version before has it, or Blosc with LZ4 and byte shuffle.
    #[serde(default)]
    #[schema(example = "bitround=9|codec=zstd:3")]
    pub(super) view: Option<String>,
    /// Named views, `/datasets/{id}/views/{name}`: steps by name. Those left out stay as the version before has them; empty
    /// steps take one away.
    #[serde(default)]
    #[schema(example = json!({"monthly": "resample=time:MS:mean"}))]
    pub(super) views: NamedViews,
    /// Whether the source is a catalog (intake, STAC), each of whose entries becomes a dataset. Left out: whether it
    /// looks like one.
    #[serde(default)]
    pub(super) catalog: Option<bool>,
}

/// New sources of a dataset.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct ReplaceBody {
    /// Absolute paths and globs, below the allowed roots.
    #[schema(example = json!(["/data/atmos/*.nc"]))]
    pub(super) sources: Vec<String>,
    /// Only say what would be published.
    #[serde(default)]
    pub(super) preview: bool,
    /// Seconds between two refreshes; 0 for none. Left out: as the version before has it.
    #[serde(default)]
    pub(super) refresh_seconds: Option<u32>,
    /// Steps of the decoded view. Left out: as the version before has it; empty: the default.
    #[serde(default)]
    #[schema(example = "bitround=9|codec=zstd:3")]
    pub(super) view: Option<String>,
    /// Named views, `/datasets/{id}/views/{name}`: steps by name. Those left out stay as the version before has them; empty
    /// steps take one away.
    #[serde(default)]
    #[schema(example = json!({"monthly": "resample=time:MS:mean"}))]
    pub(super) views: NamedViews,
}

/// What a dataset is to have otherwise.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct AmendBody {
    /// Named views, `/datasets/{id}/views/{name}`: steps by name. Those left out stay; empty steps take one away.
    #[schema(example = json!({"monthly": "resample=time:MS:mean"}))]
    pub(super) views: NamedViews,
}

/// A group-by diagnostic, as in `/datasets/{id}/groupby/{variable}/{coord}/{action}`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct DiagnosticBody {
    /// The variable, of the root group.
    #[schema(example = "tas")]
    pub(super) variable: String,
    /// What its groups share.
    #[schema(example = "time.month")]
    pub(super) coord: String,
    /// What is made of a group.
    #[schema(example = "mean")]
    pub(super) action: String,
}

/// Which version to go back to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct RollBackBody {
    /// Its number; the one before the current one where it is left out.
    #[schema(example = 1)]
    pub(super) version: Option<u32>,
}

/// A body that was read.
pub(super) struct Read<T>(pub(super) T);

/// Reads a JSON body up to the limit of the settings. No body at all reads as `{}`.
pub(super) async fn read<T: DeserializeOwned>(
    state: &GatewayState,
    request: Request,
) -> Result<(Parts, Read<T>)> {
    let advice = "name fewer sources, or a glob";
    let (parts, body) = body::json(request, state.settings.body_bytes_max, advice).await?;
    Ok((parts, Read(body)))
}
