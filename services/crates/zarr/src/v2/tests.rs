//! Documents as zarr-python, kerchunk and xarray read them.

use serde_json::json;

use super::*;
use crate::test_datasets::{dataset, variable};
use model::{AttributeValue, Codec, Numbers};

#[test]
fn a_compression_that_comes_last_is_the_compressor() {
    let mut tas = variable("tas");
    let check = |tas: &Variable, compressor: Value, filters: Value| {
        let document = array(tas);
        assert_eq!((&document["compressor"], &document["filters"]), (&compressor, &filters));
    };
    let shuffle = json!({"id": "shuffle", "elementsize": 4});
    let zlib = json!({"id": "zlib", "level": 4});
    check(&tas, zlib.clone(), json!([shuffle]));
    tas.codecs.push(Codec::Fletcher32);
    check(&tas, Value::Null, json!([shuffle, zlib, {"id": "fletcher32"}]));
    tas.codecs = vec![Codec::Deflate { level: 4 }];
    check(&tas, zlib, Value::Null);
    tas.codecs = vec![Codec::Shuffle { element_size: 4 }];
    check(&tas, Value::Null, json!([shuffle]));
    tas.codecs.clear();
    check(&tas, Value::Null, Value::Null);
}

#[test]
fn the_fill_value_is_the_attribute_then_what_absent_chunks_read_as_then_null() {
    let mut tas = variable("tas");
    assert_eq!(array(&tas)["fill_value"].to_string(), "1.0000000200408773e+20");
    assert!(attributes_of_variable(&tas).get("_FillValue").is_none());
    tas.attributes.remove("_FillValue");
    assert_eq!(array(&tas)["fill_value"], json!("NaN"));
    tas.fill_value = None;
    assert_eq!(array(&tas)["fill_value"], Value::Null);
}

#[test]
fn a_fill_value_of_another_type_stays_an_attribute() {
    let mut tas = variable("tas");
    tas.attributes.set("_FillValue", AttributeValue::Text("none".into()));
    assert_eq!(attributes_of_variable(&tas)["_FillValue"], json!("none"));
    tas.attributes.set("_FillValue", AttributeValue::Numbers(Numbers::I16(vec![-9])));
    assert_eq!(array(&tas)["fill_value"], json!(-9.0));
}

#[test]
fn types_are_numpys() {
    for (data_type, order, name) in [
        (DataType::F32, ByteOrder::Little, "<f4"),
        (DataType::I16, ByteOrder::Big, ">i2"),
        (DataType::I8, ByteOrder::Little, "|i1"),
        (DataType::U8, ByteOrder::Little, "|u1"),
        (DataType::Bool, ByteOrder::Little, "|b1"),
        (DataType::FixedText(12), ByteOrder::Little, "|S12"),
        (DataType::Opaque(5), ByteOrder::Little, "|V5"),
        (DataType::Text, ByteOrder::Little, "|O"),
    ] {
        assert_eq!(dtype(data_type, order), name);
    }
}

#[test]
fn the_consolidated_document_holds_every_key() {
    let document = consolidated(&dataset());
    assert_eq!(document["zarr_consolidated_format"], json!(1));
    let keys: Vec<&str> = document["metadata"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            ".zgroup",
            ".zattrs",
            "forecast/.zgroup",
            "forecast/.zattrs",
            "tas/.zarray",
            "tas/.zattrs",
            "height/.zarray",
            "height/.zattrs",
            "forecast/name/.zarray",
            "forecast/name/.zattrs",
        ]
    );
}

#[test]
fn all_datasets_are_one_hierarchy() {
    let dataset = dataset();
    let document = consolidated_collection([("a.b", &dataset)]);
    let metadata = document["metadata"].as_object().unwrap();
    for key in [
        ".zgroup",
        "a.b/.zgroup",
        "a.b/kerchunk/.zgroup",
        "a.b/kerchunk/.zattrs",
        "a.b/kerchunk/tas/.zarray",
        "a.b/kerchunk/forecast/.zgroup",
        "a.b/kerchunk/forecast/name/.zattrs",
    ] {
        assert!(metadata.contains_key(key), "{key}");
    }
}

#[test]
fn an_array_that_needs_imagecodecs_is_in_its_datasets_document_and_not_among_all_datasets() {
    let mut dataset = dataset();
    let szip =
        Codec::Szip { options_mask: 141, pixels_per_block: 8, bits_per_pixel: 32, pixels_per_scanline: 64 };
    for codec in [szip, Codec::Lz4Hdf5] {
        dataset.variables[0].codecs = vec![codec];
        assert!(consolidated(&dataset)["metadata"].get("tas/.zarray").is_some());
        let all = consolidated_collection([("a.b", &dataset)]);
        for (key, there) in [("tas/.zarray", false), ("tas/.zattrs", false), ("height/.zarray", true)] {
            assert_eq!(all["metadata"].get(format!("a.b/kerchunk/{key}")).is_some(), there, "{key}");
        }
    }
}
