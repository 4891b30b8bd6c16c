//! Attributes as netCDF readers show them.

use std::ffi::CStr;

use model::{AttributeValue, Attributes, DataType, Numbers, Warning};

use super::{
    data_type::{ElementType, element_type, name},
    native::{Attribute, Extent, Fault, Object},
};
use crate::numbers::{numbers, to_little_endian};

/// Attributes that the netCDF-4 and dimension scale libraries keep for themselves.
const HIDDEN: [&str; 10] = [
    "CLASS",
    "NAME",
    "REFERENCE_LIST",
    "DIMENSION_LIST",
    "_NCProperties",
    "_Netcdf4Coordinates",
    "_Netcdf4Dimid",
    "_nc3_strict",
    "_NCCOPY",
    "_NCCREATED",
];

/// The attributes of an object; what cannot be represented becomes a warning about `subject@name`.
pub(super) fn read(
    object: &Object,
    subject: &str,
    bytes_max: usize,
    warnings: &mut Vec<Warning>,
) -> Attributes {
    let mut attributes = Attributes::new();
    let names = match object.attribute_names() {
        Ok(names) => names,
        Err(fault) => {
            let message = format!("attributes left out: {fault}");
            warnings.push(Warning { subject: subject.to_owned(), message });
            return attributes;
        }
    };
    for name in names {
        let text = name.to_string_lossy();
        if HIDDEN.contains(&text.as_ref()) {
            continue;
        }
        let mut warn = |message| warnings.push(Warning { subject: format!("{subject}@{text}"), message });
        match value(object, &name, bytes_max) {
            Ok(Ok((value, faithful))) => {
                if !faithful {
                    warn("text that is not UTF-8: unknown bytes are shown as \u{fffd}".to_owned());
                }
                attributes.set(text.clone(), value);
            }
            Ok(Err(kind)) => warn(format!("left out: it is {kind}")),
            Err(fault) => warn(format!("left out: it cannot be read: {fault}")),
        }
    }
    attributes
}

/// The text of an attribute, if it is there and one text.
pub(super) fn text(object: &Object, name: &CStr, bytes_max: usize) -> Option<String> {
    match value(object, name, bytes_max) {
        Ok(Ok((AttributeValue::Text(text), _))) => Some(text),
        _ => None,
    }
}

/// The integers of an attribute, if it is there and holds 32-bit integers, as netCDF's own do.
pub(super) fn integers(object: &Object, name: &CStr, bytes_max: usize) -> Option<Vec<i32>> {
    match value(object, name, bytes_max) {
        Ok(Ok((AttributeValue::Numbers(Numbers::I32(numbers)), _))) => Some(numbers),
        _ => None,
    }
}

/// The value and whether its text was UTF-8, or what kind of thing it is.
type Value = Result<(AttributeValue, bool), String>;

fn value(object: &Object, attribute_name: &CStr, bytes_max: usize) -> Result<Value, Fault> {
    let attribute = object.attribute(attribute_name)?;
    let element = match element_type(&attribute.datatype)? {
        Ok(element) => element,
        Err(kind) => return Ok(Err(kind)),
    };
    match element.data_type {
        DataType::Text => {
            let texts = attribute.read_texts(bytes_max)?;
            Ok(Ok(texts_value(&attribute, texts)))
        }
        DataType::FixedText(size) => {
            let bytes = attribute.read_bytes(bytes_max)?;
            let texts = bytes.chunks_exact(size as usize).map(|text| trimmed(text, &element)).collect();
            Ok(Ok(texts_value(&attribute, texts)))
        }
        data_type => {
            if matches!(data_type, DataType::Opaque(_)) {
                return Ok(Err("opaque".to_owned()));
            }
            let mut bytes = attribute.read_bytes(bytes_max)?;
            to_little_endian(&mut bytes, data_type, element.byte_order);
            let kind = || name(&attribute.datatype);
            Ok(numbers(&bytes, data_type)
                .map(|numbers| (AttributeValue::Numbers(numbers), true))
                .ok_or_else(kind))
        }
    }
}

/// A fixed text without its padding.
fn trimmed(text: &[u8], element: &ElementType) -> Vec<u8> {
    let end = if element.ends_at_nul {
        text.iter().position(|&byte| byte == 0).unwrap_or(text.len())
    } else {
        text.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1)
    };
    text[..end].to_vec()
}

fn texts_value(attribute: &Attribute, texts: Vec<Vec<u8>>) -> (AttributeValue, bool) {
    let mut faithful = true;
    let mut texts: Vec<String> = texts
        .into_iter()
        .map(|bytes| {
            String::from_utf8(bytes).unwrap_or_else(|error| {
                faithful = false;
                String::from_utf8_lossy(error.as_bytes()).into_owned()
            })
        })
        .collect();
    let value = match (&attribute.extent, texts.len()) {
        (Extent::Null | Extent::Scalar, _) | (_, 0 | 1) => {
            AttributeValue::Text(texts.pop().unwrap_or_default())
        }
        _ => AttributeValue::Texts(texts),
    };
    (value, faithful)
}
