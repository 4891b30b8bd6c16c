//! Zarr v2 metadata documents ([specification](https://zarr-specs.readthedocs.io/en/latest/v2/v2.0.html)), with
//! xarray's `_ARRAY_DIMENSIONS`.
//!
//! `fill_value` means two things to v2's clients: what absent chunks read as, and (xarray) what is missing. So the
//! `_FillValue` attribute goes there and not to `.zattrs`; without one, what absent chunks read as; else `null`. What is served
//! hides the second ([`absent`](crate::absent)); documents beside references say it, since nobody makes chunks there.

mod codecs;
pub mod read;

use std::borrow::Cow;

use model::{ByteOrder, ChunkGrid, Codec, DataType, Dataset, Group, Variable};
use serde_json::{Map, Value, json};

use crate::{collection, fill_value, json};

pub use codecs::codec_ids;
pub(crate) use codecs::{blosc_name, imagecodecs_configuration, need_extra_codecs};

/// `.zgroup` of every group.
pub fn group() -> Value {
    json!({"zarr_format": 2})
}

/// A variable as v2 shows it: of shards, the inner chunks are its chunks. None where v2 has no words for its codecs.
pub fn shown(variable: &Variable) -> Option<Cow<'_, Variable>> {
    let shown = match variable.codecs.as_slice() {
        [Codec::Sharding(sharding)] => {
            let shape = variable.grid.shape().to_vec();
            let grid = ChunkGrid::new(shape, sharding.chunk_shape.clone()).ok()?;
            Cow::Owned(Variable { grid, codecs: sharding.codecs.clone(), ..variable.clone() })
        }
        _ => Cow::Borrowed(variable),
    };
    codecs::can_say(&shown.codecs, shown.grid.shape().len()).then_some(shown)
}

/// Whether v2 has words for all of an array's codecs.
pub fn can_say(variable: &Variable) -> bool {
    shown(variable).is_some()
}

/// `.zarray` of an array that v2 [can say](can_say).
pub fn array(variable: &Variable) -> Value {
    let shown = shown(variable);
    let variable = shown.as_deref().unwrap_or(variable);
    let (order, codecs) = codecs::split_order(&variable.codecs, variable.grid.shape().len());
    let codecs = codecs::split(codecs);
    json!({
        "zarr_format": 2,
        "shape": variable.grid.shape(),
        "chunks": variable.grid.chunk_shape(),
        "dtype": dtype(variable.data_type, variable.byte_order),
        "compressor": codecs.compressor,
        "fill_value": fill_value::stated(variable)
            .as_ref()
            .or(variable.fill_value.as_ref())
            .map(|element| fill_value::to_json(element, variable.data_type)),
        "order": order,
        "filters": codecs.filters,
        "dimension_separator": ".",
    })
}

/// `.zattrs` of a group.
pub fn attributes_of_group(group: &Group) -> Value {
    json::attributes(&group.attributes).into()
}

/// `.zattrs` of a variable.
pub fn attributes_of_variable(variable: &Variable) -> Value {
    let mut attributes = json::attributes(&variable.attributes);
    if fill_value::stated(variable).is_some() {
        attributes.shift_remove("_FillValue");
    }
    attributes.insert("_ARRAY_DIMENSIONS".into(), variable.dimensions.clone().into());
    attributes.into()
}

/// `.zmetadata`: all documents of a dataset in one.
pub fn consolidated(dataset: &Dataset) -> Value {
    let mut metadata = Map::new();
    insert_dataset(&mut metadata, "", dataset, can_say);
    document(&metadata)
}

/// `.zmetadata` of all datasets as one hierarchy: each is the group `{id}/kerchunk`. Left out are arrays whose codecs
/// no reader has as it is installed: where it is not, one of them keeps zarr-python from opening all datasets. They are in their own
/// dataset's document.
pub fn consolidated_collection<'d>(datasets: impl IntoIterator<Item = (&'d str, &'d Dataset)>) -> Value {
    let mut metadata = Map::new();
    insert_group(&mut metadata, "", json!({}));
    for (id, dataset) in datasets {
        insert_group(&mut metadata, &format!("{id}/"), json!({}));
        let prefix = format!("{id}/{}/", collection::STORE);
        insert_dataset(&mut metadata, &prefix, dataset, |variable| {
            can_say(variable) && !codecs::need_extra_codecs(&variable.codecs)
        });
    }
    document(&metadata)
}

/// An element type as numpy writes it: `<f4`, `|S12`.
pub fn dtype(data_type: DataType, byte_order: ByteOrder) -> String {
    let order = match byte_order {
        ByteOrder::Little => '<',
        ByteOrder::Big => '>',
    };
    match data_type {
        DataType::Bool => "|b1".into(),
        DataType::I8 => "|i1".into(),
        DataType::U8 => "|u1".into(),
        DataType::I16 => format!("{order}i2"),
        DataType::I32 => format!("{order}i4"),
        DataType::I64 => format!("{order}i8"),
        DataType::U16 => format!("{order}u2"),
        DataType::U32 => format!("{order}u4"),
        DataType::U64 => format!("{order}u8"),
        DataType::F16 => format!("{order}f2"),
        DataType::F32 => format!("{order}f4"),
        DataType::F64 => format!("{order}f8"),
        DataType::FixedText(length) => format!("|S{length}"),
        DataType::FixedUnicode(length) => format!("{order}U{length}"),
        DataType::Opaque(length) => format!("|V{length}"),
        DataType::Text => "|O".into(),
    }
}

fn document(metadata: &Map<String, Value>) -> Value {
    json!({"zarr_consolidated_format": 1, "metadata": metadata})
}

/// Adds the documents of all groups of a dataset, and of the variables that are `wanted`, below `prefix`, which is
/// empty or ends with a slash.
fn insert_dataset(
    metadata: &mut Map<String, Value>,
    prefix: &str,
    dataset: &Dataset,
    wanted: impl Fn(&Variable) -> bool,
) {
    for group in &dataset.groups {
        let path = match group.path.as_str() {
            "" => prefix.to_owned(),
            path => format!("{prefix}{path}/"),
        };
        insert_group(metadata, &path, attributes_of_group(group));
    }
    for variable in dataset.variables.iter().filter(|variable| wanted(variable)) {
        let path = variable.path.as_str();
        metadata.insert(format!("{prefix}{path}/.zarray"), array(variable));
        metadata.insert(format!("{prefix}{path}/.zattrs"), attributes_of_variable(variable));
    }
}

fn insert_group(metadata: &mut Map<String, Value>, path: &str, attributes: Value) {
    metadata.insert(format!("{path}.zgroup"), group());
    metadata.insert(format!("{path}.zattrs"), attributes);
}

#[cfg(test)]
mod tests;
