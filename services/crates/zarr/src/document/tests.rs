//! The catalog document gives back every dataset exactly and survives every input.

use model::{
    AttributeValue, Attributes, BloscCompressor, BloscShuffle, ByteOrder, ChunkGrid, Codec, DataType,
    Dataset, Group, NodePath, Numbers, Variable,
};
use proptest::prelude::*;

use super::{DocumentError, from_json, to_json};

fn numbers() -> impl Strategy<Value = Numbers> {
    let count = 0..4_usize;
    prop_oneof![
        prop::collection::vec(any::<i8>(), count.clone()).prop_map(Numbers::I8),
        prop::collection::vec(any::<i16>(), count.clone()).prop_map(Numbers::I16),
        prop::collection::vec(any::<i32>(), count.clone()).prop_map(Numbers::I32),
        prop::collection::vec(any::<i64>(), count.clone()).prop_map(Numbers::I64),
        prop::collection::vec(any::<u8>(), count.clone()).prop_map(Numbers::U8),
        prop::collection::vec(any::<u16>(), count.clone()).prop_map(Numbers::U16),
        prop::collection::vec(any::<u32>(), count.clone()).prop_map(Numbers::U32),
        prop::collection::vec(any::<u64>(), count.clone()).prop_map(Numbers::U64),
        // Every bit pattern: subnormal numbers, both zeros, all NaNs.
        prop::collection::vec(any::<u32>().prop_map(f32::from_bits), count.clone()).prop_map(Numbers::F32),
        prop::collection::vec(any::<u64>().prop_map(f64::from_bits), count).prop_map(Numbers::F64),
    ]
}

fn attributes() -> impl Strategy<Value = Attributes> {
    let value = prop_oneof![
        any::<String>().prop_map(AttributeValue::Text),
        prop::collection::vec(any::<String>(), 0..3).prop_map(AttributeValue::Texts),
        numbers().prop_map(AttributeValue::Numbers),
        any::<Vec<bool>>().prop_map(|bits| AttributeValue::Json(format!("{{\"a\": {bits:?}}}"))),
    ];
    prop::collection::vec((any::<String>(), value), 0..4).prop_map(|items| items.into_iter().collect())
}

fn codec() -> impl Strategy<Value = Codec> {
    prop_oneof![
        any::<u32>().prop_map(|element_size| Codec::Shuffle { element_size }),
        any::<u8>().prop_map(|level| Codec::Deflate { level }),
        Just(Codec::Fletcher32),
        any::<(u32, u32, u32, u32)>().prop_map(|(a, b, c, d)| Codec::Szip {
            options_mask: a,
            pixels_per_block: b,
            bits_per_pixel: c,
            pixels_per_scanline: d
        }),
        any::<(u8, u32, u32)>().prop_map(|(level, element_size, block_size)| Codec::Blosc {
            compressor: BloscCompressor::Lz4Hc,
            level,
            shuffle: BloscShuffle::Bit,
            element_size,
            block_size
        }),
        any::<i32>().prop_map(|level| Codec::Zstd { level }),
        Just(Codec::VlenUtf8),
    ]
}

fn data_type() -> impl Strategy<Value = DataType> {
    prop_oneof![
        Just(DataType::Bool),
        Just(DataType::I16),
        Just(DataType::F16),
        Just(DataType::F64),
        (0..20_u32).prop_map(DataType::FixedText),
        (0..20_u32).prop_map(DataType::FixedUnicode),
        (0..20_u32).prop_map(DataType::Opaque),
        Just(DataType::Text),
    ]
}

fn variable() -> impl Strategy<Value = Variable> {
    (
        prop::collection::vec((any::<String>(), 0..1000_u64, 1..1000_u64), 0..5),
        data_type(),
        any::<bool>(),
        prop::collection::vec(codec(), 0..4),
        prop::option::of(prop::collection::vec(any::<u8>(), 80)),
        attributes(),
    )
        .prop_map(|(dimensions, data_type, big, codecs, fill, attributes)| Variable {
            path: NodePath::root(),
            dimensions: dimensions.iter().map(|(name, _, _)| name.clone()).collect(),
            data_type,
            byte_order: if big { ByteOrder::Big } else { ByteOrder::Little },
            grid: ChunkGrid::new(
                dimensions.iter().map(|dimension| dimension.1).collect(),
                dimensions.iter().map(|dimension| dimension.2).collect(),
            )
            .unwrap(),
            codecs,
            fill_value: fill.map(|bytes| bytes[..data_type.size().unwrap_or(7)].to_vec()),
            attributes,
        })
}

fn dataset() -> impl Strategy<Value = Dataset> {
    (prop::collection::vec(attributes(), 0..3), prop::collection::vec(variable(), 0..4)).prop_map(
        |(groups, mut variables)| {
            for (at, variable) in variables.iter_mut().enumerate() {
                variable.path = NodePath::parse(&format!("g1/v{at} é")).unwrap();
            }
            let path = |at| if at == 0 { String::new() } else { format!("g{at}") };
            let groups = groups
                .into_iter()
                .enumerate()
                .map(|(at, attributes)| Group { path: NodePath::parse(&path(at)).unwrap(), attributes })
                .collect();
            Dataset { groups, variables }
        },
    )
}

