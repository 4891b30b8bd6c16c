//! `filters` and `compressor` of `.zarray`.

use model::{BloscCompressor, BloscShuffle, Codec};
use serde_json::Value;

use crate::read::ReadError;

/// All codecs in the order of encoding. `size` is that of an element, in bytes.
pub(super) fn read(
    filters: Option<&[Value]>,
    compressor: Option<&Value>,
    size: usize,
) -> Result<Vec<Codec>, ReadError> {
    let filters = filters.unwrap_or_default().iter().map(|filter| codec(filter, false, size));
    filters.chain(compressor.map(|compressor| codec(compressor, true, size))).collect()
}

/// One codec; what has no word in the model is carried as it stands.
fn codec(configuration: &Value, is_compressor: bool, size: usize) -> Result<Codec, ReadError> {
    let id = configuration.get("id").and_then(Value::as_str).ok_or(ReadError::Wrong("a codec has no id"))?;
    let known = known(id, configuration, size);
    Ok(known.unwrap_or_else(|| Codec::Numcodecs { configuration: configuration.to_string(), is_compressor }))
}

fn known(id: &str, configuration: &Value, size: usize) -> Option<Codec> {
    let integer = |name: &str, default: i64| match configuration.get(name) {
        None | Some(Value::Null) => Some(default),
        Some(value) => value.as_i64(),
    };
    let level = |default: i64| u8::try_from(integer("level", default)?).ok();
    Some(match id {
        "shuffle" => Codec::Shuffle { element_size: u32::try_from(integer("elementsize", 4)?).ok()? },
        "zlib" => Codec::Deflate { level: level(1)? },
        "gzip" => Codec::Gzip { level: level(1)? },
        "bz2" => Codec::Bzip2 { level: level(1)? },
        "zstd" => Codec::Zstd { level: i32::try_from(integer("level", 0)?).ok()? },
        "fletcher32" => Codec::Fletcher32,
        "vlen-utf8" => Codec::VlenUtf8,
        "gribscan.rawgrib" => Codec::RawGrib,
        "imagecodecs_lz4h5" => Codec::Lz4Hdf5,
        "blosc" => Codec::Blosc {
            compressor: match configuration.get("cname").map_or(Some("lz4"), Value::as_str)? {
                "blosclz" => BloscCompressor::BloscLz,
                "lz4" => BloscCompressor::Lz4,
                "lz4hc" => BloscCompressor::Lz4Hc,
                "snappy" => BloscCompressor::Snappy,
                "zlib" => BloscCompressor::Zlib,
                "zstd" => BloscCompressor::Zstd,
                _ => return None,
            },
            level: u8::try_from(integer("clevel", 5)?).ok()?,
            shuffle: match integer("shuffle", 1)? {
                0 => BloscShuffle::None,
                1 => BloscShuffle::Byte,
                2 => BloscShuffle::Bit,
                // numcodecs' automatic choice.
                -1 if size == 1 => BloscShuffle::Bit,
                -1 => BloscShuffle::Byte,
                _ => return None,
            },
            element_size: u32::try_from(size).ok()?,
            block_size: u32::try_from(integer("blocksize", 0)?).ok()?,
        },
        _ => return None,
    })
}
