//! The scan against what h5py and netCDF4 read: dimensions, shapes, attributes, places of chunks, values.
//!
//! The files and `expected.json` are written by `integration-tests/tools/make_hdf5_cases.py`.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod decode;
mod netcdf3;

use std::path::{Path, PathBuf};

use formats::{ScanOptions, scan};
use model::{AttributeValue, ChunkRef, FileScan, Layout, Numbers, ScannedVariable};
use serde_json::Value;

fn folder() -> PathBuf {
    let ours = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../integration-tests/data/hdf5");
    std::env::var_os("HDF5_CASES").map_or_else(ours, PathBuf::from)
}

fn expected() -> Value {
    serde_json::from_slice(&std::fs::read(folder().join("expected.json")).unwrap()).unwrap()
}

fn scanned(name: &str) -> FileScan {
    scan(&folder().join(name), &ScanOptions::default(), &mut |_, _| {}).unwrap()
}

/// Calls `check` with each dataset that h5py finds, the variable made of it, and netCDF4's view of it, if any.
fn for_each(mut check: impl FnMut(&str, &Value, &ScannedVariable, Option<&Value>)) {
    for (file, expected) in expected().as_object().unwrap() {
        let found = scanned(file);
        let netcdf = &expected["netcdf"]["variables"];
        let mut checked = 0;
        for (path, dataset) in expected["datasets"].as_object().unwrap() {
            let name = path.replace("_nc4_non_coord_", "");
            let variable = found.variables.iter().find(|scanned| scanned.variable.path.as_str() == name);
            let label = format!("{file}: {path}");
            let Some(variable) = variable else {
                let warned = found
                    .warnings
                    .iter()
                    .any(|warning| warning.subject == name || warning.message.contains(&format!("{name:?}")));
                let only_dimension = netcdf.is_object() && netcdf.get(&name).is_none();
                assert!(
                    warned || only_dimension,
                    "{label} is neither there nor warned of: {:?}",
                    found.warnings
                );
                continue;
            };
            check(&label, dataset, variable, netcdf.get(&name));
            checked += 1;
        }
        assert_eq!(checked, found.variables.len(), "{file}");
    }
}

fn lengths(value: &Value) -> Vec<u64> {
    value.as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect()
}

#[test]
fn dimensions_and_shapes_are_those_of_netcdf4() {
    let mut compared = 0;
    for_each(|label, dataset, scanned, netcdf| {
        let variable = &scanned.variable;
        assert_eq!(variable.dimensions.len(), variable.grid.shape().len(), "{label}");
        let Some(netcdf) = netcdf else {
            assert_eq!(variable.grid.shape(), lengths(&dataset["shape"]), "{label}");
            return;
        };
        assert_eq!(serde_json::json!(variable.dimensions), netcdf["dimensions"], "{label}");
        assert_eq!(variable.grid.shape(), lengths(&netcdf["shape"]), "{label}");
        compared += 1;
    });
    assert!(compared > 50, "{compared}");
}

#[test]
fn unlimited_dimensions_are_those_of_netcdf4() {
    for (file, expected) in expected().as_object().unwrap() {
        if expected["netcdf"].is_object() {
            let mut found = scanned(file).unlimited_dimensions;
            found.sort();
            assert_eq!(serde_json::json!(found), expected["netcdf"]["unlimited"], "{file}");
        }
    }
}

#[test]
fn chunks_are_where_h5py_finds_them() {
    let mut compared = 0;
    for_each(|label, dataset, scanned, _| {
        let (grid, manifest) = (&scanned.variable.grid, &scanned.manifest);
        assert_eq!(manifest.len() as u64, grid.chunk_count(), "{label}");
        match scanned.layout {
            Layout::Inline => assert!(manifest.iter().all(|(_, chunk)| matches!(chunk, ChunkRef::Inline(_)))),
            Layout::Contiguous => {
                let ChunkRef::Bytes { range, .. } = manifest.get(0) else {
                    return assert!(dataset["offset"].is_null(), "{label}");
                };
                assert_eq!(Some(range.offset), dataset["offset"].as_u64(), "{label}");
            }
            Layout::Chunked => {
                assert_eq!(grid.chunk_shape(), lengths(&dataset["chunk_shape"]), "{label}");
                let mut stored = 0;
                for chunk in dataset["chunks"].as_array().unwrap() {
                    let index: Vec<u64> =
                        lengths(&chunk[0]).iter().zip(grid.chunk_shape()).map(|(at, n)| at / n).collect();
                    let number = grid.number(&index).unwrap();
                    stored += 1;
                    if let ChunkRef::Bytes { range, .. } = manifest.get(number) {
                        assert_eq!(Some(range.offset), chunk[1].as_u64(), "{label} {index:?}");
                        assert_eq!(Some(range.length), chunk[2].as_u64(), "{label} {index:?}");
                        compared += 1;
                    } else {
                        assert_ne!(chunk[3].as_u64(), Some(0), "{label} {index:?}");
                    }
                }
                assert_eq!(manifest.missing_count(), manifest.len() as u64 - stored, "{label}");
            }
        }
        assert_eq!(scanned.variable.fill_value.is_some(), manifest.missing_count() > 0, "{label}");
    });
    assert!(compared > 200, "{compared}");
}

