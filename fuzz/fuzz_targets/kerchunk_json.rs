//! Any bytes as a set of kerchunk references in JSON: they are read within their limits, or there is an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use zarr::kerchunk::json::{JsonLimits, JsonReferences};

fuzz_target!(|json: &[u8]| {
    let limits = JsonLimits { references_max: 10_000, text_bytes_max: 1 << 10, rendered_bytes_max: 1 << 20 };
    let Ok(set) = JsonReferences::parse(json, limits) else { return };
    let _ = set.documents();
    let mut count = 0;
    let _ = set.chunks(&mut |_, _| {
        count += 1;
        Ok(())
    });
    assert!(count <= limits.references_max);
});
