//! Codecs as Zarr v2 names them: the ids and configurations of
//! [numcodecs](https://numcodecs.readthedocs.io/en/stable/) and, for HDF5's own formats,
//! [imagecodecs](https://github.com/cgohlke/imagecodecs/blob/master/imagecodecs/numcodecs.py).

use model::{BloscCompressor, BloscShuffle, Codec};
use serde_json::{Value, json};

/// The `compressor` and `filters` of `.zarray`; `null` for none.
pub(super) struct SplitCodecs {
    pub(super) compressor: Value,
    pub(super) filters: Value,
}

/// A compression that comes last is the compressor, all others are filters: TensorStore knows no filters, and GDAL
/// wants deflate as the compressor. A checksum behind the compression leaves all of them filters, as it must be
/// taken off first.
pub(super) fn split(codecs: &[Codec]) -> SplitCodecs {
    let (compressor, filters) = match codecs.split_last() {
        Some((last, before)) if is_compression(last) => (configuration(last), before),
        _ => (Value::Null, codecs),
    };
    let filters = if filters.is_empty() { Value::Null } else { filters.iter().map(configuration).collect() };
    SplitCodecs { compressor, filters }
}

/// The ids of codecs in order of encoding: `shuffle`, `zlib`.
pub fn codec_ids(codecs: &[Codec]) -> Vec<String> {
    let named = |configuration: &str, name: &str| {
        let configuration: Value = serde_json::from_str(configuration).ok()?;
        configuration.as_str().or_else(|| configuration.get(name)?.as_str()).map(str::to_owned)
    };
    let of = |codec: &Codec| match codec {
        Codec::Numcodecs { configuration, .. } => named(configuration, "id"),
        Codec::Zarr3 { configuration } => named(configuration, "name"),
        _ => None,
    };
    codecs.iter().map(|codec| of(codec).unwrap_or_else(|| id(codec).to_owned())).collect()
}

/// Whether v2 has words for these codecs of chunks of `rank` dimensions. It knows transpositions only as Fortran's
/// order of the elements as they come, and no shards.
pub(super) fn can_say(codecs: &[Codec], rank: usize) -> bool {
    let (_, rest) = split_order(codecs, rank);
    !rest
        .iter()
        .any(|codec| matches!(codec, Codec::Transpose { .. } | Codec::Sharding(_) | Codec::Zarr3 { .. }))
}

/// The order of the elements, `C` or `F`, and the codecs without it.
pub(super) fn split_order(codecs: &[Codec], rank: usize) -> (&'static str, &[Codec]) {
    match codecs {
        [Codec::Transpose { order }, rest @ ..] if order.iter().copied().eq((0..rank as u32).rev()) => {
            ("F", rest)
        }
        _ => ("C", codecs),
    }
}

/// Whether one of the codecs is in no reader as it is installed: numcodecs has no szip, not HDF5's framing of LZ4 and
/// no GRIB, and Zarr v3 has no name for them. Clients of Zarr v2 that register imagecodecs' and gribscan's codecs can
/// read them.
pub(crate) fn need_extra_codecs(codecs: &[Codec]) -> bool {
    codecs.iter().any(|codec| matches!(codec, Codec::Szip { .. } | Codec::Lz4Hdf5 | Codec::RawGrib))
}

fn is_compression(codec: &Codec) -> bool {
    match codec {
        Codec::Shuffle { .. }
        | Codec::Fletcher32
        | Codec::Crc32c
        | Codec::VlenUtf8
        | Codec::Transpose { .. }
        | Codec::Sharding(_)
        | Codec::Zarr3 { .. } => false,
        Codec::Numcodecs { is_compressor, .. } => *is_compressor,
        _ => true,
    }
}

fn id(codec: &Codec) -> &'static str {
    match codec {
        Codec::Shuffle { .. } => "shuffle",
        Codec::Deflate { .. } => "zlib",
        Codec::Fletcher32 => "fletcher32",
        Codec::Szip { .. } => "imagecodecs_szip",
        Codec::Bzip2 { .. } => "bz2",
        Codec::Blosc { .. } => "blosc",
        Codec::Lz4Hdf5 => "imagecodecs_lz4h5",
        Codec::Zstd { .. } => "zstd",
        Codec::VlenUtf8 => "vlen-utf8",
        Codec::Gzip { .. } => "gzip",
        Codec::Crc32c => "crc32c",
        Codec::Transpose { .. } => "transpose",
        Codec::RawGrib => "gribscan.rawgrib",
        Codec::Sharding(_) => "sharding_indexed",
        Codec::Numcodecs { .. } => "numcodecs",
        Codec::Zarr3 { .. } => "zarr3",
    }
}

fn configuration(codec: &Codec) -> Value {
    let id = id(codec);
    match codec {
        Codec::Shuffle { element_size } => json!({"id": id, "elementsize": element_size}),
        Codec::Deflate { level } | Codec::Bzip2 { level } | Codec::Gzip { level } => {
            json!({"id": id, "level": level})
        }
        Codec::Zstd { level } => json!({"id": id, "level": level}),
        Codec::Blosc { compressor, level, shuffle, block_size, .. } => json!({
            "id": id,
            "cname": blosc_name(*compressor),
            "clevel": level,
            "shuffle": match shuffle {
                BloscShuffle::None => 0,
                BloscShuffle::Byte => 1,
                BloscShuffle::Bit => 2,
            },
            "blocksize": block_size,
        }),
        Codec::Szip { .. } | Codec::Lz4Hdf5 => {
            let mut configuration = imagecodecs_configuration(codec);
            configuration["id"] = id.into();
            configuration
        }
        Codec::Numcodecs { configuration, .. } | Codec::Zarr3 { configuration } => {
            serde_json::from_str(configuration).unwrap_or_else(|_| json!({"id": id}))
        }
        Codec::Fletcher32
        | Codec::VlenUtf8
        | Codec::Crc32c
        | Codec::Transpose { .. }
        | Codec::RawGrib
        | Codec::Sharding(_) => json!({"id": id}),
    }
}

/// The name that Blosc's compressors have in both formats.
pub(crate) fn blosc_name(compressor: BloscCompressor) -> &'static str {
    match compressor {
        BloscCompressor::BloscLz => "blosclz",
        BloscCompressor::Lz4 => "lz4",
        BloscCompressor::Lz4Hc => "lz4hc",
        BloscCompressor::Snappy => "snappy",
        BloscCompressor::Zlib => "zlib",
        BloscCompressor::Zstd => "zstd",
    }
}

/// Settings of imagecodecs' codecs. HDF5 puts the size before szip's data.
pub(crate) fn imagecodecs_configuration(codec: &Codec) -> Value {
    match codec {
        Codec::Szip { options_mask, pixels_per_block, bits_per_pixel, pixels_per_scanline } => json!({
            "options_mask": options_mask,
            "pixels_per_block": pixels_per_block,
            "bits_per_pixel": bits_per_pixel,
            "pixels_per_scanline": pixels_per_scanline,
            "header": true,
        }),
        _ => json!({}),
    }
}
