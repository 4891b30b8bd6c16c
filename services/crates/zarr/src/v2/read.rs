//! Reading `.zarray` and `.zattrs` of others.

mod codecs;

use model::{
    AttributeValue, Attributes, ByteOrder, ChunkKeyEncoding, Codec, DataType, NodePath, Numbers, Variable,
};
use serde_json::{Map, Value};

use crate::read::{
    ReadArray, ReadError, TimeType, attributes, dimension_names, element, element_size, grid, lengths,
    member, object, parse, unicode,
};

/// An array at `path` from its two documents; `.zattrs` may be absent.
pub fn array(path: &NodePath, zarray: &Value, zattrs: Option<&Value>) -> Result<ReadArray, ReadError> {
    let document = object(zarray)?;
    if member(document, "zarr_format")?.as_u64() != Some(2) {
        return Err(ReadError::malformed("its zarr_format is not 2"));
    }
    let grid =
        grid(lengths(member(document, "shape")?, "shape")?, lengths(member(document, "chunks")?, "chunks")?)?;
    let stored = dtype_of(member(document, "dtype")?)?;
    let codecs = codecs_of(document, &stored, grid.shape().len())?;
    let fill_value = match (document.get("fill_value"), stored.time) {
        (None, _) => None,
        // numpy's "not a time" is written as that text.
        (Some(Value::String(_)), Some(_)) => Some(i64::MIN.to_le_bytes().to_vec()),
        (Some(value), _) => element(value, stored.data_type)?,
    };
    let empty = Map::new();
    let zattrs = zattrs.map(object).transpose()?.unwrap_or(&empty);
    let (mut attributes, mut warnings) = (attributes(zattrs), Vec::new());
    let named: Vec<Option<String>> = match zattrs.get("_ARRAY_DIMENSIONS") {
        Some(Value::Array(names)) if names.len() == grid.shape().len() => {
            names.iter().map(|name| name.as_str().map(str::to_owned)).collect()
        }
        _ => Vec::new(),
    };
    attributes.remove("_ARRAY_DIMENSIONS");
    match (stored.time, &fill_value) {
        (Some(time), _) => warnings.push(time.explain(&mut attributes)),
        // What absent chunks read as is, to xarray, what is missing too, whatever the attribute says.
        (None, Some(element)) => {
            if let Some(number) = numbers(element, stored.data_type) {
                attributes.set("_FillValue", AttributeValue::Numbers(number));
            }
        }
        (None, None) => {}
    }
    Ok(ReadArray {
        variable: Variable {
            path: path.clone(),
            dimensions: dimension_names(&named, grid.shape()),
            data_type: stored.data_type,
            byte_order: stored.byte_order,
            grid,
            codecs,
            fill_value,
            attributes,
        },
        encoding: ChunkKeyEncoding { has_prefix: false, separator: separator(document)? },
        warnings,
    })
}

/// The attributes in the text of a `.zattrs`, if there is one.
pub fn attributes_of_text(zattrs: Option<&[u8]>) -> Result<Attributes, ReadError> {
    match zattrs {
        None => Ok(Attributes::new()),
        Some(text) => object(&parse(text)?).map(attributes),
    }
}

/// `.zgroup`: fails where it is none.
pub fn check_group(zgroup: &Value) -> Result<(), ReadError> {
    if member(object(zgroup)?, "zarr_format")?.as_u64() == Some(2) {
        return Ok(());
    }
    Err(ReadError::malformed("its zarr_format is not 2"))
}

fn separator(document: &Map<String, Value>) -> Result<char, ReadError> {
    match document.get("dimension_separator").and_then(Value::as_str) {
        None | Some(".") => Ok('.'),
        Some("/") => Ok('/'),
        Some(other) => Err(ReadError::malformed(format!("its dimension_separator is {other:?}"))),
    }
}

/// An element type of numpy.
pub(super) struct Stored {
    pub(super) data_type: DataType,
    pub(super) byte_order: ByteOrder,
    /// numpy's times are integers here.
    time: Option<TimeType>,
}

