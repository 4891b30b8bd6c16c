//! GRIB 1: simple packing, with or without a bitmap
//! ([WMO manual on codes, FM 92-IX](https://apps.ecmwf.int/codes/grib/format/grib1/)).

use super::packed::{Scale, unpack};
use super::{Octets, Result, Value, corrupt, set_bits, spread, unsupported};

/// The values of a message.
pub(super) fn values<V: Value>(message: &[u8], points: usize) -> Result<Vec<V>> {
    let octets = Octets(message);
    let section1 = 8;
    let flags = octets.u8(section1 + 7)?;
    let decimal = octets.i16(section1 + 26)?;
    let mut at = section1 + octets.u24(section1)?;
    if flags & 0x80 != 0 {
        at += octets.u24(at)?;
    }
    let mut bitmap = None;
    if flags & 0x40 != 0 {
        let length = octets.u24(at)?;
        if octets.u16(at + 4)? != 0 {
            return Err(unsupported("a predefined GRIB bitmap"));
        }
        let bits =
            message.get(at + 6..at + length).ok_or_else(|| corrupt("a GRIB bitmap that ends early"))?;
        let present = (bits.len() * 8).checked_sub(octets.u8(at + 3)?.into());
        if present != Some(points) {
            return Err(corrupt(format!("a GRIB bitmap of {present:?} points, not {points}")));
        }
        bitmap = Some(bits);
        at += length;
    }
    let length = data_length(&octets, at)?;
    let data = message.get(at..at + length).ok_or_else(|| corrupt("GRIB data that end early"))?;
    match bitmap {
        None => unpack_section(data, decimal, points),
        Some(bitmap) => spread(&unpack_section(data, decimal, set_bits(bitmap, points))?, bitmap, points),
    }
}

/// Length of the data section at `at`. Messages of more than 8 MiB do not fit into the three bytes of their length,
/// which then counts in units of 120, with the rest in the section's own (ecCodes' extension).
fn data_length(octets: &Octets<'_>, at: usize) -> Result<usize> {
    let (total, stated) = (octets.u24(4)?, octets.u24(at)?);
    if total & 0x80_0000 == 0 || stated >= 120 {
        return Ok(stated);
    }
    let total = ((total & 0x7f_ffff) * 120).checked_sub(stated).map(|total| total + 4);
    total
        .and_then(|total| total.checked_sub(at + 4))
        .ok_or_else(|| corrupt("a GRIB message of an impossible length"))
}

fn unpack_section<V: Value>(section: &[u8], decimal: i32, count: usize) -> Result<Vec<V>> {
    let octets = Octets(section);
    let kind = octets.u8(3)? & 0xf0;
    match kind {
        0 | 0x20 => {}
        _ if kind & 0x80 != 0 => return Err(unsupported("GRIB spherical harmonics")),
        _ if kind & 0x40 != 0 => return Err(unsupported("GRIB 1 second-order packing")),
        _ => return Err(unsupported("GRIB 1 packing with additional flags")),
    }
    let binary = octets.i16(4)?;
    let reference = ibm(octets.u32(6)?);
    unpack(octets.from(11)?, octets.u8(10)?, count, Scale::new(reference, binary, decimal))
}

/// A number of IBM's System/360: base 16, no hidden bit.
fn ibm(raw: u32) -> f64 {
    let mantissa = f64::from(raw & 0xff_ffff);
    let exponent = (raw >> 24 & 0x7f).cast_signed() - 70;
    let magnitude = mantissa * 16_f64.powi(exponent);
    if raw & 0x8000_0000 == 0 { magnitude } else { -magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::float_cmp, reason = "exact by design")]
    fn ibm_numbers_are_exact() {
        assert_eq!(ibm(0x4110_0000), 1.0);
        assert_eq!(ibm(0xc276_a000), -118.625);
        assert_eq!(ibm(0), 0.0);
    }
}
