//! Run-length packing with level values, template 5.200
//! ([WMO manual on codes, FM 92](https://codes.ecmwf.int/grib/format/grib2/templates/5/200)).
//!
//! Codes up to the highest level in use are levels; those above are digits of how often the level before them is
//! repeated, the least significant first.

use super::packed::Scale;
use super::{Octets, Result, Value, corrupt};

/// The values of a data section, as many as `count`.
pub(super) fn decode<V: Value>(data: &[u8], packing: &Octets<'_>, count: usize) -> Result<Vec<V>> {
    let (bits, used, levels, decimal) =
        (packing.u8(11)?, packing.u16(12)?, packing.u16(14)?, packing.u8(16)?);
    let used = u32::from(used);
    let digits = 1_u32.checked_shl(bits.into()).and_then(|codes| codes.checked_sub(used + 1));
    let Some(digits @ 1..) = digits.filter(|_| used > 0 && bits <= 16) else {
        return Err(corrupt(format!("run lengths of {bits} bits for {used} levels")));
    };
    // Sign and magnitude.
    let decimal = i32::from(decimal & 0x7f) * if decimal & 0x80 == 0 { 1 } else { -1 };
    let scale = Scale::new(0.0, 0, decimal);
    let mut codes = Codes { data, bits: bits.into(), at: 0 };
    let mut values = Vec::with_capacity(count);
    while values.len() < count {
        let level = codes.next().filter(|level| *level <= used.min(levels.into()));
        let level = level.ok_or_else(|| corrupt("run lengths that end early or begin without a level"))?;
        let (mut length, mut unit) = (1_u64, 1_u64);
        while let Some(digit) = codes.next_above(used) {
            length = length.saturating_add(unit.saturating_mul((digit - used - 1).into()));
            unit = unit.saturating_mul(digits.into());
        }
        if length > (count - values.len()) as u64 {
            return Err(corrupt(format!("run lengths of more than {count} values")));
        }
        let value = match level {
            0 => V::MISSING,
            level => scale.value(packing.u16(15 + 2 * level as usize)?.into()),
        };
        values.resize(values.len() + length as usize, value);
    }
    if codes.has_more_than_padding() {
        return Err(corrupt(format!("run lengths of more than {count} values")));
    }
    Ok(values)
}

/// Numbers of up to 16 bits.
struct Codes<'d> {
    data: &'d [u8],
    bits: usize,
    /// In bits.
    at: usize,
}

impl Codes<'_> {
    fn peek(&self) -> Option<u32> {
        let rest = self.data.get(self.at / 8..)?;
        if self.at % 8 + self.bits > rest.len() * 8 {
            return None;
        }
        let mut window = [0; 4];
        let length = rest.len().min(4);
        window[..length].copy_from_slice(&rest[..length]);
        Some(u32::from_be_bytes(window) << (self.at % 8) >> (32 - self.bits))
    }

    fn next_above(&mut self, limit: u32) -> Option<u32> {
        let code = self.peek().filter(|code| *code > limit)?;
        self.at += self.bits;
        Some(code)
    }

    fn has_more_than_padding(&self) -> bool {
        self.data.len() * 8 - self.at >= self.bits.max(8)
    }
}

impl Iterator for Codes<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let code = self.peek()?;
        self.at += self.bits;
        Some(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Section 5 of so many bits, levels up to `used` and a decimal scale factor.
    fn packing(bits: u8, used: u16, decimal: u8, levels: &[u16]) -> Vec<u8> {
        let count = levels.len() as u16;
        let mut section =
            [&[0; 11][..], &[bits], &used.to_be_bytes(), &count.to_be_bytes(), &[decimal]].concat();
        section.extend(levels.iter().flat_map(|level| level.to_be_bytes()));
        section
    }

    fn decoded(packing: &[u8], data: &[u8], count: usize) -> Result<Vec<f64>> {
        decode(data, &Octets(packing), count)
    }

    /// What ecCodes 2.50 reads.
    #[test]
    fn levels_are_repeated_as_often_as_the_digits_say() {
        let bytes = packing(8, 5, 1, &[10, 20, 30, 45, 500]);
        let values = decoded(&bytes, &[3, 9, 0, 1, 5, 200, 2, 4], 203).unwrap();
        assert_eq!(values[..4], [3.0; 4]);
        assert!(values[4].is_nan());
        assert_eq!((values[5], values[201], values[202]), (1.0, 2.0, 4.5));
        assert_eq!(values[6..201], [50.0; 195]);

        let nibbles = packing(4, 3, 129, &[7, 65535, 1]);
        let values = decoded(&nibbles, &[0x17, 0x62, 0x43, 0xf0], 42).unwrap();
        assert_eq!(values[..28], [70.0; 28]);
        assert_eq!(values[28..30], [655_350.0, 10.0]);
        assert_eq!(values[30..41], [10.0; 11]);
        assert!(values[41].is_nan());
    }

    #[test]
    fn runs_never_make_more_than_is_asked_for() {
        let bytes = packing(8, 5, 0, &[1, 2, 3, 4, 5]);
        for (data, count) in [
            (&[1, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255][..], 100),
            (&[1, 9], 3),
            (&[1, 9], 5),
            (&[9], 1),
            (&[], 1),
            (&[1, 1], 1),
        ] {
            assert!(decoded(&bytes, data, count).is_err(), "{data:?}");
        }
        for (bits, used) in [(0, 1), (17, 1), (8, 0), (8, 255), (255, 1), (2, 65535)] {
            assert!(decoded(&packing(bits, used, 0, &[1]), &[1; 8], 1).is_err(), "{bits} {used}");
        }
        assert!(decoded(&packing(8, 5, 0, &[1]), &[2], 1).is_err(), "a level without a value");
    }
}
