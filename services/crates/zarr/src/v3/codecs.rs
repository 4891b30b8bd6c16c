//! The codec chain of a Zarr v3 array.

use model::{BloscShuffle, ByteOrder, Codec, DataType, Variable};
use serde_json::{Value, json};

use crate::v2;

/// From elements to bytes, and then each codec of bytes.
pub(super) fn chain(variable: &Variable) -> Vec<Value> {
    let is_of_bytes = |codec: &&Codec| !matches!(codec, Codec::VlenUtf8);
    let of_bytes = variable.codecs.iter().filter(is_of_bytes).map(bytes_to_bytes);
    std::iter::once(array_to_bytes(variable)).chain(of_bytes).collect()
}

fn array_to_bytes(variable: &Variable) -> Value {
    let has_order = match variable.data_type {
        DataType::Text => return json!({"name": "vlen-utf8"}),
        DataType::FixedText(_) | DataType::Opaque(_) => false,
        other => other.size() > Some(1),
    };
    if !has_order {
        return json!({"name": "bytes"});
    }
    let endian = match variable.byte_order {
        ByteOrder::Little => "little",
        ByteOrder::Big => "big",
    };
    json!({"name": "bytes", "configuration": {"endian": endian}})
}

fn bytes_to_bytes(codec: &Codec) -> Value {
    match codec {
        Codec::Shuffle { element_size } => {
            json!({"name": "numcodecs.shuffle", "configuration": {"elementsize": element_size}})
        }
        Codec::Deflate { level } => json!({"name": "numcodecs.zlib", "configuration": {"level": level}}),
        Codec::Bzip2 { level } => json!({"name": "numcodecs.bz2", "configuration": {"level": level}}),
        Codec::Fletcher32 => json!({"name": "numcodecs.fletcher32", "configuration": {}}),
        Codec::Zstd { level } => {
            json!({"name": "zstd", "configuration": {"level": level, "checksum": false}})
        }
        Codec::Blosc { compressor, level, shuffle, element_size, block_size } => json!({
            "name": "blosc",
            "configuration": {
                "typesize": element_size,
                "cname": v2::blosc_name(*compressor),
                "clevel": level,
                "shuffle": match shuffle {
                    BloscShuffle::None => "noshuffle",
                    BloscShuffle::Byte => "shuffle",
                    BloscShuffle::Bit => "bitshuffle",
                },
                "blocksize": block_size,
            },
        }),
        Codec::Gzip { level } => json!({"name": "gzip", "configuration": {"level": level}}),
        Codec::Crc32c => json!({"name": "crc32c"}),
        Codec::Transpose { order } => json!({"name": "transpose", "configuration": {"order": order}}),
        Codec::Numcodecs { configuration, .. } | Codec::Zarr3 { configuration } => {
            serde_json::from_str(configuration).unwrap_or_default()
        }
        Codec::RawGrib | Codec::Sharding(_) => json!({
            "name": v2::codec_ids(std::slice::from_ref(codec)).concat(),
        }),
        Codec::Szip { .. } | Codec::Lz4Hdf5 => json!({
            "name": v2::codec_ids(std::slice::from_ref(codec)).concat(),
            "configuration": v2::imagecodecs_configuration(codec),
        }),
        // Never here: it is the first of the chain.
        Codec::VlenUtf8 => json!({"name": "vlen-utf8"}),
    }
}
