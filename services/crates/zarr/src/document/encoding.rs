//! Data types, byte orders and codecs of the catalog document.

use model::{BloscCompressor, BloscShuffle, ByteOrder, Codec, DataType, Sharding};
use serde::{Deserialize, Serialize};

/// `"f4"`, `{"fixed_text": 12}`: numpy's short names.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum DataTypeDocument {
    Bool,
    I1,
    I2,
    I4,
    I8,
    U1,
    U2,
    U4,
    U8,
    F2,
    F4,
    F8,
    FixedText(u32),
    FixedUnicode(u32),
    Opaque(u32),
    Text,
}

impl From<DataType> for DataTypeDocument {
    fn from(data_type: DataType) -> Self {
        match data_type {
            DataType::Bool => Self::Bool,
            DataType::I8 => Self::I1,
            DataType::I16 => Self::I2,
            DataType::I32 => Self::I4,
            DataType::I64 => Self::I8,
            DataType::U8 => Self::U1,
            DataType::U16 => Self::U2,
            DataType::U32 => Self::U4,
            DataType::U64 => Self::U8,
            DataType::F16 => Self::F2,
            DataType::F32 => Self::F4,
            DataType::F64 => Self::F8,
            DataType::FixedText(length) => Self::FixedText(length),
            DataType::FixedUnicode(length) => Self::FixedUnicode(length),
            DataType::Opaque(length) => Self::Opaque(length),
            DataType::Text => Self::Text,
        }
    }
}

