//! Fill values: JSON to the bytes of one element.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use model::DataType;
use serde_json::Value;

use super::{ReadError, scalar};
use crate::fill_value::{Scalar, cast_scalar};

/// One element, little-endian; none for `null`.
pub(crate) fn element(value: &Value, data_type: DataType) -> Result<Option<Vec<u8>>, ReadError> {
    let element = match (value, data_type) {
        (Value::Null, _) => return Ok(None),
        (Value::String(text), DataType::Text) => Some(text.clone().into_bytes()),
        // Zarr 2 wrote a zero for objects of any kind.
        (Value::Number(_), DataType::Text) => Some(Vec::new()),
        (Value::String(text), DataType::FixedUnicode(length)) => crate::fill_value::unicode(text, length),
        // Zarr 2 wrote a zero for texts, too.
        (Value::Number(number), DataType::FixedUnicode(length)) if number.as_u64() == Some(0) => {
            crate::fill_value::unicode("", length)
        }
        (value, DataType::FixedText(length) | DataType::Opaque(length)) => bytes(value, length as usize),
        (Value::Bool(bit), data_type) => cast_scalar(Scalar::Integer((*bit).into()), data_type),
        (Value::Number(number), data_type) => {
            scalar(number).and_then(|scalar| cast_scalar(scalar, data_type))
        }
        (Value::String(word), data_type) => float(word, data_type),
        _ => None,
    };
    let fault = || ReadError::unsupported(format!("its fill value {value} is none of its type"));
    element.map(Some).ok_or_else(fault)
}

/// Bytes of a fixed number, in base64, as a list of numbers, or as a zero.
fn bytes(value: &Value, length: usize) -> Option<Vec<u8>> {
    let mut bytes = match value {
        Value::String(text) => STANDARD.decode(text).ok()?,
        Value::Array(items) => {
            let byte = |item: &Value| item.as_u64().and_then(|number| u8::try_from(number).ok());
            items.iter().map(byte).collect::<Option<_>>()?
        }
        Value::Number(number) if number.as_u64() == Some(0) => Vec::new(),
        _ => return None,
    };
    if bytes.len() > length {
        return None;
    }
    bytes.resize(length, 0);
    Some(bytes)
}

/// Words, and the bits of a NaN in hexadecimal.
fn float(word: &str, data_type: DataType) -> Option<Vec<u8>> {
    let size = match data_type {
        DataType::F16 => 2,
        DataType::F32 => 4,
        DataType::F64 => 8,
        _ => return None,
    };
    let number = match word {
        "NaN" => f64::NAN,
        "Infinity" => f64::INFINITY,
        "-Infinity" => f64::NEG_INFINITY,
        _ => {
            let digits = word.strip_prefix("0x").filter(|digits| digits.len() == 2 * size)?;
            let bits = u64::from_str_radix(digits, 16).ok()?;
            return Some(bits.to_le_bytes()[..size].to_vec());
        }
    };
    cast_scalar(Scalar::Float(number), data_type)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_written_is_read() {
        for (data_type, bytes) in [
            (DataType::Bool, vec![1]),
            (DataType::I8, vec![0xff]),
            (DataType::U64, u64::MAX.to_le_bytes().to_vec()),
            (DataType::F16, vec![0, 0x3c]),
            (DataType::F32, f32::NAN.to_le_bytes().to_vec()),
            (DataType::F64, f64::NEG_INFINITY.to_le_bytes().to_vec()),
            (DataType::FixedText(3), b"ab\0".to_vec()),
            (DataType::FixedUnicode(2), vec![0xac, 0x20, 0, 0, 0, 0, 0, 0]),
            (DataType::Opaque(2), vec![0, 7]),
            (DataType::Text, "é".into()),
        ] {
            let json = crate::fill_value::to_json(&bytes, data_type);
            assert_eq!(element(&json, data_type), Ok(Some(bytes)), "{data_type:?} {json}");
        }
        assert_eq!(element(&Value::Null, DataType::F32), Ok(None));
        assert_eq!(
            element(&json!("0x7fc00001"), DataType::F32),
            Ok(Some(0x7fc0_0001_u32.to_le_bytes().to_vec()))
        );
        assert_eq!(element(&json!([1, 2]), DataType::Opaque(2)), Ok(Some(vec![1, 2])));
        for (json, data_type) in [
            (json!(300), DataType::U8),
            (json!("x"), DataType::F32),
            (json!("YWJj"), DataType::FixedText(2)),
            (json!({}), DataType::I32),
        ] {
            assert!(element(&json, data_type).is_err(), "{json}");
        }
    }
}
