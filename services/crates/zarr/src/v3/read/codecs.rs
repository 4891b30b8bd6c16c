//! The codec chain of a Zarr v3 array to codecs.

use model::{ByteOrder, Codec, DataType, Sharding};
use serde_json::{Map, Value, json};

use crate::read::{ReadError, lengths, text_of};
use crate::v2;
use crate::v3::codecs::{Stage, stage};

/// Deepest nesting of shards in shards.
const DEPTH_MAX: usize = 4;
/// Most inner chunks of a shard: their index is kept in memory.
const INNER_CHUNKS_MAX: u64 = 1 << 22;

/// Codecs, and the byte order that one of them says.
pub(super) struct Chain {
    pub(super) codecs: Vec<Codec>,
    pub(super) byte_order: ByteOrder,
}

/// The chain of chunks of a shape.
pub(super) fn chain(value: &Value, data_type: DataType, chunk_shape: &[u64]) -> Result<Chain, ReadError> {
    nested(value, data_type, chunk_shape, 0)
}

fn nested(value: &Value, data_type: DataType, chunk_shape: &[u64], depth: usize) -> Result<Chain, ReadError> {
    if depth > DEPTH_MAX {
        return Err(ReadError::unsupported(format!("shards are nested more than {DEPTH_MAX} deep")));
    }
    let items = value.as_array().ok_or_else(|| ReadError::malformed("its codecs are no list"))?;
    let mut chain = Chain { codecs: Vec::new(), byte_order: ByteOrder::Little };
    let mut reached = Stage::ArrayToArray;
    for item in items {
        let name = item.as_str().or_else(|| item.get("name")?.as_str());
        let name = name.ok_or_else(|| ReadError::malformed("a codec has no name"))?;
        let empty = Map::new();
        let settings = item.get("configuration").and_then(Value::as_object).unwrap_or(&empty);
        let codec = match name {
            "bytes" => {
                check_order(&mut reached, Stage::ArrayToBytes)?;
                if settings.get("endian").and_then(Value::as_str) == Some("big") {
                    chain.byte_order = ByteOrder::Big;
                }
                continue;
            }
            "transpose" => match transpose(settings, chunk_shape.len())? {
                Some(codec) => codec,
                None => continue,
            },
            "sharding_indexed" => {
                // Of a transposed chunk the inner shape would be of other dimensions.
                if !chain.codecs.is_empty() && reached == Stage::ArrayToArray {
                    return Err(ReadError::unsupported("it has codecs before its shards"));
                }
                let (codec, byte_order) = sharding(settings, item, data_type, chunk_shape, depth)?;
                chain.byte_order = byte_order;
                codec
            }
            _ => codec(name, settings, item, data_type)?,
        };
        let place = stage(&codec).ok_or_else(|| {
            ReadError::unsupported(format!("its codec {name:?} is unknown, and so what it works on"))
        })?;
        check_order(&mut reached, place)?;
        chain.codecs.push(codec);
    }
    let is_text = chain.codecs.contains(&Codec::VlenUtf8);
    let is_sharded = matches!(chain.codecs.as_slice(), [Codec::Sharding(_), ..]);
    if reached == Stage::ArrayToArray || (data_type == DataType::Text && !is_text && !is_sharded) {
        return Err(ReadError::unsupported("no codec makes its elements bytes"));
    }
    Ok(chain)
}

/// Codecs of arrays come before the one that makes bytes, codecs of bytes after it.
fn check_order(reached: &mut Stage, place: Stage) -> Result<(), ReadError> {
    let is_next = match place {
        Stage::ArrayToArray | Stage::ArrayToBytes => *reached == Stage::ArrayToArray,
        Stage::BytesToBytes => *reached != Stage::ArrayToArray,
    };
    if place != Stage::ArrayToArray {
        *reached = Stage::ArrayToBytes;
    }
    if is_next { Ok(()) } else { Err(ReadError::malformed("its codecs are in no order of theirs")) }
}

