//! Typed attributes of the catalog document.

use model::{AttributeValue, Numbers};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::DocumentError;

/// One attribute: `{"name": "valid_max", "type": "f4", "value": [330.5]}`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AttributeDocument {
    name: String,
    r#type: AttributeType,
    value: Value,
}

/// What the value is, in numpy's short names.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum AttributeType {
    Text,
    Texts,
    Json,
    I1,
    I2,
    I4,
    I8,
    U1,
    U2,
    U4,
    U8,
    F4,
    F8,
}

impl AttributeDocument {
    pub(super) fn new(name: &str, value: &AttributeValue) -> Self {
        let (kind, value) = match value {
            AttributeValue::Text(text) => (AttributeType::Text, Value::from(text.as_str())),
            AttributeValue::Texts(texts) => (AttributeType::Texts, Value::from(texts.clone())),
            AttributeValue::Numbers(numbers) => numbers_to_json(numbers),
            AttributeValue::Json(text) => (AttributeType::Json, Value::from(text.as_str())),
        };
        Self { name: name.to_owned(), r#type: kind, value }
    }

    pub(super) fn read(&self) -> Result<(String, AttributeValue), DocumentError> {
        let value = match (self.r#type, &self.value) {
            (AttributeType::Text, Value::String(text)) => Some(AttributeValue::Text(text.clone())),
            (AttributeType::Json, Value::String(text)) => serde_json::from_str::<serde::de::IgnoredAny>(text)
                .ok()
                .map(|_| AttributeValue::Json(text.clone())),
            (AttributeType::Texts, Value::Array(items)) => items
                .iter()
                .map(|item| item.as_str().map(str::to_owned))
                .collect::<Option<_>>()
                .map(AttributeValue::Texts),
            (kind, Value::Array(items)) => numbers_from_json(kind, items).map(AttributeValue::Numbers),
            _ => None,
        };
        let value = value.ok_or_else(|| DocumentError::Attribute(self.name.clone()))?;
        Ok((self.name.clone(), value))
    }
}

fn numbers_to_json(numbers: &Numbers) -> (AttributeType, Value) {
    fn list<T: Copy + Into<Value>>(items: &[T]) -> Value {
        items.iter().map(|item| (*item).into()).collect()
    }
    match numbers {
        Numbers::I8(v) => (AttributeType::I1, list(v)),
        Numbers::I16(v) => (AttributeType::I2, list(v)),
        Numbers::I32(v) => (AttributeType::I4, list(v)),
        Numbers::I64(v) => (AttributeType::I8, list(v)),
        Numbers::U8(v) => (AttributeType::U1, list(v)),
        Numbers::U16(v) => (AttributeType::U2, list(v)),
        Numbers::U32(v) => (AttributeType::U4, list(v)),
        Numbers::U64(v) => (AttributeType::U8, list(v)),
        Numbers::F32(v) => (AttributeType::F4, v.iter().map(|x| f32_to_json(*x)).collect()),
        Numbers::F64(v) => (AttributeType::F8, v.iter().map(|x| f64_to_json(*x)).collect()),
    }
}

fn numbers_from_json(kind: AttributeType, items: &[Value]) -> Option<Numbers> {
    fn list<T>(items: &[Value], read: impl Fn(&Value) -> Option<T>) -> Option<Vec<T>> {
        items.iter().map(read).collect()
    }
    fn integer<T: std::str::FromStr>(value: &Value) -> Option<T> {
        value.as_number()?.as_str().parse().ok()
    }
    Some(match kind {
        AttributeType::Text | AttributeType::Texts | AttributeType::Json => return None,
        AttributeType::I1 => Numbers::I8(list(items, integer)?),
        AttributeType::I2 => Numbers::I16(list(items, integer)?),
        AttributeType::I4 => Numbers::I32(list(items, integer)?),
        AttributeType::I8 => Numbers::I64(list(items, integer)?),
        AttributeType::U1 => Numbers::U8(list(items, integer)?),
        AttributeType::U2 => Numbers::U16(list(items, integer)?),
        AttributeType::U4 => Numbers::U32(list(items, integer)?),
        AttributeType::U8 => Numbers::U64(list(items, integer)?),
        AttributeType::F4 => Numbers::F32(list(items, f32_from_json)?),
        AttributeType::F8 => Numbers::F64(list(items, f64_from_json)?),
    })
}

/// The shortest decimal that reads as the same number; words for infinities and the usual NaN, the bits in
/// hexadecimal for other NaNs (as in [Zarr v3](https://zarr-specs.readthedocs.io/en/latest/v3/data-types/index.html#fill-value-representation)).
fn f32_to_json(number: f32) -> Value {
    match number {
        finite if finite.is_finite() => finite.into(),
        f32::INFINITY => "Infinity".into(),
        f32::NEG_INFINITY => "-Infinity".into(),
        _ if number.to_bits() == f32::NAN.to_bits() => "NaN".into(),
        _ => format!("0x{:08x}", number.to_bits()).into(),
    }
}

/// See [`f32_to_json`].
fn f64_to_json(number: f64) -> Value {
    match number {
        finite if finite.is_finite() => finite.into(),
        f64::INFINITY => "Infinity".into(),
        f64::NEG_INFINITY => "-Infinity".into(),
        _ if number.to_bits() == f64::NAN.to_bits() => "NaN".into(),
        _ => format!("0x{:016x}", number.to_bits()).into(),
    }
}

fn f32_from_json(value: &Value) -> Option<f32> {
    match value {
        Value::Number(number) => number.as_str().parse().ok().filter(|number: &f32| number.is_finite()),
        Value::String(word) => match word.as_str() {
            "Infinity" => Some(f32::INFINITY),
            "-Infinity" => Some(f32::NEG_INFINITY),
            "NaN" => Some(f32::NAN),
            _ => u32::from_str_radix(word.strip_prefix("0x")?, 16).ok().map(f32::from_bits),
        },
        _ => None,
    }
}

fn f64_from_json(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_str().parse().ok().filter(|number: &f64| number.is_finite()),
        Value::String(word) => match word.as_str() {
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            "NaN" => Some(f64::NAN),
            _ => u64::from_str_radix(word.strip_prefix("0x")?, 16).ok().map(f64::from_bits),
        },
        _ => None,
    }
}
