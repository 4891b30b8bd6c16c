//! Documents of zarr-python, xarray and kerchunk.

use serde_json::json;

use super::*;
use crate::test_datasets;
use crate::v2;

fn path() -> NodePath {
    NodePath::parse("v").unwrap()
}

fn zarray(changes: &Value) -> Value {
    let mut document = json!({"zarr_format": 2, "shape": [4, 6], "chunks": [2, 4], "dtype": "<f4", "order": "C",
        "fill_value": null, "filters": null, "compressor": null});
    for (name, value) in changes.as_object().unwrap() {
        document[name] = value.clone();
    }
    document
}

fn read(changes: &Value) -> Result<ReadArray, ReadError> {
    array(&path(), &zarray(changes), None)
}

#[test]
fn what_is_written_is_read() {
    for variable in test_datasets::dataset().variables {
        let read = array(&variable.path, &v2::array(&variable), Some(&v2::attributes_of_variable(&variable)));
        let mut read = read.unwrap().variable;
        let mut expected = variable;
        // The stated fill value is what v2 says of absent chunks too.
        expected.fill_value = crate::fill_value::stated(&expected);
        if expected.codecs == [Codec::VlenUtf8] {
            read.fill_value = None;
        }
        assert_eq!(format!("{read:?}"), format!("{expected:?}"));
    }
}

#[test]
fn fortrans_order_is_a_transposition_before_all_filters() {
    let codecs = read(&json!({"order": "F", "filters": [{"id": "shuffle", "elementsize": 4}]}))
        .unwrap()
        .variable
        .codecs;
    assert_eq!(codecs, [Codec::Transpose { order: vec![1, 0] }, Codec::Shuffle { element_size: 4 }]);
    let one = json!({"order": "F", "shape": [4], "chunks": [2]});
    assert_eq!(read(&one).unwrap().variable.codecs, []);
}

#[test]
fn a_compression_among_the_filters_is_written_as_the_compressor() {
    let blosc = json!({"id": "blosc", "cname": "zstd", "clevel": 3, "shuffle": 2, "blocksize": 0});
    let variable = read(&json!({"filters": [blosc]})).unwrap().variable;
    let written = v2::array(&variable);
    assert_eq!((&written["compressor"], &written["filters"]), (&blosc, &Value::Null));
}

#[test]
fn the_fill_value_is_what_is_missing_too() {
    let zattrs = json!({"_FillValue": 7, "_ARRAY_DIMENSIONS": ["y", "x"], "a": {"b": 1}});
    let read = array(&path(), &zarray(&json!({"fill_value": "NaN"})), Some(&zattrs)).unwrap().variable;
    assert_eq!(read.dimensions, ["y", "x"]);
    assert_eq!(read.fill_value, Some(f32::NAN.to_le_bytes().to_vec()));
    let Some(AttributeValue::Numbers(Numbers::F32(value))) = read.attributes.get("_FillValue") else {
        panic!()
    };
    assert!(value[0].is_nan());
    let written = v2::attributes_of_variable(&read);
    assert_eq!(written, json!({"a": {"b": 1}, "_ARRAY_DIMENSIONS": ["y", "x"]}));
}

#[test]
fn times_of_numpy_have_units() {
    let read = read(&json!({"dtype": ">M8[ns]", "fill_value": "NaT"})).unwrap();
    assert_eq!((read.variable.data_type, read.variable.byte_order), (DataType::I64, ByteOrder::Big));
    assert_eq!(read.variable.attributes.text("units"), Some("nanoseconds since 1970-01-01"));
    assert_eq!(read.warnings.len(), 1);
}

#[test]
fn what_the_model_has_no_word_for_is_left_out_and_what_is_no_document_is_malformed() {
    for changes in [
        json!({"dtype": "<c8"}),
        json!({"dtype": [["a", "<f4"]]}),
        json!({"dtype": "<c8"}),
        json!({"dtype": "<M8[M]"}),
        json!({"dtype": "|O", "filters": [{"id": "pickle"}]}),
        json!({"dtype": "|O"}),
        json!({"dtype": "|S4294967295"}),
        json!({"fill_value": {}}),
    ] {
        assert!(matches!(read(&changes), Err(ReadError::Unsupported(_))), "{changes}");
    }
    for changes in [
        json!({"shape": [4]}),
        json!({"shape": "x"}),
        json!({"chunks": [0, 1]}),
        json!({"shape": [u64::MAX, u64::MAX], "chunks": [1, 1]}),
        json!({"order": "X"}),
        json!({"zarr_format": 3}),
        json!({"compressor": {"id": 1}}),
        json!({"dimension_separator": "-"}),
    ] {
        assert!(matches!(read(&changes), Err(ReadError::Malformed(_))), "{changes}");
    }
}
