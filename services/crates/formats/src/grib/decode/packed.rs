//! Integers of so many bits, and the formula that makes values of them.

use zarr::codecs::CodecError;

use super::{Result, Value, corrupt, unsupported};

/// `(X 2^E + R) / 10^D`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    pub(super) reference: f64,
    binary: f64,
    decimal: f64,
}

impl Scale {
    /// Numbers as they are.
    pub(super) const NONE: Self = Self { reference: 0.0, binary: 1.0, decimal: 1.0 };

    /// Of a reference value, a binary and a decimal scale factor.
    pub(super) fn new(reference: f64, binary: i32, decimal: i32) -> Self {
        Self { reference, binary: power(binary, 2.0), decimal: power(-decimal, 10.0) }
    }

    #[inline]
    pub(super) fn value<V: Value>(self, packed: f64) -> V {
        V::from_f64((packed * self.binary + self.reference) * self.decimal)
    }
}

/// As ecCodes does it (`codes_power`), one factor after another: the same rounding gives the same bits.
fn power(exponent: i32, base: f64) -> f64 {
    let mut product = 1.0;
    // Beyond this all is zero or infinite.
    for _ in 0..exponent.unsigned_abs().min(1100) {
        if exponent < 0 {
            product /= base;
        } else {
            product *= base;
        }
    }
    product
}

/// `count` values of integers packed without gaps.
pub(super) fn unpack<V: Value>(data: &[u8], bits: u8, count: usize, scale: Scale) -> Result<Vec<V>> {
    let bits = usize::from(bits);
    let needed = bits.checked_mul(count).map(|total| total.div_ceil(8));
    if needed.is_none_or(|needed| needed > data.len()) {
        return Err(corrupt(format!("{count} values of {bits} bits in {} bytes", data.len())));
    }
    let mut values = Vec::with_capacity(count);
    match bits {
        0 => values.resize(count, V::from_f64(scale.reference)),
        8 => values.extend(data[..count].iter().map(|byte| scale.value::<V>(f64::from(*byte)))),
        16 => {
            let words = &data.as_chunks::<2>().0[..count];
            values.extend(words.iter().map(|word| scale.value::<V>(f64::from(u16::from_be_bytes(*word)))));
        }
        24 => {
            let words = &data.as_chunks::<3>().0[..count];
            let number = |[a, b, c]: [u8; 3]| f64::from(u32::from_be_bytes([0, a, b, c]));
            values.extend(words.iter().map(|word| scale.value::<V>(number(*word))));
        }
        1..=56 => bitwise(data, bits, count, scale, &mut values),
        _ => return Err(unsupported(format!("GRIB packing of {bits} bits"))),
    }
    Ok(values)
}

/// Any number of bits up to 56: each lies within eight bytes.
fn bitwise<V: Value>(data: &[u8], bits: usize, count: usize, scale: Scale, into: &mut Vec<V>) {
    let mask = (1_u64 << bits) - 1;
    // The last ones would read past the end.
    let safe = if data.len() < 8 { 0 } else { (((data.len() - 8) * 8) / bits).min(count) };
    let extract = |window: [u8; 8], at: usize| {
        (u64::from_be_bytes(window) >> (64 - bits - at % 8) & mask) as i64 as f64
    };
    into.extend((0..safe).map(|place| {
        let at = place * bits;
        let window = data[at / 8..].first_chunk::<8>().copied().unwrap_or_default();
        scale.value::<V>(extract(window, at))
    }));
    for place in safe..count {
        let at = place * bits;
        let rest = &data[at / 8..];
        let mut window = [0; 8];
        let length = rest.len().min(8);
        window[..length].copy_from_slice(&rest[..length]);
        into.push(scale.value(extract(window, at)));
    }
}

/// Values stored as IEEE numbers.
pub(super) fn ieee<V: Value>(data: &[u8], precision: u8, count: usize) -> Result<Vec<V>> {
    let short = || CodecError::Corrupt(format!("{count} IEEE numbers in {} bytes", data.len()));
    match precision {
        1 => {
            let numbers = data.as_chunks::<4>().0.get(..count).ok_or_else(short)?;
            Ok(numbers.iter().map(|number| V::from_f32(f32::from_be_bytes(*number))).collect())
        }
        2 => {
            let numbers = data.as_chunks::<8>().0.get(..count).ok_or_else(short)?;
            Ok(numbers.iter().map(|number| V::from_f64(f64::from_be_bytes(*number))).collect())
        }
        other => Err(unsupported(format!("GRIB IEEE packing of precision {other}"))),
    }
}
