//! Opening a file.
#![expect(unsafe_code, reason = "calls into the C library libhdf5")]

use std::{ffi::CString, os::unix::ffi::OsStrExt, path::Path};

use hdf5_metno_sys::{
    h5f::{H5F_ACC_RDONLY, H5Fopen},
    h5g::H5Gopen2,
    h5p::{H5P_CLS_FILE_ACCESS, H5Pcreate, H5Pset_file_locking},
};

use super::{
    Fault, Library, Object,
    handle::{DEFAULT, Handle, check},
};

/// An open file.
pub(in super::super) struct File {
    handle: Handle,
}

impl File {
    /// Opens a file for reading, without locks: parallel filesystems are often mounted without them, and a change
    /// during the scan is noticed by the file's identity.
    pub(in super::super) fn open(_library: &Library, path: &Path) -> Result<Self, Fault> {
        let name = CString::new(path.as_os_str().as_bytes())
            .map_err(|_| Fault { operation: "H5Fopen", detail: "the path has a NUL".into() })?;
        // SAFETY: the library is open, so its property list classes are set; the name is a C string.
        unsafe {
            let access = Handle::new(H5Pcreate(*H5P_CLS_FILE_ACCESS), "H5Pcreate")?;
            check(H5Pset_file_locking(access.id(), 0, 1), "H5Pset_file_locking")?;
            let handle = Handle::new(H5Fopen(name.as_ptr(), H5F_ACC_RDONLY, access.id()), "H5Fopen")?;
            Ok(Self { handle })
        }
    }

    /// The root group.
    pub(in super::super) fn root(&self) -> Result<Object, Fault> {
        // SAFETY: the file is open; the name is a C string.
        let id = unsafe { H5Gopen2(self.handle.id(), c"/".as_ptr(), DEFAULT) };
        Object::new(Handle::new(id, "H5Gopen2")?)
    }
}
