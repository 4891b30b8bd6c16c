//! Any bytes as a file: the scan answers, with a dataset or an error.
//!
//! A crash may be libhdf5's own; the worker scans in child processes because of these. A panic is ours.
#![no_main]

use std::io::Write;

use formats::{ScanOptions, scan};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut file) = tempfile::NamedTempFile::new() else { return };
    if file.write_all(bytes).is_err() {
        return;
    }
    if let Ok(found) = scan(file.path(), &ScanOptions::default(), &mut |_, _| {}) {
        for scanned in &found.variables {
            assert_eq!(scanned.manifest.len() as u64, scanned.variable.grid.chunk_count());
            assert_eq!(scanned.variable.dimensions.len(), scanned.variable.grid.shape().len());
        }
    }
});
