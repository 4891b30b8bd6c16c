//! Any text as a template of kerchunk references, as the URL of a generator that calls it, and as its dimensions, a NUL
//! between each: rendered within the limits, or there is an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use zarr::kerchunk::json::{JsonLimits, JsonReference, JsonReferences};

fuzz_target!(|input: &str| {
    let mut parts = input.split('\0');
    let (template, url) = (parts.next().unwrap_or_default(), parts.next().unwrap_or("{{u}}"));
    let dimensions: Option<Value> = parts.next().and_then(|text| serde_json::from_str(text).ok());
    let set = json!({
        "version": 1, "templates": {"u": template, "f": "{{c}}{{u}}"}, "refs": {"x/0": [url, 0, 1]},
        "gen": [{"key": "k{{i}}", "url": url, "offset": "{{i}}", "length": "1",
                 "dimensions": dimensions.unwrap_or(json!({"i": {"stop": 3}}))}],
    });
    let limits = JsonLimits { references_max: 100, text_bytes_max: 1 << 10, rendered_bytes_max: 1 << 16 };
    let text = set.to_string();
    let Ok(references) = JsonReferences::parse(text.as_bytes(), limits) else { return };
    let _ = references.chunks(&mut |_, reference| {
        if let JsonReference::Target { url: rendered, .. } = reference {
            assert!(rendered.len() <= limits.text_bytes_max || rendered == url);
        }
        Ok(())
    });
});
