//! The format `application/vnd.cloudify.chunks`: what stands before the bytes of each key, and at the end.
//!
//! ```text
//! stream = frame* end
//! frame  = place (u32) status (u32) length (u64) bytes[length]
//! end    = 0xffffffff  200          0
//! ```
//! Integers are little-endian. `place` is that of the key in the request, from 0 on; each has one frame, in any order.
//! `status` is what a GET of the key alone has. With 200 the bytes are what it answers with; with any other they are a
//! problem as JSON (RFC 9457), whose `retry_after` has the seconds of the header of that name. A stream that ends without
//! `end` was broken off, and what came of a frame begun is no part of anything.

use engine::ports::StoredBytes;
use http::StatusCode;

use super::room::Held;

/// Length of a head, in bytes.
pub(super) const HEAD_BYTES: usize = 16;

/// The frame that says that all came.
pub(super) const END: [u8; HEAD_BYTES] = head(u32::MAX, 200, 0);

/// What there is of a key.
pub(super) struct Frame {
    /// Place of the key in the request.
    pub(super) place: usize,
    pub(super) status: StatusCode,
    pub(super) bytes: StoredBytes,
    pub(super) length: u64,
    pub(super) held: Held,
}

impl Frame {
    /// What stands before its bytes.
    pub(super) fn head(&self) -> [u8; HEAD_BYTES] {
        // A request has fewer keys by far.
        let place = u32::try_from(self.place).unwrap_or(u32::MAX - 1);
        head(place, u32::from(self.status.as_u16()), self.length)
    }
}

const fn head(place: u32, status: u32, length: u64) -> [u8; HEAD_BYTES] {
    let ([p0, p1, p2, p3], [s0, s1, s2, s3]) = (place.to_le_bytes(), status.to_le_bytes());
    let [l0, l1, l2, l3, l4, l5, l6, l7] = length.to_le_bytes();
    [p0, p1, p2, p3, s0, s1, s2, s3, l0, l1, l2, l3, l4, l5, l6, l7]
}
