//! Any bytes as a catalog document: what is read is the same once it is written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use zarr::document::{from_json, to_json};

fuzz_target!(|json: &[u8]| {
    if let Ok(dataset) = from_json(json) {
        let written = to_json(&dataset);
        // NaN is not equal to itself, so texts are compared.
        assert_eq!(from_json(&written).map(|again| to_json(&again)).ok(), Some(written));
    }
});
