//! What chunks of the decoded view are encoded with: chosen for a dataset when it is registered.

use std::collections::BTreeMap;

use model::{BloscCompressor, BloscShuffle, Codec, DataType, Variable};

use crate::bitround;

/// How the decoded view encodes what it decodes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Encoding {
    /// How elements are compressed.
    pub compression: Compression,
    /// Bits of the significand that the numbers of variables keep, by path; all bits of those that are not here.
    pub keepbits: BTreeMap<String, u8>,
}

/// A compression that every Zarr client has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Elements as they are.
    None,
    /// Blosc.
    Blosc {
        /// The compressor inside.
        compressor: BloscCompressor,
        /// 0 to 9.
        level: u8,
        /// How bytes are shuffled first.
        shuffle: BloscShuffle,
    },
    /// Zstandard, -7 to 22.
    Zstd(i32),
    /// gzip, 0 to 9.
    Gzip(u8),
}

impl Default for Compression {
    /// Fast to make and fast to read.
    fn default() -> Self {
        Self::Blosc { compressor: BloscCompressor::Lz4, level: 5, shuffle: BloscShuffle::Byte }
    }
}

impl Compression {
    /// As codecs of a variable whose elements have a size in bytes.
    pub(super) fn codecs(self, element_size: usize) -> Vec<Codec> {
        match self {
            Self::None => Vec::new(),
            Self::Blosc { compressor, level, shuffle } => {
                let element_size = u32::try_from(element_size).unwrap_or(1);
                vec![Codec::Blosc { compressor, level, shuffle, element_size, block_size: 0 }]
            }
            Self::Zstd(level) => vec![Codec::Zstd { level }],
            Self::Gzip(level) => vec![Codec::Gzip { level }],
        }
    }
}

impl Encoding {
    /// Bits that the elements of a variable keep; none where they stay as they are, as numbers do that are not
    /// floating-point or have no more bits than that.
    pub fn keepbits(&self, variable: &Variable) -> Option<u8> {
        let wanted = self.keepbits.get(variable.path.as_str()).copied()?;
        let bits = match variable.data_type {
            DataType::F32 => bitround::BITS_OF_SINGLE,
            DataType::F64 => bitround::BITS_OF_DOUBLE,
            _ => return None,
        };
        (wanted < bits).then_some(wanted)
    }
}
