//! Datasets: how they are stored, and their values.
#![expect(unsafe_code, reason = "calls into the C library libhdf5")]

use std::{
    ffi::{c_char, c_int, c_uint, c_void},
    ptr,
};

use hdf5_metno_sys::{
    h5d::{
        H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS, H5D_FILL_VALUE_ERROR, H5Dchunk_iter, H5Dget_create_plist,
        H5Dget_offset, H5Dget_space, H5Dget_storage_size, H5Dget_type, H5Dread,
    },
    h5i::hid_t,
    h5p::{
        H5P_CLS_DATASET_XFER, H5Pcreate, H5Pfill_value_defined, H5Pget_chunk, H5Pget_chunk_opts,
        H5Pget_external_count, H5Pget_fill_value, H5Pget_filter2, H5Pget_layout, H5Pget_nfilters,
        H5Pset_vlen_mem_manager,
    },
    h5z::H5Zfilter_avail,
};

use super::{
    Datatype, Extent, Fault, Object,
    arena::{Arena, allocate, free},
    handle::{DEFAULT, Handle, check},
    text,
};

/// An open dataset.
pub(in super::super) struct Dataset {
    object: Object,
    creation: Handle,
    /// Type of its elements.
    pub(in super::super) datatype: Datatype,
    /// Its extent.
    pub(in super::super) extent: Extent,
}

/// How a dataset is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum StoredLayout {
    /// In its header.
    Compact,
    /// In one piece.
    Contiguous,
    /// In other files, raw.
    External,
    /// In chunks of this shape.
    Chunked(Vec<u64>),
    /// Made of parts of other datasets.
    Virtual,
}

/// The place of a contiguous dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Allocation {
    /// First byte in the file.
    pub(in super::super) offset: u64,
    /// Number of bytes.
    pub(in super::super) size: u64,
}

/// A filter of a pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Filter {
    /// Its registered number.
    pub(in super::super) id: i32,
    /// Its name in the file; may be empty.
    pub(in super::super) name: String,
    /// Its parameters (`cd_values`).
    pub(in super::super) parameters: Vec<u32>,
    /// Whether this build of the library has it.
    pub(in super::super) available: bool,
}

/// A chunk that is in the file.
pub(in super::super) struct StoredChunk<'a> {
    /// Its first element.
    pub(in super::super) origin: &'a [u64],
    /// Bit n is set where filter n was left out.
    pub(in super::super) filter_mask: u32,
    /// First byte in the file.
    pub(in super::super) offset: u64,
    /// Number of bytes.
    pub(in super::super) size: u64,
}

impl Dataset {
    /// Takes over an object that is a dataset.
    pub(in super::super) fn new(object: Object) -> Result<Self, Fault> {
        // SAFETY: the object is open.
        unsafe {
            let id = object.handle.id();
            let space = Handle::new(H5Dget_space(id), "H5Dget_space")?;
            let datatype = Datatype { handle: Handle::new(H5Dget_type(id), "H5Dget_type")? };
            let creation = Handle::new(H5Dget_create_plist(id), "H5Dget_create_plist")?;
            let extent = Extent::of(&space)?;
            Ok(Self { object, creation, datatype, extent })
        }
    }

    /// The object, for its attributes.
    pub(in super::super) fn object(&self) -> &Object {
        &self.object
    }

    /// How it is stored.
    pub(in super::super) fn layout(&self) -> Result<StoredLayout, Fault> {
        // SAFETY: the list is open; the buffer has room for as many dimensions as the format allows.
        unsafe {
            Ok(match check(H5Pget_layout(self.creation.id()) as c_int, "H5Pget_layout")? {
                0 => StoredLayout::Compact,
                1 if H5Pget_external_count(self.creation.id()) > 0 => StoredLayout::External,
                1 => StoredLayout::Contiguous,
                2 => {
                    let mut shape = [0; 33];
                    let rank = H5Pget_chunk(self.creation.id(), 33, shape.as_mut_ptr());
                    let rank = check(rank, "H5Pget_chunk")?.clamp(0, 33);
                    StoredLayout::Chunked(shape[..rank as usize].to_vec())
                }
                _ => StoredLayout::Virtual,
            })
        }
    }

    /// Where a contiguous dataset is; none where no space was given to it.
    pub(in super::super) fn allocation(&self) -> Option<Allocation> {
        // SAFETY: the dataset is open.
        let (offset, size) =
            unsafe { (H5Dget_offset(self.object.handle.id()), H5Dget_storage_size(self.object.handle.id())) };
        (offset != u64::MAX).then_some(Allocation { offset, size })
    }

    /// Whether chunks that reach over the extent are stored without filters.
    pub(in super::super) fn leaves_edge_chunks_unfiltered(&self) -> bool {
        let mut options = 0;
        // SAFETY: the list is open.
        let status = unsafe { H5Pget_chunk_opts(self.creation.id(), &raw mut options) };
        status >= 0 && options & H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS != 0
    }

