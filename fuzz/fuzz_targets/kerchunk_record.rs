//! Any bytes as a Parquet record of kerchunk references: they are read, or there is an error.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(init: cloudify_fuzz::libraries_may_panic(), |record: &[u8]| {
    if let Ok(read) = zarr::kerchunk::read_record(0, &bytes::Bytes::copy_from_slice(record)) {
        assert!(read.manifest.len() <= zarr::kerchunk::ROWS_MAX);
    }
});
