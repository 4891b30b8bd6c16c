//! The codecs that a stored chunk went through, named as their standards name them.

/// One step of encoding. A variable's codecs are in the order of encoding, as HDF5's filter pipeline is.
/// Codecs that Cloudify has no word for are carried as their standard writes them, so that chunks still pass untouched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Codec {
    /// Byte shuffle (HDF5 filter 2).
    Shuffle {
        /// Bytes an element.
        element_size: u32,
    },
    /// zlib stream (HDF5 filter 1).
    Deflate {
        /// 0 to 9.
        level: u8,
    },
    /// Four bytes of checksum behind the data (HDF5 filter 3).
    Fletcher32,
    /// szip or AEC (HDF5 filter 4), its four parameters as HDF5 keeps them.
    Szip {
        /// Option bits (entropy coding, nearest neighbour, …).
        options_mask: u32,
        /// Pixels a block.
        pixels_per_block: u32,
        /// Bits a pixel.
        bits_per_pixel: u32,
        /// Pixels a scan line.
        pixels_per_scanline: u32,
    },
    /// bzip2 (HDF5 filter 307).
    Bzip2 {
        /// 1 to 9.
        level: u8,
    },
    /// Blosc 1 (HDF5 filter 32001): its frame says how it was made, these are the writer's settings.
    Blosc {
        /// The compressor inside.
        compressor: BloscCompressor,
        /// 0 to 9.
        level: u8,
        /// How bytes are shuffled first.
        shuffle: BloscShuffle,
        /// Bytes an element.
        element_size: u32,
        /// Bytes a block, 0 for automatic.
        block_size: u32,
    },
    /// LZ4 in HDF5's own framing (HDF5 filter 32004), which is not numcodecs' `lz4`.
    Lz4Hdf5,
    /// One Zstandard frame (HDF5 filter 32015).
    Zstd {
        /// Level of the writer.
        level: i32,
    },
    /// Variable-length UTF-8 strings as numcodecs' `vlen-utf8` writes them.
    VlenUtf8,
    /// One gzip member.
    Gzip {
        /// 0 to 9.
        level: u8,
    },
    /// Four bytes of CRC-32C behind the data (Zarr v3's `crc32c`).
    Crc32c,
    /// The chunk's elements lie in another order of dimensions (Zarr v3's `transpose`; v2's order `F` is all reversed).
    Transpose {
        /// For each stored dimension, which of the array's it is.
        order: Vec<u32>,
    },
    /// One whole GRIB message (edition 1 or 2), as gribscan's codec `gribscan.rawgrib` reads it.
    RawGrib,
    /// The stored chunk is a shard: inner chunks, each behind its own codecs, and an index of them
    /// ([Zarr v3, `sharding_indexed`](https://zarr-specs.readthedocs.io/en/latest/v3/codecs/sharding-indexed/index.html)).
    /// The variable's grid is that of shards. Always the only codec of its variable, or behind transposes.
    Sharding(Sharding),
    /// A codec of numcodecs without a word above: its configuration as in `.zarray`, one JSON object with an `id`.
    Numcodecs {
        /// The JSON object.
        configuration: String,
        /// Whether it was the `compressor` and not among the `filters`.
        is_compressor: bool,
    },
    /// A codec of Zarr v3 without a word above, as in `zarr.json`: one JSON object with a `name`.
    Zarr3 {
        /// The JSON object.
        configuration: String,
    },
}

/// How a shard is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sharding {
    /// Shape of the inner chunks: divides the shard's.
    pub chunk_shape: Vec<u64>,
    /// What an inner chunk went through, in the order of encoding.
    pub codecs: Vec<Codec>,
    /// Whether four bytes of CRC-32C follow the index.
    pub index_has_checksum: bool,
    /// Whether the index lies at the end of the shard, as usual, or at its start.
    pub index_at_end: bool,
}

/// A compressor inside Blosc.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is named by its compressor")]
pub enum BloscCompressor {
    BloscLz,
    Lz4,
    Lz4Hc,
    Snappy,
    Zlib,
    Zstd,
}

/// Blosc's shuffle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is named by what it does")]
pub enum BloscShuffle {
    None,
    Byte,
    Bit,
}