    /// Its filters, in the order of encoding.
    pub(in super::super) fn filters(&self) -> Result<Vec<Filter>, Fault> {
        // SAFETY: the list is open; the buffers are as long as said, and the library says how much it would need.
        unsafe {
            let count = check(H5Pget_nfilters(self.creation.id()), "H5Pget_nfilters")?;
            (0..count as c_uint)
                .map(|at| {
                    let (mut flags, mut configuration) = (0, 0);
                    let mut parameters = [0; 256];
                    let mut parameter_count = parameters.len();
                    let mut name = [0_u8; 256];
                    let id = H5Pget_filter2(
                        self.creation.id(),
                        at,
                        &raw mut flags,
                        &raw mut parameter_count,
                        parameters.as_mut_ptr(),
                        name.len() - 1,
                        name.as_mut_ptr().cast(),
                        &raw mut configuration,
                    );
                    let id = check(id, "H5Pget_filter2")?;
                    let end = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
                    Ok(Filter {
                        id,
                        name: String::from_utf8_lossy(&name[..end]).into_owned(),
                        parameters: parameters[..parameter_count.min(256)].to_vec(),
                        available: H5Zfilter_avail(id) > 0,
                    })
                })
                .collect()
        }
    }

    /// What its elements are where nothing was written, in the byte order of the file; none where undefined.
    pub(in super::super) fn fill_value(&self) -> Result<Option<Vec<u8>>, Fault> {
        let mut state = H5D_FILL_VALUE_ERROR;
        let mut value = vec![0_u8; self.datatype.size()];
        // SAFETY: the list and the type are open; the buffer holds one element. The state is one of the library's
        // own constants, never a number of the file.
        unsafe {
            check(H5Pfill_value_defined(self.creation.id(), &raw mut state), "H5Pfill_value_defined")?;
            if state as c_int == 0 {
                return Ok(None);
            }
            let status =
                H5Pget_fill_value(self.creation.id(), self.datatype.handle.id(), value.as_mut_ptr().cast());
            check(status, "H5Pget_fill_value")?;
        }
        Ok(Some(value))
    }

    /// Calls `visit` for each stored chunk, in the order of the index: `false` ends it early. One walk of the
    /// index, where asking for chunks by number would walk it once for each.
    pub(in super::super) fn visit_chunks(
        &self,
        rank: usize,
        visit: &mut dyn FnMut(StoredChunk<'_>) -> bool,
    ) -> Result<(), Fault> {
        struct Visitor<'a> {
            rank: usize,
            visit: &'a mut dyn FnMut(StoredChunk<'_>) -> bool,
        }
        unsafe extern "C" fn relay(
            origin: *const u64,
            filter_mask: c_uint,
            offset: u64,
            size: u64,
            visitor: *mut c_void,
        ) -> c_int {
            // SAFETY: the library gives one number a dimension; `visitor` is the one below.
            unsafe {
                let visitor = &mut *visitor.cast::<Visitor<'_>>();
                let origin = std::slice::from_raw_parts(origin, visitor.rank);
                let chunk = StoredChunk { origin, filter_mask, offset, size };
                c_int::from(!(visitor.visit)(chunk))
            }
        }
        let mut visitor = Visitor { rank, visit };
        // SAFETY: the dataset is open; `relay` gets the visitor that it is written for, alive during the call.
        let status = unsafe {
            let data = (&raw mut visitor).cast();
            H5Dchunk_iter(self.object.handle.id(), DEFAULT, Some(relay), data)
        };
        check(status, "H5Dchunk_iter").map(drop)
    }

    /// All its elements as they are in the file: for types without variable-length parts alone.
    /// The caller has bounded the number of elements.
    pub(in super::super) fn read_bytes(&self, element_count: usize) -> Result<Vec<u8>, Fault> {
        let mut bytes = vec![0_u8; element_count * self.datatype.size()];
        self.read_into(element_count, bytes.as_mut_ptr().cast(), DEFAULT).map(|()| bytes)
    }

    /// All its elements, if they are texts of variable length: a failure where they take more than `bytes_max`.
    pub(in super::super) fn read_texts(
        &self,
        element_count: usize,
        bytes_max: usize,
    ) -> Result<Vec<Vec<u8>>, Fault> {
        let mut arena = Arena::new(bytes_max);
        let mut pointers = vec![ptr::null_mut::<c_char>(); element_count];
        // SAFETY: in memory such an element is a pointer, into the arena, which outlives the copies. The library is
        // open, so its property list classes are set; `allocate` and `free` get the arena that they are written for.
        unsafe {
            let transfer = Handle::new(H5Pcreate(*H5P_CLS_DATASET_XFER), "H5Pcreate")?;
            let info = (&raw mut arena).cast();
            let status = H5Pset_vlen_mem_manager(transfer.id(), Some(allocate), info, Some(free), info);
            check(status, "H5Pset_vlen_mem_manager")?;
            self.read_into(element_count, pointers.as_mut_ptr().cast(), transfer.id())?;
        }
        Ok(text::copy(&pointers))
    }

    /// Reads all elements in the dataset's own type into a buffer that the callers made for that many.
    fn read_into(&self, element_count: usize, buffer: *mut c_void, transfer: hid_t) -> Result<(), Fault> {
        let whole = self.extent.element_count() == Some(element_count as u64);
        if !whole {
            return Err(Fault { operation: "H5Dread", detail: "not the number of its elements".into() });
        }
        // SAFETY: the buffer holds all elements, as just checked, in the type that is asked for.
        let status = unsafe {
            H5Dread(self.object.handle.id(), self.datatype.handle.id(), DEFAULT, DEFAULT, transfer, buffer)
        };
        check(status, "H5Dread").map(drop)
    }
}
