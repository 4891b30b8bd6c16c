//! All datasets as one Zarr hierarchy: `<id>/kerchunk/<variable>` below `/datasets`.

use std::sync::Arc;

use futures::StreamExt as _;
use model::{Error, ErrorKind, Result};

use super::{Catalog, Datasets, Document, OpenDataset};

/// Largest document, in bytes: beyond it a client is better off opening datasets one by one.
const DOCUMENT_BYTES_MAX: usize = 64 << 20;

/// Datasets fetched at once while a document is made.
const OPENED_AT_ONCE: usize = 8;

/// Consolidated metadata of the whole hierarchy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HierarchyDocument {
    /// `.zmetadata` of Zarr v2.
    Zmetadata,
    /// `zarr.json` of Zarr v3 with inline consolidated metadata.
    ZarrJson,
}

impl Datasets {
    /// The document of the catalog as it is now, made once for each of its revisions.
    pub async fn hierarchy(&self, name: HierarchyDocument) -> Result<Document> {
        let catalog = self.catalog().await?;
        let key = (catalog.revision(), name);
        if let Some(document) = self.hierarchies.get(&key).await {
            return Ok(document);
        }
        let made = self.hierarchies.try_get_with(key, self.make(catalog, name)).await;
        made.map_err(|error| Error::clone(&error))
    }

    async fn make(&self, catalog: Arc<Catalog>, name: HierarchyDocument) -> Result<Document> {
        let listed = catalog.datasets().iter();
        let keys: Vec<_> =
            listed.filter_map(|listed| catalog.by_id.get(listed.id.as_str()).cloned()).collect();
        let mut opened = futures::stream::iter(keys)
            .map(|key| async move { self.open_key(&key).await })
            .buffered(OPENED_AT_ONCE);
        let mut datasets = Vec::new();
        let mut size_bytes = 0;
        while let Some(dataset) = opened.next().await {
            match dataset {
                Ok(dataset) => {
                    size_bytes += dataset.document(name.key()).map_or(0, |document| document.bytes.len());
                    datasets.push(dataset);
                }
                // Removed since the list came.
                Err(error) if error.kind == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
            if size_bytes > DOCUMENT_BYTES_MAX {
                return Err(too_large());
            }
        }
        tokio::task::spawn_blocking(move || render(&datasets, name)).await.map_err(Error::internal)
    }
}

impl HierarchyDocument {
    fn key(self) -> &'static str {
        match self {
            Self::Zmetadata => ".zmetadata",
            Self::ZarrJson => "zarr.json",
        }
    }
}

fn render(datasets: &[Arc<OpenDataset>], name: HierarchyDocument) -> Document {
    let datasets = datasets.iter().map(|opened| (opened.published().id.as_str(), opened.dataset()));
    Document::json(&match name {
        HierarchyDocument::Zmetadata => {
            let shown: Vec<_> = datasets.map(|(id, own)| (id, zarr::absent::dataset(own))).collect();
            zarr::v2::consolidated_collection(shown.iter().map(|(id, shown)| (*id, shown)))
        }
        HierarchyDocument::ZarrJson => zarr::v3::consolidated_collection(datasets),
    })
}

fn too_large() -> Error {
    Error::new(
        ErrorKind::TooLarge,
        "the metadata of all datasets is larger than 64 MiB in one document: open datasets one by one, at /datasets/{id}/kerchunk",
    )
}
