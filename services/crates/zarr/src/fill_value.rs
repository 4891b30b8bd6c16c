//! Fill values: between an element's bytes, the `_FillValue` attribute and JSON.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use half::f16;
use model::{AttributeValue, DataType, Numbers, Variable};
use serde_json::Value;

/// The `_FillValue` attribute as one element, little-endian; none where there is no such attribute or its value is
/// none of the variable's type.
pub(crate) fn stated(variable: &Variable) -> Option<Vec<u8>> {
    match (variable.attributes.get("_FillValue")?, variable.data_type) {
        (AttributeValue::Text(text), DataType::Text) => Some(text.clone().into_bytes()),
        (AttributeValue::Text(text), DataType::FixedText(length) | DataType::Opaque(length)) => {
            padded(text.clone().into_bytes(), length)
        }
        (AttributeValue::Text(text), DataType::FixedUnicode(length)) => unicode(text, length),
        (AttributeValue::Numbers(numbers), data_type) if numbers.len() == 1 => cast(numbers, data_type),
        _ => None,
    }
}

/// A `_FillValue` of floats as xarray writes it into documents of v3: a little-endian double in base64
/// ([`FillValueCoder`](https://github.com/pydata/xarray/blob/main/xarray/backends/zarr.py)).
pub fn float_of_text(text: &str) -> Option<f64> {
    let bytes = STANDARD.decode(text).ok()?;
    bytes.as_slice().try_into().ok().map(f64::from_le_bytes)
}

/// One element as Zarr writes it in JSON, in both formats: numbers as numbers, what JSON cannot say in words, bytes
/// in base64 ([Zarr v3, fill value](https://zarr-specs.readthedocs.io/en/latest/v3/data-types/index.html#fill-value-representation)).
pub(crate) fn to_json(element: &[u8], data_type: DataType) -> Value {
    fn read<const N: usize, T>(element: &[u8], from: impl Fn([u8; N]) -> T) -> Option<T> {
        element.first_chunk::<N>().map(|bytes| from(*bytes))
    }
    let value = match data_type {
        DataType::Bool => element.first().map(|byte| (*byte != 0).into()),
        DataType::I8 => read(element, i8::from_le_bytes).map(Value::from),
        DataType::I16 => read(element, i16::from_le_bytes).map(Value::from),
        DataType::I32 => read(element, i32::from_le_bytes).map(Value::from),
        DataType::I64 => read(element, i64::from_le_bytes).map(Value::from),
        DataType::U8 => read(element, u8::from_le_bytes).map(Value::from),
        DataType::U16 => read(element, u16::from_le_bytes).map(Value::from),
        DataType::U32 => read(element, u32::from_le_bytes).map(Value::from),
        DataType::U64 => read(element, u64::from_le_bytes).map(Value::from),
        DataType::F16 | DataType::F32 | DataType::F64 => to_double(element, data_type).map(float),
        DataType::FixedText(_) | DataType::Opaque(_) => Some(STANDARD.encode(element).into()),
        DataType::FixedUnicode(_) => Some(text_of(element).into()),
        DataType::Text => Some(String::from_utf8_lossy(element).into()),
    };
    value.unwrap_or_default()
}

/// A text as one element of UTF-32; none where it is too long.
pub(crate) fn unicode(text: &str, length: u32) -> Option<Vec<u8>> {
    padded(text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect(), length.checked_mul(4)?)
}

/// The text of an element of UTF-32, without its padding.
fn text_of(element: &[u8]) -> String {
    let points = element.as_chunks::<4>().0.iter().map(|point| u32::from_le_bytes(*point));
    let text: String = points.map(|point| char::from_u32(point).unwrap_or('\u{fffd}')).collect();
    text.trim_end_matches('\0').to_owned()
}

fn padded(mut bytes: Vec<u8>, length: u32) -> Option<Vec<u8>> {
    // A length from a document is not to be trusted with memory.
    let fits = bytes.len() <= length as usize && length <= 1 << 16;
    bytes.resize(length.min(1 << 16) as usize, 0);
    fits.then_some(bytes)
}

/// One element of a type of floats as a double.
pub(crate) fn to_double(element: &[u8], data_type: DataType) -> Option<f64> {
    match data_type {
        DataType::F16 => element.first_chunk().map(|bytes| f16::from_le_bytes(*bytes).to_f64()),
        DataType::F32 => element.first_chunk().map(|bytes| f64::from(f32::from_le_bytes(*bytes))),
        DataType::F64 => element.first_chunk().map(|bytes| f64::from_le_bytes(*bytes)),
        _ => None,
    }
}

fn float(number: f64) -> Value {
    match number {
        finite if finite.is_finite() => finite.into(),
        f64::INFINITY => "Infinity".into(),
        f64::NEG_INFINITY => "-Infinity".into(),
        _ => "NaN".into(),
    }
}

