//! Amendments: versions that nothing is scanned for, published while nobody registers or refreshes the dataset.

use std::sync::Arc;

use engine::ports::{Amended, Amendment};
use model::{DatasetId, Result, Version};

use super::{Registrar, blocking, now_ms};

impl Registrar {
    /// Publishes an amended version of a dataset; a `Conflict` where it is being registered or refreshed, or where the
    /// current version is not `of`, if that is said.
    pub async fn amend(&self, id: DatasetId, of: Option<Version>, amendment: Amendment) -> Result<Amended> {
        let claim = self.claim(&id)?;
        let catalog = Arc::clone(&self.catalog);
        let published_ms = now_ms()?;
        blocking(move || {
            let lease = catalog.lease(&id)?;
            let amended = catalog.amend(&id, of, &amendment, published_ms);
            // Held to here, since this goes on where the task around it is stopped.
            drop((lease, claim));
            amended
        })
        .await
    }
}
