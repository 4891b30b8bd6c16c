//! Zarr v3 metadata documents ([specification](https://zarr-specs.readthedocs.io/en/latest/v3/core/index.html)),
//! with zarr-python's inline consolidated metadata and the names it gives what the specification leaves open.
//!
//! Here `fill_value` is only what absent chunks read as; what is missing says the attribute `_FillValue`, encoded as
//! xarray does for v3.

mod codecs;
pub mod read;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use model::{DataType, Dataset, Group, Variable};
use serde_json::{Map, Value, json};

use crate::{collection, fill_value, json, v2};

/// `zarr.json` of a group, without consolidated metadata.
pub fn group(group: &Group) -> Value {
    group_of(&json::attributes(&group.attributes))
}

/// `zarr.json` of an array that v3 [can say](can_say).
pub fn array(variable: &Variable) -> Value {
    json!({
        "zarr_format": 3,
        "node_type": "array",
        "shape": variable.grid.shape(),
        "data_type": data_type(variable.data_type),
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": variable.grid.chunk_shape()}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": fill_value_of(variable),
        "codecs": codecs::chain(variable),
        "attributes": attributes_of(variable),
        "dimension_names": variable.dimensions,
        "storage_transformers": [],
    })
}

/// Whether v3 has words for all of an array's codecs, in their order.
pub fn can_say(variable: &Variable) -> bool {
    codecs::chain_of(&variable.codecs, variable.data_type, variable.byte_order).is_some()
}

/// `zarr.json` of the root with those of all nodes inside. Left out are arrays with codecs that no reader of v3 knows
/// (szip, LZ4 in HDF5's framing): one of them keeps zarr-python from opening all the others.
pub fn consolidated(dataset: &Dataset) -> Value {
    let mut metadata = Map::new();
    insert_dataset(&mut metadata, "", dataset);
    let root = metadata.shift_remove("").unwrap_or_else(|| group_of(&Map::new()));
    with_consolidated(root, &metadata)
}

/// `zarr.json` of all datasets as one hierarchy: each is the group `{id}/kerchunk`.
pub fn consolidated_collection<'d>(datasets: impl IntoIterator<Item = (&'d str, &'d Dataset)>) -> Value {
    let mut metadata = Map::new();
    for (id, dataset) in datasets {
        metadata.insert(id.to_owned(), group_of(&Map::new()));
        insert_dataset(&mut metadata, &format!("{id}/{}", collection::STORE), dataset);
    }
    with_consolidated(group_of(&Map::new()), &metadata)
}

fn group_of(attributes: &Map<String, Value>) -> Value {
    json!({"zarr_format": 3, "node_type": "group", "attributes": attributes})
}

fn with_consolidated(mut root: Value, metadata: &Map<String, Value>) -> Value {
    root["consolidated_metadata"] = json!({"kind": "inline", "must_understand": false, "metadata": metadata});
    root
}

/// Adds the documents of all nodes of a dataset below `prefix`, its root among them.
fn insert_dataset(metadata: &mut Map<String, Value>, prefix: &str, dataset: &Dataset) {
    let below = |path: &str| match (prefix, path) {
        ("", path) => path.to_owned(),
        (prefix, "") => prefix.to_owned(),
        (prefix, path) => format!("{prefix}/{path}"),
    };
    for node in &dataset.groups {
        metadata.insert(below(node.path.as_str()), group(node));
    }
    let is_readable = |variable: &&Variable| can_say(variable) && !v2::need_extra_codecs(&variable.codecs);
    for variable in dataset.variables.iter().filter(is_readable) {
        metadata.insert(below(variable.path.as_str()), array(variable));
    }
}

/// The specification's names; for bytes zarr-python's, which are no part of it yet.
fn data_type(data_type: DataType) -> Value {
    match data_type {
        DataType::Bool => "bool".into(),
        DataType::I8 => "int8".into(),
        DataType::I16 => "int16".into(),
        DataType::I32 => "int32".into(),
        DataType::I64 => "int64".into(),
        DataType::U8 => "uint8".into(),
        DataType::U16 => "uint16".into(),
        DataType::U32 => "uint32".into(),
        DataType::U64 => "uint64".into(),
        DataType::F16 => "float16".into(),
        DataType::F32 => "float32".into(),
        DataType::F64 => "float64".into(),
        DataType::Text => "string".into(),
        DataType::FixedText(length) => {
            json!({"name": "null_terminated_bytes", "configuration": {"length_bytes": length}})
        }
        DataType::FixedUnicode(length) => {
            let bytes = u64::from(length) * 4;
            json!({"name": "fixed_length_utf32", "configuration": {"length_bytes": bytes}})
        }
        DataType::Opaque(length) => json!({"name": "raw_bytes", "configuration": {"length_bytes": length}}),
    }
}

fn fill_value_of(variable: &Variable) -> Value {
    let element = variable.fill_value.clone().or_else(|| fill_value::stated(variable));
    let element = element.unwrap_or_else(|| match variable.data_type {
        // Zarr-python pads these to the length of the type.
        DataType::FixedText(_) | DataType::FixedUnicode(_) | DataType::Text => Vec::new(),
        other => vec![0; other.size().unwrap_or_default().min(1 << 16)],
    });
    fill_value::to_json(&element, variable.data_type)
}

/// The attributes, `_FillValue` as xarray's `FillValueCoder` reads it. It fails on one that is not of the array's
/// type, and on every one of an array of bytes: those are left out.
fn attributes_of(variable: &Variable) -> Map<String, Value> {
    let mut attributes = json::attributes(&variable.attributes);
    let encoded = fill_value::stated(variable).and_then(|element| match variable.data_type {
        DataType::F16 | DataType::F32 | DataType::F64 => fill_value::to_double(&element, variable.data_type)
            .map(|x| STANDARD.encode(x.to_le_bytes()).into()),
        DataType::FixedText(_) | DataType::FixedUnicode(_) | DataType::Opaque(_) => None,
        _ => Some(fill_value::to_json(&element, variable.data_type)),
    });
    match (attributes.get_mut("_FillValue"), encoded) {
        (Some(value), Some(encoded)) => *value = encoded,
        (Some(_), None) => {
            attributes.shift_remove("_FillValue");
        }
        (None, _) => {}
    }
    attributes
}

#[cfg(test)]
mod tests;
