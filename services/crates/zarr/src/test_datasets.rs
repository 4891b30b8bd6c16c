//! A small dataset for the tests of this crate.

use model::{
    AttributeValue, Attributes, ByteOrder, ChunkGrid, Codec, DataType, Dataset, Group, NodePath, Numbers,
    Variable,
};

/// Four steps of six points in chunks of two by four, shuffled and deflated.
pub(crate) fn variable(path: &str) -> Variable {
    let mut attributes = Attributes::new();
    attributes.set("units", AttributeValue::Text("K".into()));
    attributes.set("_FillValue", AttributeValue::Numbers(Numbers::F32(vec![1e20])));
    Variable {
        path: NodePath::parse(path).unwrap(),
        dimensions: vec!["time".into(), "x".into()],
        data_type: DataType::F32,
        byte_order: ByteOrder::Little,
        grid: ChunkGrid::new(vec![4, 6], vec![2, 4]).unwrap(),
        codecs: vec![Codec::Shuffle { element_size: 4 }, Codec::Deflate { level: 4 }],
        fill_value: Some(f32::NAN.to_le_bytes().to_vec()),
        attributes,
    }
}

/// `tas`, a scalar `height`, and `name` (text) in the group `forecast`.
pub(crate) fn dataset() -> Dataset {
    let mut attributes = Attributes::new();
    attributes.set("title", AttributeValue::Text("run 7".into()));
    let root = Group { path: NodePath::root(), attributes };
    let forecast = Group { path: NodePath::parse("forecast").unwrap(), attributes: Attributes::new() };
    let height = Variable {
        dimensions: vec![],
        data_type: DataType::F64,
        byte_order: ByteOrder::Big,
        grid: ChunkGrid::new(vec![], vec![]).unwrap(),
        codecs: vec![],
        fill_value: None,
        attributes: Attributes::new(),
        ..variable("height")
    };
    let name = Variable {
        dimensions: vec!["x".into()],
        data_type: DataType::Text,
        byte_order: ByteOrder::Little,
        grid: ChunkGrid::new(vec![6], vec![6]).unwrap(),
        codecs: vec![Codec::VlenUtf8],
        fill_value: None,
        attributes: Attributes::new(),
        ..variable("forecast/name")
    };
    Dataset { groups: vec![root, forecast], variables: vec![variable("tas"), height, name] }
}
