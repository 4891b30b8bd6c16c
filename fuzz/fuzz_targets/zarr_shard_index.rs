//! Any bytes as the index of a shard.
#![no_main]

use libfuzzer_sys::fuzz_target;
use zarr::shard::ShardIndex;

fuzz_target!(|input: (bool, u64, u64, &[u8])| {
    let (has_checksum, number, length, bytes) = input;
    let Ok(index) = ShardIndex::parse(bytes, has_checksum) else { return };
    if let Ok(Some(range)) = index.range(number, length) {
        assert!(range.offset + range.length <= length);
    }
});
