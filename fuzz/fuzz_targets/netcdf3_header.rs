//! Any bytes as a classic netCDF file: the scan answers, with a dataset whose references are inside, or an error.
#![no_main]

use std::io::Write;

use formats::{ScanOptions, scan};
use libfuzzer_sys::fuzz_target;
use model::ChunkRef;

fuzz_target!(|bytes: &[u8]| {
    // The signature is given: without it another scanner has the file.
    let [variant, rest @ ..] = bytes else { return };
    let whole = [b"CDF", &[[1, 2, 5][usize::from(*variant) % 3]][..], rest].concat();
    let Ok(mut file) = tempfile::NamedTempFile::new() else { return };
    if file.write_all(&whole).is_err() {
        return;
    }
    let Ok(found) = scan(file.path(), &ScanOptions::default(), &mut |_, _| {}) else { return };
    for scanned in &found.variables {
        assert_eq!(scanned.manifest.len() as u64, scanned.variable.grid.chunk_count());
        assert_eq!(scanned.variable.dimensions.len(), scanned.variable.grid.shape().len());
        for (_, chunk) in scanned.manifest.iter() {
            if let ChunkRef::Bytes { range, .. } = chunk {
                assert!(range.offset + range.length <= whole.len() as u64);
            }
        }
    }
});
