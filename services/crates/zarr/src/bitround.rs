//! Bit-rounding: the last bits of the significand, which are noise, become zeros that compress well
//! ([Klöwer et al. 2021](https://doi.org/10.1038/s43588-021-00156-2); numcodecs' `bitround`).

#![expect(clippy::float_cmp, reason = "a mark is one number, to the last bit")]

/// Bits of the significand that a 32-bit float stores.
pub const BITS_OF_SINGLE: u8 = 23;
/// Bits of the significand that a 64-bit float stores.
pub const BITS_OF_DOUBLE: u8 = 52;

/// Elements that are rounded at a time: their former values are kept for that long.
const BLOCK: usize = 1024;

macro_rules! rounding {
    ($(#[$doc:meta])* $name:ident, $float:ty, $integer:ty, $stored_bits:expr) => {
        $(#[$doc])*
        pub fn $name(elements: &mut [u8], keepbits: u8, marks: &[$float]) {
            const SIZE: usize = size_of::<$float>();
            if keepbits >= $stored_bits {
                return;
            }
            let drop = u32::from($stored_bits - keepbits);
            let (half, mask): ($integer, $integer) = ((1 << (drop - 1)) - 1, <$integer>::MAX << drop);
            let mut before = [[0; SIZE]; BLOCK];
            for block in elements.as_chunks_mut::<SIZE>().0.chunks_mut(BLOCK) {
                let before = &mut before[..block.len()];
                before.copy_from_slice(block);
                for element in &mut *block {
                    let bits = <$integer>::from_le_bytes(*element);
                    let rounded = bits.wrapping_add((bits >> drop & 1) + half) & mask;
                    let is_finite =
                        <$float>::from_bits(bits).is_finite() && <$float>::from_bits(rounded).is_finite();
                    *element = (if is_finite { rounded } else { bits }).to_le_bytes();
                }
                // Each mark in a pass of its own: so the compiler makes vector code of it.
                for mark in marks {
                    for (element, former) in block.iter_mut().zip(&*before) {
                        let is_mark = |bytes: [u8; SIZE]| <$float>::from_le_bytes(bytes) == *mark;
                        *element = if is_mark(*former) || is_mark(*element) { *former } else { *element };
                    }
                }
            }
        }
    };
}

rounding! {
    /// Rounds little-endian 32-bit floats to so many bits, to nearest, ties to even. What stands for missing values
    /// (`marks`), what would become such a mark, NaN, infinities and what would become one stay as they are. Trailing
    /// bytes that are no number are left alone.
    round_singles, f32, u32, BITS_OF_SINGLE
}
rounding! {
    /// The same of 64-bit floats.
    round_doubles, f64, u64, BITS_OF_DOUBLE
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn singles(values: &[f32], keepbits: u8, marks: &[f32]) -> Vec<f32> {
        let mut bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        round_singles(&mut bytes, keepbits, marks);
        bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
    }

    #[test]
    fn ties_go_to_even_and_what_is_no_number_stays() {
        let found = singles(&[1.25, 1.75, 1e20, f32::INFINITY, f32::MAX, -1.26], 1, &[1e20, f32::NAN]);
        assert_eq!(found, [1.0, 2.0, 1e20, f32::INFINITY, f32::MAX, -1.5]);
        assert!(singles(&[f32::NAN], 1, &[])[0].is_nan());
    }

    #[test]
    fn nothing_becomes_a_mark_and_no_mark_becomes_a_number() {
        let marks = [-1.0, -9999.0];
        let values = [-1.0, -1.001, -0.999, -9999.0, -9998.0, 5.3];
        let found = singles(&values, 3, &marks);
        let is_missing =
            |values: &[f32]| values.iter().map(|value| marks.contains(value)).collect::<Vec<_>>();
        assert_eq!(is_missing(&found), is_missing(&values));
        assert_eq!((found[1], found[4], found[5]), (-1.001, -10240.0, 5.5));
    }

    proptest! {
        #[test]
        fn the_error_is_at_most_half_a_unit_of_the_last_bit_that_is_kept(value in -1e30_f32..1e30, keepbits in 1_u8..23) {
            let rounded = f64::from(singles(&[value], keepbits, &[])[0]);
            let bound = f64::from(value).abs() * 0.5_f64.powi(i32::from(keepbits) + 1);
            prop_assert!((rounded - f64::from(value)).abs() <= bound);
        }

        #[test]
        fn doubles_round_as_singles_do(value in -1e30_f64..1e30, keepbits in 1_u8..52) {
            let mut bytes = value.to_le_bytes();
            round_doubles(&mut bytes, keepbits, &[]);
            let bound = value.abs() * 0.5_f64.powi(i32::from(keepbits) + 1);
            prop_assert!((f64::from_le_bytes(bytes) - value).abs() <= bound);
        }
    }
}
