//! Locating a chunk: from its index to the bytes that hold it.

use std::sync::Arc;

use bytes::Bytes;
use model::{ByteRange, ChunkRef, Error, Result, SourceFile};
use zarr::key::ChunkIndex;

use super::{Datasets, OpenDataset};
use crate::ports::ReferenceRecord;

/// Where a chunk is.
#[derive(Debug, Clone)]
pub enum Located {
    /// In a source file.
    Stored {
        /// Which.
        file: Arc<SourceFile>,
        /// Which bytes of it.
        range: ByteRange,
    },
    /// Here.
    Inline(Bytes),
    /// Absent in the source: it reads as the fill value.
    Missing,
    /// The array has no chunk of this index.
    Outside,
}

/// A record of references of an opened dataset. Small and copied, so that a look-up allocates nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct RecordKey {
    opening: u64,
    variable: usize,
    record: u64,
}

impl Datasets {
    /// Where the chunk at `index` of the variable in place `variable` of the dataset's list is.
    pub async fn locate(
        &self,
        dataset: &OpenDataset,
        variable: usize,
        index: &ChunkIndex,
    ) -> Result<Located> {
        let number = dataset.dataset().variables.get(variable).and_then(|v| index.number(&v.grid));
        let Some(number) = number else { return Ok(Located::Outside) };
        let record = self.record(dataset, variable, number / dataset.published().record_size).await?;
        in_record(&record, number)
    }

    async fn record(
        &self,
        dataset: &OpenDataset,
        variable: usize,
        record: u64,
    ) -> Result<Arc<ReferenceRecord>> {
        let key = RecordKey { opening: dataset.serial(), variable, record };
        if let Some(record) = self.records.get(&key).await {
            return Ok(record);
        }
        let fetch = async {
            let published = dataset.published();
            let path = &published.dataset.variables[variable].path;
            self.worker.references(&published.id, published.version, path, record).await.map(Arc::new)
        };
        self.records.try_get_with(key, fetch).await.map_err(|error| Error::clone(&error))
    }
}

/// What a record says of a chunk. A record that says nothing of it is a fault, never a missing chunk: clients read
/// fill values where a chunk is missing.
fn in_record(record: &ReferenceRecord, number: u64) -> Result<Located> {
    let manifest = &record.manifest;
    let place = number.checked_sub(manifest.first());
    if place.is_none_or(|place| place >= manifest.len() as u64) {
        let end = manifest.first() + manifest.len() as u64;
        return Err(Error::internal(format!(
            "chunk {number} is not in its record {}..{end}",
            manifest.first()
        )));
    }
    match manifest.get(number) {
        ChunkRef::Missing => Ok(Located::Missing),
        ChunkRef::Inline(bytes) => Ok(Located::Inline(bytes)),
        ChunkRef::Bytes { file, range } => match record.files.get(file.0 as usize) {
            Some(file) => Ok(Located::Stored { file: Arc::clone(file), range }),
            None => Err(Error::internal(format!(
                "chunk {number} points to file {} of {}",
                file.0,
                record.files.len()
            ))),
        },
    }
}

/// Bytes of memory of a record, as the cache counts them.
pub(super) fn weight(record: &ReferenceRecord) -> u32 {
    let files: usize = record.files.iter().map(|file| size_of::<SourceFile>() + file.path.len()).sum();
    u32::try_from(record.manifest.memory_bytes() + files + 128).unwrap_or(u32::MAX)
}
