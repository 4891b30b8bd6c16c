//! Bit-rounding: the last bits of the significand, which are noise, become zeros that compress well
//! ([Klöwer et al. 2021](https://doi.org/10.1038/s43588-021-00156-2); numcodecs' `bitround`).

/// Bits of the significand that a 32-bit float stores.
pub const BITS_OF_SINGLE: u8 = 23;
/// Bits of the significand that a 64-bit float stores.
pub const BITS_OF_DOUBLE: u8 = 52;

/// Exponents of NaN and infinity.
const EXPONENT_OF_SINGLE: u32 = 0x7f80_0000;
const EXPONENT_OF_DOUBLE: u64 = 0x7ff0_0000_0000_0000;

/// Rounds little-endian 32-bit floats to so many bits, to nearest, ties to even. NaN, infinities, and numbers whose bits
/// are `kept` (fill values) stay as they are. Trailing bytes that are no number are left alone.
pub fn round_singles(elements: &mut [u8], keepbits: u8, kept: [u32; 2]) {
    if keepbits >= BITS_OF_SINGLE {
        return;
    }
    let drop = u32::from(BITS_OF_SINGLE - keepbits);
    let (half, mask) = ((1_u32 << (drop - 1)) - 1, u32::MAX << drop);
    for element in elements.as_chunks_mut::<4>().0 {
        let bits = u32::from_le_bytes(*element);
        let rounded = bits.wrapping_add((bits >> drop & 1) + half) & mask;
        let stays = [bits, rounded].iter().any(|bits| bits & EXPONENT_OF_SINGLE == EXPONENT_OF_SINGLE)
            || kept.contains(&bits);
        *element = (if stays { bits } else { rounded }).to_le_bytes();
    }
}

/// The same of 64-bit floats.
pub fn round_doubles(elements: &mut [u8], keepbits: u8, kept: [u64; 2]) {
    if keepbits >= BITS_OF_DOUBLE {
        return;
    }
    let drop = u32::from(BITS_OF_DOUBLE - keepbits);
    let (half, mask) = ((1_u64 << (drop - 1)) - 1, u64::MAX << drop);
    for element in elements.as_chunks_mut::<8>().0 {
        let bits = u64::from_le_bytes(*element);
        let rounded = bits.wrapping_add((bits >> drop & 1) + half) & mask;
        let stays = [bits, rounded].iter().any(|bits| bits & EXPONENT_OF_DOUBLE == EXPONENT_OF_DOUBLE)
            || kept.contains(&bits);
        *element = (if stays { bits } else { rounded }).to_le_bytes();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn singles(values: &[f32], keepbits: u8, kept: [u32; 2]) -> Vec<f32> {
        let mut bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        round_singles(&mut bytes, keepbits, kept);
        bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
    }

    #[test]
    fn ties_go_to_even_and_what_is_no_number_stays() {
        let kept = [1e20_f32.to_bits(), f32::NAN.to_bits()];
        let found = singles(&[1.25, 1.75, 1e20, f32::INFINITY, f32::MAX, -1.26], 1, kept);
        assert_eq!(found, [1.0, 2.0, 1e20, f32::INFINITY, f32::MAX, -1.5]);
        assert!(singles(&[f32::NAN], 1, kept)[0].is_nan());
    }

    proptest! {
        #[test]
        fn the_error_is_at_most_half_a_unit_of_the_last_bit_that_is_kept(value in -1e30_f32..1e30, keepbits in 1_u8..23) {
            let rounded = f64::from(singles(&[value], keepbits, [0, 0])[0]);
            let bound = f64::from(value).abs() * 0.5_f64.powi(i32::from(keepbits) + 1);
            prop_assert!((rounded - f64::from(value)).abs() <= bound);
        }

        #[test]
        fn doubles_round_as_singles_do(value in -1e30_f64..1e30, keepbits in 1_u8..52) {
            let mut bytes = value.to_le_bytes();
            round_doubles(&mut bytes, keepbits, [0, 0]);
            let bound = value.abs() * 0.5_f64.powi(i32::from(keepbits) + 1);
            prop_assert!((f64::from_le_bytes(bytes) - value).abs() <= bound);
        }
    }
}
