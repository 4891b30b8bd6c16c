//! Reading the metadata documents that others wrote, into the nouns of `model`.
//!
//! Documents are JSON as Python writes it: with `NaN` and `Infinity`, which JSON does not have. What a document says
//! is believed only as far as the model can hold it: shapes make a grid, types and codecs have names.

mod attributes;
mod element;
mod json;
mod time;

use model::{ChunkGrid, ChunkKeyEncoding, DataType, Variable};
use serde_json::{Map, Value};

pub use crate::fill_value::float_of_text;
pub use attributes::attributes;
pub use json::{parse, strict};

pub(crate) use element::element;
pub(crate) use json::{scalar, text_of};
pub(crate) use time::TimeType;

/// Largest element, in bytes: texts and opaque ones have a length of their own.
const ELEMENT_BYTES_MAX: u32 = 1 << 16;
/// Most dimensions of an array: as many as numpy has.
const RANK_MAX: usize = 64;

/// An array of another's store.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadArray {
    /// The array. Dimensions that have no name are called by their lengths.
    pub variable: Variable,
    /// How its store calls its chunks.
    pub encoding: ChunkKeyEncoding,
    /// What a user should know.
    pub warnings: Vec<String>,
}

/// Why a document makes no array.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Nobody could read it.
    #[error("{0}")]
    Malformed(String),
    /// It says something that the model has no word for.
    #[error("{0}")]
    Unsupported(String),
}

impl ReadError {
    pub(crate) fn malformed(text: impl Into<String>) -> Self {
        Self::Malformed(text.into())
    }

    pub(crate) fn unsupported(text: impl Into<String>) -> Self {
        Self::Unsupported(text.into())
    }
}

/// The member of an object that must be there.
pub(crate) fn member<'v>(object: &'v Map<String, Value>, name: &str) -> Result<&'v Value, ReadError> {
    object.get(name).ok_or_else(|| ReadError::malformed(format!("it has no {name:?}")))
}

/// An object.
pub(crate) fn object(value: &Value) -> Result<&Map<String, Value>, ReadError> {
    value.as_object().ok_or_else(|| ReadError::malformed("it is no JSON object"))
}

/// Lengths of dimensions.
pub(crate) fn lengths(value: &Value, name: &str) -> Result<Vec<u64>, ReadError> {
    let items = value.as_array().filter(|items| items.len() <= RANK_MAX);
    let lengths = items.and_then(|items| items.iter().map(Value::as_u64).collect::<Option<Vec<_>>>());
    lengths.ok_or_else(|| ReadError::malformed(format!("{name:?} is no list of lengths")))
}

/// A grid. A dimension of no elements may have chunks of none.
pub(crate) fn grid(shape: Vec<u64>, mut chunk_shape: Vec<u64>) -> Result<ChunkGrid, ReadError> {
    for (chunk, length) in chunk_shape.iter_mut().zip(&shape) {
        if *length == 0 && *chunk == 0 {
            *chunk = 1;
        }
    }
    ChunkGrid::new(shape, chunk_shape).map_err(|error| ReadError::malformed(error.to_string()))
}

/// Names for dimensions that have none: `dim_180`, and `dim_180_1` for the second of that length in an array. Arrays
/// of the same shape so share their dimensions.
pub(crate) fn dimension_names(known: &[Option<String>], shape: &[u64]) -> Vec<String> {
    let mut names: Vec<String> = Vec::with_capacity(shape.len());
    for (at, length) in shape.iter().enumerate() {
        let name = known.get(at).cloned().flatten().unwrap_or_else(|| {
            let is_free = |name: &String| !names.contains(name) && !known.contains(&Some(name.clone()));
            let first = format!("dim_{length}");
            if is_free(&first) {
                return first;
            }
            (1..=shape.len()).map(|more| format!("dim_{length}_{more}")).find(is_free).unwrap_or(first)
        });
        names.push(name);
    }
    names
}

/// A size of an element that is a number in a document.
pub(crate) fn element_size(bytes: u64) -> Result<u32, ReadError> {
    u32::try_from(bytes)
        .ok()
        .filter(|bytes| *bytes <= ELEMENT_BYTES_MAX)
        .ok_or_else(|| ReadError::unsupported(format!("its elements have {bytes} bytes")))
}

/// A type of UTF-32 from the bytes of an element.
pub(crate) fn unicode(bytes: u64) -> Result<DataType, ReadError> {
    let bytes_max = element_size(bytes)?;
    if !bytes.is_multiple_of(4) {
        return Err(ReadError::malformed("its texts of UTF-32 have a length that is no multiple of 4"));
    }
    Ok(DataType::FixedUnicode(bytes_max / 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dimensions_without_names_are_called_by_their_lengths() {
        let name = |name: &str| Some(name.to_owned());
        assert_eq!(dimension_names(&[], &[3, 4, 3]), ["dim_3", "dim_4", "dim_3_1"]);
        assert_eq!(dimension_names(&[name("x"), None], &[3, 4]), ["x", "dim_4"]);
        assert_eq!(dimension_names(&[None, name("dim_4")], &[4, 4]), ["dim_4_1", "dim_4"]);
    }

    #[test]
    fn absurd_shapes_are_refused() {
        assert!(lengths(&Value::from(vec![1; 65]), "shape").is_err());
        assert!(lengths(&serde_json::json!([-1]), "shape").is_err());
        assert!(grid(vec![u64::MAX, u64::MAX], vec![1, 1]).is_err());
        assert_eq!(grid(vec![0], vec![0]).unwrap().chunk_count(), 0);
    }
}
