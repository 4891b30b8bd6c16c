//! Single numbers of netCDF's types, and elements as bytes.

#![expect(
    clippy::cast_lossless,
    clippy::float_cmp,
    reason = "one macro for all types; a cast is checked by casting back, to the last bit"
)]

use half::f16;
use model::DataType;

use super::promotion;

/// One number of an attribute, with its type.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Number {
    /// Of a signed type.
    Signed(i64, DataType),
    /// Of an unsigned type.
    Unsigned(u64, DataType),
    F32(f32),
    F64(f64),
}

impl Number {
    pub(crate) fn data_type(self) -> DataType {
        match self {
            Self::Signed(_, data_type) | Self::Unsigned(_, data_type) => data_type,
            Self::F32(_) => DataType::F32,
            Self::F64(_) => DataType::F64,
        }
    }

    pub(crate) fn is_float(self) -> bool {
        matches!(self, Self::F32(_) | Self::F64(_))
    }

    pub(crate) fn is_nan(self) -> bool {
        self.to_f64().is_nan()
    }

    /// As numpy casts it.
    pub(crate) fn to_f64(self) -> f64 {
        match self {
            Self::Signed(number, _) => number as f64,
            Self::Unsigned(number, _) => number as f64,
            Self::F32(number) => f64::from(number),
            Self::F64(number) => number,
        }
    }

    /// The same bits as another type of integers reads them.
    pub(crate) fn reinterpreted(self, data_type: DataType) -> Self {
        let bits = match self {
            Self::Signed(number, _) => number as u64,
            Self::Unsigned(number, _) => number,
            float => return float,
        };
        let shift = 64 - 8 * data_type.size().unwrap_or(8).clamp(1, 8) as u32;
        if promotion::is_signed(data_type) {
            Self::Signed(((bits << shift) as i64) >> shift, data_type)
        } else {
            Self::Unsigned((bits << shift) >> shift, data_type)
        }
    }
}

/// A number as one little-endian element; none where the type does not hold exactly that number.
pub(crate) fn encode(number: Number, data_type: DataType) -> Option<Vec<u8>> {
    let size = data_type.size()?;
    match data_type {
        DataType::F32 => {
            let single = number.to_f64() as f32;
            let is_exact = single.is_nan() || f64::from(single) == number.to_f64();
            (is_exact).then(|| single.to_le_bytes().to_vec())
        }
        DataType::F64 => Some(number.to_f64().to_le_bytes().to_vec()),
        // The one number that is needed of this type.
        DataType::F16 => number.is_nan().then(|| 0x7e00_u16.to_le_bytes().to_vec()),
        _ if data_type.is_numeric() => {
            let whole = match number {
                Number::Signed(number, _) => i128::from(number),
                Number::Unsigned(number, _) => i128::from(number),
                float => {
                    let float = float.to_f64();
                    Some(float as i128).filter(|whole| *whole as f64 == float && float.abs() < 1e19)?
                }
            };
            let bits = 8 * size as u32;
            let range = if promotion::is_signed(data_type) {
                -(1 << (bits - 1))..1 << (bits - 1)
            } else {
                0..1 << bits
            };
            range.contains(&whole).then(|| whole.to_le_bytes()[..size].to_vec())
        }
        _ => None,
    }
}

/// A number type that elements have in memory.
pub(crate) trait Element: Copy {
    const SIZE: usize;
    fn from_le(bytes: &[u8]) -> Self;
    fn to_f32(self) -> f32;
    fn to_f64(self) -> f64;
    /// As a wider integer; of floats never asked for.
    fn to_i128(self) -> i128;
}

macro_rules! element {
    ($($type:ty),*) => {$(
        impl Element for $type {
            const SIZE: usize = size_of::<$type>();

            fn from_le(bytes: &[u8]) -> Self {
                let mut word = [0; size_of::<$type>()];
                word.copy_from_slice(bytes);
                Self::from_le_bytes(word)
            }

            fn to_f32(self) -> f32 {
                self as f32
            }

            fn to_f64(self) -> f64 {
                self as f64
            }

            fn to_i128(self) -> i128 {
                self as i128
            }
        }
    )*};
}

element!(i8, i16, i32, i64, u8, u16, u32, u64, f32, f64);

impl Element for f16 {
    const SIZE: usize = size_of::<f16>();

    fn from_le(bytes: &[u8]) -> Self {
        let mut word = [0; size_of::<f16>()];
        word.copy_from_slice(bytes);
        Self::from_le_bytes(word)
    }

    fn to_f32(self) -> f32 {
        self.to_f32()
    }

    fn to_f64(self) -> f64 {
        self.to_f64()
    }

    fn to_i128(self) -> i128 {
        self.to_f64() as i128
    }
}
