//! The index of a shard: where in it each inner chunk is
//! ([Zarr v3, `sharding_indexed`](https://zarr-specs.readthedocs.io/en/latest/v3/codecs/sharding-indexed/index.html#binary-shard-format)).

use model::{ByteRange, Sharding};

/// Bytes an inner chunk in an index.
const ENTRY: usize = 16;
/// Bytes of the checksum behind an index.
const CHECKSUM: usize = 4;

/// Where inner chunks are, in C order within the shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardIndex(Vec<(u64, u64)>);

/// Why bytes are no index, or an index is not that of its shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ShardError {
    /// The shard ends before its index does.
    #[error("the shard has {0} bytes, too few for its index")]
    Short(u64),
    /// Another number of bytes than the index has.
    #[error("the shard's index has {0} bytes")]
    Length(usize),
    /// The bytes are not those that were written.
    #[error("the checksum of the shard's index is wrong")]
    Checksum,
    /// An inner chunk that is not in the shard.
    #[error("the shard's index says that an inner chunk ends behind the shard")]
    Outside,
}

/// Number of inner chunks of a shard of a shape; saturates.
pub fn inner_count(shard_shape: &[u64], sharding: &Sharding) -> u64 {
    let counts = shard_shape.iter().zip(&sharding.chunk_shape).map(|(shard, inner)| shard / (*inner).max(1));
    counts.fold(1, u64::saturating_mul)
}

/// Where in a shard of `length` bytes its index of `count` inner chunks is.
pub fn index_range(sharding: &Sharding, count: u64, length: u64) -> Result<ByteRange, ShardError> {
    let checksum = if sharding.index_has_checksum { CHECKSUM as u64 } else { 0 };
    let size = count.saturating_mul(ENTRY as u64).saturating_add(checksum);
    let behind = length.checked_sub(size).ok_or(ShardError::Short(length))?;
    Ok(ByteRange { offset: if sharding.index_at_end { behind } else { 0 }, length: size })
}

impl ShardIndex {
    /// Reads an index.
    pub fn parse(bytes: &[u8], has_checksum: bool) -> Result<Self, ShardError> {
        let wrong = ShardError::Length(bytes.len());
        let entries = if has_checksum {
            let (entries, checksum) = bytes.split_last_chunk::<CHECKSUM>().ok_or(wrong)?;
            if crc32c::crc32c(entries) != u32::from_le_bytes(*checksum) {
                return Err(ShardError::Checksum);
            }
            entries
        } else {
            bytes
        };
        let (entries, []) = entries.as_chunks::<ENTRY>() else { return Err(wrong) };
        let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
        Ok(Self(entries.iter().map(|entry| (number(&entry[..8]), number(&entry[8..]))).collect()))
    }

    /// Where in a shard of `length` bytes the inner chunk of a number is; none where it is missing.
    pub fn range(&self, number: u64, length: u64) -> Result<Option<ByteRange>, ShardError> {
        let place = usize::try_from(number).ok().and_then(|number| self.0.get(number));
        let Some(&(offset, size)) = place else { return Err(ShardError::Length(self.0.len() * ENTRY)) };
        if (offset, size) == (u64::MAX, u64::MAX) {
            return Ok(None);
        }
        if offset.checked_add(size).is_none_or(|end| end > length) {
            return Err(ShardError::Outside);
        }
        Ok(Some(ByteRange { offset, length: size }))
    }

    /// Bytes of memory that it holds: what a cache counts.
    pub fn memory_bytes(&self) -> usize {
        self.0.len() * ENTRY
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn index(entries: &[(u64, u64)], has_checksum: bool) -> Vec<u8> {
        let mut bytes: Vec<u8> = entries
            .iter()
            .flat_map(|(offset, size)| [offset.to_le_bytes(), size.to_le_bytes()].concat())
            .collect();
        if has_checksum {
            bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
        }
        bytes
    }

    #[test]
    fn an_index_says_where_chunks_are() {
        for has_checksum in [true, false] {
            let bytes = index(&[(0, 5), (u64::MAX, u64::MAX), (5, 96), (u64::MAX, 1)], has_checksum);
            let index = ShardIndex::parse(&bytes, has_checksum).unwrap();
            assert_eq!(index.range(0, 100), Ok(Some(ByteRange { offset: 0, length: 5 })));
            assert_eq!(index.range(1, 100), Ok(None));
            assert_eq!(index.range(2, 100), Err(ShardError::Outside));
            assert_eq!(index.range(3, 100), Err(ShardError::Outside));
            assert!(index.range(4, 100).is_err());
        }
    }

    #[test]
    fn the_index_is_at_an_end() {
        let at = |index_at_end, index_has_checksum, length| {
            let sharding =
                Sharding { chunk_shape: vec![1], codecs: vec![], index_has_checksum, index_at_end };
            index_range(&sharding, 2, length)
        };
        assert_eq!(at(true, true, 100), Ok(ByteRange { offset: 64, length: 36 }));
        assert_eq!(at(false, false, 100), Ok(ByteRange { offset: 0, length: 32 }));
        assert_eq!(at(true, true, 35), Err(ShardError::Short(35)));
    }

    proptest! {
        /// A byte that changed is never taken for a missing chunk.
        #[test]
        fn a_damaged_index_is_noticed(at in 0_usize..52, flip in 1_u8..) {
            let mut bytes = index(&[(0, 5), (5, 6), (u64::MAX, u64::MAX)], true);
            bytes[at] ^= flip;
            prop_assert_eq!(ShardIndex::parse(&bytes, true), Err(ShardError::Checksum));
        }

        #[test]
        fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..100), has_checksum: bool, number: u64) {
            if let Ok(index) = ShardIndex::parse(&bytes, has_checksum) {
                let _ = index.range(number, 1000);
            }
        }
    }
}
