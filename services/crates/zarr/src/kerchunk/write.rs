//! References to Parquet.

use std::collections::HashMap;
use std::sync::Arc;

use model::{ChunkManifest, ChunkRef, FileId};
use parquet::basic::{Compression, ConvertedType, Repetition, Type as PhysicalType, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type;

use super::{COMPUTED, KerchunkError};

/// A run of references as one Parquet file. `files` are the paths that `manifest`'s file ids are places in.
pub fn write_record(manifest: &ChunkManifest, files: &[impl AsRef<str>]) -> Result<Vec<u8>, KerchunkError> {
    let columns = Columns::of(manifest, files)?;
    let mut file = SerializedFileWriter::new(Vec::new(), Arc::new(schema()?), Arc::new(properties()?))?;
    let mut group = file.next_row_group()?;
    write_bytes(&mut group, &columns.path)?;
    write_integers(&mut group, &columns.offset)?;
    write_integers(&mut group, &columns.size)?;
    write_bytes(&mut group, &columns.raw)?;
    group.close()?;
    Ok(file.into_inner()?)
}

/// The table, column by column.
struct Columns {
    path: Vec<Option<ByteArray>>,
    offset: Vec<i64>,
    size: Vec<i64>,
    raw: Vec<Option<ByteArray>>,
}

impl Columns {
    fn of(manifest: &ChunkManifest, files: &[impl AsRef<str>]) -> Result<Self, KerchunkError> {
        let rows = manifest.len();
        let mut columns = Self {
            path: Vec::with_capacity(rows),
            offset: Vec::with_capacity(rows),
            size: Vec::with_capacity(rows),
            raw: Vec::with_capacity(rows),
        };
        // Made once for each file that occurs and then shared: a row costs a count and not a copy of the path.
        let mut paths: HashMap<FileId, ByteArray> = HashMap::new();
        for (number, reference) in manifest.iter() {
            let (path, range, raw) = match reference {
                ChunkRef::Bytes { file, range } => {
                    let path = files.get(file.0 as usize).ok_or(KerchunkError::File(number))?;
                    let shared =
                        paths.entry(file).or_insert_with(|| path.as_ref().as_bytes().to_vec().into());
                    (Some(shared.clone()), (range.offset as i64, range.length as i64), None)
                }
                ChunkRef::Inline(bytes) => (None, (0, 0), Some(ByteArray::from(bytes))),
                ChunkRef::File(file) => {
                    let path = files.get(file.0 as usize).ok_or(KerchunkError::File(number))?;
                    (Some(ByteArray::from(path.as_ref().as_bytes().to_vec())), (0, 0), None)
                }
                // What a worker must make has no place in references that are read without one: its variable is
                // left out of `.zmetadata`. Its rows must not be those of missing chunks, which are never made.
                ChunkRef::Computed => (None, COMPUTED, None),
                ChunkRef::Missing => (None, (0, 0), None),
            };
            columns.path.push(path);
            columns.offset.push(range.0);
            columns.size.push(range.1);
            columns.raw.push(raw);
        }
        Ok(columns)
    }
}

fn schema() -> Result<Type, ParquetError> {
    let column = |name, physical, converted, repetition| {
        Type::primitive_type_builder(name, physical)
            .with_converted_type(converted)
            .with_repetition(repetition)
            .build()
            .map(Arc::new)
    };
    let fields = vec![
        column("path", PhysicalType::BYTE_ARRAY, ConvertedType::UTF8, Repetition::OPTIONAL)?,
        column("offset", PhysicalType::INT64, ConvertedType::NONE, Repetition::REQUIRED)?,
        column("size", PhysicalType::INT64, ConvertedType::NONE, Repetition::REQUIRED)?,
        column("raw", PhysicalType::BYTE_ARRAY, ConvertedType::NONE, Repetition::OPTIONAL)?,
    ];
    Type::group_type_builder("schema").with_fields(fields).build()
}

/// What both of Python's readers, pyarrow and fastparquet, read: format 1, plain pages, Zstandard. Paths repeat, so
/// they get a dictionary. What [`PANDAS`] says keeps integers integers in fastparquet and nulls `None` in pyarrow:
/// otherwise fsspec seeks to a float, and takes a missing chunk (NaN) for a path.
fn properties() -> Result<WriterProperties, ParquetError> {
    Ok(WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .set_statistics_enabled(EnabledStatistics::None)
        .set_dictionary_enabled(false)
        .set_column_dictionary_enabled("path".into(), true)
        .set_key_value_metadata(Some(vec![KeyValue::new("pandas".to_owned(), PANDAS.to_owned())]))
        .build())
}

/// The columns' types in pandas ([metadata of pandas in
/// Parquet](https://pandas.pydata.org/docs/development/developer.html#storing-pandas-dataframe-objects-in-apache-parquet-format)).
const PANDAS: &str = concat!(
    r#"{"index_columns":[],"column_indexes":[],"columns":["#,
    r#"{"name":"path","field_name":"path","pandas_type":"unicode","numpy_type":"object","metadata":null},"#,
    r#"{"name":"offset","field_name":"offset","pandas_type":"int64","numpy_type":"int64","metadata":null},"#,
    r#"{"name":"size","field_name":"size","pandas_type":"int64","numpy_type":"int64","metadata":null},"#,
    r#"{"name":"raw","field_name":"raw","pandas_type":"bytes","numpy_type":"object","metadata":null}"#,
    r#"],"pandas_version":"2.2.3"}"#
);

type RowGroup<'f> = SerializedRowGroupWriter<'f, Vec<u8>>;

fn write_integers(group: &mut RowGroup<'_>, numbers: &[i64]) -> Result<(), KerchunkError> {
    let Some(mut column) = group.next_column()? else { return Err(KerchunkError::Column("offset or size")) };
    column.typed::<Int64Type>().write_batch(numbers, None, None)?;
    Ok(column.close()?)
}

fn write_bytes(group: &mut RowGroup<'_>, cells: &[Option<ByteArray>]) -> Result<(), KerchunkError> {
    let Some(mut column) = group.next_column()? else { return Err(KerchunkError::Column("path or raw")) };
    let levels: Vec<i16> = cells.iter().map(|cell| i16::from(cell.is_some())).collect();
    let values: Vec<ByteArray> = cells.iter().flatten().cloned().collect();
    column.typed::<ByteArrayType>().write_batch(&values, Some(&levels), None)?;
    Ok(column.close()?)
}
