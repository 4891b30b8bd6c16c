//! One codec from bytes to bytes.

use bytes::Bytes;
use model::{BloscCompressor, BloscShuffle, Codec};
use serde_json::Value;

use super::checksum::Checksum;
use super::szip::Szip;
use super::{Result, compression, lz4, named, shuffle, unsupported};

#[derive(Debug)]
pub(super) enum Step {
    Shuffle {
        element_size: usize,
    },
    Checksum(Checksum),
    Deflate {
        level: u8,
    },
    Gzip {
        level: u8,
    },
    Bzip2 {
        level: u8,
    },
    Zstd {
        level: i32,
    },
    Blosc {
        compressor: BloscCompressor,
        level: u8,
        shuffle: BloscShuffle,
        element_size: u32,
        block_size: u32,
    },
    Lz4Hdf5,
    Lz4,
    Szip(Szip),
}

impl Step {
    pub(super) fn new(codec: &Codec) -> Result<Self> {
        Ok(match codec {
            Codec::Shuffle { element_size } => {
                Self::Shuffle { element_size: (*element_size).max(1) as usize }
            }
            Codec::Deflate { level } => Self::Deflate { level: *level },
            Codec::Gzip { level } => Self::Gzip { level: *level },
            Codec::Bzip2 { level } => Self::Bzip2 { level: *level },
            Codec::Zstd { level } => Self::Zstd { level: *level },
            Codec::Fletcher32 => Self::Checksum(Checksum::Fletcher32),
            Codec::Crc32c => Self::Checksum(Checksum::Crc32c { is_behind: true }),
            Codec::Blosc { compressor, level, shuffle, element_size, block_size } => Self::Blosc {
                compressor: *compressor,
                level: *level,
                shuffle: *shuffle,
                element_size: *element_size,
                block_size: *block_size,
            },
            Codec::Lz4Hdf5 => Self::Lz4Hdf5,
            Codec::Szip { options_mask, pixels_per_block, bits_per_pixel, pixels_per_scanline } => {
                let (options_mask, pixels_per_block) = (*options_mask, *pixels_per_block);
                let (bits_per_pixel, pixels_per_scanline) = (*bits_per_pixel, *pixels_per_scanline);
                let szip = Szip { options_mask, pixels_per_block, bits_per_pixel, pixels_per_scanline };
                Self::Szip(szip.check()?)
            }
            Codec::RawGrib => return Err(unsupported("a GRIB message as bytes")),
            Codec::Numcodecs { configuration, .. } => by_name(configuration, false)?,
            Codec::Zarr3 { configuration } => by_name(configuration, true)?,
            Codec::VlenUtf8 | Codec::Transpose { .. } | Codec::Sharding(_) => {
                return Err(unsupported("a codec of arrays behind one of bytes"));
            }
        })
    }

    /// Most bytes that so many can be encoded to by any writer of the format.
    pub(super) fn encoded_bytes_max(&self, decoded: usize) -> usize {
        match self {
            Self::Shuffle { .. } => decoded,
            Self::Checksum(_) => decoded.saturating_add(4),
            _ => decoded.saturating_add(decoded / 4).saturating_add(64 << 10),
        }
    }

    pub(super) fn decode(&self, bytes: Bytes, bound: usize) -> Result<Bytes> {
        let decoded = match self {
            Self::Shuffle { element_size: 1 } => bytes,
            Self::Shuffle { element_size } => shuffle::unshuffle(&bytes, *element_size).into(),
            Self::Checksum(checksum) => checksum.decode(&bytes)?,
            Self::Deflate { .. } => compression::inflate(&bytes, bound)?,
            Self::Gzip { .. } => compression::gunzip(&bytes, bound)?,
            Self::Bzip2 { .. } => compression::bunzip2(&bytes, bound)?,
            Self::Zstd { .. } => compression::unzstd(&bytes, bound)?,
            Self::Blosc { .. } => compression::unblosc(&bytes, bound)?,
            Self::Lz4Hdf5 => lz4::decode_hdf5(&bytes, bound)?,
            Self::Lz4 => lz4::decode_numcodecs(&bytes, bound)?,
            Self::Szip(szip) => szip.decode(&bytes, bound)?,
        };
        Ok(decoded)
    }

    pub(super) fn encode(&self, bytes: Bytes) -> Result<Bytes> {
        Ok(match self {
            Self::Shuffle { element_size: 1 } => bytes,
            Self::Shuffle { element_size } => shuffle::shuffle(&bytes, *element_size).into(),
            Self::Checksum(checksum) => checksum.encode(&bytes),
            Self::Deflate { level } => compression::deflate(&bytes, *level)?,
            Self::Gzip { level } => compression::gzip(&bytes, *level)?,
            Self::Bzip2 { level } => compression::bzip2(&bytes, *level)?,
            Self::Zstd { level } => compression::zstd(&bytes, *level)?,
            Self::Blosc { compressor, level, shuffle, element_size, block_size } => {
                compression::blosc(&bytes, *compressor, *level, *shuffle, *element_size, *block_size)?
            }
            Self::Lz4Hdf5 => lz4::encode_hdf5(&bytes),
            Self::Lz4 => lz4::encode_numcodecs(&bytes),
            Self::Szip(_) => return Err(unsupported("compression with szip")),
        })
    }
}

/// Codecs of bytes that the model has no word for.
fn by_name(configuration: &str, is_of_v3: bool) -> Result<Step> {
    let value: Value = serde_json::from_str(configuration).unwrap_or_default();
    let settings = if is_of_v3 { value.get("configuration").unwrap_or(&Value::Null) } else { &value };
    let is_behind =
        |default: &str| settings.get("location").and_then(Value::as_str).unwrap_or(default) == "end";
    Ok(match named::name(&value, is_of_v3) {
        "lz4" => Step::Lz4,
        "crc32" => Step::Checksum(Checksum::Crc32 { is_behind: is_behind("start") }),
        "crc32c" => Step::Checksum(Checksum::Crc32c { is_behind: is_behind("end") }),
        "adler32" => Step::Checksum(Checksum::Adler32 { is_behind: is_behind("start") }),
        other => return Err(unsupported(format!("the codec {other:?}"))),
    })
}
