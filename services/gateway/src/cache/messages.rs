//! Metadata of versions as workers sent them, kept in Redis: a gateway that starts finds there what others read before.

use std::sync::{OnceLock, PoisonError, RwLock};

use bytes::Bytes;
use model::{DatasetId, NodePath, Version};
use prost::Message;
use tier::Tier;

/// Messages of one catalog's versions, which never change.
#[derive(Default)]
pub(crate) struct Messages {
    tier: OnceLock<Tier>,
    /// Empty where it is not known.
    catalog_id: RwLock<String>,
}

impl Messages {
    /// Keeps them there from now on.
    pub(crate) fn keep_in(&self, tier: Tier) {
        let _ = self.tier.set(tier);
    }

    /// Which catalog the workers have.
    pub(crate) fn set_catalog(&self, id: &str) {
        id.clone_into(&mut self.catalog_id.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// Where the metadata of a version are kept; none where nothing is.
    pub(crate) fn dataset(&self, id: &DatasetId, version: Version) -> Option<Place<'_>> {
        self.place("dataset", version, id.as_str())
    }

    /// Where a record of references is kept; none where nothing is.
    pub(crate) fn references(
        &self,
        id: &DatasetId,
        version: Version,
        variable: &NodePath,
        record: u64,
    ) -> Option<Place<'_>> {
        self.place("references", version, &format!("{record}:{}:{id}:{variable}", id.as_str().len()))
    }

    fn place(&self, kind: &str, version: Version, of: &str) -> Option<Place<'_>> {
        let tier = self.tier.get()?;
        let catalog_id = self.catalog_id.read().unwrap_or_else(PoisonError::into_inner).clone();
        let key = format!("{kind}:{}:{catalog_id}:{version}:{of}", env!("CARGO_PKG_VERSION"));
        (!catalog_id.is_empty()).then_some(Place { tier, catalog_id, key })
    }
}

/// Where one message is kept.
pub(crate) struct Place<'t> {
    tier: &'t Tier,
    catalog_id: String,
    key: String,
}

impl Place<'_> {
    /// The message; none where it is not there, or not understood.
    pub(crate) async fn read<M: Message + Default>(&self) -> Option<M> {
        M::decode(self.tier.get(&self.key).await?).ok()
    }

    /// Keeps a message of a worker, if it is of the catalog that was asked for.
    pub(crate) fn write(&self, message: &impl Message, catalog_id: &str) {
        if catalog_id == self.catalog_id {
            let message = Bytes::from(message.encode_to_vec());
            self.tier.put(&self.key, message.len(), move || message);
        }
    }
}
