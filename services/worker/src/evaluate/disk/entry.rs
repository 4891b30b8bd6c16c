//! A chunk as a file: everything that it takes to know that it is the one that is asked for, and whole.
//!
//! ```text
//! magic │ CRC-32C of all that follows │ length of the key │ key │ SectionState: the chunk and what it was made of
//!   8   │             4               │         4         │
//! ```

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use cloudify_proto::v1;
use prost::Message as _;

use crate::evaluate::witness::Witness;

/// What files of this form begin with.
const MAGIC: &[u8; 8] = b"CLDFYCH1";
/// Bytes before the key.
const HEAD_BYTES: usize = 16;

/// A chunk and what it was made of.
pub(super) struct Entry {
    pub(super) bytes: Bytes,
    pub(super) sources: Arc<[Witness]>,
}

impl Entry {
    pub(super) fn to_bytes(&self, key: &[u8]) -> Vec<u8> {
        let sources = self.sources.iter().map(Witness::to_wire).collect();
        let body = v1::SectionState { state: self.bytes.clone(), sources };
        let mut file = BytesMut::with_capacity(HEAD_BYTES + key.len() + body.encoded_len());
        file.extend_from_slice(MAGIC);
        file.extend_from_slice(&[0; 4]);
        file.extend_from_slice(&(key.len() as u32).to_le_bytes());
        file.extend_from_slice(key);
        // Cannot fail: the memory grows.
        let _ = body.encode(&mut file);
        let checksum = crc32c::crc32c(&file[12..]);
        file[8..12].copy_from_slice(&checksum.to_le_bytes());
        file.into()
    }

    /// What a file holds of a key; none where it is damaged, or of another key.
    pub(super) fn from_bytes(file: Vec<u8>, key: &[u8]) -> Option<Self> {
        let number = |at: usize| Some(u32::from_le_bytes(file.get(at..at + 4)?.try_into().ok()?));
        let (checksum, key_length) = (number(8)?, number(12)? as usize);
        let body = HEAD_BYTES.checked_add(key_length)?;
        if file.get(..8)? != MAGIC || file.get(HEAD_BYTES..body)? != key {
            return None;
        }
        if crc32c::crc32c(&file[12..]) != checksum {
            return None;
        }
        let v1::SectionState { state, sources } =
            v1::SectionState::decode(Bytes::from(file).slice(body..)).ok()?;
        let sources = sources.into_iter().map(Witness::from_wire).collect::<Result<Vec<_>, _>>().ok()?;
        Some(Self { bytes: state, sources: sources.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_its_chunk_or_nothing() {
        let entry = Entry { bytes: Bytes::from_static(b"a chunk of some length"), sources: Arc::default() };
        let file = entry.to_bytes(b"key");
        assert_eq!(Entry::from_bytes(file.clone(), b"key").unwrap().bytes, entry.bytes);
        assert!(
            Entry::from_bytes(file.clone(), b"kex").is_none()
                && Entry::from_bytes(file.clone(), b"").is_none()
        );
        for length in 0..file.len() {
            assert!(Entry::from_bytes(file[..length].to_vec(), b"key").is_none(), "{length}");
        }
        for at in 0..file.len() {
            let mut damaged = file.clone();
            damaged[at] ^= 1;
            assert!(Entry::from_bytes(damaged, b"key").is_none(), "{at}");
        }
    }
}
