//! Chunk references in the kerchunk Parquet layout, which fsspec's `LazyReferenceMapper` opens without us:
//! `.zmetadata`, and for each run of `record_size` chunks of a variable (`<variable>/refs.<n>.parq`) a table with
//! one row a chunk in C order.
//!
//! | column | type | |
//! | --- | --- | --- |
//! | `path` | text, nullable | the file; null where the chunk is inlined or missing |
//! | `offset`, `size` | int64 | the range of the file; 0 where there is none |
//! | `raw` | bytes, nullable | the chunk itself, where it is inlined |
//!
//! Kerchunk pads the last record of a variable with missing chunks, which nobody reads: here it ends where the
//! variable does. A missing chunk is a `KeyError` in fsspec with fastparquet, its default; with pyarrow under pandas 3
//! it is not, in kerchunk's own files neither, because pandas then reads a null path as NaN.

mod column;
pub mod json;
mod read;
mod target;
mod thrift;
mod write;

use model::Dataset;
use serde_json::{Value, json};

use crate::v2;

pub use read::{KerchunkRecord, read_padded_record, read_record};
pub use target::resolve;
pub use write::write_record;

/// Most rows of a record: more are refused when read.
pub const ROWS_MAX: usize = 4_000_000;

/// Offset and size of a row without a path whose chunk a worker makes. Told as a missing chunk, which has zeros there,
/// it would read as fill values.
const COMPUTED: (i64, i64) = (-1, -1);

/// What can go wrong with a record of references.
#[derive(Debug, thiserror::Error)]
pub enum KerchunkError {
    /// No Parquet, damaged, or refused by the library.
    #[error("references in Parquet: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// So damaged that the library gave up.
    #[error("references in Parquet are damaged")]
    Damaged,
    /// A column is absent or of another type.
    #[error("references have no column {0:?} of the right type")]
    Column(&'static str),
    /// More rows than [`ROWS_MAX`], or columns of different lengths.
    #[error("references have {0} rows")]
    Rows(i64),
    /// A path that is no UTF-8.
    #[error("a path in row {0} of references is no UTF-8")]
    Path(usize),
    /// A negative offset or size, or a reference to a file as a whole.
    #[error("row {0} of references has no range of bytes")]
    Range(usize),
    /// A reference to a file that is not in the table.
    #[error("chunk {0} is in a file that is not in the table of files")]
    File(u64),
}

/// The name of the record `number` of a variable, below its directory.
pub fn record_name(number: u64) -> String {
    format!("refs.{number}.parq")
}

/// The `.zmetadata` beside the records.
pub fn metadata(dataset: &Dataset, record_size: u64) -> Value {
    let consolidated = v2::consolidated(dataset);
    json!({
        "metadata": consolidated["metadata"],
        "record_size": record_size,
        "zarr_consolidated_format": consolidated["zarr_consolidated_format"],
    })
}

#[cfg(test)]
mod tests;
