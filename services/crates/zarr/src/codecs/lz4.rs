//! LZ4 blocks in two framings: HDF5's filter 32004 and numcodecs' `lz4`.

use bytes::Bytes;

use super::{Result, corrupt};

/// Bytes a block where a writer does not say: the filter's own default is 1 GiB, which is of no use here.
const BLOCK_BYTES: usize = 1 << 20;

/// HDF5's: bytes of all, bytes of a block, then for each block its compressed size and itself; all big-endian
/// ([`H5Zlz4.c`](https://github.com/HDFGroup/hdf5_plugins/blob/master/LZ4/src/H5Zlz4.c)).
pub(super) fn decode_hdf5(stored: &[u8], bound: usize) -> Result<Bytes> {
    let mut rest = stored;
    let total = u64::from_be_bytes(take(&mut rest)?);
    let block = u32::from_be_bytes(take(&mut rest)?) as usize;
    if total > bound as u64 || (block == 0 && total > 0) {
        return Err(corrupt(format!("lz4: claims {total} bytes in blocks of {block}")));
    }
    let mut bytes = vec![0; total as usize];
    for into in bytes.chunks_mut(block.max(1)) {
        let length = u32::from_be_bytes(take(&mut rest)?) as usize;
        let Some((from, after)) = rest.split_at_checked(length) else {
            return Err(corrupt("lz4: a block ends early"));
        };
        rest = after;
        // A block that LZ4 would not make smaller is stored as it is.
        if length == into.len() {
            into.copy_from_slice(from);
        } else if lz4_flex::block::decompress_into(from, into).ok() != Some(into.len()) {
            return Err(corrupt("lz4: a block is damaged"));
        }
    }
    Ok(bytes.into())
}

/// In HDF5's framing.
pub(super) fn encode_hdf5(bytes: &[u8]) -> Bytes {
    let block = BLOCK_BYTES.min(bytes.len());
    let mut stored = Vec::with_capacity(bytes.len() / 2 + 12);
    stored.extend((bytes.len() as u64).to_be_bytes());
    stored.extend((block as u32).to_be_bytes());
    for from in bytes.chunks(block.max(1)) {
        let compressed = lz4_flex::block::compress(from);
        let kept = if compressed.len() < from.len() { &compressed } else { from };
        stored.extend((kept.len() as u32).to_be_bytes());
        stored.extend(kept);
    }
    stored.into()
}

/// numcodecs': the size, little-endian, and one block.
pub(super) fn decode_numcodecs(stored: &[u8], bound: usize) -> Result<Bytes> {
    let mut rest = stored;
    let length = u32::from_le_bytes(take(&mut rest)?) as usize;
    if length > bound {
        return Err(corrupt(format!("lz4: claims {length} bytes")));
    }
    let mut bytes = vec![0; length];
    match lz4_flex::block::decompress_into(rest, &mut bytes) {
        Ok(written) if written == length => Ok(bytes.into()),
        _ => Err(corrupt("lz4: its block is damaged")),
    }
}

/// In numcodecs' framing.
pub(super) fn encode_numcodecs(bytes: &[u8]) -> Bytes {
    let mut stored = (bytes.len() as u32).to_le_bytes().to_vec();
    stored.extend(lz4_flex::block::compress(bytes));
    stored.into()
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N]> {
    let (first, after) = rest.split_first_chunk::<N>().ok_or_else(|| corrupt("lz4: ends early"))?;
    *rest = after;
    Ok(*first)
}