impl From<DataTypeDocument> for DataType {
    fn from(document: DataTypeDocument) -> Self {
        match document {
            DataTypeDocument::Bool => Self::Bool,
            DataTypeDocument::I1 => Self::I8,
            DataTypeDocument::I2 => Self::I16,
            DataTypeDocument::I4 => Self::I32,
            DataTypeDocument::I8 => Self::I64,
            DataTypeDocument::U1 => Self::U8,
            DataTypeDocument::U2 => Self::U16,
            DataTypeDocument::U4 => Self::U32,
            DataTypeDocument::U8 => Self::U64,
            DataTypeDocument::F2 => Self::F16,
            DataTypeDocument::F4 => Self::F32,
            DataTypeDocument::F8 => Self::F64,
            DataTypeDocument::FixedText(length) => Self::FixedText(length),
            DataTypeDocument::FixedUnicode(length) => Self::FixedUnicode(length),
            DataTypeDocument::Opaque(length) => Self::Opaque(length),
            DataTypeDocument::Text => Self::Text,
        }
    }
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ByteOrderDocument {
    Little,
    Big,
}

impl From<ByteOrder> for ByteOrderDocument {
    fn from(order: ByteOrder) -> Self {
        match order {
            ByteOrder::Little => Self::Little,
            ByteOrder::Big => Self::Big,
        }
    }
}

impl From<ByteOrderDocument> for ByteOrder {
    fn from(document: ByteOrderDocument) -> Self {
        match document {
            ByteOrderDocument::Little => Self::Little,
            ByteOrderDocument::Big => Self::Big,
        }
    }
}

/// `"fletcher32"`, `{"deflate": {"level": 4}}`. Tagged outside: `serde_json` cannot buffer its exact numbers, which
/// a tag inside would need.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum CodecDocument {
    Shuffle {
        element_size: u32,
    },
    Deflate {
        level: u8,
    },
    Fletcher32,
    Szip {
        options_mask: u32,
        pixels_per_block: u32,
        bits_per_pixel: u32,
        pixels_per_scanline: u32,
    },
    Bzip2 {
        level: u8,
    },
    Blosc {
        compressor: BloscCompressorDocument,
        level: u8,
        shuffle: BloscShuffleDocument,
        element_size: u32,
        block_size: u32,
    },
    Lz4Hdf5,
    Zstd {
        level: i32,
    },
    VlenUtf8,
    Gzip {
        level: u8,
    },
    Crc32c,
    Transpose {
        order: Vec<u32>,
    },
    RawGrib,
    Sharding {
        chunk_shape: Vec<u64>,
        codecs: Vec<CodecDocument>,
        index_has_checksum: bool,
        index_at_end: bool,
    },
    Numcodecs {
        configuration: String,
        is_compressor: bool,
    },
    Zarr3 {
        configuration: String,
    },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum BloscCompressorDocument {
    BloscLz,
    Lz4,
    Lz4Hc,
    Snappy,
    Zlib,
    Zstd,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum BloscShuffleDocument {
    None,
    Byte,
    Bit,
}

impl From<&Codec> for CodecDocument {
    fn from(codec: &Codec) -> Self {
        match *codec {
            Codec::Shuffle { element_size } => Self::Shuffle { element_size },
            Codec::Deflate { level } => Self::Deflate { level },
            Codec::Fletcher32 => Self::Fletcher32,
            Codec::Szip { options_mask, pixels_per_block, bits_per_pixel, pixels_per_scanline } => {
                Self::Szip { options_mask, pixels_per_block, bits_per_pixel, pixels_per_scanline }
            }
            Codec::Bzip2 { level } => Self::Bzip2 { level },
            Codec::Blosc { compressor, level, shuffle, element_size, block_size } => {
                let compressor = compressor.into();
                Self::Blosc { compressor, level, shuffle: shuffle.into(), element_size, block_size }
            }
            Codec::Lz4Hdf5 => Self::Lz4Hdf5,
            Codec::Zstd { level } => Self::Zstd { level },
            Codec::VlenUtf8 => Self::VlenUtf8,
            Codec::Gzip { level } => Self::Gzip { level },
            Codec::Crc32c => Self::Crc32c,
            Codec::Transpose { ref order } => Self::Transpose { order: order.clone() },
            Codec::RawGrib => Self::RawGrib,
            Codec::Sharding(ref sharding) => Self::Sharding {
                chunk_shape: sharding.chunk_shape.clone(),
                codecs: sharding.codecs.iter().map(Self::from).collect(),
                index_has_checksum: sharding.index_has_checksum,
                index_at_end: sharding.index_at_end,
            },
            Codec::Numcodecs { ref configuration, is_compressor } => {
                Self::Numcodecs { configuration: configuration.clone(), is_compressor }
            }
            Codec::Zarr3 { ref configuration } => Self::Zarr3 { configuration: configuration.clone() },
        }
    }
}

impl From<CodecDocument> for Codec {
    fn from(document: CodecDocument) -> Self {
        match document {
            CodecDocument::Shuffle { element_size } => Self::Shuffle { element_size },
            CodecDocument::Deflate { level } => Self::Deflate { level },
            CodecDocument::Fletcher32 => Self::Fletcher32,
            CodecDocument::Szip { options_mask, pixels_per_block, bits_per_pixel, pixels_per_scanline } => {
                Self::Szip { options_mask, pixels_per_block, bits_per_pixel, pixels_per_scanline }
            }
            CodecDocument::Bzip2 { level } => Self::Bzip2 { level },
            CodecDocument::Blosc { compressor, level, shuffle, element_size, block_size } => {
                let compressor = compressor.into();
                Self::Blosc { compressor, level, shuffle: shuffle.into(), element_size, block_size }
            }
            CodecDocument::Lz4Hdf5 => Self::Lz4Hdf5,
            CodecDocument::Zstd { level } => Self::Zstd { level },
            CodecDocument::VlenUtf8 => Self::VlenUtf8,
            CodecDocument::Gzip { level } => Self::Gzip { level },
            CodecDocument::Crc32c => Self::Crc32c,
            CodecDocument::Transpose { order } => Self::Transpose { order },
            CodecDocument::RawGrib => Self::RawGrib,
            CodecDocument::Sharding { chunk_shape, codecs, index_has_checksum, index_at_end } => {
                let codecs = codecs.into_iter().map(Self::from).collect();
                Self::Sharding(Sharding { chunk_shape, codecs, index_has_checksum, index_at_end })
            }
            CodecDocument::Numcodecs { configuration, is_compressor } => {
                Self::Numcodecs { configuration, is_compressor }
            }
            CodecDocument::Zarr3 { configuration } => Self::Zarr3 { configuration },
        }
    }
}

impl From<BloscCompressor> for BloscCompressorDocument {
    fn from(compressor: BloscCompressor) -> Self {
        match compressor {
            BloscCompressor::BloscLz => Self::BloscLz,
            BloscCompressor::Lz4 => Self::Lz4,
            BloscCompressor::Lz4Hc => Self::Lz4Hc,
            BloscCompressor::Snappy => Self::Snappy,
            BloscCompressor::Zlib => Self::Zlib,
            BloscCompressor::Zstd => Self::Zstd,
        }
    }
}

impl From<BloscCompressorDocument> for BloscCompressor {
    fn from(document: BloscCompressorDocument) -> Self {
        match document {
            BloscCompressorDocument::BloscLz => Self::BloscLz,
            BloscCompressorDocument::Lz4 => Self::Lz4,
            BloscCompressorDocument::Lz4Hc => Self::Lz4Hc,
            BloscCompressorDocument::Snappy => Self::Snappy,
            BloscCompressorDocument::Zlib => Self::Zlib,
            BloscCompressorDocument::Zstd => Self::Zstd,
        }
    }
}

impl From<BloscShuffle> for BloscShuffleDocument {
    fn from(shuffle: BloscShuffle) -> Self {
        match shuffle {
            BloscShuffle::None => Self::None,
            BloscShuffle::Byte => Self::Byte,
            BloscShuffle::Bit => Self::Bit,
        }
    }
}

impl From<BloscShuffleDocument> for BloscShuffle {
    fn from(document: BloscShuffleDocument) -> Self {
        match document {
            BloscShuffleDocument::None => Self::None,
            BloscShuffleDocument::Byte => Self::Byte,
            BloscShuffleDocument::Bit => Self::Bit,
        }
    }
}
