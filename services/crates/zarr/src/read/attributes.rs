//! Attributes: JSON values to netCDF's types where there is one, else as they are.

use model::{AttributeValue, Attributes, Numbers};
use serde_json::{Map, Value};

use super::{scalar, text_of};
use crate::fill_value::Scalar;

/// Attributes of a group or array. A client that reads them again sees the same JSON values.
pub fn attributes(members: &Map<String, Value>) -> Attributes {
    members.iter().map(|(name, value)| (name.clone(), attribute(value))).collect()
}

fn attribute(value: &Value) -> AttributeValue {
    let typed = match value {
        Value::String(text) => Some(AttributeValue::Text(text.clone())),
        Value::Number(_) => numbers(std::slice::from_ref(value)),
        // A list of one number would be written as that number.
        Value::Array(items) if items.len() > 1 => texts(items).or_else(|| numbers(items)),
        Value::Array(items) => texts(items),
        _ => None,
    };
    typed.unwrap_or_else(|| AttributeValue::Json(text_of(value)))
}

fn texts(items: &[Value]) -> Option<AttributeValue> {
    if items.is_empty() {
        return None;
    }
    items
        .iter()
        .map(|item| item.as_str().map(str::to_owned))
        .collect::<Option<_>>()
        .map(AttributeValue::Texts)
}

/// All integers or all floats.
fn numbers(items: &[Value]) -> Option<AttributeValue> {
    let scalars: Vec<Scalar> =
        items.iter().map(|item| item.as_number().and_then(scalar)).collect::<Option<_>>()?;
    let integers: Option<Vec<i128>> = scalars
        .iter()
        .map(|scalar| match scalar {
            Scalar::Integer(number) => Some(*number),
            Scalar::Float(_) => None,
        })
        .collect();
    let numbers = match integers {
        Some(integers) => {
            let signed = integers.iter().map(|number| i64::try_from(*number).ok()).collect::<Option<_>>();
            let unsigned =
                || integers.iter().map(|number| u64::try_from(*number).ok()).collect::<Option<_>>();
            signed.map(Numbers::I64).or_else(|| unsigned().map(Numbers::U64))?
        }
        None => Numbers::F64(
            scalars
                .iter()
                .map(|scalar| match scalar {
                    Scalar::Float(number) => Some(*number),
                    Scalar::Integer(_) => None,
                })
                .collect::<Option<_>>()?,
        ),
    };
    Some(AttributeValue::Numbers(numbers))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::parse;

    #[test]
    fn clients_see_the_same_json() {
        let text = r#"{"t":"é","ts":["a"],"i":-1,"u":18446744073709551615,"f":0.1,"is":[1,2],"fs":[1.0,2.5],"mixed":[1,2.5],
            "one":[5],"empty":[],"nested":{"a":[null,true]},"none":null,"yes":true,"big":123456789012345678901234567890}"#;
        let value = parse(text.as_bytes()).unwrap();
        let read = attributes(value.as_object().unwrap());
        assert_eq!(Value::from(crate::json::attributes(&read)), value);
        assert_eq!(read.get("is"), Some(&AttributeValue::Numbers(Numbers::I64(vec![1, 2]))));
        assert_eq!(read.get("nested"), Some(&AttributeValue::Json(r#"{"a":[null,true]}"#.into())));
    }
}
