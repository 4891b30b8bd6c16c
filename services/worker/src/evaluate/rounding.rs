//! Bit-rounding of elements before they are encoded.

use bytes::Bytes;
use model::{AttributeValue, DataType, Numbers, Variable};
use zarr::bitround;
use zarr::decoded::Encoding;

/// How the elements of a variable are rounded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rounding {
    keepbits: u8,
    is_double: bool,
    /// Bits of the numbers that stand for missing values.
    kept: [u64; 2],
}

impl Rounding {
    /// That of a variable; none where its elements stay as they are.
    pub(super) fn new(variable: &Variable, encoding: &Encoding) -> Option<Self> {
        let keepbits = encoding.keepbits(variable)?;
        let is_double = variable.data_type == DataType::F64;
        let fill = variable.fill_value.as_deref().and_then(bits);
        let mut kept = [fill.unwrap_or(0); 2];
        for (place, name) in kept.iter_mut().zip(["_FillValue", "missing_value"]) {
            *place = variable.attributes.get(name).and_then(one_number).unwrap_or(*place);
        }
        Some(Self { keepbits, is_double, kept })
    }

    /// Rounds little-endian elements.
    pub(super) fn round(self, elements: Bytes) -> Bytes {
        let mut elements = elements.try_into_mut().unwrap_or_else(|shared| (&shared[..]).into());
        if self.is_double {
            bitround::round_doubles(&mut elements, self.keepbits, self.kept);
        } else {
            bitround::round_singles(&mut elements, self.keepbits, self.kept.map(|bits| bits as u32));
        }
        elements.freeze()
    }
}

/// Bits of a little-endian element.
fn bits(element: &[u8]) -> Option<u64> {
    let mut word = [0; 8];
    word.get_mut(..element.len())?.copy_from_slice(element);
    Some(u64::from_le_bytes(word))
}

fn one_number(value: &AttributeValue) -> Option<u64> {
    match value {
        AttributeValue::Numbers(numbers @ (Numbers::F32(_) | Numbers::F64(_))) if numbers.len() == 1 => {
            bits(&numbers.to_le_bytes())
        }
        _ => None,
    }
}
