//! Any bytes as a GRIB message: values, as many as asked for, or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|message: &[u8]| {
    for points in [1, 100, 2400] {
        if let Ok(values) = formats::grib::decode::values::<f32>(message, points) {
            assert_eq!(values.len(), points);
        }
    }
});
