//! Any bytes as the metadata documents of somebody's Zarr store: an array, or an error. What is read can be written, and
//! what is JSON is read as JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;
use model::NodePath;

fuzz_target!(|bytes: &[u8]| {
    let parsed = zarr::read::parse(bytes);
    if let Ok(plain) = serde_json::from_slice::<serde_json::Value>(bytes) {
        assert_eq!(parsed.as_ref().ok(), Some(&plain));
    }
    let (Ok(document), Ok(path)) = (parsed, NodePath::parse("v")) else { return };
    let arrays =
        [zarr::v2::read::array(&path, &document, Some(&document)), zarr::v3::read::array(&path, &document)];
    for array in arrays.into_iter().flatten() {
        if zarr::v2::can_say(&array.variable) {
            let _ = zarr::v2::array(&array.variable).to_string();
        }
        if zarr::v3::can_say(&array.variable) {
            let _ = zarr::v3::array(&array.variable).to_string();
        }
    }
    let _ = zarr::v3::read::consolidated(&document);
});