/// All that equality of floats does not see: the bits of NaNs and the sign of zero.
fn bits(dataset: &Dataset) -> Vec<Vec<u8>> {
    let of_groups = dataset.groups.iter().map(|group| &group.attributes);
    of_groups
        .chain(dataset.variables.iter().map(|variable| &variable.attributes))
        .flat_map(Attributes::iter)
        .filter_map(|(_, value)| match value {
            AttributeValue::Numbers(numbers) => Some(numbers.to_le_bytes()),
            _ => None,
        })
        .collect()
}

proptest! {
    #[test]
    fn a_document_gives_back_its_dataset(dataset in dataset()) {
        let read = from_json(&to_json(&dataset)).unwrap();
        prop_assert_eq!(bits(&read), bits(&dataset));
        prop_assert_eq!(format!("{read:?}"), format!("{dataset:?}"));
    }

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = from_json(&bytes);
    }

    #[test]
    fn a_damaged_document_is_answered(dataset in dataset(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut json = to_json(&dataset);
        let at = at.index(json.len());
        json[at] = byte;
        if let Ok(read) = from_json(&json) {
            let _ = to_json(&read);
        }
    }
}

fn check(json: &str) -> Result<Dataset, DocumentError> {
    from_json(json.as_bytes())
}

fn check_variable(fields: &str) -> Result<Dataset, DocumentError> {
    check(&format!(
        r#"{{"format":1,"groups":[],"variables":[{{"path":"v","byte_order":"little","codecs":[],{fields}}}]}}"#
    ))
}

#[test]
fn integers_keep_all_digits_and_floats_are_shortest() {
    let mut attributes = Attributes::new();
    attributes.set("u8", AttributeValue::Numbers(Numbers::U64(vec![u64::MAX])));
    attributes.set("f4", AttributeValue::Numbers(Numbers::F32(vec![0.1, 1e20, f32::NEG_INFINITY, f32::NAN])));
    let dataset = Dataset { groups: vec![Group { path: NodePath::root(), attributes }], variables: vec![] };
    let json = String::from_utf8(to_json(&dataset)).unwrap();
    assert!(json.contains("[18446744073709551615]"), "{json}");
    assert!(
        json.contains(r#"[0.1,1e20,"-Infinity","NaN"]"#) || json.contains(r#"[0.1,1e+20,"-Infinity","NaN"]"#),
        "{json}"
    );
}

#[test]
fn another_format_is_named() {
    assert!(matches!(check(r#"{"format":2,"news":1}"#), Err(DocumentError::Format(2))));
    assert!(matches!(check(r#"{"groups":[],"variables":[]}"#), Err(DocumentError::Json(_))));
}

#[test]
fn unknown_fields_are_refused() {
    let json = r#"{"format":1,"groups":[],"variables":[],"extra":0}"#;
    assert!(matches!(check(json), Err(DocumentError::Json(_))));
}

#[test]
fn claimed_sizes_are_checked_and_never_allocated() {
    let huge = r#""dimensions":["x","y"],"data_type":"f4","shape":[18446744073709551615,9],"chunk_shape":[1,1],"fill_value":null,"attributes":[]"#;
    assert!(matches!(check_variable(huge), Err(DocumentError::Grid { .. })));
    let text = r#""dimensions":[],"data_type":{"fixed_text":4294967295},"shape":[],"chunk_shape":[],"fill_value":"AAAA","attributes":[]"#;
    assert!(matches!(check_variable(text), Err(DocumentError::FillValue(_))));
    let names = r#""dimensions":["x"],"data_type":"f4","shape":[],"chunk_shape":[],"fill_value":null,"attributes":[]"#;
    assert!(matches!(check_variable(names), Err(DocumentError::Dimensions { .. })));
}

#[test]
fn an_attribute_must_be_of_its_type() {
    let of = |attribute: &str| {
        check(&format!(
            r#"{{"format":1,"groups":[{{"path":"","attributes":[{attribute}]}}],"variables":[]}}"#
        ))
    };
    assert!(of(r#"{"name":"a","type":"i1","value":[127]}"#).is_ok());
    for bad in [
        r#"{"name":"a","type":"i1","value":[128]}"#,
        r#"{"name":"a","type":"u4","value":[1.5]}"#,
        r#"{"name":"a","type":"f4","value":[1e999]}"#,
        r#"{"name":"a","type":"text","value":["x"]}"#,
        r#"{"name":"a","type":"texts","value":[1]}"#,
        r#"{"name":"a","type":"json","value":"{"}"#,
    ] {
        assert!(matches!(of(bad), Err(DocumentError::Attribute(_))), "{bad}");
    }
}

#[test]
fn two_nodes_of_one_path_are_refused() {
    let json =
        r#"{"format":1,"groups":[{"path":"a","attributes":[]},{"path":"a","attributes":[]}],"variables":[]}"#;
    assert!(matches!(check(json), Err(DocumentError::Duplicate(_))));
}
