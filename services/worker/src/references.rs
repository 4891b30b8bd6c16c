//! One record of references, wherever it is: in the catalog, or with a set that lies here or elsewhere.

use std::sync::Arc;

use engine::ports::ReferenceRecord;
use model::{DatasetId, NodePath, Result, Version};

use crate::catalog::{Catalog, RemoteRecord};
use crate::local::blocking;
use crate::storage::Files;

enum Found {
    Here(ReferenceRecord),
    Remote(RemoteRecord),
}

/// Reads record `record` of a variable's references.
pub(crate) async fn read(
    catalog: &Arc<Catalog>,
    files: &Files,
    (id, version): (&DatasetId, Version),
    variable: &NodePath,
    record: u64,
) -> Result<ReferenceRecord> {
    let (catalog, roots) = (Arc::clone(catalog), files.roots().clone());
    let (id, variable) = (id.clone(), variable.clone());
    let found = blocking(move || match catalog.remote_record(&id, version, &variable, record)? {
        Some(remote) => Ok(Found::Remote(remote)),
        None => catalog.references(&id, version, &variable, record, &roots).map(Found::Here),
    });
    match found.await? {
        Found::Here(references) => Ok(references),
        Found::Remote(remote) => Box::pin(remote.read(files.remotes())).await,
    }
}
