//! Which catalog workers are asked for: at an address that a worker had, one of another catalog may listen the next moment,
//! and what that one has not is not missing.

use std::sync::{Arc, PoisonError, RwLock};

use cloudify_proto::CATALOG_HEADER;
use http::HeaderMap;
use tonic::Status;

/// The catalog's id, once it is known; shared by all who ask workers.
#[derive(Debug, Default)]
pub(super) struct CatalogId(RwLock<Option<Arc<str>>>);

impl CatalogId {
    /// The id; none where it is not known yet, or cannot be told.
    pub(super) fn now(&self) -> Option<Arc<str>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether it is what it was.
    pub(super) fn is_still(&self, before: Option<&str>) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).as_deref() == before
    }

    /// Whether an id is that of another catalog; one that is empty tells nothing.
    pub(super) fn is_other(&self, id: &str) -> bool {
        !id.is_empty() && self.now().is_some_and(|ours| *ours != *id)
    }

    /// Says which catalog it is; the first word counts.
    pub(super) fn learn(&self, id: &str) {
        if !id.is_empty() && self.is_still(None) {
            self.0.write().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| id.into());
        }
    }

    /// Takes another catalog for ours.
    pub(super) fn exchange(&self, id: &str) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(id.into());
    }
}

/// Of which catalog a worker is whose answer begins so, where it refuses the one that it was asked for.
pub(super) fn other_in(headers: &HeaderMap) -> Option<&str> {
    headers.get(CATALOG_HEADER)?.to_str().ok()
}

/// The same of a call that failed.
pub(super) fn other_of(status: &Status) -> Option<&str> {
    status.metadata().get(CATALOG_HEADER)?.to_str().ok()
}
