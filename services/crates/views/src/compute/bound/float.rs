//! What is common to floats of 32 and 64 bits.

/// A float of so many bytes.
pub(super) trait Float<const SIZE: usize>: Copy + PartialEq {
    /// Bits of the significand that are stored.
    const STORED_BITS: u32;

    /// Of its little-endian bytes.
    fn read(bytes: [u8; SIZE]) -> Self;
    /// Its little-endian bytes.
    fn write(self) -> [u8; SIZE];
    /// The nearest to a double.
    fn of_double(double: f64) -> Self;
    /// As a double, exactly.
    fn double(self) -> f64;
    /// To so many bits of the significand, to nearest, ties to even. NaN may become anything: it is not to be used.
    fn keep_bits(self, keep: u32) -> Self;
    /// To the nearest multiple of a power of two, ties to even; NaN or infinite if that is no float.
    fn multiple_of(self, quantum: f64) -> Self;
}

macro_rules! float {
    ($float:ty, $integer:ty, $stored_bits:expr) => {
        impl Float<{ size_of::<$float>() }> for $float {
            const STORED_BITS: u32 = $stored_bits;

            fn read(bytes: [u8; size_of::<$float>()]) -> Self {
                Self::from_le_bytes(bytes)
            }

            fn write(self) -> [u8; size_of::<$float>()] {
                self.to_le_bytes()
            }

            fn of_double(double: f64) -> Self {
                double as Self
            }

            fn double(self) -> f64 {
                self.into()
            }

            fn keep_bits(self, keep: u32) -> Self {
                if keep >= Self::STORED_BITS {
                    return self;
                }
                let drop = Self::STORED_BITS - keep;
                let (half, mask): ($integer, $integer) = ((1 << (drop - 1)) - 1, <$integer>::MAX << drop);
                let bits = self.to_bits();
                Self::from_bits(bits.wrapping_add((bits >> drop & 1) + half) & mask)
            }

            fn multiple_of(self, quantum: f64) -> Self {
                // Adding zero takes the sign of a negative zero away.
                ((self.double() / quantum).round_ties_even() * quantum + 0.0) as Self
            }
        }
    };
}

float!(f32, u32, 23);
float!(f64, u64, 52);
