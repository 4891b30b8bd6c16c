//! What reading the metadata documents of stores has in common for both versions.

use model::{AttributeValue, Attributes, ChunkKeyEncoding, Numbers, Variable};
use serde_json::{Map, Number, Value};

/// An array as its documents describe it.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadArray {
    /// Its metadata.
    pub variable: Variable,
    /// How the keys of its chunks are made.
    pub encoding: ChunkKeyEncoding,
}

/// Why a document of a store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// No JSON, or other types than the specification says.
    #[error("its metadata cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// Something that is valid and has no place here.
    #[error("{0} is not supported")]
    Unsupported(String),
    /// Shapes that do not fit together.
    #[error(transparent)]
    Grid(#[from] model::ChunkGridError),
    /// Anything else.
    #[error("its metadata are wrong: {0}")]
    Wrong(&'static str),
}

/// Reads JSON as Python writes it: `NaN`, `Infinity` and `-Infinity` may stand in it bare.
pub(crate) fn from_python(json: &[u8]) -> Result<Value, serde_json::Error> {
    serde_json::from_slice(json)
        .or_else(|error| serde_json::from_slice(&without_bare_words(json)).map_err(|_| error))
}

/// `NaN` as `null` and infinities as numbers beyond all, as our own documents have them.
fn without_bare_words(json: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(json.len());
    let (mut rest, mut in_text) = (json, false);
    while let Some((&byte, behind)) = rest.split_first() {
        let words = [(&b"NaN"[..], &b"null"[..]), (b"Infinity", b"1e999")];
        let word = words.iter().find(|(word, _)| !in_text && rest.starts_with(word));
        if let Some((word, instead)) = word {
            plain.extend_from_slice(instead);
            rest = &rest[word.len()..];
            continue;
        }
        plain.push(byte);
        rest = behind;
        if byte == b'"' {
            in_text = !in_text;
        } else if byte == b'\\' && in_text {
            plain.extend(rest.first());
            rest = rest.get(1..).unwrap_or_default();
        }
    }
    plain
}

/// The attributes of an object. What netCDF has no type for is kept as JSON text: nothing is dropped.
pub(crate) fn attributes(object: &Map<String, Value>) -> Attributes {
    object.iter().map(|(name, value)| (name.clone(), attribute(value))).collect()
}

fn attribute(value: &Value) -> AttributeValue {
    let of_items = match value {
        Value::String(text) => return AttributeValue::Text(text.clone()),
        Value::Array(items) if !items.is_empty() && items.iter().all(Value::is_string) => {
            return AttributeValue::Texts(
                items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            );
        }
        Value::Array(items) => numbers(items),
        // As xarray writes them to netCDF.
        Value::Bool(flag) => return AttributeValue::Numbers(Numbers::I8(vec![i8::from(*flag)])),
        other => numbers(std::slice::from_ref(other)),
    };
    of_items.map_or_else(|| AttributeValue::Text(value.to_string()), AttributeValue::Numbers)
}

/// Numbers of the first type that holds all: whole ones in 64 bits, else doubles, where `null` is NaN.
fn numbers(items: &[Value]) -> Option<Numbers> {
    if !items.is_empty()
        && let Some(whole) = items.iter().map(Value::as_i64).collect::<Option<Vec<_>>>()
    {
        return Some(Numbers::I64(whole));
    }
    if !items.is_empty()
        && let Some(whole) = items.iter().map(Value::as_u64).collect::<Option<Vec<_>>>()
    {
        return Some(Numbers::U64(whole));
    }
    items.iter().map(double).collect::<Option<_>>().map(Numbers::F64)
}

/// A number as a double; `null` is NaN, and what is beyond all doubles an infinity.
fn double(value: &Value) -> Option<f64> {
    match value {
        Value::Null => Some(f64::NAN),
        Value::Number(number) => to_double(number),
        _ => None,
    }
}

/// A number as a double, also where it is beyond all.
pub(crate) fn to_double(number: &Number) -> Option<f64> {
    number.to_string().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_read_as_python_writes_them() {
        let json = br#"{"units": "K", "flags": [1, 2], "scale": 0.1, "range": [NaN, -Infinity], "names": ["a", "b"],
            "big": 18446744073709551615, "mixed": [1, 2.5], "NaN \" Infinity": "NaN", "flag": true, "odd": {"a": [1]},
            "none": null, "empty": []}"#;
        let value = from_python(json).unwrap();
        let attributes = attributes(value.as_object().unwrap());
        let number = |name: &str| match attributes.get(name) {
            Some(AttributeValue::Numbers(numbers)) => numbers.clone(),
            other => panic!("{name}: {other:?}"),
        };
        assert_eq!(attributes.text("units"), Some("K"));
        assert_eq!(number("flags"), Numbers::I64(vec![1, 2]));
        assert_eq!(number("scale"), Numbers::F64(vec![0.1]));
        assert_eq!(number("big"), Numbers::U64(vec![u64::MAX]));
        assert_eq!(number("mixed"), Numbers::F64(vec![1.0, 2.5]));
        assert_eq!(number("flag"), Numbers::I8(vec![1]));
        assert_eq!(number("empty"), Numbers::F64(vec![]));
        assert!(matches!(number("range"), Numbers::F64(v) if v[0].is_nan() && v[1] == f64::NEG_INFINITY));
        assert!(matches!(number("none"), Numbers::F64(v) if v[0].is_nan()));
        assert_eq!(attributes.get("names"), Some(&AttributeValue::Texts(vec!["a".into(), "b".into()])));
        assert_eq!(attributes.text("NaN \" Infinity"), Some("NaN"));
        assert_eq!(attributes.text("odd"), Some(r#"{"a":[1]}"#));
        assert!(from_python(b"{NaN").is_err());
    }
}
