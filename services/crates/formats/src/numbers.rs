//! Elements as they are in files, as numbers.

use model::{ByteOrder, DataType, Numbers};

/// Turns elements as they are in a file into little-endian ones.
pub(crate) fn to_little_endian(bytes: &mut [u8], data_type: DataType, byte_order: ByteOrder) {
    if byte_order == ByteOrder::Big && data_type.is_numeric() {
        let size = data_type.size().unwrap_or(1).max(1);
        bytes.chunks_exact_mut(size).for_each(<[u8]>::reverse);
    }
}

/// Little-endian elements as numbers; none for types that are not netCDF numbers.
pub(crate) fn numbers(bytes: &[u8], data_type: DataType) -> Option<Numbers> {
    fn each<const N: usize, T>(bytes: &[u8], number: impl Fn([u8; N]) -> T) -> Vec<T> {
        bytes.as_chunks::<N>().0.iter().map(|bytes| number(*bytes)).collect()
    }
    Some(match data_type {
        DataType::Bool | DataType::I8 => Numbers::I8(each(bytes, i8::from_le_bytes)),
        DataType::I16 => Numbers::I16(each(bytes, i16::from_le_bytes)),
        DataType::I32 => Numbers::I32(each(bytes, i32::from_le_bytes)),
        DataType::I64 => Numbers::I64(each(bytes, i64::from_le_bytes)),
        DataType::U8 => Numbers::U8(bytes.to_vec()),
        DataType::U16 => Numbers::U16(each(bytes, u16::from_le_bytes)),
        DataType::U32 => Numbers::U32(each(bytes, u32::from_le_bytes)),
        DataType::U64 => Numbers::U64(each(bytes, u64::from_le_bytes)),
        // No attribute type is as short: a single holds every half exactly.
        DataType::F16 => Numbers::F32(each(bytes, |half| single_of_half(u16::from_le_bytes(half)))),
        DataType::F32 => Numbers::F32(each(bytes, f32::from_le_bytes)),
        DataType::F64 => Numbers::F64(each(bytes, f64::from_le_bytes)),
        DataType::FixedText(_) | DataType::FixedUnicode(_) | DataType::Opaque(_) | DataType::Text => {
            return None;
        }
    })
}

/// The single of the same value as an IEEE half.
fn single_of_half(half: u16) -> f32 {
    let sign = if half >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, mantissa) = (i32::from(half >> 10 & 0x1f), f32::from(half & 0x3ff));
    match exponent {
        0 => sign * mantissa * 2_f32.powi(-24),
        31 if mantissa == 0.0 => sign * f32::INFINITY,
        31 => f32::NAN,
        _ => sign * (1024.0 + mantissa) * 2_f32.powi(exponent - 25),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_become_singles_of_the_same_value() {
        for (half, single) in [(0x3c00, 1.0), (0xc000, -2.0), (0x0001, 5.960_464_5e-8), (0x7bff, 65504.0)] {
            assert!((single_of_half(half) - single).abs() < f32::EPSILON * single.abs(), "{half:x}");
        }
        assert!(single_of_half(0x7e00).is_nan());
        assert_eq!(single_of_half(0xfc00).to_bits(), f32::NEG_INFINITY.to_bits());
    }

    #[test]
    fn big_endian_elements_are_turned_each() {
        let mut bytes = [0, 1, 0, 2];
        to_little_endian(&mut bytes, DataType::I16, ByteOrder::Big);
        assert_eq!(numbers(&bytes, DataType::I16), Some(Numbers::I16(vec![1, 2])));
    }
}
