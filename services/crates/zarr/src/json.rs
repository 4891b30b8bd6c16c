//! Attributes as JSON for Zarr clients: see `docs/decisions/0004-json-numbers.md`.
//!
//! Always JSON that every parser takes. A finite number is the file's to the last bit once read as a double; an
//! infinity is `1e999`, which parsers read as infinity; NaN, which JSON cannot say, is `null`.

use model::{AttributeValue, Attributes, Numbers};
use serde_json::{Map, Number, Value};

/// The members of an object of attributes.
pub(crate) fn attributes(attributes: &Attributes) -> Map<String, Value> {
    attributes.iter().map(|(name, value)| (name.to_owned(), attribute(value))).collect()
}

/// One value; a list of one number is that number.
pub(crate) fn attribute(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::Text(text) => text.as_str().into(),
        AttributeValue::Texts(texts) => texts.clone().into(),
        AttributeValue::Json(text) => serde_json::from_str(text).unwrap_or_default(),
        AttributeValue::Numbers(numbers) => match numbers {
            Numbers::I8(v) => numbers_to_json(v, Value::from),
            Numbers::I16(v) => numbers_to_json(v, Value::from),
            Numbers::I32(v) => numbers_to_json(v, Value::from),
            Numbers::I64(v) => numbers_to_json(v, Value::from),
            Numbers::U8(v) => numbers_to_json(v, Value::from),
            Numbers::U16(v) => numbers_to_json(v, Value::from),
            Numbers::U32(v) => numbers_to_json(v, Value::from),
            Numbers::U64(v) => numbers_to_json(v, Value::from),
            Numbers::F32(v) => numbers_to_json(v, |x| float(f64::from(x))),
            Numbers::F64(v) => numbers_to_json(v, float),
        },
    }
}

fn numbers_to_json<T: Copy>(numbers: &[T], to_json: impl Fn(T) -> Value) -> Value {
    match numbers {
        [one] => to_json(*one),
        many => many.iter().map(|number| to_json(*number)).collect(),
    }
}

fn float(number: f64) -> Value {
    if number.is_infinite() {
        let literal = if number > 0.0 { "1e999" } else { "-1e999" };
        return literal.parse::<Number>().map_or(Value::Null, Value::Number);
    }
    number.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(numbers: Numbers, json: &str) {
        assert_eq!(attribute(&AttributeValue::Numbers(numbers)).to_string(), json);
    }

    #[test]
    fn numbers_are_valid_json_and_exact() {
        check(Numbers::I64(vec![i64::MIN]), "-9223372036854775808");
        check(Numbers::U64(vec![u64::MAX, 0]), "[18446744073709551615,0]");
        // Python: float(numpy.float32(0.1)) and float(numpy.float32(1e20)).
        check(Numbers::F32(vec![0.1]), "0.10000000149011612");
        check(Numbers::F32(vec![1e20]), "1.0000000200408773e+20");
        check(Numbers::F64(vec![0.1, 1.0, -0.0]), "[0.1,1.0,-0.0]");
        check(Numbers::F32(vec![f32::INFINITY]), "1e+999");
        check(Numbers::F64(vec![f64::NEG_INFINITY, f64::NAN]), "[-1e+999,null]");
        check(Numbers::F64(vec![]), "[]");
    }
}
