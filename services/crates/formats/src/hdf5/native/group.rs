//! Objects, and the links of groups to them.
#![expect(unsafe_code, reason = "calls into the C library libhdf5")]

use std::{
    ffi::{CStr, CString, c_char, c_int, c_void},
    mem::MaybeUninit,
    ptr,
};

use hdf5_metno_sys::{
    h5::{H5_INDEX_CRT_ORDER, H5_INDEX_NAME, H5_ITER_INC},
    h5a::{H5A_info_t, H5Aiterate2, H5Aopen},
    h5g::H5Gget_create_plist,
    h5i::hid_t,
    h5l::{H5L_info2_t, H5Lget_val, H5Literate2},
    h5o::{H5O_INFO_BASIC, H5O_info2_t, H5Oget_info3, H5Oopen},
    h5p::{H5P_CRT_ORDER_TRACKED, H5Pget_link_creation_order},
};

use super::{
    Attribute, Fault,
    handle::{DEFAULT, Handle, check},
};

/// Most links of one group, and most attributes of one object, that are looked at.
const ENTRIES_MAX: usize = 1_000_000;
/// Longest target of a soft link, in bytes.
const TARGET_MAX: usize = 64 << 10;

/// Where an object is in its file: equal for two links to one object.
pub(in super::super) type Token = u64;

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum ObjectKind {
    Group,
    Dataset,
    /// A committed datatype, or a kind of a later format.
    Other,
}

/// What a link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum LinkKind {
    Hard,
    Soft,
    External,
    /// A class that an application defined.
    UserDefined,
}

/// A link in a group.
pub(in super::super) struct Link {
    /// Its name, as bytes of the file.
    pub(in super::super) name: CString,
    /// What it is.
    pub(in super::super) kind: LinkKind,
}

/// An open object.
pub(in super::super) struct Object {
    pub(super) handle: Handle,
    /// What it is.
    pub(in super::super) kind: ObjectKind,
    /// Where it is.
    pub(in super::super) token: Token,
    /// Which open file it is in: links may lead out of the first.
    pub(in super::super) file: u64,
}

impl Object {
    pub(super) fn new(handle: Handle) -> Result<Self, Fault> {
        let mut info = MaybeUninit::<H5O_info2_t>::zeroed();
        // SAFETY: the structure is the one that the function fills; its kind is read as an integer, and its token
        // is sixteen plain bytes, the first eight of which are the address in files of the native format.
        unsafe {
            check(H5Oget_info3(handle.id(), info.as_mut_ptr(), H5O_INFO_BASIC), "H5Oget_info3")?;
            let kind = match (&raw const (*info.as_ptr()).type_).cast::<c_int>().read() {
                0 => ObjectKind::Group,
                1 => ObjectKind::Dataset,
                _ => ObjectKind::Other,
            };
            let token = (&raw const (*info.as_ptr()).token).cast::<[u8; 8]>().read();
            let file = (&raw const (*info.as_ptr()).fileno).read();
            Ok(Self { handle, kind, token: u64::from_le_bytes(token), file })
        }
    }

    /// Opens what a link of this group leads to.
    pub(in super::super) fn open(&self, name: &CStr) -> Result<Self, Fault> {
        // SAFETY: the group is open; the name is a C string.
        let id = unsafe { H5Oopen(self.handle.id(), name.as_ptr(), DEFAULT) };
        Self::new(Handle::new(id, "H5Oopen")?)
    }

    /// The links of this group: in order of creation where the file tracks it, by name where not.
    pub(in super::super) fn links(&self) -> Result<Vec<Link>, Fault> {
        let mut links = Vec::new();
        // SAFETY: the group is open; `gather_link` gets the list that it is written for, alive during the call.
        unsafe {
            let mut flags = 0;
            let list = Handle::new(H5Gget_create_plist(self.handle.id()), "H5Gget_create_plist")?;
            check(H5Pget_link_creation_order(list.id(), &raw mut flags), "H5Pget_link_creation_order")?;
            let tracked = flags & H5P_CRT_ORDER_TRACKED != 0;
            let index = if tracked { H5_INDEX_CRT_ORDER } else { H5_INDEX_NAME };
            let found = (&raw mut links).cast();
            let status =
                H5Literate2(self.handle.id(), index, H5_ITER_INC, ptr::null_mut(), Some(gather_link), found);
            check(status, "H5Literate2")?;
        }
        Ok(links)
    }

    /// Where a soft link leads, as text.
    pub(in super::super) fn soft_target(&self, link: &Link) -> Result<String, Fault> {
        let mut target = vec![0_u8; TARGET_MAX];
        // SAFETY: the group is open, the name a C string, the buffer as long as said.
        unsafe {
            let status = H5Lget_val(
                self.handle.id(),
                link.name.as_ptr(),
                target.as_mut_ptr().cast(),
                target.len(),
                DEFAULT,
            );
            check(status, "H5Lget_val")?;
        }
        let end = target.iter().position(|&byte| byte == 0).unwrap_or(target.len());
        Ok(String::from_utf8_lossy(&target[..end]).into_owned())
    }

    /// The names of this object's attributes, in order of creation where the file can tell.
    pub(in super::super) fn attribute_names(&self) -> Result<Vec<CString>, Fault> {
        let mut result = Ok(Vec::new());
        for index in [H5_INDEX_CRT_ORDER, H5_INDEX_NAME] {
            let mut names = Vec::<CString>::new();
            // SAFETY: the object is open; `gather_name` gets the list it is written for, alive during the call.
            let status = unsafe {
                H5Aiterate2(
                    self.handle.id(),
                    index,
                    H5_ITER_INC,
                    ptr::null_mut(),
                    Some(gather_name),
                    (&raw mut names).cast(),
                )
            };
            result = check(status, "H5Aiterate2").map(|_| names);
            if result.is_ok() {
                break;
            }
        }
        result
    }

    /// Opens an attribute.
    pub(in super::super) fn attribute(&self, name: &CStr) -> Result<Attribute, Fault> {
        // SAFETY: the object is open; the name is a C string.
        let id = unsafe { H5Aopen(self.handle.id(), name.as_ptr(), DEFAULT) };
        Attribute::new(Handle::new(id, "H5Aopen")?)
    }
}

unsafe extern "C" fn gather_link(
    _: hid_t,
    name: *const c_char,
    info: *const H5L_info2_t,
    found: *mut c_void,
) -> c_int {
    // SAFETY: the library gives a C string and its information; `found` is the list of `links`.
    unsafe {
        let found = &mut *found.cast::<Vec<Link>>();
        let kind = match (&raw const (*info).type_).cast::<c_int>().read() {
            0 => LinkKind::Hard,
            1 => LinkKind::Soft,
            64 => LinkKind::External,
            _ => LinkKind::UserDefined,
        };
        found.push(Link { name: CStr::from_ptr(name).to_owned(), kind });
        if found.len() < ENTRIES_MAX { 0 } else { -1 }
    }
}

unsafe extern "C" fn gather_name(
    _: hid_t,
    name: *const c_char,
    _: *const H5A_info_t,
    found: *mut c_void,
) -> c_int {
    // SAFETY: the library gives a C string; `found` is the list of `attribute_names`.
    unsafe {
        let found = &mut *found.cast::<Vec<CString>>();
        found.push(CStr::from_ptr(name).to_owned());
        if found.len() < ENTRIES_MAX { 0 } else { -1 }
    }
}