#[test]
fn values_are_those_of_h5py() {
    let mut compared = 0;
    for_each(|label, dataset, scanned, netcdf| {
        // Where a dimension grew beyond the dataset, netCDF4 knows the values.
        let shapes_equal = scanned.variable.grid.shape() == lengths(&dataset["shape"]);
        let truth = if shapes_equal { &dataset["sha256"] } else { &netcdf.unwrap()["sha256"] };
        if let (Some(truth), Some(found)) =
            (truth.as_str(), decode::sha256(&folder().join(label.split(':').next().unwrap()), scanned))
        {
            assert_eq!(found, truth, "{label}");
            compared += 1;
        }
    });
    assert!(compared > 100, "{compared}");
}

#[test]
fn attributes_are_those_of_h5py() {
    for_each(|label, dataset, scanned, _| {
        let attributes = &scanned.variable.attributes;
        let expected = dataset["attributes"].as_object().unwrap();
        for (name, value) in expected {
            let found = attributes.get(name).unwrap_or_else(|| panic!("{label}@{name} is missing"));
            assert_eq!(&to_json(found), value, "{label}@{name}");
        }
        let mut unexpected =
            attributes.iter().map(|(name, _)| name).filter(|name| !expected.contains_key(*name));
        assert!(unexpected.all(|name| name.starts_with("flag_")), "{label}");
    });
    for (file, expected) in expected().as_object().unwrap() {
        for group in scanned(file).groups {
            let expected = expected["groups"][group.path.as_str()].as_object().unwrap();
            assert_eq!(group.attributes.len(), expected.len(), "{file} {}", group.path);
            for (name, value) in group.attributes.iter() {
                assert_eq!(&to_json(value), &expected[name], "{file} {}@{name}", group.path);
            }
        }
    }
}

fn to_json(value: &AttributeValue) -> Value {
    fn numbers<T: ToString + Copy>(kind: &str, values: &[T]) -> Value {
        let value = |value: &T| {
            let text = value.to_string().replace("NaN", "nan");
            text.parse::<serde_json::Number>().map_or_else(|_| Value::String(text), Value::Number)
        };
        serde_json::json!({"type": kind, "values": values.iter().map(value).collect::<Vec<_>>()})
    }
    /// Singles as doubles, as JSON has them.
    fn floats(kind: &str, values: impl Iterator<Item = f64>) -> Value {
        let value = |value: f64| {
            if value.is_finite() {
                serde_json::json!(value)
            } else {
                format!("{value}").replace("NaN", "nan").into()
            }
        };
        serde_json::json!({"type": kind, "values": values.map(value).collect::<Vec<_>>()})
    }
    match value {
        AttributeValue::Text(text) => serde_json::json!({"text": text}),
        AttributeValue::Texts(texts) => serde_json::json!({"texts": texts}),
        AttributeValue::Json(text) => serde_json::json!({"json": text}),
        AttributeValue::Numbers(list) => match list {
            Numbers::I8(v) => numbers("I8", v),
            Numbers::I16(v) => numbers("I16", v),
            Numbers::I32(v) => numbers("I32", v),
            Numbers::I64(v) => numbers("I64", v),
            Numbers::U8(v) => numbers("U8", v),
            Numbers::U16(v) => numbers("U16", v),
            Numbers::U32(v) => numbers("U32", v),
            Numbers::U64(v) => numbers("U64", v),
            Numbers::F32(v) => floats("F32", v.iter().map(|x| f64::from(*x))),
            Numbers::F64(v) => floats("F64", v.iter().copied()),
        },
    }
}

#[test]
fn what_is_left_out_is_warned_of() {
    let warnings =
        |file: &str| -> Vec<String> { scanned(file).warnings.iter().map(ToString::to_string).collect() };
    let types = warnings("types.h5");
    for name in ["array_type", "complex", "compound", "long_double", "null", "reference", "vlen"] {
        assert_eq!(
            types.iter().filter(|text| text.starts_with(&format!("{name}: left out"))).count(),
            1,
            "{name}"
        );
    }
    let layouts = warnings("layouts.h5").join("\n");
    for text in ["external: ", "virtual: ", "dangling: ", "elsewhere: ", "group/loop: ", "group/soft_loop: "]
    {
        assert!(layouts.contains(text), "{text}\n{layouts}");
    }
    let filters = warnings("filters.h5");
    assert!(filters.iter().any(|text| text.contains("bitshuffle") && text.contains("32008")));
    let rare =
        filters.iter().filter(|text| text.contains("readable only by Zarr 2 clients that have imagecodecs"));
    assert_eq!(rare.map(|text| text.split(':').next().unwrap()).collect::<Vec<_>>(), ["lz4"]);
    let attributes = warnings("attributes.h5").join("\n");
    for text in ["v@compound: ", "v@reference: ", "v@vlen: ", "v@latin1: "] {
        assert!(attributes.contains(text), "{text}\n{attributes}");
    }
    assert!(warnings("model.nc").is_empty());
}

#[test]
fn chunks_of_other_filters_are_brought_to_the_pipeline_of_the_array() {
    let found = scanned("masks.h5");
    let inlined = |name: &str| {
        let variable = found.variables.iter().find(|scanned| scanned.variable.path.as_str() == name).unwrap();
        let inlined =
            variable.manifest.iter().filter(|(_, chunk)| matches!(chunk, ChunkRef::Inline(_))).count();
        (inlined, variable.variable.codecs.len())
    };
    assert_eq!(inlined("mixed"), (1, 2));
    assert_eq!(inlined("mixed_both"), (1, 2));
    assert_eq!(inlined("all_without_deflate"), (0, 1));
}
