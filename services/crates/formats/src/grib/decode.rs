//! The values of one GRIB message, edition 1 or 2, in the order in which they are stored.
//!
//! What ecCodes calls `values`, by its own formula in double precision, so that the bits are the same; missing points
//! are NaN. Simple, CCSDS, IEEE and run-length packing are read here; the integers of complex, JPEG 2000 and PNG packing
//! by the crate `grib`, once what they claim of their sizes is found possible.

mod claims;
mod edition1;
mod edition2;
mod packed;
mod run_length;

use zarr::codecs::CodecError;

/// A message's fault.
type Result<T> = std::result::Result<T, CodecError>;

/// A number that values are given as.
pub trait Value: Copy + Send + 'static {
    /// A missing point.
    const MISSING: Self;
    /// The nearest of a value.
    fn from_f64(value: f64) -> Self;
    /// Of one that was calculated in single precision.
    fn from_f32(value: f32) -> Self;
}

impl Value for f32 {
    const MISSING: Self = Self::NAN;
    fn from_f64(value: f64) -> Self {
        value as Self
    }
    fn from_f32(value: f32) -> Self {
        value
    }
}

impl Value for f64 {
    const MISSING: Self = Self::NAN;
    fn from_f64(value: f64) -> Self {
        value
    }
    fn from_f32(value: f32) -> Self {
        value.into()
    }
}

/// The values of the first field of a message, which must have `points` of them. Whatever a damaged message claims, what
/// is allocated is in proportion to `points` and to the message's own length.
pub fn values<V: Value>(message: &[u8], points: usize) -> Result<Vec<V>> {
    if message.get(..4) != Some(b"GRIB") {
        return Err(corrupt("no GRIB message"));
    }
    let values = match message.get(7) {
        Some(1) => edition1::values(message, points),
        Some(2) => edition2::values(message, points),
        Some(edition) => Err(unsupported(format!("GRIB edition {edition}"))),
        None => Err(corrupt("a GRIB message that ends early")),
    }?;
    if values.len() != points {
        return Err(corrupt(format!("a GRIB message of {} points, not {points}", values.len())));
    }
    Ok(values)
}

/// Puts values where the bits of a bitmap are set, and missing ones elsewhere.
fn spread<V: Value>(present: &[V], bitmap: &[u8], points: usize) -> Result<Vec<V>> {
    if bitmap.len() < points.div_ceil(8) {
        return Err(corrupt("a bitmap that ends early"));
    }
    let mut rest = present.iter();
    let mut values = Vec::with_capacity(points);
    for byte in bitmap {
        let count = (points - values.len()).min(8);
        for bit in 0..count {
            let is_present = byte << bit & 0x80 != 0;
            let value = if is_present { rest.next() } else { Some(&V::MISSING) };
            values.push(*value.ok_or_else(|| corrupt("a bitmap with more points than there are values"))?);
        }
        if values.len() == points {
            break;
        }
    }
    Ok(values)
}

/// How many of the first `points` bits are set.
fn set_bits(bitmap: &[u8], points: usize) -> usize {
    let whole: u32 = bitmap.iter().take(points / 8).map(|byte| byte.count_ones()).sum();
    let rest = points % 8;
    let last =
        bitmap.get(points / 8).filter(|_| rest > 0).map_or(0, |byte| (byte >> (8 - rest)).count_ones());
    (whole + last) as usize
}

fn corrupt(what: impl std::fmt::Display) -> CodecError {
    CodecError::Corrupt(what.to_string())
}

fn unsupported(what: impl std::fmt::Display) -> CodecError {
    CodecError::Unsupported(what.to_string())
}

/// Big-endian numbers at places of a message.
struct Octets<'m>(&'m [u8]);

impl<'m> Octets<'m> {
    fn bytes<const N: usize>(&self, at: usize) -> Result<[u8; N]> {
        let bytes = self.0.get(at..).and_then(|rest| rest.first_chunk::<N>());
        bytes.copied().ok_or_else(|| corrupt("a section of a GRIB message that ends early"))
    }

    fn u8(&self, at: usize) -> Result<u8> {
        self.bytes::<1>(at).map(|[byte]| byte)
    }

    fn u16(&self, at: usize) -> Result<u16> {
        self.bytes(at).map(u16::from_be_bytes)
    }

    fn u24(&self, at: usize) -> Result<usize> {
        self.bytes(at).map(|[a, b, c]| u32::from_be_bytes([0, a, b, c]) as usize)
    }

    fn u32(&self, at: usize) -> Result<u32> {
        self.bytes(at).map(u32::from_be_bytes)
    }

    /// Sign and magnitude.
    fn i16(&self, at: usize) -> Result<i32> {
        let raw = self.u16(at)?;
        let magnitude = i32::from(raw & 0x7fff);
        Ok(if raw & 0x8000 == 0 { magnitude } else { -magnitude })
    }

    fn from(&self, at: usize) -> Result<&'m [u8]> {
        self.0.get(at..).ok_or_else(|| corrupt("a section of a GRIB message that ends early"))
    }
}

#[cfg(test)]
mod tests;
