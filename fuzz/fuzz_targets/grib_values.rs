//! Any bytes as a GRIB message: values, as many as asked for, or an error; and never much more memory than they take.
#![no_main]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use libfuzzer_sys::fuzz_target;

/// What decoding may take beside the values.
const BESIDE_BYTES_MAX: usize = 64 << 20;
/// Most values of a message that is decoded here: more only cost time.
const POINTS_MAX: usize = 1 << 18;

/// Counts what is allocated.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: all is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        PEAK.fetch_max(NOW.fetch_add(layout.size(), Relaxed) + layout.size(), Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        PEAK.fetch_max(NOW.fetch_add(layout.size(), Relaxed) + layout.size(), Relaxed);
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// How many points the grid of a message of edition 2 says it has.
fn stated(message: &[u8]) -> Option<usize> {
    let mut rest = message.get(16..)?;
    while rest.get(4)? != &3 {
        let length = u32::from_be_bytes(*rest.first_chunk()?) as usize;
        rest = rest.get(length.max(5)..)?;
    }
    Some(u32::from_be_bytes(*rest.get(6..)?.first_chunk()?) as usize)
}

fuzz_target!(init: cloudify_fuzz::libraries_may_panic(), |message: &[u8]| {
    let stated = stated(message).filter(|points| *points <= POINTS_MAX);
    for points in [Some(48), Some(600), stated].into_iter().flatten() {
        let before = NOW.load(Relaxed);
        PEAK.store(before, Relaxed);
        if let Ok(values) = formats::grib::decode::values::<f32>(message, points) {
            assert_eq!(values.len(), points);
        }
        let taken = PEAK.load(Relaxed) - before;
        assert!(taken <= BESIDE_BYTES_MAX + 8 * points, "{taken} bytes for {points} values");
    }
});
