//! Any text as the key of a request: the parser answers, with a key or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|key: &str| {
    let _ = zarr::key::parse(key, |path| path.ends_with('a'));
});
