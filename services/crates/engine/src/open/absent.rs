//! Absent chunks whose array does not say what they read as: made, and kept.

use model::{Error, Result};

use super::{Datasets, Document, OpenDataset};
use crate::ports::Form;

/// A variable of an opened dataset in one of its stores.
pub(super) type AbsentKey = (u64, usize, Form);

/// Bytes of memory of a chunk, as the cache counts them.
pub(super) fn weight(chunk: Option<&Document>) -> u32 {
    u32::try_from(chunk.map_or(0, |chunk| chunk.bytes.len()) + 128).unwrap_or(u32::MAX)
}

impl Datasets {
    /// A chunk of v2 that the source lacks, full of what it reads as, where v2's document does not say that; else none.
    pub async fn absent_chunk(
        &self,
        form: &Form,
        dataset: &OpenDataset,
        variable: usize,
    ) -> Result<Option<Document>> {
        let key = (dataset.serial(), variable, form.clone());
        if let Some(chunk) = self.absent.get(&key).await {
            return Ok(chunk);
        }
        let Some(shown) = dataset.dataset_in(form).variables.get(variable).cloned() else { return Ok(None) };
        let filled = move || zarr::absent::chunk(&shown).map(Document::new);
        let made = async { tokio::task::spawn_blocking(filled).await.map_err(Error::internal) };
        self.absent.try_get_with(key, made).await.map_err(|error| Error::clone(&error))
    }
}
