//! Documents as zarr-python and xarray read them.

use serde_json::json;

use super::*;
use crate::test_datasets::{dataset, variable};
use model::{AttributeValue, ByteOrder, Codec, Numbers};

#[test]
fn an_array_is_described_whole() {
    assert_eq!(
        array(&variable("tas")).to_string(),
        concat!(
            r#"{"zarr_format":3,"node_type":"array","shape":[4,6],"data_type":"float32","#,
            r#""chunk_grid":{"name":"regular","configuration":{"chunk_shape":[2,4]}},"#,
            r#""chunk_key_encoding":{"name":"default","configuration":{"separator":"/"}},"fill_value":"NaN","#,
            r#""codecs":[{"name":"bytes","configuration":{"endian":"little"}},"#,
            r#"{"name":"numcodecs.shuffle","configuration":{"elementsize":4}},"#,
            r#"{"name":"numcodecs.zlib","configuration":{"level":4}}],"#,
            r#""attributes":{"units":"K","_FillValue":"AAAAgB2vFUQ="},"#,
            r#""dimension_names":["time","x"],"storage_transformers":[]}"#
        )
    );
}

#[test]
fn what_is_missing_is_encoded_as_xarray_does() {
    let mut tas = variable("tas");
    tas.data_type = DataType::I16;
    tas.attributes.set("_FillValue", AttributeValue::Numbers(Numbers::I16(vec![-9])));
    assert_eq!(array(&tas)["attributes"]["_FillValue"], json!(-9));
    tas.data_type = DataType::FixedText(1);
    tas.attributes.set("_FillValue", AttributeValue::Text("-".into()));
    tas.fill_value = None;
    let document = array(&tas);
    assert!(document["attributes"].get("_FillValue").is_none());
    assert_eq!(document["fill_value"], json!("LQ=="));
}

#[test]
fn one_byte_has_no_order_and_text_has_its_codec() {
    let mut tas = variable("tas");
    tas.codecs.clear();
    tas.byte_order = ByteOrder::Big;
    assert_eq!(array(&tas)["codecs"], json!([{"name": "bytes", "configuration": {"endian": "big"}}]));
    tas.data_type = DataType::U8;
    assert_eq!(array(&tas)["codecs"], json!([{"name": "bytes"}]));
    tas.data_type = DataType::Text;
    tas.codecs = vec![Codec::VlenUtf8];
    tas.fill_value = None;
    let document = array(&tas);
    assert_eq!(
        (&document["codecs"], &document["data_type"]),
        (&json!([{"name": "vlen-utf8"}]), &json!("string"))
    );
}

#[test]
fn the_root_holds_all_nodes() {
    let dataset = dataset();
    let document = consolidated(&dataset);
    assert_eq!(document["attributes"]["title"], json!("run 7"));
    let nodes = |document: &Value| -> Vec<String> {
        document["consolidated_metadata"]["metadata"].as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(nodes(&document), ["forecast", "tas", "height", "forecast/name"]);
    assert_eq!(
        nodes(&consolidated_collection([("a.b", &dataset)])),
        [
            "a.b",
            "a.b/kerchunk",
            "a.b/kerchunk/forecast",
            "a.b/kerchunk/tas",
            "a.b/kerchunk/height",
            "a.b/kerchunk/forecast/name"
        ]
    );
}

#[test]
fn an_array_that_no_client_can_decode_does_not_keep_the_others_from_being_opened() {
    let mut dataset = dataset();
    dataset.variables[0].codecs = vec![Codec::Lz4Hdf5];
    let document = consolidated(&dataset);
    let metadata = &document["consolidated_metadata"]["metadata"];
    assert!(metadata.get("tas").is_none() && metadata.get("height").is_some());
}
