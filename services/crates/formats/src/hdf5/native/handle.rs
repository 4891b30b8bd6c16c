//! The lock of the library, its object identifiers and its errors.
#![expect(unsafe_code, reason = "calls into the C library libhdf5")]

use std::{
    ffi::{CStr, c_uint, c_void},
    marker::PhantomData,
    ptr,
};

use hdf5_metno_sys::{
    LOCK,
    h5::{H5dont_atexit, H5open},
    h5e::{H5E_WALK_UPWARD, H5E_error2_t, H5Eset_auto2, H5Ewalk2},
    h5i::{H5Idec_ref, hid_t},
};

/// The default error stack (`H5E_DEFAULT`), the default property list (`H5P_DEFAULT`), all of a space (`H5S_ALL`).
pub(super) const DEFAULT: hid_t = 0;

/// A call into the library that failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{operation}: {detail}")]
pub(in super::super) struct Fault {
    /// The C function.
    pub(in super::super) operation: &'static str,
    /// What the library says.
    pub(in super::super) detail: String,
}

/// The library, locked for this thread.
pub(in super::super) struct Library {
    _not_send: PhantomData<*const ()>,
}

impl Library {
    /// Runs `work` with the library started, silent and locked.
    pub(in super::super) fn with<T>(work: impl FnOnce(&Self) -> T) -> T {
        let _guard = LOCK.lock();
        // SAFETY: under the lock. Both may be called any number of times; the error printer is a null function.
        unsafe {
            H5dont_atexit();
            H5open();
            H5Eset_auto2(DEFAULT, None, ptr::null_mut());
        }
        work(&Self { _not_send: PhantomData })
    }
}

/// An identifier of the library, given back when dropped.
pub(super) struct Handle {
    id: hid_t,
    _not_send: PhantomData<*const ()>,
}

impl Handle {
    /// Takes over an identifier that `operation` returned.
    pub(super) fn new(id: hid_t, operation: &'static str) -> Result<Self, Fault> {
        if id < 0 { Err(fault(operation)) } else { Ok(Self { id, _not_send: PhantomData }) }
    }

    /// The identifier.
    pub(super) fn id(&self) -> hid_t {
        self.id
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the identifier is ours, and valid until here.
        unsafe { H5Idec_ref(self.id) };
    }
}

/// Checks a status that `operation` returned: negative is a failure.
pub(super) fn check<T: Copy + Into<i64>>(status: T, operation: &'static str) -> Result<T, Fault> {
    if status.into() < 0 { Err(fault(operation)) } else { Ok(status) }
}

/// What the library's error stack says, the innermost call first.
fn fault(operation: &'static str) -> Fault {
    unsafe extern "C" fn gather(_: c_uint, error: *const H5E_error2_t, found: *mut c_void) -> i32 {
        // SAFETY: `found` is the list below; the library gives an error whose description is a C string or null.
        unsafe {
            let found = &mut *found.cast::<Vec<String>>();
            let description = (*error).desc;
            if !description.is_null() && found.len() < 16 {
                found.push(CStr::from_ptr(description).to_string_lossy().into_owned());
            }
        }
        0
    }
    let mut found = Vec::<String>::new();
    // SAFETY: `gather` gets the list that it is written for, alive during the call.
    unsafe { H5Ewalk2(DEFAULT, H5E_WALK_UPWARD, Some(gather), (&raw mut found).cast()) };
    found.dedup();
    let detail = if found.is_empty() { "no reason given".to_owned() } else { found.join(", so ") };
    Fault { operation, detail }
}
