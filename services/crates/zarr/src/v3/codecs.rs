//! The codec chain of a Zarr v3 array.

use model::{BloscShuffle, ByteOrder, Codec, DataType, Sharding, Variable};
use serde_json::{Value, json};

use crate::v2;

/// What a codec of v3 takes and makes ([Zarr v3, codecs](https://zarr-specs.readthedocs.io/en/latest/v3/core/index.html#codecs)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    ArrayToArray,
    ArrayToBytes,
    BytesToBytes,
}

/// numcodecs' codecs that zarr-python has in v3, under `numcodecs.`: those of arrays, and all others.
const NUMCODECS_OF_ARRAYS: [&str; 6] =
    ["delta", "bitround", "fixedscaleoffset", "quantize", "packbits", "astype"];
const NUMCODECS_TO_BYTES: [&str; 2] = ["zfpy", "pcodec"];
const NUMCODECS_OF_BYTES: [&str; 6] = ["crc32", "crc32c", "adler32", "jenkins_lookup3", "lz4", "lzma"];
/// Codecs of v3 that other writers register.
const OF_ARRAYS: [&str; 6] =
    ["bitround", "fixedscaleoffset", "squeeze", "reshape", "cast_value", "scale_offset"];
const TO_BYTES: [&str; 6] = ["sharding_indexed", "packbits", "zfp", "pcodec", "vlen", "optional"];
const OF_BYTES: [&str; 9] =
    ["adler32", "fletcher32", "bz2", "lz4", "lzma", "zlib", "shuffle", "gdeflate", "crc32"];

/// From elements to bytes, and then each codec of bytes; empty where v3 cannot say it.
pub(super) fn chain(variable: &Variable) -> Vec<Value> {
    chain_of(&variable.codecs, variable.data_type, variable.byte_order).unwrap_or_default()
}

/// The chain of codecs; none where v3 cannot say it.
pub(super) fn chain_of(codecs: &[Codec], data_type: DataType, byte_order: ByteOrder) -> Option<Vec<Value>> {
    let stages: Vec<Stage> = codecs.iter().map(stage).collect::<Option<_>>()?;
    let to_bytes = stages.iter().filter(|stage| **stage == Stage::ArrayToBytes).count();
    if !stages.is_sorted() || to_bytes > 1 {
        return None;
    }
    let mut chain = Vec::with_capacity(codecs.len() + 1);
    let of_arrays = stages.iter().filter(|stage| **stage == Stage::ArrayToArray).count();
    for codec in &codecs[..of_arrays] {
        chain.push(said(codec, data_type, byte_order)?);
    }
    if to_bytes == 0 {
        chain.push(bytes(data_type, order_after(&codecs[..of_arrays]).or(Some(byte_order)))?);
    }
    for codec in &codecs[of_arrays..] {
        chain.push(said(codec, data_type, byte_order)?);
    }
    Some(chain)
}

/// What a codec takes and makes; none where nobody knows.
pub(super) fn stage(codec: &Codec) -> Option<Stage> {
    let of = |name: &str, arrays: &[&str], to_bytes: &[&str], bytes: &[&str]| {
        if arrays.contains(&name) {
            Some(Stage::ArrayToArray)
        } else if to_bytes.contains(&name) {
            Some(Stage::ArrayToBytes)
        } else {
            bytes.contains(&name).then_some(Stage::BytesToBytes)
        }
    };
    match codec {
        Codec::Transpose { .. } => Some(Stage::ArrayToArray),
        Codec::VlenUtf8 | Codec::Sharding(_) => Some(Stage::ArrayToBytes),
        Codec::Numcodecs { configuration, .. } => {
            let id = member_of(configuration, "id")?;
            // zarr-python forgets that its quantize of v3 may change the type.
            if id == "quantize" && changes_type(configuration) {
                return None;
            }
            of(&id, &NUMCODECS_OF_ARRAYS, &NUMCODECS_TO_BYTES, &NUMCODECS_OF_BYTES)
        }
        Codec::Zarr3 { configuration } => {
            let name = member_of(configuration, "name")?;
            of(name.strip_prefix("zarrs.").unwrap_or(&name), &OF_ARRAYS, &TO_BYTES, &OF_BYTES)
        }
        _ => Some(Stage::BytesToBytes),
    }
}

