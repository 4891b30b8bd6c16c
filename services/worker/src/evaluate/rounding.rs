//! Bit-rounding of elements before they are encoded.

use bytes::Bytes;
use model::{DataType, Error, Result, Variable};
use views::compute;
use views::steps::ErrorBound;
use zarr::bitround;
use zarr::decoded::Encoding;

/// How the elements of a variable are rounded: bits to keep, and what stands for missing values.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Rounding {
    Singles(u8, Vec<f32>),
    Doubles(u8, Vec<f64>),
    /// As coarsely as a bound of the error allows.
    Bound(ErrorBound, DataType, Vec<f64>),
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

    /// That of a variable whose numbers may have an error; none where it has no floats.
    pub(super) fn within(bound: ErrorBound, variable: &Variable) -> Option<Self> {
        let marks = engine::encoding::marks(variable)?;
        let is_float = matches!(variable.data_type, DataType::F32 | DataType::F64);
        is_float.then_some(Self::Bound(bound, variable.data_type, marks))
    }

    /// Rounds little-endian elements.
    pub(super) fn round(&self, elements: Bytes) -> Result<Bytes> {
        if let Self::Bound(bound, data_type, marks) = self {
            let rounded = compute::bound::round(*bound, *data_type, &elements, marks);
            return rounded.map(|rounded| rounded.elements.into()).map_err(Error::internal);
        }
        let mut elements = elements.try_into_mut().unwrap_or_else(|shared| (&shared[..]).into());
        match self {
            Self::Singles(keepbits, marks) => bitround::round_singles(&mut elements, *keepbits, marks),
            Self::Doubles(keepbits, marks) => bitround::round_doubles(&mut elements, *keepbits, marks),
            Self::Bound(..) => {}
        }
        Ok(elements.freeze())
    }
}
