//! Any lines as the values of the headers of requests that are taken apart here: ranges, conditions, codings.
#![no_main]

use http::header::{
    ACCEPT_ENCODING, HeaderMap, HeaderName, HeaderValue, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    IF_RANGE, IF_UNMODIFIED_SINCE, RANGE,
};
use libfuzzer_sys::fuzz_target;

const NAMES: [HeaderName; 7] =
    [RANGE, IF_RANGE, IF_MATCH, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE, ACCEPT_ENCODING];

fuzz_target!(|input: (u64, i64, &[u8])| {
    let (total, modified_ns, lines) = input;
    let mut headers = HeaderMap::new();
    for (name, line) in NAMES.iter().cycle().zip(lines.split(|byte| *byte == b'\n').take(20)) {
        if let Ok(value) = HeaderValue::from_bytes(line)
            && !line.is_empty()
        {
            headers.append(name, value);
        }
    }
    gateway::http::fuzzing::headers(&headers, total, modified_ns);
});
