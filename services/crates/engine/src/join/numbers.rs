//! Inlined values: their bytes, and as numbers.

use bytes::Bytes;
use cf::TimeValue;
use model::{AttributeValue, ByteOrder, ChunkRef, DataType, Error, Layout, Numbers, Result, ScannedVariable};

/// The bytes of an inlined variable: the fill value over and over where there are none.
pub(super) fn inlined_bytes(scanned: &ScannedVariable) -> Result<Bytes> {
    let variable = &scanned.variable;
    let expected = variable.decoded_size_bytes();
    let bytes = match scanned.manifest.get(0) {
        ChunkRef::Inline(bytes) => bytes,
        ChunkRef::Missing => {
            let size = variable.data_type.size().unwrap_or(1);
            let fill = variable.fill_value.clone().unwrap_or_else(|| vec![0; size]);
            let count = expected.unwrap_or(0) as usize / size.max(1);
            Bytes::from(fill.repeat(count))
        }
        ChunkRef::Bytes { .. } | ChunkRef::File(_) | ChunkRef::Computed => {
            return Err(malformed(scanned, "lies in the file"));
        }
    };
    if expected.is_some_and(|expected| expected != bytes.len() as u64) {
        return Err(malformed(scanned, "has another length than its shape"));
    }
    Ok(bytes)
}

fn malformed(scanned: &ScannedVariable, what: &str) -> Error {
    Error::internal(format!("inlined variable {} {what}", scanned.variable.path))
}

/// The numbers of a variable that a scan has inlined; none where it has not, or where they are no numbers.
pub(super) fn inlined_numbers(scanned: &ScannedVariable) -> Result<Option<Vec<TimeValue>>> {
    if scanned.layout != Layout::Inline || !scanned.variable.data_type.is_numeric() {
        return Ok(None);
    }
    let bytes = inlined_bytes(scanned)?;
    Ok(decode(&bytes, scanned.variable.data_type, scanned.variable.byte_order))
}

/// Bytes as numbers.
fn decode(bytes: &[u8], data_type: DataType, order: ByteOrder) -> Option<Vec<TimeValue>> {
    let size = data_type.size()?;
    bytes.chunks_exact(size).map(|element| decode_one(element, data_type, order)).collect()
}

fn decode_one(element: &[u8], data_type: DataType, order: ByteOrder) -> Option<TimeValue> {
    let mut word = [0; 8];
    word[..element.len()].copy_from_slice(element);
    if order == ByteOrder::Big {
        word[..element.len()].reverse();
    }
    let bits = u64::from_le_bytes(word);
    Some(match data_type {
        DataType::I8 => TimeValue::Integer(i128::from(bits as i8)),
        DataType::I16 => TimeValue::Integer(i128::from(bits as i16)),
        DataType::I32 => TimeValue::Integer(i128::from(bits as i32)),
        DataType::I64 => TimeValue::Integer(i128::from(bits as i64)),
        DataType::U8 | DataType::U16 | DataType::U32 | DataType::U64 => TimeValue::Integer(i128::from(bits)),
        DataType::F32 => TimeValue::Float(f64::from(f32::from_bits(bits as u32))),
        DataType::F64 => TimeValue::Float(f64::from_bits(bits)),
        _ => return None,
    })
}

/// A number as a little-endian element of a type; none where the type cannot hold exactly that.
pub(super) fn encode(value: TimeValue, data_type: DataType) -> Option<Vec<u8>> {
    match data_type {
        DataType::F32 | DataType::F64 => {
            let value = match value {
                TimeValue::Float(value) => value,
                TimeValue::Integer(value) => Some(value as f64).filter(|float| *float as i128 == value)?,
            };
            let single = value as f32;
            match data_type {
                DataType::F64 => Some(value.to_le_bytes().to_vec()),
                _ => (f64::from(single).to_bits() == value.to_bits()).then(|| single.to_le_bytes().to_vec()),
            }
        }
        _ => {
            let value = match value {
                TimeValue::Integer(value) => value,
                TimeValue::Float(value) => {
                    let is_whole = value.fract() == 0.0 && value.abs() < 9e18;
                    is_whole.then_some(value as i128)?
                }
            };
            encode_integer(value, data_type)
        }
    }
}

fn encode_integer(value: i128, data_type: DataType) -> Option<Vec<u8>> {
    let size = data_type.size()?;
    let bits = 8 * size as u32;
    let range = match data_type {
        DataType::I8 | DataType::I16 | DataType::I32 | DataType::I64 => -(1 << (bits - 1))..1 << (bits - 1),
        DataType::U8 | DataType::U16 | DataType::U32 | DataType::U64 => 0..1 << bits,
        _ => return None,
    };
    range.contains(&value).then(|| value.to_le_bytes()[..size].to_vec())
}

/// Whether two attribute values are the same: type, length and bits, so that NaN equals itself.
pub(super) fn same_value(a: &AttributeValue, b: &AttributeValue) -> bool {
    match (a, b) {
        (AttributeValue::Numbers(a), AttributeValue::Numbers(b)) => {
            std::mem::discriminant(a) == std::mem::discriminant(b) && a.to_le_bytes() == b.to_le_bytes()
        }
        _ => a == b,
    }
}

/// The one number that an attribute is.
pub(super) fn attribute_number(value: &AttributeValue) -> Option<TimeValue> {
    let AttributeValue::Numbers(numbers) = value else {
        return None;
    };
    let data_type = match numbers {
        Numbers::I8(_) => DataType::I8,
        Numbers::I16(_) => DataType::I16,
        Numbers::I32(_) => DataType::I32,
        Numbers::I64(_) => DataType::I64,
        Numbers::U8(_) => DataType::U8,
        Numbers::U16(_) => DataType::U16,
        Numbers::U32(_) => DataType::U32,
        Numbers::U64(_) => DataType::U64,
        Numbers::F32(_) => DataType::F32,
        Numbers::F64(_) => DataType::F64,
    };
    let values = decode(&numbers.to_le_bytes(), data_type, ByteOrder::Little)?;
    values.first().copied().filter(|_| values.len() == 1)
}
