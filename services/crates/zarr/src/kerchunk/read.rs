//! References from Parquet: ours, kerchunk's, or damaged.

use std::collections::HashMap;

use bytes::Bytes;
use model::{ByteRange, ChunkManifest, ChunkRef, FileId};
use parquet::data_type::ByteArray;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::{FileReader, RowGroupReader};
use parquet::file::serialized_reader::SerializedFileReader;

use super::column::{Bytestrings, Integers};
use super::{COMPUTED, KerchunkError, ROWS_MAX, thrift};

/// Rows that are decoded at a time.
const BATCH: usize = 8192;

/// One record of references.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KerchunkRecord {
    /// The references; their file ids are places in `files`.
    pub manifest: ChunkManifest,
    /// The paths that occur, each once, in the order of their first occurrence.
    pub files: Vec<String>,
}

/// Reads one Parquet file of references, whose first row is chunk number `first`. Any bytes are safe.
pub fn read_record(first: u64, bytes: &Bytes) -> Result<KerchunkRecord, KerchunkError> {
    guarded(first, None, bytes)
}

/// The same of a record that kerchunk has filled up with rows that stand for no chunk: the first `count` rows. A
/// record with fewer is an error.
pub fn read_padded_record(first: u64, count: u64, bytes: &Bytes) -> Result<KerchunkRecord, KerchunkError> {
    guarded(first, Some(count), bytes)
}

fn guarded(first: u64, count: Option<u64>, bytes: &Bytes) -> Result<KerchunkRecord, KerchunkError> {
    // The library asserts what damaged metadata can break, such as lengths that are not negative.
    std::panic::catch_unwind(|| read(first, count, bytes)).unwrap_or(Err(KerchunkError::Damaged))
}

fn read(first: u64, count: Option<u64>, bytes: &Bytes) -> Result<KerchunkRecord, KerchunkError> {
    if !thrift::is_sane_footer(bytes) {
        return Err(KerchunkError::Damaged);
    }
    let file = SerializedFileReader::new(bytes.clone())?;
    let claimed = file.metadata().file_metadata().num_rows();
    let fault = || KerchunkError::Rows(claimed);
    let rows = usize::try_from(claimed).ok().filter(|rows| *rows <= ROWS_MAX).ok_or_else(fault)?;
    let wanted = match count {
        Some(count) => usize::try_from(count).ok().filter(|count| *count <= rows).ok_or_else(fault)?,
        None => rows,
    };
    // Room that is not written to costs nothing: whatever a damaged file claims.
    let mut table = Table { manifest: ChunkManifest::with_capacity(first, wanted), files: Files::default() };
    for number in 0..file.num_row_groups() {
        let group = file.get_row_group(number)?;
        let are_sane = |column: &ColumnChunkMetaData| {
            let (start, length) = column.byte_range();
            let pages = usize::try_from(start).ok().and_then(|start| bytes.get(start..));
            pages.is_some_and(|pages| thrift::are_sane_pages(&pages[..pages.len().min(length as usize)]))
        };
        if !group.metadata().columns().iter().all(are_sane) {
            return Err(KerchunkError::Damaged);
        }
        table.append(group.as_ref(), wanted)?;
    }
    if table.manifest.len() != wanted {
        return Err(fault());
    }
    Ok(KerchunkRecord { manifest: table.manifest, files: table.files.list })
}

struct Table {
    manifest: ChunkManifest,
    files: Files,
}

impl Table {
    /// Reads the rows of a group, to no more than `rows_max` altogether.
    fn append(&mut self, group: &dyn RowGroupReader, rows_max: usize) -> Result<(), KerchunkError> {
        let mut path = Bytestrings::open(group, "path")?;
        let mut raw = Bytestrings::open(group, "raw")?;
        // kerchunk leaves out columns without content, but not all.
        let (mut offset, mut size) = match (&path, &raw) {
            (Some(_), _) => (Integers::open(group, "offset")?, Integers::open(group, "size")?),
            (None, Some(_)) => (None, None),
            (None, None) => return Err(KerchunkError::Column("path")),
        };
        if path.is_some() {
            offset.as_ref().ok_or(KerchunkError::Column("offset"))?;
            size.as_ref().ok_or(KerchunkError::Column("size"))?;
        }
        loop {
            let wanted = BATCH.min(rows_max.saturating_sub(self.manifest.len()));
            let counts = [
                path.as_mut().map(|column| column.read(wanted)).transpose()?,
                raw.as_mut().map(|column| column.read(wanted)).transpose()?,
                offset.as_mut().map(|column| column.read(wanted)).transpose()?,
                size.as_mut().map(|column| column.read(wanted)).transpose()?,
            ];
            let count = counts.iter().flatten().next().copied().unwrap_or(0);
            if counts.iter().flatten().any(|other| *other != count) {
                return Err(KerchunkError::Rows(self.manifest.len() as i64));
            }
            if count == 0 {
                return Ok(());
            }
            for row in 0..count {
                let raw = raw.as_mut().and_then(|column| column.next(row));
                let path = path.as_mut().and_then(|column| column.next(row));
                let offset = offset.as_mut().and_then(|column| column.next(row));
                let size = size.as_mut().and_then(|column| column.next(row));
                self.push(path, raw, offset, size)?;
            }
        }
    }

    fn push(
        &mut self,
        path: Option<&ByteArray>,
        raw: Option<&ByteArray>,
        offset: Option<i64>,
        size: Option<i64>,
    ) -> Result<(), KerchunkError> {
        let number = self.manifest.first() as usize + self.manifest.len();
        self.manifest.push(match (path.map(ByteArray::data), raw) {
            (_, Some(raw)) => ChunkRef::Inline(Bytes::copy_from_slice(raw.data())),
            (None | Some(b""), None) if (offset, size) == (Some(COMPUTED.0), Some(COMPUTED.1)) => {
                ChunkRef::Computed
            }
            (None | Some(b""), None) => ChunkRef::Missing,
            (Some(path), None) => {
                let file = self.files.place(path).ok_or_else(|| KerchunkError::Path(number))?;
                match byte_range(offset, size).ok_or_else(|| KerchunkError::Range(number))? {
                    ByteRange { offset: 0, length: 0 } => ChunkRef::File(file),
                    range => ChunkRef::Bytes { file, range },
                }
            }
        });
        Ok(())
    }
}

/// Paths by their place.
#[derive(Default)]
struct Files {
    list: Vec<String>,
    places: HashMap<Vec<u8>, FileId>,
    /// The place of the path before: neighbours mostly lie in the same file.
    last: u32,
}

impl Files {
    fn place(&mut self, path: &[u8]) -> Option<FileId> {
        if self.list.get(self.last as usize).is_some_and(|last| last.as_bytes() == path) {
            return Some(FileId(self.last));
        }
        if let Some(place) = self.places.get(path) {
            self.last = place.0;
            return Some(*place);
        }
        let place = FileId(self.list.len() as u32);
        self.list.push(std::str::from_utf8(path).ok()?.to_owned());
        self.places.insert(path.to_vec(), place);
        self.last = place.0;
        Some(place)
    }
}

/// Offset and size both 0 mean the file as a whole, whose length is not known here.
fn byte_range(offset: Option<i64>, size: Option<i64>) -> Option<ByteRange> {
    Some(ByteRange { offset: u64::try_from(offset?).ok()?, length: u64::try_from(size?).ok()? })
}
