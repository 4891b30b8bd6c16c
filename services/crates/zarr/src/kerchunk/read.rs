//! References from Parquet: ours, kerchunk's, or damaged.

use std::collections::HashMap;

use bytes::Bytes;
use model::{ByteRange, ChunkManifest, ChunkRef, FileId};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType};
use parquet::file::reader::{FileReader, RowGroupReader};
use parquet::file::serialized_reader::SerializedFileReader;

use super::{KerchunkError, ROWS_MAX};

/// One record of references.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KerchunkRecord {
    /// The references; their file ids are places in `files`.
    pub manifest: ChunkManifest,
    /// The paths that occur, each once, in the order of their first occurrence.
    pub files: Vec<String>,
}

/// Reads one Parquet file of references, whose first row is chunk number `first`. Any bytes are safe.
pub fn read_record(first: u64, bytes: Bytes) -> Result<KerchunkRecord, KerchunkError> {
    // The library asserts what damaged metadata can break, such as lengths that are not negative.
    std::panic::catch_unwind(|| read(first, bytes)).unwrap_or(Err(KerchunkError::Damaged))
}

fn read(first: u64, bytes: Bytes) -> Result<KerchunkRecord, KerchunkError> {
    let file = SerializedFileReader::new(bytes)?;
    let rows_claimed = file.metadata().file_metadata().num_rows();
    let rows = usize::try_from(rows_claimed)
        .ok()
        .filter(|rows| *rows <= ROWS_MAX)
        .ok_or(KerchunkError::Rows(rows_claimed))?;
    // Filled as rows are really read: what a damaged file claims costs nothing.
    let mut table = Table::default();
    for number in 0..file.num_row_groups() {
        let group = file.get_row_group(number)?;
        table.append(group.as_ref(), rows)?;
    }
    if table.path.len() != rows {
        return Err(KerchunkError::Rows(rows_claimed));
    }
    table.into_record(first)
}

#[derive(Default)]
struct Table {
    path: Vec<Option<ByteArray>>,
    offset: Vec<Option<i64>>,
    size: Vec<Option<i64>>,
    raw: Vec<Option<ByteArray>>,
}

impl Table {
    fn append(&mut self, group: &dyn RowGroupReader, rows: usize) -> Result<(), KerchunkError> {
        match column(group, "path")? {
            Some((ColumnReader::ByteArrayColumnReader(cells), kind)) => {
                append(cells, kind, &mut self.path, rows)?;
            }
            _ => return Err(KerchunkError::Column("path")),
        }
        match column(group, "offset")? {
            Some((ColumnReader::Int64ColumnReader(cells), kind)) => {
                append(cells, kind, &mut self.offset, rows)?;
            }
            _ => return Err(KerchunkError::Column("offset")),
        }
        match column(group, "size")? {
            Some((ColumnReader::Int64ColumnReader(cells), kind)) => {
                append(cells, kind, &mut self.size, rows)?;
            }
            _ => return Err(KerchunkError::Column("size")),
        }
        match column(group, "raw")? {
            Some((ColumnReader::ByteArrayColumnReader(cells), kind)) => {
                append(cells, kind, &mut self.raw, rows)?;
            }
            _ => return Err(KerchunkError::Column("raw")),
        }
        let lengths = [self.path.len(), self.offset.len(), self.size.len(), self.raw.len()];
        if lengths.iter().any(|length| *length != lengths[0]) {
            return Err(KerchunkError::Rows(lengths[0] as i64));
        }
        Ok(())
    }

    fn into_record(self, first: u64) -> Result<KerchunkRecord, KerchunkError> {
        let mut manifest = ChunkManifest::missing(first, self.path.len());
        let mut files = Files::default();
        let ranges = self.offset.into_iter().zip(self.size);
        for (row, ((path, raw), range)) in self.path.iter().zip(self.raw).zip(ranges).enumerate() {
            let reference = match (path.as_ref().map(ByteArray::data), raw) {
                (_, Some(raw)) => ChunkRef::Inline(Bytes::copy_from_slice(raw.data())),
                (None | Some(b""), None) => continue,
                (Some(path), None) => {
                    let file = files.place(path).ok_or(KerchunkError::Path(row))?;
                    match byte_range(range).ok_or(KerchunkError::Range(row))? {
                        ByteRange { offset: 0, length: 0 } => ChunkRef::File(file),
                        range => ChunkRef::Bytes { file, range },
                    }
                }
            };
            manifest.set(first + row as u64, reference);
        }
        Ok(KerchunkRecord { manifest, files: files.list })
    }
}

/// Paths by their place.
#[derive(Default)]
struct Files {
    list: Vec<String>,
    places: HashMap<Vec<u8>, FileId>,
}

impl Files {
    fn place(&mut self, path: &[u8]) -> Option<FileId> {
        if let Some(place) = self.places.get(path) {
            return Some(*place);
        }
        let place = FileId(self.list.len() as u32);
        self.list.push(std::str::from_utf8(path).ok()?.to_owned());
        self.places.insert(path.to_vec(), place);
        Some(place)
    }
}

/// Offset and size both 0 mean the file as a whole, whose length is not known here.
fn byte_range((offset, size): (Option<i64>, Option<i64>)) -> Option<ByteRange> {
    let offset = u64::try_from(offset?).ok()?;
    let length = u64::try_from(size?).ok()?;
    Some(ByteRange { offset, length })
}

/// Whether cells of a column can be null.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cells {
    Required,
    Nullable,
}

fn column(group: &dyn RowGroupReader, name: &str) -> Result<Option<(ColumnReader, Cells)>, KerchunkError> {
    let columns = group.metadata().columns();
    let Some(place) = columns.iter().position(|column| column.column_descr().name() == name) else {
        return Ok(None);
    };
    let descriptor = columns[place].column_descr();
    let kind = match (descriptor.max_def_level(), descriptor.max_rep_level()) {
        (0, 0) => Cells::Required,
        (1, 0) => Cells::Nullable,
        _ => return Ok(None),
    };
    Ok(Some((group.get_column_reader(place)?, kind)))
}

/// Reads all cells of a column of one row group, in batches, to no more than `rows_max` altogether.
fn append<T: DataType>(
    mut reader: ColumnReaderImpl<T>,
    kind: Cells,
    cells: &mut Vec<Option<T::T>>,
    rows_max: usize,
) -> Result<(), KerchunkError> {
    const BATCH: usize = 8192;
    let (mut levels, mut values) = (Vec::new(), Vec::new());
    loop {
        levels.clear();
        values.clear();
        let wanted = BATCH.min(rows_max.saturating_sub(cells.len()));
        let (rows, _, _) = reader.read_records(wanted, Some(&mut levels), None, &mut values)?;
        if rows == 0 {
            return Ok(());
        }
        let mut values = values.drain(..);
        match kind {
            Cells::Required => cells.extend(values.map(Some)),
            Cells::Nullable => {
                cells.extend(levels.iter().map(|level| if *level > 0 { values.next() } else { None }));
            }
        }
    }
}
