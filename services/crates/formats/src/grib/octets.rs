//! Numbers in sections: big-endian, signed ones as sign and magnitude.

/// Octets of one section, counted from 0.
#[derive(Debug, Clone, Copy)]
pub(super) struct Octets<'a>(pub(super) &'a [u8]);

impl<'a> Octets<'a> {
    /// So many bytes, if they are there.
    pub(super) fn slice(self, at: usize, width: usize) -> Option<&'a [u8]> {
        self.0.get(at..at.checked_add(width)?)
    }

    /// An unsigned number of up to eight bytes.
    pub(super) fn unsigned(self, at: usize, width: usize) -> Option<u64> {
        self.slice(at, width).map(|bytes| bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    /// A signed number: the first bit is the sign, the others the magnitude.
    pub(super) fn signed(self, at: usize, width: usize) -> Option<i64> {
        let number = self.unsigned(at, width)?;
        let sign = 1_u64 << (8 * width - 1);
        let magnitude = (number & (sign - 1)) as i64;
        Some(if number & sign == 0 { magnitude } else { -magnitude })
    }

    /// An unsigned number, or none where all its bits are set.
    pub(super) fn present(self, at: usize, width: usize) -> Option<u64> {
        self.unsigned(at, width).filter(|number| *number != u64::MAX >> (64 - 8 * width))
    }

    /// One byte.
    pub(super) fn byte(self, at: usize) -> Option<u8> {
        self.0.get(at).copied()
    }

    /// A number as a float: IEEE 754, four bytes.
    pub(super) fn ieee(self, at: usize) -> Option<f64> {
        let bytes = self.slice(at, 4)?;
        Some(f64::from(f32::from_be_bytes(bytes.try_into().ok()?)))
    }

    /// A number as IBM's hexadecimal float of four bytes, which edition 1 uses.
    pub(super) fn ibm(self, at: usize) -> Option<f64> {
        let number = self.unsigned(at, 4)?;
        let fraction = (number & 0x00ff_ffff) as f64 / f64::from(1 << 24);
        let exponent = (number >> 24 & 0x7f) as i32 - 64;
        let sign = if number >> 31 == 1 { -1.0 } else { 1.0 };
        Some(sign * fraction * 16_f64.powi(exponent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_are_apart_from_magnitudes() {
        let octets = Octets(&[0x80, 0x00, 0x05, 0xff, 0xff]);
        assert_eq!(octets.signed(0, 3), Some(-5));
        assert_eq!(octets.unsigned(1, 2), Some(5));
        assert_eq!(octets.present(3, 2), None);
        assert_eq!(octets.unsigned(3, 4), None);
        assert_eq!(Octets(&[0xc1, 0x10, 0, 0]).ibm(0), Some(-1.0));
    }
}
