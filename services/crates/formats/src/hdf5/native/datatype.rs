//! Datatypes.
#![expect(unsafe_code, reason = "calls into the C library libhdf5")]

use std::ffi::{c_int, c_uint};

use hdf5_metno_sys::h5t::{
    H5Tget_class, H5Tget_ebias, H5Tget_fields, H5Tget_member_name, H5Tget_member_value, H5Tget_nmembers,
    H5Tget_norm, H5Tget_offset, H5Tget_order, H5Tget_precision, H5Tget_sign, H5Tget_size, H5Tget_strpad,
    H5Tget_super, H5Tis_variable_str,
};

use super::{
    Fault,
    handle::{Handle, check},
    text,
};

/// Most members of an enumeration that are looked at.
const MEMBERS_MAX: i32 = 65_536;

/// The class of a datatype (`H5T_class_t`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Class {
    Integer,
    Float,
    Time,
    Text,
    Bitfield,
    Opaque,
    Compound,
    Reference,
    Enumeration,
    VariableLength,
    Array,
    Complex,
    Unknown,
}

/// A datatype.
pub(in super::super) struct Datatype {
    pub(super) handle: Handle,
}

/// Where the parts of a float are, in bits (`H5Tget_fields`).
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) struct FloatFields {
    /// Places of sign, exponent, length of the exponent, place of the mantissa, its length.
    pub(in super::super) fields: [usize; 5],
    /// Exponent of one.
    pub(in super::super) bias: usize,
    /// Whether the mantissa's first bit is implied.
    pub(in super::super) implied: bool,
}

impl Datatype {
    /// Its class.
    pub(in super::super) fn class(&self) -> Class {
        // SAFETY: the datatype is open.
        match unsafe { H5Tget_class(self.handle.id()) as c_int } {
            0 => Class::Integer,
            1 => Class::Float,
            2 => Class::Time,
            3 => Class::Text,
            4 => Class::Bitfield,
            5 => Class::Opaque,
            6 => Class::Compound,
            7 => Class::Reference,
            8 => Class::Enumeration,
            9 => Class::VariableLength,
            10 => Class::Array,
            11 => Class::Complex,
            _ => Class::Unknown,
        }
    }

    /// Bytes an element; of variable-length ones, of their place in memory.
    pub(in super::super) fn size(&self) -> usize {
        // SAFETY: the datatype is open.
        unsafe { H5Tget_size(self.handle.id()) }
    }

    /// Whether all its bits are in use.
    pub(in super::super) fn has_full_precision(&self) -> bool {
        // SAFETY: the datatype is open.
        unsafe {
            H5Tget_precision(self.handle.id()) == self.size().saturating_mul(8)
                && H5Tget_offset(self.handle.id()) == 0
        }
    }

    /// Whether the first byte is the most significant; none for orders that are neither.
    pub(in super::super) fn is_big_endian(&self) -> Option<bool> {
        // SAFETY: the datatype is open.
        match unsafe { H5Tget_order(self.handle.id()) as c_int } {
            0 | 4 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    /// Whether an integer has a sign.
    pub(in super::super) fn is_signed(&self) -> bool {
        // SAFETY: the datatype is open.
        unsafe { H5Tget_sign(self.handle.id()) as c_int == 1 }
    }

    /// Whether it is a text of variable length.
    pub(in super::super) fn is_variable_text(&self) -> bool {
        // SAFETY: the datatype is open.
        unsafe { H5Tis_variable_str(self.handle.id()) > 0 }
    }

    /// Whether a text ends at its first NUL.
    pub(in super::super) fn ends_at_nul(&self) -> bool {
        // SAFETY: the datatype is open.
        unsafe { H5Tget_strpad(self.handle.id()) as c_int == 0 }
    }

    /// The parts of a float.
    pub(in super::super) fn float_fields(&self) -> Result<FloatFields, Fault> {
        let mut fields = [0; 5];
        let [sign, exponent, exponent_size, mantissa, mantissa_size] = &mut fields;
        // SAFETY: the datatype is open; the five numbers are ours.
        unsafe {
            let status =
                H5Tget_fields(self.handle.id(), sign, exponent, exponent_size, mantissa, mantissa_size);
            check(status, "H5Tget_fields")?;
            let bias = H5Tget_ebias(self.handle.id());
            let implied = H5Tget_norm(self.handle.id()) as c_int == 0;
            Ok(FloatFields { fields, bias, implied })
        }
    }

    /// What an enumeration, array or variable-length type is made of.
    pub(in super::super) fn base(&self) -> Result<Self, Fault> {
        // SAFETY: the datatype is open.
        let id = unsafe { H5Tget_super(self.handle.id()) };
        Ok(Self { handle: Handle::new(id, "H5Tget_super")? })
    }

    /// Names and values of an enumeration, the values in the byte order of the file.
    pub(in super::super) fn members(&self) -> Result<Vec<(String, Vec<u8>)>, Fault> {
        // SAFETY: the datatype is an open enumeration, each value of which is as long as the type.
        unsafe {
            let count = check(H5Tget_nmembers(self.handle.id()), "H5Tget_nmembers")?.min(MEMBERS_MAX);
            (0..count as c_uint)
                .map(|at| {
                    let name = text::take(H5Tget_member_name(self.handle.id(), at));
                    let mut value = vec![0_u8; self.size()];
                    let status = H5Tget_member_value(self.handle.id(), at, value.as_mut_ptr().cast());
                    check(status, "H5Tget_member_value")?;
                    Ok((String::from_utf8_lossy(&name).into_owned(), value))
                })
                .collect()
        }
    }
}