/// A number between its type in the file and that of its variable.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scalar {
    Integer(i128),
    Float(f64),
}

/// The first number as an element of a type, where the type can hold it.
fn cast(numbers: &Numbers, data_type: DataType) -> Option<Vec<u8>> {
    let integer = |number: i128| Scalar::Integer(number);
    let scalar = match numbers {
        Numbers::I8(v) => integer((*v.first()?).into()),
        Numbers::I16(v) => integer((*v.first()?).into()),
        Numbers::I32(v) => integer((*v.first()?).into()),
        Numbers::I64(v) => integer((*v.first()?).into()),
        Numbers::U8(v) => integer((*v.first()?).into()),
        Numbers::U16(v) => integer((*v.first()?).into()),
        Numbers::U32(v) => integer((*v.first()?).into()),
        Numbers::U64(v) => integer((*v.first()?).into()),
        Numbers::F32(v) => Scalar::Float((*v.first()?).into()),
        Numbers::F64(v) => Scalar::Float(*v.first()?),
    };
    cast_scalar(scalar, data_type)
}

/// A number as an element of a type, where the type can hold it.
pub(crate) fn cast_scalar(scalar: Scalar, data_type: DataType) -> Option<Vec<u8>> {
    let whole = match scalar {
        Scalar::Integer(number) => Some(number),
        Scalar::Float(number) if number.fract() == 0.0 && number.abs() < 1e30 => Some(number as i128),
        Scalar::Float(_) => None,
    };
    let real = match scalar {
        Scalar::Integer(number) => number as f64,
        Scalar::Float(number) => number,
    };
    Some(match data_type {
        DataType::Bool => vec![u8::from(whole? != 0)],
        DataType::I8 => i8::try_from(whole?).ok()?.to_le_bytes().to_vec(),
        DataType::I16 => i16::try_from(whole?).ok()?.to_le_bytes().to_vec(),
        DataType::I32 => i32::try_from(whole?).ok()?.to_le_bytes().to_vec(),
        DataType::I64 => i64::try_from(whole?).ok()?.to_le_bytes().to_vec(),
        DataType::U8 => u8::try_from(whole?).ok()?.to_le_bytes().to_vec(),
        DataType::U16 => u16::try_from(whole?).ok()?.to_le_bytes().to_vec(),
        DataType::U32 => u32::try_from(whole?).ok()?.to_le_bytes().to_vec(),
        DataType::U64 => u64::try_from(whole?).ok()?.to_le_bytes().to_vec(),
        DataType::F16 => f16::from_f64(real).to_le_bytes().to_vec(),
        DataType::F32 => (real as f32).to_le_bytes().to_vec(),
        DataType::F64 => real.to_le_bytes().to_vec(),
        DataType::FixedText(_) | DataType::FixedUnicode(_) | DataType::Opaque(_) | DataType::Text => {
            return None;
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_written_as_zarr_does() {
        let check = |element: &[u8], data_type, json: &str| {
            assert_eq!(to_json(element, data_type).to_string(), json);
        };
        check(&[1], DataType::Bool, "true");
        check(&[0xff], DataType::I8, "-1");
        check(&u64::MAX.to_le_bytes(), DataType::U64, "18446744073709551615");
        check(&f32::NAN.to_le_bytes(), DataType::F32, r#""NaN""#);
        check(&f64::NEG_INFINITY.to_le_bytes(), DataType::F64, r#""-Infinity""#);
        check(&1e20_f32.to_le_bytes(), DataType::F32, "1.0000000200408773e+20");
        check(&[0x00, 0x3c], DataType::F16, "1.0");
        check(b"ab\0", DataType::FixedText(3), r#""YWIA""#);
        check("é".as_bytes(), DataType::Text, r#""é""#);
        check(&[1, 2], DataType::F32, "null");
    }

    #[test]
    fn a_number_is_cast_only_where_it_fits() {
        let to = |numbers: Numbers, data_type| cast(&numbers, data_type);
        assert_eq!(to(Numbers::I16(vec![-1]), DataType::I16), Some(vec![0xff, 0xff]));
        assert_eq!(to(Numbers::F64(vec![-1.0]), DataType::I16), Some(vec![0xff, 0xff]));
        assert_eq!(to(Numbers::F64(vec![1.5]), DataType::I16), None);
        assert_eq!(to(Numbers::I32(vec![300]), DataType::U8), None);
        assert_eq!(to(Numbers::F64(vec![1e20]), DataType::F32), Some(1e20_f32.to_le_bytes().to_vec()));
        assert_eq!(to(Numbers::F32(vec![]), DataType::F32), None);
    }
}
