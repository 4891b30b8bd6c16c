//! Bit-rounding of elements before they are encoded.

use bytes::Bytes;
use model::{DataType, Variable};
use zarr::bitround;
use zarr::decoded::Encoding;

/// How the elements of a variable are rounded: bits to keep, and what stands for missing values.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Rounding {
    Singles(u8, Vec<f32>),
    Doubles(u8, Vec<f64>),
}

impl Rounding {
    /// That of a variable; none where its elements stay as they are.
    pub(super) fn new(variable: &Variable, encoding: &Encoding) -> Option<Self> {
        let keepbits = encoding.keepbits(variable)?;
        let marks = engine::encoding::marks(variable)?;
        Some(match variable.data_type {
            DataType::F64 => Self::Doubles(keepbits, marks),
            _ => Self::Singles(keepbits, marks.into_iter().map(|mark| mark as f32).collect()),
        })
    }

    /// Rounds little-endian elements.
    pub(super) fn round(&self, elements: Bytes) -> Bytes {
        let mut elements = elements.try_into_mut().unwrap_or_else(|shared| (&shared[..]).into());
        match self {
            Self::Singles(keepbits, marks) => bitround::round_singles(&mut elements, *keepbits, marks),
            Self::Doubles(keepbits, marks) => bitround::round_doubles(&mut elements, *keepbits, marks),
        }
        elements.freeze()
    }
}