fn dtype_of(dtype: &Value) -> Result<Stored, ReadError> {
    let Some(name) = dtype.as_str() else {
        return Err(ReadError::unsupported("its elements are records of several fields"));
    };
    let unknown = || ReadError::unsupported(format!("its type is {name:?}, which the model cannot hold"));
    let (order, rest) = name.split_at_checked(1).ok_or_else(unknown)?;
    let byte_order = match order {
        "<" | "|" => ByteOrder::Little,
        ">" => ByteOrder::Big,
        _ => return Err(unknown()),
    };
    let stored = |data_type: DataType| {
        let byte_order = if data_type.ordered_size().is_some() { byte_order } else { ByteOrder::Little };
        Ok(Stored { data_type, byte_order, time: None })
    };
    match rest {
        "b1" => stored(DataType::Bool),
        "i1" => stored(DataType::I8),
        "i2" => stored(DataType::I16),
        "i4" => stored(DataType::I32),
        "i8" => stored(DataType::I64),
        "u1" => stored(DataType::U8),
        "u2" => stored(DataType::U16),
        "u4" => stored(DataType::U32),
        "u8" => stored(DataType::U64),
        "f2" => stored(DataType::F16),
        "f4" => stored(DataType::F32),
        "f8" => stored(DataType::F64),
        "O" => stored(DataType::Text),
        _ => {
            let (kind, size) = rest.split_at_checked(1).ok_or_else(unknown)?;
            let bytes = || size.parse::<u64>().map_err(|_| unknown()).and_then(element_size);
            match kind {
                "S" => stored(DataType::FixedText(bytes()?)),
                "V" => stored(DataType::Opaque(bytes()?)),
                "U" => stored(unicode(size.parse::<u64>().map_err(|_| unknown())?.saturating_mul(4))?),
                "M" | "m" => {
                    let unit = size.strip_prefix("8[").and_then(|unit| unit.strip_suffix(']'));
                    let time = unit.and_then(|unit| TimeType::new(unit, kind == "m")).ok_or_else(unknown)?;
                    Ok(Stored { data_type: DataType::I64, byte_order, time: Some(time) })
                }
                _ => Err(unknown()),
            }
        }
    }
}

fn codecs_of(document: &Map<String, Value>, stored: &Stored, rank: usize) -> Result<Vec<Codec>, ReadError> {
    let mut codecs = Vec::new();
    match document.get("order").and_then(Value::as_str) {
        None | Some("C") => {}
        Some("F") if rank < 2 => {}
        Some("F") => codecs.push(Codec::Transpose { order: (0..rank as u32).rev().collect() }),
        Some(other) => return Err(ReadError::malformed(format!("its order is {other:?}"))),
    }
    let element_size = stored.data_type.size().unwrap_or(1) as u32;
    match document.get("filters") {
        None | Some(Value::Null) => {}
        Some(Value::Array(filters)) => {
            for filter in filters {
                codecs.push(codecs::codec(filter, element_size, false)?);
            }
        }
        Some(_) => return Err(ReadError::malformed("its filters are no list")),
    }
    match document.get("compressor") {
        None | Some(Value::Null) => {}
        Some(compressor) => codecs.push(codecs::codec(compressor, element_size, true)?),
    }
    let texts = codecs.iter().filter(|codec| **codec == Codec::VlenUtf8).count();
    if (stored.data_type == DataType::Text) != (texts == 1) {
        return Err(ReadError::unsupported("its objects are not texts in numcodecs' vlen-utf8"));
    }
    Ok(codecs)
}

pub(crate) use codecs::codec;

/// One element as a number of its own type; none for what is no number.
fn numbers(element: &[u8], data_type: DataType) -> Option<Numbers> {
    fn one<const N: usize, T>(element: &[u8], from: impl Fn([u8; N]) -> T) -> Option<Vec<T>> {
        element.first_chunk::<N>().map(|bytes| vec![from(*bytes)])
    }
    Some(match data_type {
        DataType::I8 => Numbers::I8(one(element, i8::from_le_bytes)?),
        DataType::I16 => Numbers::I16(one(element, i16::from_le_bytes)?),
        DataType::I32 => Numbers::I32(one(element, i32::from_le_bytes)?),
        DataType::I64 => Numbers::I64(one(element, i64::from_le_bytes)?),
        DataType::U8 => Numbers::U8(one(element, u8::from_le_bytes)?),
        DataType::U16 => Numbers::U16(one(element, u16::from_le_bytes)?),
        DataType::U32 => Numbers::U32(one(element, u32::from_le_bytes)?),
        DataType::U64 => Numbers::U64(one(element, u64::from_le_bytes)?),
        DataType::F32 => Numbers::F32(one(element, f32::from_le_bytes)?),
        DataType::F64 => Numbers::F64(one(element, f64::from_le_bytes)?),
        DataType::F16 => Numbers::F32(vec![crate::fill_value::to_double(element, data_type)? as f32]),
        DataType::Bool
        | DataType::FixedText(_)
        | DataType::FixedUnicode(_)
        | DataType::Opaque(_)
        | DataType::Text => return None,
    })
}

#[cfg(test)]
mod tests;
