//! The extent of a dataset or attribute.
#![expect(unsafe_code, reason = "calls into the C library libhdf5")]

use std::ffi::c_int;

use hdf5_metno_sys::h5s::{H5Sget_simple_extent_dims, H5Sget_simple_extent_ndims, H5Sget_simple_extent_type};

use super::{
    Fault,
    handle::{Handle, check},
};

/// How many dimensions the format allows (`H5S_MAX_RANK`).
const RANK_MAX: usize = 32;

/// An extent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Extent {
    /// No elements at all.
    Null,
    /// One element.
    Scalar,
    /// A lattice.
    Simple {
        /// Lengths, in elements.
        shape: Vec<u64>,
        /// Which of them can grow without limit.
        unlimited: Vec<bool>,
    },
}

impl Extent {
    /// Lengths, in elements: none for a scalar.
    pub(in super::super) fn shape(&self) -> &[u64] {
        match self {
            Self::Simple { shape, .. } => shape,
            Self::Null | Self::Scalar => &[],
        }
    }

    /// Number of elements; none where beyond 2^64.
    pub(in super::super) fn element_count(&self) -> Option<u64> {
        match self {
            Self::Null => Some(0),
            _ => self.shape().iter().try_fold(1_u64, |product, n| product.checked_mul(*n)),
        }
    }

    pub(super) fn of(space: &Handle) -> Result<Self, Fault> {
        // SAFETY: the space is open; the buffers have room for as many dimensions as the format allows.
        unsafe {
            let class = H5Sget_simple_extent_type(space.id()) as c_int;
            match check(class, "H5Sget_simple_extent_type")? {
                0 => return Ok(Self::Scalar),
                2 => return Ok(Self::Null),
                _ => {}
            }
            let rank = check(H5Sget_simple_extent_ndims(space.id()), "H5Sget_simple_extent_ndims")? as usize;
            if rank > RANK_MAX {
                return Err(Fault {
                    operation: "H5Sget_simple_extent_ndims",
                    detail: format!("rank {rank}"),
                });
            }
            let (mut shape, mut limits) = ([0; RANK_MAX], [0; RANK_MAX]);
            let status = H5Sget_simple_extent_dims(space.id(), shape.as_mut_ptr(), limits.as_mut_ptr());
            check(status, "H5Sget_simple_extent_dims")?;
            let unlimited = limits[..rank].iter().map(|&limit| limit == u64::MAX).collect();
            Ok(Self::Simple { shape: shape[..rank].to_vec(), unlimited })
        }
    }
}
