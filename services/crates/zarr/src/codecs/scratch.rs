//! Memory that is used again: fresh pages cost a fifth of the time of decoding a chunk. Kept for all threads together, so that
//! there is as much of it as is in use at once, however many threads there are.

use std::sync::{Mutex, PoisonError};

/// Most bytes that are kept.
const KEPT_BYTES_MAX: usize = 64 << 20;
/// The longest that is kept.
const LONGEST: usize = 16 << 20;

static KEPT: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// Memory with anything in it, what was given back last first; empty where none is kept.
pub fn take() -> Vec<u8> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
}

/// Gives memory back.
pub fn give_back(memory: Vec<u8>) {
    if memory.capacity() == 0 || memory.capacity() > LONGEST {
        return;
    }
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let bytes: usize = kept.iter().map(Vec::capacity).sum();
    if bytes + memory.capacity() <= KEPT_BYTES_MAX {
        kept.push(memory);
    }
}
