//! The codecs that a stored chunk went through, named as their standards name them.

/// One step of encoding. A variable's codecs are in the order of encoding, as HDF5's filter pipeline is.
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
    /// Variable-length UTF-8 strings as numcodecs' `vlen-utf8` writes them. Only in inlined chunks.
    VlenUtf8,
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
