//! Documents of zarr-python 3, zarrita.js and others.

use model::{ByteOrder, Codec, Sharding};
use serde_json::json;

use super::*;
use crate::{test_datasets, v3};

fn path() -> NodePath {
    NodePath::parse("v").unwrap()
}

fn document(changes: &Value) -> Value {
    let mut document = json!({"zarr_format": 3, "node_type": "array", "shape": [4, 6], "data_type": "float32",
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [2, 4]}},
        "chunk_key_encoding": {"name": "default"}, "fill_value": 0.0,
        "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}]});
    for (name, value) in changes.as_object().unwrap() {
        document[name] = value.clone();
    }
    document
}

fn read(changes: &Value) -> Result<ReadArray, ReadError> {
    array(&path(), &document(changes))
}

#[test]
fn what_is_written_is_read() {
    for mut variable in test_datasets::dataset().variables {
        let read = array(&variable.path, &v3::array(&variable)).unwrap().variable;
        // v3 always says what absent chunks read as.
        variable.fill_value.clone_from(&read.fill_value);
        assert_eq!(format!("{read:?}"), format!("{variable:?}"));
    }
}

fn sharded() -> Value {
    json!({"name": "sharding_indexed", "configuration": {"chunk_shape": [1, 2], "index_location": "start",
        "codecs": [{"name": "transpose", "configuration": {"order": [1, 0]}},
            {"name": "bytes", "configuration": {"endian": "big"}}, {"name": "gzip", "configuration": {"level": 5}}],
        "index_codecs": [{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "crc32c"}]}})
}

#[test]
fn shards_are_read_and_written() {
    let variable = read(&json!({"codecs": [sharded()]})).unwrap().variable;
    let inner = vec![Codec::Transpose { order: vec![1, 0] }, Codec::Gzip { level: 5 }];
    let sharding =
        Sharding { chunk_shape: vec![1, 2], codecs: inner, index_has_checksum: true, index_at_end: false };
    assert_eq!(variable.codecs, [Codec::Sharding(sharding)]);
    assert_eq!(variable.byte_order, ByteOrder::Big);
    assert_eq!(v3::array(&variable)["codecs"], json!([sharded()]));
}

#[test]
fn an_index_in_other_codecs_is_passed_on_as_it_is() {
    let mut codec = sharded();
    codec["configuration"]["index_codecs"] = json!([{"name": "bytes", "configuration": {"endian": "big"}}]);
    let variable = read(&json!({"codecs": [codec]})).unwrap().variable;
    assert!(matches!(variable.codecs.as_slice(), [Codec::Zarr3 { .. }]));
    assert_eq!(v3::array(&variable)["codecs"], json!([codec]));
}

#[test]
fn names_of_keys_and_dimensions() {
    let read = read(&json!({"chunk_key_encoding": {"name": "v2", "configuration": {"separator": "/"}},
        "dimension_names": ["y", null]}))
    .unwrap();
    assert_eq!(read.encoding, ChunkKeyEncoding { has_prefix: false, separator: '/' });
    assert_eq!(read.variable.dimensions, ["y", "dim_6"]);
}

#[test]
fn a_fill_value_of_xarray_is_a_number() {
    let read = read(&json!({"attributes": {"_FillValue": "AAAAAAAA+H8="}})).unwrap().variable;
    let Some(AttributeValue::Numbers(Numbers::F32(value))) = read.attributes.get("_FillValue") else {
        panic!()
    };
    assert!(value[0].is_nan());
    assert_eq!(v3::array(&read)["attributes"]["_FillValue"], "AAAAAAAA+H8=");
}

#[test]
fn codecs_of_numcodecs_keep_their_names_and_places() {
    let codecs = json!([
        {"name": "numcodecs.delta", "configuration": {"dtype": "<f4"}},
        {"name": "bytes", "configuration": {"endian": "little"}},
        {"name": "numcodecs.lzma", "configuration": {"preset": 1}}]);
    let variable = read(&json!({"codecs": codecs})).unwrap().variable;
    assert_eq!(v3::array(&variable)["codecs"], codecs);
    let written = crate::v2::array(&variable);
    assert_eq!(written["filters"], json!([{"id": "delta", "dtype": "<f4"}]));
    assert_eq!(written["compressor"], json!({"id": "lzma", "preset": 1}));
}

#[test]
fn what_the_model_has_no_word_for_is_left_out_and_what_is_no_document_is_malformed() {
    let bytes = json!({"name": "bytes", "configuration": {"endian": "little"}});
    for changes in [
        json!({"data_type": "complex64"}),
        json!({"data_type": {"name": "fixed_length_utf32", "configuration": {"length_bytes": 16}}}),
        json!({"chunk_grid": {"name": "rectangular"}}),
        json!({"chunk_key_encoding": {"name": "mine"}}),
        json!({"storage_transformers": [{"name": "x"}]}),
        json!({"extra": {"name": "x"}}),
        json!({"codecs": [{"name": "mine"}, bytes]}),
        json!({"codecs": []}),
        json!({"fill_value": "x"}),
    ] {
        assert!(matches!(read(&changes), Err(ReadError::Unsupported(_))), "{changes}");
    }
    let mut uneven = sharded();
    uneven["configuration"]["chunk_shape"] = json!([2, 3]);
    for changes in [
        json!({"shape": [4]}),
        json!({"codecs": [bytes, bytes]}),
        json!({"codecs": [{"name": "gzip", "configuration": {"level": 1}}, bytes]}),
        json!({"codecs": [{"name": "transpose", "configuration": {"order": [0, 0]}}, bytes]}),
        json!({"codecs": [uneven]}),
    ] {
        assert!(matches!(read(&changes), Err(ReadError::Malformed(_))), "{changes}");
    }
    assert!(read(&json!({"extra": {"must_understand": false}})).is_ok());
}
