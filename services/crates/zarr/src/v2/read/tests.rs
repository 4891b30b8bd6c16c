//! What is written is read again; what other writers write is read too.

use model::Numbers;
use serde_json::json;

use super::*;
use crate::{test_datasets, v2};

fn read(zarray: &Value, zattrs: &str) -> Result<Variable, ReadError> {
    let path = NodePath::parse("g/x").unwrap();
    array(path, zarray.to_string().as_bytes(), Some(zattrs.as_bytes())).map(|read| read.variable)
}

fn document(dtype: &str, fill_value: &Value) -> Value {
    json!({"zarr_format": 2, "shape": [4, 6], "chunks": [2, 6], "dtype": dtype, "compressor": null,
           "fill_value": fill_value, "order": "C", "filters": null})
}

#[test]
fn our_own_documents_come_back() {
    let dataset = test_datasets::dataset();
    for variable in &dataset.variables {
        let zarray = v2::array(variable).to_string();
        let zattrs = v2::attributes_of_variable(variable).to_string();
        let read = array(variable.path.clone(), zarray.as_bytes(), Some(zattrs.as_bytes())).unwrap().variable;
        assert_eq!(v2::array(&read).to_string(), zarray);
        assert_eq!(v2::attributes_of_variable(&read).to_string(), zattrs);
        assert_eq!((read.data_type, &read.grid), (variable.data_type, &variable.grid));
        assert_eq!(read.dimensions, variable.dimensions);
    }
}

#[test]
fn fill_values_are_what_is_missing_too() {
    for (dtype, json, numbers) in [
        ("<f4", json!("NaN"), Numbers::F32(vec![f32::NAN])),
        ("<f8", json!(1e20), Numbers::F64(vec![1e20])),
        ("<f8", json!(9999), Numbers::F64(vec![9999.0])),
        ("<f8", json!("-Infinity"), Numbers::F64(vec![f64::NEG_INFINITY])),
        (">i2", json!(-999), Numbers::I16(vec![-999])),
        ("|u1", json!(255), Numbers::U8(vec![255])),
        ("<i4", json!(-999.0), Numbers::I32(vec![-999])),
        ("<u8", json!(u64::MAX), Numbers::U64(vec![u64::MAX])),
    ] {
        let variable = read(&document(dtype, &json), "{}").unwrap();
        let Some(AttributeValue::Numbers(stated)) = variable.attributes.get("_FillValue") else {
            panic!("{dtype}")
        };
        assert_eq!(stated.to_le_bytes(), numbers.to_le_bytes(), "{dtype} {json}");
        assert_eq!(variable.fill_value, Some(numbers.to_le_bytes()), "{dtype} {json}");
    }
    assert_eq!(read(&document("<f4", &Value::Null), "{}").unwrap().fill_value, None);
}

#[test]
fn other_writers_forms_are_read() {
    let mut other = document("<f8", &Value::Null);
    other["order"] = "F".into();
    other["filters"] = json!([{"id": "delta", "dtype": "<f8"}]);
    other["compressor"] = json!({"id": "blosc", "cname": "zstd", "shuffle": -1});
    let variable = read(&other, r#"{"_ARRAY_DIMENSIONS": ["y", "x"], "missing_value": NaN}"#).unwrap();
    assert_eq!(variable.codecs[0], Codec::Transpose { order: vec![1, 0] });
    assert!(matches!(&variable.codecs[1], Codec::Numcodecs { is_compressor: false, .. }));
    assert!(matches!(&variable.codecs[2], Codec::Blosc { element_size: 8, .. }));
    assert_eq!(variable.dimensions, ["y", "x"]);
    let times = read(&document("<M8[ns]", &Value::Null), "{}").unwrap();
    assert_eq!(times.attributes.text("units"), Some("nanoseconds since 1970-01-01"));
    assert_eq!(times.dimensions, ["x_dim_0", "x_dim_1"]);
}

#[test]
fn what_has_no_place_is_refused() {
    for dtype in ["<U4", "<c8", "|O", "|S0", "|S99999999", "f4", "", "<M8[Y]", "é"] {
        assert!(read(&document(dtype, &Value::Null), "{}").is_err(), "{dtype}");
    }
    let mut zero = document("<f4", &Value::Null);
    zero["chunks"] = json!([0, 6]);
    assert!(matches!(read(&zero, "{}"), Err(ReadError::Grid(_))));
    let names = r#"{"_ARRAY_DIMENSIONS": ["y"]}"#;
    assert!(matches!(read(&document("<f4", &Value::Null), names), Err(ReadError::Wrong(_))));
    for bad in [&b"{"[..], b"[]", b"\xff", br#"{"zarr_format": 3}"#] {
        assert!(array(NodePath::root(), bad, None).is_err());
    }
}
