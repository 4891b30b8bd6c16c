//! Any text as a catalog of others (intake, STAC): read or refused, in bounded time and memory.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = worker::register::catalogs::parse(text, "/catalog");
});
