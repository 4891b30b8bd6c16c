//! Attributes.
#![expect(unsafe_code, reason = "calls into the C library libhdf5")]

use std::{ffi::c_char, ptr};

use hdf5_metno_sys::{
    h5a::{H5Aget_space, H5Aget_type, H5Aread},
    h5t::{H5Treclaim, hvl_t},
};

use super::{
    Datatype, Extent, Fault,
    handle::{DEFAULT, Handle, check},
    text,
};

/// An open attribute.
pub(in super::super) struct Attribute {
    handle: Handle,
    space: Handle,
    /// Its type.
    pub(in super::super) datatype: Datatype,
    /// Its extent.
    pub(in super::super) extent: Extent,
}

impl Attribute {
    pub(super) fn new(handle: Handle) -> Result<Self, Fault> {
        // SAFETY: the attribute is open.
        unsafe {
            let space = Handle::new(H5Aget_space(handle.id()), "H5Aget_space")?;
            let datatype = Datatype { handle: Handle::new(H5Aget_type(handle.id()), "H5Aget_type")? };
            let extent = Extent::of(&space)?;
            Ok(Self { handle, space, datatype, extent })
        }
    }

    /// Number of elements, if their places in memory take at most `bytes_max`.
    fn count(&self, bytes_max: usize) -> Result<usize, Fault> {
        let count = self.extent.element_count().and_then(|count| usize::try_from(count).ok());
        count
            .filter(|count| count.checked_mul(self.datatype.size()).is_some_and(|bytes| bytes <= bytes_max))
            .ok_or_else(|| Fault { operation: "H5Aread", detail: "the attribute is too large".into() })
    }

    /// Its elements as they are in the file: for types without variable-length parts alone.
    pub(in super::super) fn read_bytes(&self, bytes_max: usize) -> Result<Vec<u8>, Fault> {
        let mut bytes = vec![0_u8; self.count(bytes_max)? * self.datatype.size()];
        // SAFETY: the buffer holds all elements in the attribute's own type.
        unsafe {
            let status = H5Aread(self.handle.id(), self.datatype.handle.id(), bytes.as_mut_ptr().cast());
            check(status, "H5Aread")?;
        }
        Ok(bytes)
    }

    /// Its elements, if they are texts of variable length.
    pub(in super::super) fn read_texts(&self, bytes_max: usize) -> Result<Vec<Vec<u8>>, Fault> {
        let mut pointers = vec![ptr::null_mut::<c_char>(); self.count(bytes_max)?];
        // SAFETY: in memory such an element is a pointer; what the library allocated goes back to it.
        unsafe {
            let status = H5Aread(self.handle.id(), self.datatype.handle.id(), pointers.as_mut_ptr().cast());
            check(status, "H5Aread")?;
            let texts = text::copy(&pointers);
            H5Treclaim(self.datatype.handle.id(), self.space.id(), DEFAULT, pointers.as_mut_ptr().cast());
            Ok(texts)
        }
    }

    /// Its elements, if they are lists of object references (as in `DIMENSION_LIST`): addresses of objects.
    /// The caller has checked that the base type is a reference of eight bytes.
    pub(in super::super) fn read_reference_lists(&self, bytes_max: usize) -> Result<Vec<Vec<u64>>, Fault> {
        let empty = || hvl_t { len: 0, p: ptr::null_mut() };
        let mut lists: Vec<hvl_t> = (0..self.count(bytes_max)?).map(|_| empty()).collect();
        // SAFETY: in memory such an element is a length and a pointer to as many references, which need not be
        // aligned; what the library allocated goes back to it.
        unsafe {
            let status = H5Aread(self.handle.id(), self.datatype.handle.id(), lists.as_mut_ptr().cast());
            check(status, "H5Aread")?;
            let addresses = |list: &hvl_t| {
                let count = if list.p.is_null() { 0 } else { list.len };
                (0..count).map(|at| list.p.cast::<u64>().add(at).read_unaligned()).collect()
            };
            let found = lists.iter().map(addresses).collect();
            H5Treclaim(self.datatype.handle.id(), self.space.id(), DEFAULT, lists.as_mut_ptr().cast());
            Ok(found)
        }
    }
}
