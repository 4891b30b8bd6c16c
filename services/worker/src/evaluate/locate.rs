//! Where the stored form of a chunk is, and reading it.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use engine::open::{Located, by_key, in_record};
use engine::ports::{PublishedDataset, ReferenceRecord, StoredBytes};
use futures::TryStreamExt as _;
use model::{ByteRange, DatasetId, Error, ErrorKind, InPlace, Result, SourceFile, Version};
use moka::sync::Cache;

use super::Inner;
use super::witness::Witness;

/// Most bytes of references that are kept.
const RECORDS_BYTES_MAX: u64 = 64 << 20;
/// Largest stored chunk that is decoded, in bytes.
const STORED_BYTES_MAX: u64 = 4 << 30;

/// Where a chunk is.
pub(super) enum Source {
    Stored(Witness, ByteRange),
    Inline(Bytes),
    /// Of several sources, or of one of another form.
    Computed,
    /// With the place where a file would be.
    Missing(Option<Witness>),
}

/// Records of references, kept by dataset, version, variable and number.
pub(super) struct Records(Cache<(DatasetId, Version, usize, u64), Arc<ReferenceRecord>>);

impl Records {
    pub(super) fn new() -> Self {
        let weight = |_: &_, record: &Arc<ReferenceRecord>| {
            let files: usize = record.files.iter().map(|file| 64 + file.path.len()).sum();
            u32::try_from(record.manifest.memory_bytes() + files).unwrap_or(u32::MAX)
        };
        Self(Cache::builder().weigher(weight).max_capacity(RECORDS_BYTES_MAX).build())
    }
}

impl Inner {
    /// Where the chunk of a number of a variable, by its place, is.
    pub(super) async fn locate(
        &self,
        published: &PublishedDataset,
        variable: usize,
        number: u64,
    ) -> Result<Source> {
        let grid = &published.dataset.variables[variable].grid;
        let in_place = published.in_place.get(variable).and_then(Option::as_ref);
        let located = if let Some(located) = in_place.and_then(|of| by_key(of, grid, number)) {
            located
        } else {
            let record_size = match in_place {
                Some(InPlace::Records { record_size, .. }) => *record_size,
                _ => published.record_size,
            };
            self.referred(published, variable, number, record_size).await?
        };
        Ok(match located {
            Located::Inline(bytes) => Source::Inline(bytes),
            Located::Computed(_) | Located::Outside => Source::Computed,
            Located::Missing => Source::Missing(None),
            located => self.stored(located).await?,
        })
    }

    /// A chunk in a file, or the place where that file would be.
    pub(super) async fn stored(&self, located: Located) -> Result<Source> {
        let witness = match located {
            Located::Stored { file, range } => {
                return Ok(Source::Stored(self.witness(file, None).await?, range));
            }
            Located::File { file, array } => self.witness(file, array).await?,
            _ => return Err(Error::internal("a chunk that is in no file is looked for in one")),
        };
        Ok(match witness.length() {
            Some(length) => Source::Stored(witness, ByteRange { offset: 0, length }),
            None => Source::Missing(Some(witness)),
        })
    }

    async fn referred(
        &self,
        published: &PublishedDataset,
        variable: usize,
        number: u64,
        record_size: u64,
    ) -> Result<Located> {
        let place = number / record_size.max(1);
        let key = (published.id.clone(), published.version, variable, place);
        if let Some(record) = self.records.0.get(&key) {
            return Ok(in_record(&record, number)?.unwrap_or(Located::Outside));
        }
        let (of, path) = ((&published.id, published.version), &published.dataset.variables[variable].path);
        let read = crate::references::read(&self.catalog, &self.files, of, path, place);
        let record = Arc::new(read.await?);
        self.records.0.insert(key, Arc::clone(&record));
        Ok(in_record(&record, number)?.unwrap_or(Located::Outside))
    }

    /// All bytes of a range.
    pub(super) async fn read(&self, file: &Arc<SourceFile>, range: ByteRange) -> Result<Bytes> {
        let pieces = self.read_pieces(file, range).await?;
        if let [whole] = pieces.as_slice() {
            return Ok(whole.clone());
        }
        let mut bytes = BytesMut::with_capacity(range.length as usize);
        for piece in &pieces {
            bytes.extend_from_slice(piece);
        }
        Ok(bytes.freeze())
    }

    /// The same in the pieces that it was read in, one behind the other.
    pub(super) async fn read_pieces(&self, file: &Arc<SourceFile>, range: ByteRange) -> Result<Vec<Bytes>> {
        if range.length > STORED_BYTES_MAX {
            return Err(Error::new(ErrorKind::TooLarge, "the stored chunk is too large to be decoded"));
        }
        let pieces: Vec<Bytes> = match self.files.read(file, range).await? {
            StoredBytes::Whole(bytes) => vec![bytes],
            StoredBytes::Pieces(pieces) => pieces.try_collect().await?,
        };
        let length: u64 = pieces.iter().map(|piece| piece.len() as u64).sum();
        if length != range.length {
            return Err(Error::internal(format!("read {length} bytes of {}", range.length)));
        }
        Ok(pieces)
    }
}