fn member_of(configuration: &str, name: &str) -> Option<String> {
    let configuration: Value = serde_json::from_str(configuration).ok()?;
    let text =
        configuration.as_str().filter(|_| name == "name").or_else(|| configuration.get(name)?.as_str());
    text.map(str::to_owned)
}

fn changes_type(configuration: &str) -> bool {
    let astype = member_of(configuration, "astype");
    astype.is_some() && astype != member_of(configuration, "dtype")
}

/// The byte order of what the last codec of arrays makes, where that says it: `astype: "<i2"`.
fn order_after(of_arrays: &[Codec]) -> Option<ByteOrder> {
    let Codec::Numcodecs { configuration, .. } = of_arrays.iter().rfind(|codec| !is_transpose(codec))? else {
        return None;
    };
    let type_of = |name| member_of(configuration, name);
    let dtype = type_of("encode_dtype").or_else(|| type_of("astype")).or_else(|| type_of("dtype"))?;
    match dtype.chars().next() {
        Some('>') => Some(ByteOrder::Big),
        Some('<') => Some(ByteOrder::Little),
        _ => None,
    }
}

fn is_transpose(codec: &Codec) -> bool {
    matches!(codec, Codec::Transpose { .. })
}

/// The codec that makes bytes of elements; none for elements that have no size.
fn bytes(data_type: DataType, order: Option<ByteOrder>) -> Option<Value> {
    let has_order = match data_type {
        DataType::Text => return None,
        DataType::FixedText(_) | DataType::Opaque(_) => false,
        other => other.size() > Some(1),
    };
    let endian = match order {
        Some(order) if has_order => order,
        _ => return Some(json!({"name": "bytes"})),
    };
    let endian = match endian {
        ByteOrder::Little => "little",
        ByteOrder::Big => "big",
    };
    Some(json!({"name": "bytes", "configuration": {"endian": endian}}))
}

fn said(codec: &Codec, data_type: DataType, byte_order: ByteOrder) -> Option<Value> {
    Some(match codec {
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
        Codec::VlenUtf8 => json!({"name": "vlen-utf8"}),
        Codec::Sharding(sharding) => sharded(sharding, data_type, byte_order)?,
        Codec::Zarr3 { configuration } => serde_json::from_str(configuration).ok()?,
        Codec::Numcodecs { configuration, .. } => {
            let mut settings: Value = serde_json::from_str(configuration).ok()?;
            let id = settings.as_object_mut()?.shift_remove("id")?;
            json!({"name": format!("numcodecs.{}", id.as_str()?), "configuration": settings})
        }
        Codec::RawGrib => json!({"name": v2::codec_ids(std::slice::from_ref(codec)).concat()}),
        Codec::Szip { .. } | Codec::Lz4Hdf5 => json!({
            "name": v2::codec_ids(std::slice::from_ref(codec)).concat(),
            "configuration": v2::imagecodecs_configuration(codec),
        }),
    })
}

fn sharded(sharding: &Sharding, data_type: DataType, byte_order: ByteOrder) -> Option<Value> {
    let mut index_codecs = vec![json!({"name": "bytes", "configuration": {"endian": "little"}})];
    if sharding.index_has_checksum {
        index_codecs.push(json!({"name": "crc32c"}));
    }
    Some(json!({"name": "sharding_indexed", "configuration": {
        "chunk_shape": sharding.chunk_shape,
        "index_location": if sharding.index_at_end { "end" } else { "start" },
        "codecs": chain_of(&sharding.codecs, data_type, byte_order)?,
        "index_codecs": index_codecs,
    }}))
}
