//! Any bytes as an entropy-coded stream of any parameters: as many samples as asked for, of so many bits, or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use zarr::aec::{AecParameters, decode};

fuzz_target!(|input: (u8, u32, u32, u8, u16, &[u8])| {
    let (bits, block, interval, flags, count, stream) = input;
    let has = |bit: u8| flags & bit != 0;
    let parameters = AecParameters {
        bits: bits % 34,
        // Mostly ones that there are.
        block: if has(8) { block } else { [8, 16, 32, 64][block as usize % 4] },
        interval: if has(16) { interval } else { interval % 4097 },
        has_predictor: has(1),
        is_restricted: has(2),
        is_padded: has(4),
    };
    if let Ok(samples) = decode(stream, parameters, count.into()) {
        assert_eq!(samples.len(), usize::from(count));
    }
});
