//! Any bytes as the message that a scanning process sends, or that was kept: a scan, or an error.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|message: &[u8]| {
    let _ = worker::scan::scan_of_message(Bytes::copy_from_slice(message));
});
