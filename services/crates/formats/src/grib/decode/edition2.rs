//! GRIB 2: sections, packings and bitmaps of a message's first field
//! ([WMO manual on codes, FM 92](https://codes.ecmwf.int/grib/format/grib2/)).

use zarr::aec::{self, AecParameters};

use super::packed::{Scale, ieee, unpack};
use super::{Octets, Result, Value, claims, corrupt, run_length, set_bits, spread, unsupported};

/// Sections as they are needed, each with its header of five bytes.
struct Sections<'m> {
    grid: &'m [u8],
    packing: &'m [u8],
    bitmap: &'m [u8],
    data: &'m [u8],
}

/// The values of a message's first field.
pub(super) fn values<V: Value>(message: &[u8], points: usize) -> Result<Vec<V>> {
    let sections = sections(message)?;
    let stated = Octets(sections.grid).u32(6)? as usize;
    if stated != points {
        return Err(corrupt(format!("a GRIB message of {stated} points, not {points}")));
    }
    let packing = Octets(sections.packing);
    let (count, template) = (packing.u32(5)? as usize, packing.u16(9)?);
    let bitmap = match Octets(sections.bitmap).u8(5)? {
        255 => None,
        0 => Some(Octets(sections.bitmap).from(6)?),
        other => return Err(unsupported(format!("GRIB bitmap {other}"))),
    };
    let present = bitmap.map_or(points, |bitmap| set_bits(bitmap, points));
    if count != present {
        return Err(corrupt(format!("{count} values for {present} points of a GRIB message")));
    }
    if matches!(template, 2 | 3 | 40 | 41) {
        return by_crate(&sections, template, points);
    }
    let data = Octets(sections.data).from(5)?;
    let values = match template {
        0 => unpack(data, packing.u8(19)?, count, scale(&packing)?),
        4 => ieee(data, packing.u8(11)?, count),
        42 => ccsds(data, &packing, count),
        200 => run_length::decode(data, &packing, count),
        50 | 51 => Err(unsupported("GRIB spherical harmonics")),
        other => Err(unsupported(format!("GRIB 2 packing 5.{other}"))),
    }?;
    match bitmap {
        None => Ok(values),
        Some(bitmap) => spread(&values, bitmap, points),
    }
}

fn sections(message: &[u8]) -> Result<Sections<'_>> {
    let (mut at, mut found) = (16, [None; 8]);
    while found[7].is_none() {
        let octets = Octets(message);
        let length = octets.u32(at)? as usize;
        let number = usize::from(octets.u8(at + 4)?);
        let section = message.get(at..).and_then(|rest| rest.get(..length)).filter(|_| length >= 5);
        let section = section.ok_or_else(|| corrupt("a GRIB section of an impossible length"))?;
        match found.get_mut(number) {
            Some(place) => *place = Some(section),
            None => return Err(corrupt(format!("a GRIB section {number}"))),
        }
        at += length;
    }
    match found {
        [_, _, _, Some(grid), _, Some(packing), Some(bitmap), Some(data)] => {
            Ok(Sections { grid, packing, bitmap, data })
        }
        _ => Err(corrupt("a GRIB message without one of its sections")),
    }
}

fn scale(packing: &Octets<'_>) -> Result<Scale> {
    let reference = f32::from_bits(packing.u32(11)?);
    Ok(Scale::new(reference.into(), packing.i16(15)?, packing.i16(17)?))
}

/// CCSDS 121.0 lossless compression of the integers.
fn ccsds<V: Value>(data: &[u8], packing: &Octets<'_>, count: usize) -> Result<Vec<V>> {
    let (scale, bits) = (scale(packing)?, packing.u8(19)?);
    if bits == 0 {
        return Ok(vec![V::from_f64(scale.reference); count]);
    }
    if bits > 32 {
        return Err(unsupported(format!("GRIB CCSDS packing of {bits} bits")));
    }
    let (block, rsi) = (packing.u8(22)?, packing.u16(23)?);
    let flags = packing.u8(21)?;
    if flags & 1 != 0 {
        return Err(unsupported("GRIB CCSDS packing of signed numbers"));
    }
    let parameters = AecParameters {
        bits,
        block: block.into(),
        interval: rsi.into(),
        has_predictor: flags & 8 != 0,
        is_restricted: flags & 16 != 0,
        is_padded: flags & 32 != 0,
    };
    let integers = aec::decode(data, parameters, count)?;
    Ok(integers.iter().map(|integer| scale.value(f64::from(*integer))).collect())
}

/// The packings that the crate `grib` knows, bitmap and all. It scales in single precision, so it is asked for the
/// integers, and they are scaled here.
fn by_crate<V: Value>(sections: &Sections<'_>, template: u16, points: usize) -> Result<Vec<V>> {
    let packing = Octets(sections.packing);
    if packing.u32(5)? == 0 {
        return Ok(vec![V::MISSING; points]);
    }
    let data = Octets(sections.data).from(5)?;
    match template {
        40 | 41 if packing.u8(19)? == 0 => {}
        40 => claims::jpeg2000(data, points)?,
        41 => claims::png(data, points)?,
        _ => claims::groups(&packing, template, data, packing.u32(5)? as usize)?,
    }
    let scale = match packing.u8(19)? {
        // ecCodes does not scale a field of one value.
        0 if matches!(template, 40 | 41) => Scale::new(scale(&packing)?.reference, 0, 0),
        _ => scale(&packing)?,
    };
    let mut unscaled = sections.packing.to_vec();
    unscaled[11..19].fill(0);
    let integers = field(sections, unscaled, points)?;
    if integers.iter().all(|integer| integer.is_nan() || integer.abs() < SINGLE_INTEGER_MAX) {
        return Ok(integers.iter().map(|integer| scale.value(f64::from(*integer))).collect());
    }
    Ok(field(sections, sections.packing.to_vec(), points)?.into_iter().map(V::from_f32).collect())
}

/// Up to here single precision holds every integer.
const SINGLE_INTEGER_MAX: f32 = 16_777_216.0;

fn field(sections: &Sections<'_>, packing: Vec<u8>, points: usize) -> Result<Vec<f32>> {
    let decode = || {
        let (bitmap, data) = (sections.bitmap.to_vec(), sections.data.to_vec());
        let field = grib::Grib2SubmessageDecoder::new(points, packing, bitmap, data)?;
        let values: Vec<f32> = field.dispatch()?.take(points + 1).collect();
        Ok::<_, grib::GribError>(values)
    };
    careful(decode)?.map_err(|error| match error {
        grib::GribError::DecodeError(grib::DecodeError::NotSupported(what, number)) => {
            unsupported(format!("GRIB {what} {number}"))
        }
        error => corrupt(format!("GRIB data: {error}")),
    })
}

/// Runs a decoder that may panic on damaged input.
fn careful<T>(decode: impl FnOnce() -> T) -> Result<T> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(decode))
        .map_err(|_| corrupt("GRIB data that no decoder takes"))
}
