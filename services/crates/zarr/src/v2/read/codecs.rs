//! numcodecs' configurations to codecs.

use model::{BloscCompressor, BloscShuffle, Codec};
use serde_json::{Map, Value};

use crate::read::{ReadError, object, text_of};

/// Codecs of numcodecs for Python's objects: what they make is no chunk of numbers or texts.
const OF_OBJECTS: [&str; 6] = ["pickle", "json2", "msgpack2", "vlen-bytes", "vlen-array", "categorize"];

/// A codec of its configuration, for elements of `element_size` bytes.
pub(crate) fn codec(
    configuration: &Value,
    element_size: u32,
    is_compressor: bool,
) -> Result<Codec, ReadError> {
    let members = object(configuration)?;
    let id = members.get("id").and_then(Value::as_str);
    let id = id.ok_or_else(|| ReadError::malformed("a codec has no id"))?;
    Ok(match id {
        "shuffle" => Codec::Shuffle { element_size: number(members, "elementsize")?.unwrap_or(4) },
        "zlib" => Codec::Deflate { level: level(members, 1)? },
        "gzip" => Codec::Gzip { level: level(members, 1)? },
        "bz2" => Codec::Bzip2 { level: level(members, 1)? },
        "zstd" => {
            let level = members.get("level").and_then(Value::as_i64).unwrap_or_default();
            Codec::Zstd { level: i32::try_from(level).unwrap_or_default() }
        }
        "blosc" => blosc(members, element_size)?,
        "fletcher32" => Codec::Fletcher32,
        "crc32c" if matches!(members.get("location").and_then(Value::as_str), None | Some("end")) => {
            Codec::Crc32c
        }
        "vlen-utf8" => Codec::VlenUtf8,
        "gribscan.rawgrib" => Codec::RawGrib,
        "imagecodecs_lz4h5" => Codec::Lz4Hdf5,
        _ if OF_OBJECTS.contains(&id) => {
            return Err(ReadError::unsupported(format!("its codec {id} is for objects of Python")));
        }
        _ => Codec::Numcodecs { configuration: text_of(configuration), is_compressor },
    })
}

fn blosc(members: &Map<String, Value>, element_size: u32) -> Result<Codec, ReadError> {
    let compressor = match members.get("cname").and_then(Value::as_str).unwrap_or("lz4") {
        "blosclz" => BloscCompressor::BloscLz,
        "lz4" => BloscCompressor::Lz4,
        "lz4hc" => BloscCompressor::Lz4Hc,
        "snappy" => BloscCompressor::Snappy,
        "zlib" => BloscCompressor::Zlib,
        "zstd" => BloscCompressor::Zstd,
        other => return Err(ReadError::unsupported(format!("Blosc's compressor {other:?} is unknown"))),
    };
    let shuffle = match members.get("shuffle").and_then(Value::as_i64).unwrap_or(1) {
        0 => BloscShuffle::None,
        1 => BloscShuffle::Byte,
        2 => BloscShuffle::Bit,
        // Automatic: as numcodecs decides.
        -1 if element_size == 1 => BloscShuffle::Bit,
        -1 => BloscShuffle::Byte,
        other => return Err(ReadError::malformed(format!("Blosc's shuffle is {other}"))),
    };
    let level = number(members, "clevel")?.unwrap_or(5);
    let level = u8::try_from(level).map_err(|_| ReadError::malformed("Blosc's level is no level"))?;
    let block_size = number(members, "blocksize")?.unwrap_or(0);
    Ok(Codec::Blosc { compressor, level, shuffle, element_size, block_size })
}

fn level(members: &Map<String, Value>, default: u8) -> Result<u8, ReadError> {
    let level = number(members, "level")?.map_or(Ok(default), u8::try_from);
    level.map_err(|_| ReadError::malformed("a codec's level is no level"))
}

fn number(members: &Map<String, Value>, name: &str) -> Result<Option<u32>, ReadError> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
            number.map(Some).ok_or_else(|| ReadError::malformed(format!("a codec's {name} is no number")))
        }
    }
}