fn codec(
    name: &str,
    settings: &Map<String, Value>,
    item: &Value,
    data_type: DataType,
) -> Result<Codec, ReadError> {
    let numcodecs = |id: &str, is_compressor: bool| {
        let mut configuration = Map::new();
        configuration.insert("id".into(), id.into());
        configuration.extend(settings.iter().map(|(name, value)| (name.clone(), value.clone())));
        let size = data_type.size().unwrap_or(1) as u32;
        v2::read::codec(&configuration.into(), size, is_compressor)
    };
    match name {
        "vlen-utf8" => Ok(Codec::VlenUtf8),
        "gzip" | "zstd" => numcodecs(name, true),
        "crc32c" => Ok(Codec::Crc32c),
        "blosc" => {
            let mut configuration = settings.clone();
            let shuffle = match settings.get("shuffle").and_then(Value::as_str) {
                Some("noshuffle") => 0,
                None | Some("shuffle") => 1,
                Some("bitshuffle") => 2,
                Some(other) => return Err(ReadError::malformed(format!("Blosc's shuffle is {other:?}"))),
            };
            configuration.insert("id".into(), "blosc".into());
            configuration.insert("shuffle".into(), shuffle.into());
            let size =
                settings.get("typesize").and_then(Value::as_u64).and_then(|size| u32::try_from(size).ok());
            let size = size.unwrap_or_else(|| data_type.size().unwrap_or(1) as u32);
            v2::read::codec(&configuration.into(), size, true)
        }
        _ => match name.strip_prefix("numcodecs.") {
            Some(id) => numcodecs(id, is_compression(id)),
            None => Ok(Codec::Zarr3 { configuration: text_of(item) }),
        },
    }
}

/// Those of numcodecs that are a compressor in v2.
fn is_compression(id: &str) -> bool {
    matches!(id, "lz4" | "lzma" | "zfpy" | "pcodec" | "blosc" | "zlib" | "gzip" | "bz2" | "zstd")
}

/// A transposition; none where all dimensions stay.
fn transpose(settings: &Map<String, Value>, rank: usize) -> Result<Option<Codec>, ReadError> {
    let order: Vec<u64> = match settings.get("order") {
        Some(Value::String(order)) if order == "F" => (0..rank as u64).rev().collect(),
        Some(Value::String(order)) if order == "C" => return Ok(None),
        Some(order) => lengths(order, "order")?,
        None => return Err(ReadError::malformed("a transposition has no order")),
    };
    let mut sorted = order.clone();
    sorted.sort_unstable();
    if !sorted.iter().copied().eq(0..rank as u64) {
        return Err(ReadError::malformed("a transposition's order is no permutation"));
    }
    if sorted == order {
        return Ok(None);
    }
    Ok(Some(Codec::Transpose { order: order.into_iter().map(|place| place as u32).collect() }))
}

fn sharding(
    settings: &Map<String, Value>,
    item: &Value,
    data_type: DataType,
    shard_shape: &[u64],
    depth: usize,
) -> Result<(Codec, ByteOrder), ReadError> {
    let setting = |name: &str| {
        settings.get(name).ok_or_else(|| ReadError::malformed(format!("its sharding has no {name}")))
    };
    let chunk_shape = lengths(setting("chunk_shape")?, "chunk_shape")?;
    let divides = chunk_shape.len() == shard_shape.len()
        && shard_shape.iter().zip(&chunk_shape).all(|(shard, chunk)| *chunk > 0 && shard % chunk == 0);
    if !divides {
        return Err(ReadError::malformed("the shape of its inner chunks does not divide that of its shards"));
    }
    let counts = shard_shape.iter().zip(&chunk_shape).map(|(shard, chunk)| shard / chunk);
    let count = counts.fold(1_u64, u64::saturating_mul);
    if count > INNER_CHUNKS_MAX {
        return Err(ReadError::unsupported(format!("its shards have {count} inner chunks")));
    }
    let inner = nested(setting("codecs")?, data_type, &chunk_shape, depth + 1)?;
    let Some(index_has_checksum) = index_codecs(setting("index_codecs")?) else {
        // Served as it is: the index is nothing that we could read.
        return Ok((Codec::Zarr3 { configuration: text_of(item) }, inner.byte_order));
    };
    let index_at_end = match settings.get("index_location").and_then(Value::as_str) {
        None | Some("end") => true,
        Some("start") => false,
        Some(other) => return Err(ReadError::malformed(format!("its shards' index is at {other:?}"))),
    };
    let codec =
        Codec::Sharding(Sharding { chunk_shape, codecs: inner.codecs, index_has_checksum, index_at_end });
    Ok((codec, inner.byte_order))
}

/// Whether an index has a checksum; none where it is encoded otherwise than as plain little-endian numbers.
fn index_codecs(value: &Value) -> Option<bool> {
    let plain = json!({"name": "bytes", "configuration": {"endian": "little"}});
    let is_checksum =
        |codec: &Value| codec.get("name").or(Some(codec)).and_then(Value::as_str) == Some("crc32c");
    match value.as_array()?.as_slice() {
        [bytes] if *bytes == plain => Some(false),
        [bytes, checksum] if *bytes == plain && is_checksum(checksum) => Some(true),
        _ => None,
    }
}
