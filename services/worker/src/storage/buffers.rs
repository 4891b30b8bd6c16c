//! Read buffers that are kept: giving megabytes back to the kernel and faulting them in again costs about 30 % of a
//! read from the page cache.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// Length of the buffers for small ranges, in bytes.
const SMALL_BYTES: usize = 64 << 10;

/// Free buffers of two lengths. Bounded by the bytes kept; what is in use is bounded by those who use it.
#[derive(Debug)]
pub(super) struct BufferPool {
    large_bytes: usize,
    kept_bytes_max: usize,
    free: Mutex<Free>,
}

#[derive(Debug, Default)]
struct Free {
    // Last given back, first taken: it is the one still in the processor's cache.
    small: Vec<Box<[u8]>>,
    large: Vec<Box<[u8]>>,
    bytes: usize,
}

impl BufferPool {
    /// A pool whose longer buffers have `large_bytes`.
    pub(super) fn new(large_bytes: usize, kept_bytes_max: usize) -> Arc<Self> {
        Arc::new(Self { large_bytes: large_bytes.max(SMALL_BYTES), kept_bytes_max, free: Mutex::default() })
    }

    /// A buffer of at least `length` bytes, with what its last use left in it; `length` is at most `large_bytes`
    /// (longer ones work, but are not kept).
    pub(super) fn take(self: &Arc<Self>, length: usize) -> Buffer {
        let capacity = if length <= SMALL_BYTES { SMALL_BYTES } else { self.large_bytes.max(length) };
        let kept = {
            let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
            let kept = match capacity {
                SMALL_BYTES => free.small.pop(),
                capacity if capacity == self.large_bytes => free.large.pop(),
                _ => None,
            };
            free.bytes -= kept.as_ref().map_or(0, |bytes| bytes.len());
            kept
        };
        let bytes = kept.unwrap_or_else(|| vec![0; capacity].into_boxed_slice());
        Buffer { bytes, length, pool: Arc::clone(self) }
    }

    fn give_back(&self, bytes: Box<[u8]>) {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.bytes + bytes.len() > self.kept_bytes_max {
            return;
        }
        free.bytes += bytes.len();
        match bytes.len() {
            SMALL_BYTES => free.small.push(bytes),
            length if length == self.large_bytes => free.large.push(bytes),
            length => free.bytes -= length,
        }
    }

    #[cfg(test)]
    pub(super) fn kept_bytes(&self) -> usize {
        self.free.lock().unwrap().bytes
    }
}

/// A buffer in use; goes back to its pool when dropped.
#[derive(Debug)]
pub(crate) struct Buffer {
    bytes: Box<[u8]>,
    length: usize,
    pool: Arc<BufferPool>,
}

impl Buffer {
    /// Shortens what counts as its content.
    pub(crate) fn truncate(&mut self, length: usize) {
        self.length = self.length.min(length);
    }

    /// The content as `Bytes`, not copied; the buffer goes back when the last slice of them is dropped.
    pub(crate) fn into_bytes(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl Deref for Buffer {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[..self.length]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.pool.give_back(std::mem::take(&mut self.bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_come_back_when_the_last_slice_is_dropped_and_no_more_are_kept_than_allowed() {
        let pool = BufferPool::new(256 << 10, 300 << 10);
        let mut large = pool.take(100 << 10);
        large[0] = 7;
        large.truncate(10);
        let bytes = large.into_bytes();
        let slice = bytes.slice(0..1);
        drop(bytes);
        assert_eq!((slice[0], slice.len(), pool.kept_bytes()), (7, 1, 0));
        drop(slice);
        assert_eq!(pool.kept_bytes(), 256 << 10);
        let two = (pool.take(1), pool.take(256 << 10));
        assert_eq!((pool.kept_bytes(), two.0.len(), two.1.len()), (0, 1, 256 << 10));
        drop(two.0);
        drop(two.1);
        assert_eq!(pool.kept_bytes(), 64 << 10, "the large one was beyond the limit");
        drop(pool.take(1 << 20));
        assert_eq!(pool.kept_bytes(), 64 << 10, "an odd length is not kept");
    }
}
