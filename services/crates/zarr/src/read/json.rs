//! JSON as Python writes it.

use std::borrow::Cow;

use serde_json::{Number, Value};

use super::ReadError;
use crate::fill_value::Scalar;

/// The number that stands for NaN: no writer writes it, and numbers keep their digits.
const NAN: &str = "-0e-77777";

/// A document, with `NaN`, `Infinity` and `-Infinity` allowed where a number is.
pub fn parse(bytes: &[u8]) -> Result<Value, ReadError> {
    serde_json::from_slice(&strict(bytes)).map_err(|error| ReadError::malformed(format!("no JSON: {error}")))
}

/// A document with numbers in place of Python's words, which is what [`parse`] reads: for documents that hold others.
pub fn strict(bytes: &[u8]) -> Cow<'_, [u8]> {
    let mut out: Option<Vec<u8>> = None;
    let (mut at, mut copied, mut in_text) = (0, 0, false);
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if in_text => at += 1,
            b'"' => in_text = !in_text,
            b'N' | b'I' if !in_text => {
                let rest = &bytes[at..];
                let (word, number): (&[u8], &str) =
                    if rest.starts_with(b"NaN") { (b"NaN", NAN) } else { (b"Infinity", "1e999") };
                if rest.starts_with(word) {
                    let out = out.get_or_insert_default();
                    out.extend(&bytes[copied..at]);
                    out.extend(number.as_bytes());
                    copied = at + word.len();
                    at = copied - 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    match out {
        None => bytes.into(),
        Some(mut out) => {
            out.extend(&bytes[copied..]);
            out.into()
        }
    }
}

/// A number of a document; none where it is an integer of more than 38 digits.
pub(crate) fn scalar(number: &Number) -> Option<Scalar> {
    let digits = number.as_str();
    if digits == NAN {
        return Some(Scalar::Float(f64::NAN));
    }
    if digits.contains(['.', 'e', 'E']) {
        return digits.parse().ok().map(Scalar::Float);
    }
    digits.parse().ok().map(Scalar::Integer)
}

/// The text of a value, `null` where it has NaN.
pub(crate) fn text_of(value: &Value) -> String {
    fn replace(value: &mut Value) {
        match value {
            Value::Number(number) if number.as_str() == NAN => *value = Value::Null,
            Value::Array(items) => items.iter_mut().for_each(replace),
            Value::Object(members) => members.values_mut().for_each(replace),
            _ => {}
        }
    }
    let mut value = value.clone();
    replace(&mut value);
    value.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pythons_words_are_numbers_outside_of_texts() {
        let value = parse(br#"{"a": NaN, "b": [-Infinity, Infinity], "NaN \" NaN": "Infinity"}"#).unwrap();
        let number = |value: &Value| match scalar(value.as_number().unwrap()) {
            Some(Scalar::Float(number)) => number,
            other => panic!("{other:?}"),
        };
        assert!(number(&value["a"]).is_nan());
        assert!(number(&value["b"][0]) < f64::MIN);
        assert!(number(&value["b"][1]) > f64::MAX);
        assert_eq!(value["NaN \" NaN"], "Infinity");
        assert_eq!(text_of(&value["a"]), "null");
        // A document out of a document is read as it would have been alone.
        let outer = strict(br#"{"inner": {"fill_value": NaN}}"#);
        assert_eq!(parse(&outer).unwrap()["inner"], parse(br#"{"fill_value": NaN}"#).unwrap());
        for bad in ["Nan", "[Inf]", "{\"a\": NaNNaN}", "{", "\"\\"] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
