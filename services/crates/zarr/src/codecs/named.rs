//! Configurations of numcodecs and Zarr v3 that mean a codec of the model.

use model::{BloscCompressor, BloscShuffle, Codec};
use serde_json::Value;

use super::{Result, unsupported};

/// A codec in the model's own words, where it has some; otherwise as it is.
pub(crate) fn known(codec: &Codec) -> Result<Codec> {
    let (configuration, is_compressor) = match codec {
        Codec::Numcodecs { configuration, is_compressor } => (configuration, *is_compressor),
        Codec::Zarr3 { configuration } => (configuration, false),
        other => return Ok(other.clone()),
    };
    let value: Value =
        serde_json::from_str(configuration).map_err(|_| unsupported("a codec whose settings are no JSON"))?;
    let is_of_v3 = matches!(codec, Codec::Zarr3 { .. });
    let name = name(&value, is_of_v3);
    let settings = if is_of_v3 { value.get("configuration").unwrap_or(&Value::Null) } else { &value };
    let number = |key: &str, default: i64| settings.get(key).and_then(Value::as_i64).unwrap_or(default);
    let _ = is_compressor;
    Ok(match name {
        "zlib" => Codec::Deflate { level: number("level", 1).clamp(0, 9) as u8 },
        "gzip" => Codec::Gzip { level: number("level", 1).clamp(0, 9) as u8 },
        "bz2" => Codec::Bzip2 { level: number("level", 1).clamp(1, 9) as u8 },
        "zstd" => Codec::Zstd { level: number("level", 0).clamp(-100, 22) as i32 },
        "shuffle" => Codec::Shuffle { element_size: number("elementsize", 4).clamp(1, 1 << 20) as u32 },
        "fletcher32" => Codec::Fletcher32,
        "crc32c" if is_of_v3 => Codec::Crc32c,
        "vlen-utf8" => Codec::VlenUtf8,
        "blosc" => blosc(settings),
        "imagecodecs_szip" => Codec::Szip {
            options_mask: number("options_mask", 0) as u32,
            pixels_per_block: number("pixels_per_block", 0) as u32,
            bits_per_pixel: number("bits_per_pixel", 0) as u32,
            pixels_per_scanline: number("pixels_per_scanline", 0) as u32,
        },
        "imagecodecs_lz4h5" => Codec::Lz4Hdf5,
        _ => codec.clone(),
    })
}

/// The codec's name without the prefix that zarr-python puts before numcodecs'.
pub(super) fn name(value: &Value, is_of_v3: bool) -> &str {
    let name = value.get(if is_of_v3 { "name" } else { "id" }).and_then(Value::as_str).unwrap_or_default();
    name.strip_prefix("numcodecs.").unwrap_or(name)
}

fn blosc(settings: &Value) -> Codec {
    let number = |key: &str, default: i64| settings.get(key).and_then(Value::as_i64).unwrap_or(default);
    Codec::Blosc {
        compressor: match settings.get("cname").and_then(Value::as_str) {
            Some("blosclz") => BloscCompressor::BloscLz,
            Some("lz4hc") => BloscCompressor::Lz4Hc,
            Some("snappy") => BloscCompressor::Snappy,
            Some("zlib") => BloscCompressor::Zlib,
            Some("zstd") => BloscCompressor::Zstd,
            _ => BloscCompressor::Lz4,
        },
        level: number("clevel", 5).clamp(0, 9) as u8,
        shuffle: match settings.get("shuffle") {
            Some(Value::String(name)) if name == "noshuffle" => BloscShuffle::None,
            Some(Value::String(name)) if name == "bitshuffle" => BloscShuffle::Bit,
            Some(Value::Number(number)) if number.as_i64() == Some(0) => BloscShuffle::None,
            Some(Value::Number(number)) if number.as_i64() == Some(2) => BloscShuffle::Bit,
            _ => BloscShuffle::Byte,
        },
        element_size: number("typesize", 1).clamp(1, 255) as u32,
        block_size: number("blocksize", 0).clamp(0, 1 << 30) as u32,
    }
}
