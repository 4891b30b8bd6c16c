//! Memory that the library asks for while it reads variable-length elements.
#![expect(unsafe_code, reason = "called by the C library libhdf5")]

use std::{ffi::c_void, ptr};

/// Memory of variable-length elements, given back all at once. Bounded, because many elements of a damaged file can
/// name one long piece. (`H5Dvlen_get_buf_size`, which would tell beforehand, crashes on empty texts.)
pub(super) struct Arena {
    buffers: Vec<Box<[u8]>>,
    left: usize,
}

impl Arena {
    /// One of at most `bytes_max`.
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { buffers: Vec::new(), left: bytes_max }
    }
}

/// Allocates in an arena (`H5MM_allocate_t`); null where it is full.
pub(super) unsafe extern "C" fn allocate(size: usize, arena: *mut c_void) -> *mut c_void {
    // SAFETY: `arena` is the one of `read_texts`.
    let arena = unsafe { &mut *arena.cast::<Arena>() };
    // What a buffer itself takes counts too, so that many empty texts are bounded as well.
    let Some(left) = arena.left.checked_sub(size.saturating_add(size_of::<Box<[u8]>>())) else {
        return ptr::null_mut();
    };
    arena.left = left;
    let mut buffer = vec![0_u8; size.max(1)].into_boxed_slice();
    let start = buffer.as_mut_ptr();
    arena.buffers.push(buffer);
    start.cast()
}

/// Frees nothing: the arena does (`H5MM_free_t`).
pub(super) unsafe extern "C" fn free(_: *mut c_void, _: *mut c_void) {}
