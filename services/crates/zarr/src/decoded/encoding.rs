//! What chunks of the decoded view are encoded with: chosen for a dataset when it is registered.

use std::collections::BTreeMap;

use model::{BloscCompressor, BloscShuffle, Codec, DataType, Variable};

use crate::bitround;

/// How the decoded view encodes what it decodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoding {
    /// The one codec behind which elements are, one that every Zarr client has; none for elements as they are. The
    /// element size that Blosc is told is that of each variable.
    pub codec: Option<Codec>,
    /// Bits of the significand that the numbers of variables keep, by path; all bits of those that are not here.
    pub keepbits: BTreeMap<String, u8>,
}

impl Default for Encoding {
    /// Blosc with LZ4 and byte shuffle: fast to make and fast to read.
    fn default() -> Self {
        let (compressor, shuffle) = (BloscCompressor::Lz4, BloscShuffle::Byte);
        let codec = Codec::Blosc { compressor, level: 5, shuffle, element_size: 0, block_size: 0 };
        Self { codec: Some(codec), keepbits: BTreeMap::new() }
    }
}

impl Encoding {
    /// The codecs of a variable whose elements have a size in bytes.
    pub fn codecs(&self, size: usize) -> Vec<Codec> {
        let mut codec = self.codec.clone();
        if let Some(Codec::Blosc { element_size, .. }) = &mut codec {
            *element_size = u32::try_from(size).unwrap_or(1);
        }
        codec.into_iter().collect()
    }

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
