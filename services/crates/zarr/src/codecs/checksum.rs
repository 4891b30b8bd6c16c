//! Four bytes of checksum before or behind the data.

use bytes::Bytes;

use super::{Result, corrupt};

/// A checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Checksum {
    /// HDF5's: sums of big-endian words, stored little-endian, behind.
    Fletcher32,
    /// CRC-32C, little-endian, behind (Zarr v3) or before (numcodecs).
    Crc32c { is_behind: bool },
    /// numcodecs' `crc32`.
    Crc32 { is_behind: bool },
    /// numcodecs' `adler32`.
    Adler32 { is_behind: bool },
}

impl Checksum {
    /// The data without its checksum, which must be right.
    pub(super) fn decode(self, bytes: &Bytes) -> Result<Bytes> {
        let Some(length) = bytes.len().checked_sub(4) else {
            return Err(corrupt("shorter than its checksum"));
        };
        let (data, sum) = if self.is_behind() {
            (bytes.slice(..length), &bytes[length..])
        } else {
            (bytes.slice(4..), &bytes[..4])
        };
        let found = self.of(&data).to_le_bytes();
        if found == sum || self == Self::Fletcher32 && turned(found) == sum {
            return Ok(data);
        }
        Err(corrupt("its checksum is wrong"))
    }

    /// The data with its checksum.
    pub(super) fn encode(self, data: &[u8]) -> Bytes {
        let sum = self.of(data).to_le_bytes();
        let parts: [&[u8]; 2] = if self.is_behind() { [data, &sum] } else { [&sum, data] };
        parts.concat().into()
    }

    fn is_behind(self) -> bool {
        match self {
            Self::Fletcher32 => true,
            Self::Crc32c { is_behind } | Self::Crc32 { is_behind } | Self::Adler32 { is_behind } => is_behind,
        }
    }

    fn of(self, data: &[u8]) -> u32 {
        match self {
            Self::Fletcher32 => fletcher32(data),
            Self::Crc32c { .. } => crc32c::crc32c(data),
            Self::Crc32 { .. } => libdeflater::crc32(data),
            Self::Adler32 { .. } => libdeflater::adler32(data),
        }
    }
}

/// What HDF5 before 1.6.3 wrote on little-endian machines: the bytes of each half turned (as `H5Z__filter_fletcher32` accepts).
fn turned(sum: [u8; 4]) -> [u8; 4] {
    [sum[1], sum[0], sum[3], sum[2]]
}

/// `H5_checksum_fletcher32`: an odd last byte counts as the upper half of a word.
fn fletcher32(data: &[u8]) -> u32 {
    let (mut first, mut second) = (0_u32, 0_u32);
    let (words, rest) = data.as_chunks::<2>();
    // 360 words are the most before the sums could overflow.
    for block in words.chunks(360) {
        for word in block {
            first += u32::from(u16::from_be_bytes(*word));
            second += first;
        }
        first = (first & 0xffff) + (first >> 16);
        second = (second & 0xffff) + (second >> 16);
    }
    if let [byte] = rest {
        first += u32::from(*byte) << 8;
        second += first;
        first = (first & 0xffff) + (first >> 16);
        second = (second & 0xffff) + (second >> 16);
    }
    first = (first & 0xffff) + (first >> 16);
    second = (second & 0xffff) + (second >> 16);
    second << 16 | first
}
