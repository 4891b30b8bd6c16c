//! Locating a chunk: from its index to the bytes that hold it.

use std::sync::Arc;

use bytes::Bytes;
use model::{
    ByteRange, ChunkGrid, ChunkRef, Codec, DatasetId, Error, FileId, FileIdentity, InPlace, Result,
    SourceFile,
};
use zarr::key::ChunkIndex;

use super::{Datasets, OpenDataset};
use crate::ports::{EvaluatedChunk, Form, ReferenceRecord};

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
    /// A file as a whole: its length is to be asked for.
    File {
        /// Which.
        file: Arc<SourceFile>,
        /// The Zarr array that it is a chunk of, by path or URL, or the document that tells of the array: missing where
        /// the array is there and the file is not.
        array: Option<String>,
    },
    /// Here.
    Inline(Bytes),
    /// A worker makes it.
    Computed(EvaluatedChunk),
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
        let Some(described) = dataset.dataset().variables.get(variable) else { return Ok(Located::Outside) };
        if let (true, [Codec::Sharding(sharding)]) = (index.is_of_v2(), described.codecs.as_slice()) {
            if let Some(steps) = dataset.steps() {
                return Ok(dataset.unsharded(variable, sharding, steps, index));
            }
            return self.locate_inner(dataset, variable, sharding, index).await;
        }
        match index.number(&described.grid) {
            Some(number) => self.locate_number(dataset, variable, number).await,
            None => Ok(Located::Outside),
        }
    }

    /// The chunk of a number of the variable's own grid.
    pub(super) async fn locate_number(
        &self,
        dataset: &OpenDataset,
        variable: usize,
        number: u64,
    ) -> Result<Located> {
        if let Some(chunk) = dataset.guest_chunk(variable, number) {
            return Ok(Located::Computed(chunk));
        }
        let published = dataset.published();
        if dataset.steps().is_some() {
            return Ok(dataset.computed(variable, number, dataset.form()));
        }
        let in_place = published.in_place.get(variable).and_then(Option::as_ref);
        let grid = &published.dataset.variables[variable].grid;
        if let Some(located) = in_place.and_then(|in_place| by_key(in_place, grid, number)) {
            return Ok(located);
        }
        let record_size = match in_place {
            Some(InPlace::Records { record_size, .. }) => *record_size,
            _ => published.record_size,
        };
        let record = self.record(dataset, variable, number / record_size).await?;
        let located = in_record(&record, number)?;
        Ok(located.unwrap_or_else(|| dataset.computed(variable, number, dataset.form())))
    }

    /// The same in one of the dataset's stores: in the decoded one, what has to be decoded is made by a worker.
    pub async fn locate_in(
        &self,
        form: &Form,
        dataset: &OpenDataset,
        variable: usize,
        index: &ChunkIndex,
    ) -> Result<Located> {
        let located = self.locate(dataset, variable, index).await?;
        let own = dataset.dataset().variables.get(variable);
        let Some(own) = own.filter(|_| dataset.is_decoded(form, variable)) else { return Ok(located) };
        Ok(match (located, index.number(&own.grid)) {
            (Located::Missing, _) => Located::Missing,
            (Located::Outside, _) | (_, None) => Located::Outside,
            (_, Some(number)) => dataset.computed(variable, number, form),
        })
    }

    /// The length of a file that is served whole, in bytes; none where it is a chunk that its array does not have.
    pub async fn length(
        &self,
        id: &DatasetId,
        file: &Arc<SourceFile>,
        array: Option<&str>,
    ) -> Result<Option<u64>> {
        if let Some(length) = self.lengths.get(file).await {
            return Ok(length);
        }
        let asked = self.lengths.try_get_with(Arc::clone(file), self.worker.stat(id, file, array)).await;
        asked.map_err(|error| Error::clone(&error))
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

impl OpenDataset {
    /// A chunk that a worker makes, of the variable in place `variable`.
    pub(super) fn computed(&self, variable: usize, number: u64, form: &Form) -> Located {
        Located::Computed(self.chunk_in(variable, number, form))
    }

    fn chunk_in(&self, variable: usize, number: u64, form: &Form) -> EvaluatedChunk {
        let published = self.published();
        EvaluatedChunk {
            id: published.id.clone(),
            version: published.version,
            variable: published.dataset.variables[variable].path.clone(),
            number,
            form: form.clone(),
        }
    }

    /// The chunk of a number of the variable in place `variable`, in the dataset's own form, for a worker to make.
    pub fn chunk(&self, variable: usize, number: u64) -> EvaluatedChunk {
        self.chunk_in(variable, number, self.form())
    }
}

/// The file that a chunk of a store in place is, whether there is one or not; none where references lie in records.
pub fn by_key(in_place: &InPlace, grid: &ChunkGrid, number: u64) -> Option<Located> {
    let InPlace::Keys { array, encoding, not_after_ns, witness } = in_place else { return None };
    let path = format!("{array}/{}", zarr::key::chunk(*encoding, &grid.index(number)));
    let identity = FileIdentity::not_after(*not_after_ns);
    let array = Some(witness.as_ref().unwrap_or(array).clone());
    Some(Located::File { file: Arc::new(SourceFile { path, identity }), array })
}

/// What a record says of a chunk. A record that says nothing of it is a fault, never a missing chunk: clients read
/// fill values where a chunk is missing. None for a chunk that a worker makes.
pub fn in_record(record: &ReferenceRecord, number: u64) -> Result<Option<Located>> {
    let manifest = &record.manifest;
    let place = number.checked_sub(manifest.first());
    if place.is_none_or(|place| place >= manifest.len() as u64) {
        let end = manifest.first() + manifest.len() as u64;
        return Err(Error::internal(format!(
            "chunk {number} is not in its record {}..{end}",
            manifest.first()
        )));
    }
    let file = |FileId(file)| {
        let files = &record.files;
        let lost = || Error::internal(format!("chunk {number} points to file {file} of {}", files.len()));
        files.get(file as usize).cloned().ok_or_else(lost)
    };
    Ok(Some(match manifest.get(number) {
        ChunkRef::Missing => Located::Missing,
        ChunkRef::Inline(bytes) => Located::Inline(bytes),
        ChunkRef::Computed => return Ok(None),
        ChunkRef::File(id) => Located::File { file: file(id)?, array: None },
        ChunkRef::Bytes { file: id, range } => Located::Stored { file: file(id)?, range },
    }))
}

/// Bytes of memory of a record, as the cache counts them.
pub(super) fn weight(record: &ReferenceRecord) -> u32 {
    let files: usize = record.files.iter().map(|file| size_of::<SourceFile>() + file.path.len()).sum();
    u32::try_from(record.manifest.memory_bytes() + files + 128).unwrap_or(u32::MAX)
}
