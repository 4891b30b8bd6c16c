//! Any bytes as a zip file with a Zarr store in it: a scan whose references lie in the file, or an error.
#![no_main]

use formats::{ScanOptions, scan};
use libfuzzer_sys::fuzz_target;
use model::ChunkRef;

fuzz_target!(|bytes: &[u8]| {
    if !bytes.starts_with(b"PK") {
        return;
    }
    let Ok(file) = tempfile::NamedTempFile::new() else { return };
    if std::fs::write(file.path(), bytes).is_err() {
        return;
    }
    let options = ScanOptions { sparse_chunks_max: 100_000, ..ScanOptions::default() };
    let Ok(scan) = scan(file.path(), &options, &mut |_, _| {}) else { return };
    for (_, reference) in scan.variables.iter().flat_map(|one| one.manifest.iter()) {
        if let ChunkRef::Bytes { range, .. } = reference {
            assert!(range.offset + range.length <= bytes.len() as u64);
        }
    }
});
