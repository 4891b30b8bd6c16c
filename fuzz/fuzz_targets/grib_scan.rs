//! Any bytes behind the mark of a GRIB message: the scan answers, with a dataset or an error, and inlines little.
#![no_main]

use std::io::Write;

use formats::{ScanOptions, scan};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut file) = tempfile::NamedTempFile::new() else { return };
    let mark: &[u8] = if bytes.starts_with(b"GRIB") { b"" } else { b"GRIB" };
    if file.write_all(mark).is_err() || file.write_all(bytes).is_err() {
        return;
    }
    let options = ScanOptions { coordinate_bytes_max: 1 << 16, ..ScanOptions::default() };
    if let Ok(found) = scan(file.path(), &options, &mut |_, _| {}) {
        for scanned in &found.variables {
            assert_eq!(scanned.manifest.len() as u64, scanned.variable.grid.chunk_count());
            assert_eq!(scanned.variable.dimensions.len(), scanned.variable.grid.shape().len());
        }
    }
});
