//! szip as HDF5 stores it: the size in four bytes, then an AEC stream, as libaec's `sz_compat.c` reads it.

use bytes::Bytes;

use super::shuffle::unshuffle;
use super::{Result, corrupt, unsupported};
use crate::aec::{self, AecParameters};

/// HDF5's parameters of the filter.
#[derive(Debug, Clone, Copy)]
pub(super) struct Szip {
    pub(super) options_mask: u32,
    pub(super) pixels_per_block: u32,
    pub(super) bits_per_pixel: u32,
    pub(super) pixels_per_scanline: u32,
}

/// Most significant byte first, `SZ_MSB_OPTION_MASK`.
const MSB: u32 = 16;
/// Nearest neighbour, `SZ_NN_OPTION_MASK`.
const NEAREST_NEIGHBOUR: u32 = 32;

impl Szip {
    /// Whether the parameters are possible at all.
    pub(super) fn check(self) -> Result<Self> {
        let bits_fit = matches!(self.bits_per_pixel, 1..=24 | 32 | 64);
        let blocks_fit = (2..=64).contains(&self.pixels_per_block) && self.pixels_per_block.is_multiple_of(2);
        let lines_fit = (1..=1 << 20).contains(&self.pixels_per_scanline);
        if bits_fit && blocks_fit && lines_fit {
            return Ok(self);
        }
        Err(unsupported(format!("szip with {self:?}")))
    }

    pub(super) fn decode(self, stored: &[u8], bound: usize) -> Result<Bytes> {
        let (size, stream) =
            stored.split_first_chunk::<4>().ok_or_else(|| corrupt("szip: shorter than its size"))?;
        let size = u32::from_le_bytes(*size) as usize;
        if size > bound {
            return Err(corrupt(format!("szip: claims {size} bytes")));
        }
        // Wide pixels are coded byte plane by byte plane.
        let is_in_planes = self.bits_per_pixel >= 32;
        let bits = if is_in_planes { 8 } else { self.bits_per_pixel };
        let pixel_bytes = match bits {
            0..=8 => 1,
            9..=16 => 2,
            _ => 4,
        };
        let interval = self.pixels_per_scanline.div_ceil(self.pixels_per_block);
        let parameters = AecParameters {
            bits: bits as u8,
            block: self.pixels_per_block,
            interval,
            has_predictor: self.options_mask & NEAREST_NEIGHBOUR != 0,
            is_restricted: false,
            is_padded: false,
        };
        let line = self.pixels_per_scanline as usize;
        let padded = (interval * self.pixels_per_block) as usize;
        let pixels = size / pixel_bytes;
        // A line is filled up to whole blocks; the last one as far as it goes.
        let coded = pixels.div_ceil(line) * padded;
        let samples = aec::decode(stream, parameters, if padded == line { pixels } else { coded })?;
        let decoded = self.bytes(&samples, pixel_bytes);
        let bytes = if padded == line {
            decoded
        } else {
            without_padding(&decoded, line * pixel_bytes, padded * pixel_bytes, size)
        };
        if bytes.len() != size {
            return Err(corrupt(format!("szip: {} bytes, not {size}", bytes.len())));
        }
        Ok(if is_in_planes {
            unshuffle(&bytes, self.bits_per_pixel as usize / 8).into()
        } else {
            bytes.into()
        })
    }

    /// Samples in the order of bytes that the data has.
    fn bytes(self, samples: &[u32], pixel_bytes: usize) -> Vec<u8> {
        let is_big = self.options_mask & MSB != 0;
        let mut bytes = Vec::with_capacity(samples.len() * pixel_bytes);
        for sample in samples {
            if is_big {
                bytes.extend_from_slice(&sample.to_be_bytes()[4 - pixel_bytes..]);
            } else {
                bytes.extend_from_slice(&sample.to_le_bytes()[..pixel_bytes]);
            }
        }
        bytes
    }
}

fn without_padding(decoded: &[u8], line: usize, padded: usize, size: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(size);
    for row in decoded.chunks(padded) {
        let kept = line.min(row.len()).min(size - bytes.len());
        bytes.extend_from_slice(&row[..kept]);
    }
    bytes
}
