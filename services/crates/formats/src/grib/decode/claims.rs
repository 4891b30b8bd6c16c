//! What images and groups of values claim of their sizes, looked at before the crate `grib` believes it: it allocates
//! what they say, and where that fails the process ends.

use super::packed::{Scale, unpack};
use super::{Octets, Result, corrupt, unsupported};

/// Most tiles of an image: writers make one.
const TILES_MAX: u64 = 4096;
/// Smallest precincts of an image, as a power of two: each is kept track of.
const PRECINCT_EXPONENT_MIN: u8 = 4;

/// Start of an image and its size.
const SOC_SIZ: [u8; 4] = [0xff, 0x4f, 0xff, 0x51];
/// Coding style, for all components and for one.
const COD: u16 = 0xff52;
const COC: u16 = 0xff53;
/// Start of a part of a tile, start of its data, end of the image.
const SOT: u16 = 0xff90;
const SOD: u16 = 0xff93;
const EOC: u16 = 0xffd9;

/// Checks that a PNG has no more than `points` pixels ([`IHDR`](https://www.w3.org/TR/png/#11IHDR)).
pub(super) fn png(image: &[u8], points: usize) -> Result<()> {
    let octets = Octets(image);
    if octets.bytes::<8>(0)? != *b"\x89PNG\r\n\x1a\n" || octets.bytes::<4>(12)? != *b"IHDR" {
        return Err(corrupt("GRIB data that are no PNG"));
    }
    area(octets.u32(16)?, octets.u32(20)?, points)
}

/// Checks that a JPEG 2000 codestream has one component of no more than `points` pixels, in few parts
/// ([ITU-T T.800, annex A](https://www.itu.int/rec/T-REC-T.800)).
pub(super) fn jpeg2000(codestream: &[u8], points: usize) -> Result<()> {
    let octets = Octets(codestream);
    if octets.bytes(0)? != SOC_SIZ {
        return Err(corrupt("GRIB data that are no JPEG 2000 codestream"));
    }
    let size = |at| Ok::<_, super::CodecError>((octets.u32(at)?, octets.u32(at + 4)?));
    let (end, begin, tile, tiles_begin) = (size(8)?, size(16)?, size(24)?, size(32)?);
    area(end.0.saturating_sub(begin.0), end.1.saturating_sub(begin.1), points)?;
    let count =
        |end: u32, begin: u32, length: u32| u64::from(end.saturating_sub(begin).div_ceil(length.max(1)));
    let tiles = count(end.0, tiles_begin.0, tile.0).saturating_mul(count(end.1, tiles_begin.1, tile.1));
    if octets.u16(40)? != 1 || tiles > TILES_MAX {
        return Err(unsupported("a GRIB field in JPEG 2000 of several components or many tiles"));
    }
    segments(&octets, 2)
}

/// Checks the segments of an image from `at` on, those of its tiles too.
fn segments(octets: &Octets<'_>, mut at: usize) -> Result<()> {
    let mut tile_end = None;
    while at + 2 <= octets.0.len() {
        match (octets.u16(at)?, tile_end) {
            (EOC, _) => break,
            (SOD, Some(end)) => {
                (at, tile_end) = (end, None);
                continue;
            }
            (SOT, None) => {
                // Without a length it goes on to the end.
                let length = octets.u32(at + 6)? as usize;
                tile_end = Some(if length == 0 { octets.0.len() } else { at.saturating_add(length.max(12)) });
            }
            (COD, None) => coding_style(octets, at + 2)?,
            (COD | COC, _) => {
                return Err(unsupported("a GRIB field in JPEG 2000 of several coding styles"));
            }
            _ => {}
        }
        at += 2 + usize::from(octets.u16(at + 2)?).max(2);
    }
    Ok(())
}

/// Checks the sizes of precincts, if it says any, of the coding style whose length is at `at`.
fn coding_style(octets: &Octets<'_>, at: usize) -> Result<()> {
    let (length, flags) = (usize::from(octets.u16(at)?), octets.u8(at + 2)?);
    let precincts = octets.0.get(at + 12..at + length).unwrap_or_default();
    let is_small = |size: &u8| size & 0xf < PRECINCT_EXPONENT_MIN || size >> 4 < PRECINCT_EXPONENT_MIN;
    if flags & 1 != 0 && precincts.iter().any(is_small) {
        return Err(unsupported("a GRIB field in JPEG 2000 of tiny precincts"));
    }
    Ok(())
}

fn area(width: u32, height: u32, points: usize) -> Result<()> {
    if u64::from(width) * u64::from(height) > points as u64 {
        return Err(corrupt(format!("an image of {width} x {height} pixels for {points} values")));
    }
    Ok(())
}

/// Checks that the groups of complex packing have no more than `count` values altogether.
pub(super) fn groups(packing: &Octets<'_>, template: u16, data: &[u8], count: usize) -> Result<()> {
    let too_many = || corrupt(format!("groups with other than {count} values"));
    let group_count = packing.u32(31)? as usize;
    if group_count == 0 || group_count > count {
        return Err(too_many());
    }
    let extra =
        if template == 3 { (usize::from(packing.u8(47)?) + 1) * usize::from(packing.u8(48)?) } else { 0 };
    let bytes = |bits: u8| (group_count * usize::from(bits)).div_ceil(8);
    let (reference, step, last) = (packing.u32(37)?, packing.u8(41)?, packing.u32(42)?);
    let lengths = Octets(data).from(extra + bytes(packing.u8(19)?) + bytes(packing.u8(36)?))?;
    let lengths: Vec<f64> = unpack(lengths, packing.u8(46)?, group_count - 1, Scale::NONE)?;
    let mut total = u64::from(last);
    for length in lengths {
        total = total.saturating_add(u64::from(reference) + u64::from(step) * length as u64);
    }
    if total > count as u64 { Err(too_many()) } else { Ok(()) }
}
