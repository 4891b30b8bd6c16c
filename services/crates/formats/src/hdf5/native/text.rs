//! Texts that the library allocated.
#![expect(unsafe_code, reason = "reads C strings of libhdf5")]

use std::ffi::{CStr, c_char};

use hdf5_metno_sys::h5::H5free_memory;

/// Copies a C string of the library and gives it back; empty where null.
pub(super) fn take(text: *mut c_char) -> Vec<u8> {
    if text.is_null() {
        return Vec::new();
    }
    // SAFETY: the callers pass what a function of the library returned: a C string it allocated, freed once, here.
    unsafe {
        let bytes = CStr::from_ptr(text).to_bytes().to_vec();
        H5free_memory(text.cast());
        bytes
    }
}

/// Copies C strings that the library wrote into a buffer of pointers; null is empty.
pub(super) fn copy(texts: &[*mut c_char]) -> Vec<Vec<u8>> {
    let bytes = |text: &*mut c_char| {
        if text.is_null() {
            return Vec::new();
        }
        // SAFETY: the callers pass pointers that the library wrote, each null or a C string.
        unsafe { CStr::from_ptr(*text).to_bytes().to_vec() }
    };
    texts.iter().map(bytes).collect()
}
