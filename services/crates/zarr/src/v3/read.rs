//! Reading `zarr.json` of others.

mod codecs;
mod data_type;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use model::{AttributeValue, Attributes, ByteOrder, ChunkKeyEncoding, DataType, NodePath, Numbers, Variable};
use serde_json::{Map, Value};

use crate::read::{
    ReadArray, ReadError, attributes, dimension_names, element, grid, lengths, member, object,
};

/// What a `zarr.json` is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeKind {
    /// A group.
    Group,
    /// An array.
    Array,
}

/// Members of an array's document that are known; others must say that they need not be understood.
const KNOWN: [&str; 11] = [
    "zarr_format",
    "node_type",
    "shape",
    "data_type",
    "chunk_grid",
    "chunk_key_encoding",
    "fill_value",
    "codecs",
    "attributes",
    "dimension_names",
    "storage_transformers",
];

/// Which kind of node a document is of.
pub fn kind(document: &Value) -> Result<NodeKind, ReadError> {
    let members = object(document)?;
    if member(members, "zarr_format")?.as_u64() != Some(3) {
        return Err(ReadError::malformed("its zarr_format is not 3"));
    }
    match member(members, "node_type")?.as_str() {
        Some("group") => Ok(NodeKind::Group),
        Some("array") => Ok(NodeKind::Array),
        _ => Err(ReadError::malformed("its node_type is neither group nor array")),
    }
}

/// The attributes of a group.
pub fn attributes_of_group(document: &Value) -> Attributes {
    document.get("attributes").and_then(Value::as_object).map(attributes).unwrap_or_default()
}

/// The documents of all nodes below a group, by path, where its document holds them.
pub fn consolidated(document: &Value) -> Option<&Map<String, Value>> {
    let consolidated = document.get("consolidated_metadata")?;
    let is_inline = consolidated.get("kind").and_then(Value::as_str).is_none_or(|kind| kind == "inline");
    consolidated.get("metadata").and_then(Value::as_object).filter(|_| is_inline)
}

/// An array at `path` from its document.
pub fn array(path: &NodePath, document: &Value) -> Result<ReadArray, ReadError> {
    let members = object(document)?;
    check_extensions(members)?;
    let chunk_grid = object(member(members, "chunk_grid")?)?;
    if chunk_grid.get("name").and_then(Value::as_str) != Some("regular") {
        return Err(ReadError::unsupported("its chunk grid is not regular"));
    }
    let chunk_shape = chunk_grid.get("configuration").and_then(|settings| settings.get("chunk_shape"));
    let chunk_shape = chunk_shape.ok_or_else(|| ReadError::malformed("its chunk grid has no chunk_shape"))?;
    let grid = grid(lengths(member(members, "shape")?, "shape")?, lengths(chunk_shape, "chunk_shape")?)?;
    let stored = data_type::read(member(members, "data_type")?)?;
    let chain = codecs::chain(member(members, "codecs")?, stored.data_type, grid.chunk_shape())?;
    let mut attributes = attributes_of_group(document);
    let fill_value = match (members.get("fill_value"), stored.time) {
        (None, _) => None,
        (Some(Value::String(_)), Some(_)) => Some(i64::MIN.to_le_bytes().to_vec()),
        (Some(value), _) => element(value, stored.data_type)?,
    };
    decode_missing(&mut attributes, stored.data_type);
    let warnings = stored.time.map(|time| time.explain(&mut attributes)).into_iter().collect();
    let named: Vec<Option<String>> = match members.get("dimension_names") {
        Some(Value::Array(names)) if names.len() == grid.shape().len() => {
            names.iter().map(|name| name.as_str().map(str::to_owned)).collect()
        }
        _ => Vec::new(),
    };
    let has_order = stored.data_type.ordered_size().is_some();
    Ok(ReadArray {
        variable: Variable {
            path: path.clone(),
            dimensions: dimension_names(&named, grid.shape()),
            data_type: stored.data_type,
            byte_order: if has_order { chain.byte_order } else { ByteOrder::Little },
            grid,
            codecs: chain.codecs,
            fill_value,
            attributes,
        },
        encoding: key_encoding(members.get("chunk_key_encoding"))?,
        warnings,
    })
}

fn check_extensions(members: &Map<String, Value>) -> Result<(), ReadError> {
    if members.get("storage_transformers").and_then(Value::as_array).is_some_and(|list| !list.is_empty()) {
        return Err(ReadError::unsupported("it has storage transformers"));
    }
    let is_needed = |(name, value): &(&String, &Value)| {
        !KNOWN.contains(&name.as_str()) && value.get("must_understand") != Some(&Value::Bool(false))
    };
    match members.iter().find(is_needed) {
        Some((name, _)) => Err(ReadError::unsupported(format!("it has {name:?}, which is unknown"))),
        None => Ok(()),
    }
}

fn key_encoding(value: Option<&Value>) -> Result<ChunkKeyEncoding, ReadError> {
    let unknown = || ReadError::unsupported("its chunk key encoding is unknown");
    let value = value.ok_or_else(|| ReadError::malformed("it has no chunk_key_encoding"))?;
    let name = value.as_str().or_else(|| value.get("name")?.as_str()).ok_or_else(unknown)?;
    let separator = value.get("configuration").and_then(|settings| settings.get("separator"));
    let separator = match separator.map(Value::as_str) {
        None => None,
        Some(Some(".")) => Some('.'),
        Some(Some("/")) => Some('/'),
        Some(_) => return Err(unknown()),
    };
    match name {
        "default" => Ok(ChunkKeyEncoding { has_prefix: true, separator: separator.unwrap_or('/') }),
        "v2" => Ok(ChunkKeyEncoding { has_prefix: false, separator: separator.unwrap_or('.') }),
        _ => Err(unknown()),
    }
}

/// xarray writes the `_FillValue` of floats as the bytes of a double in base64.
fn decode_missing(attributes: &mut Attributes, data_type: DataType) {
    if !matches!(data_type, DataType::F16 | DataType::F32 | DataType::F64) {
        return;
    }
    let number = attributes.text("_FillValue").and_then(|text| match text {
        "NaN" => Some(f64::NAN),
        _ => Some(f64::from_le_bytes(STANDARD.decode(text).ok()?.try_into().ok()?)),
    });
    if let Some(number) = number {
        let numbers = match data_type {
            DataType::F64 => Numbers::F64(vec![number]),
            _ => Numbers::F32(vec![number as f32]),
        };
        attributes.set("_FillValue", AttributeValue::Numbers(numbers));
    }
}

#[cfg(test)]
mod tests;
