//! Encoding a chunk again whose filters are not those of the others.
//!
//! An optional filter that fails, as deflate does where it would not make a chunk smaller, is left out of that chunk
//! alone and noted in its filter mask. Zarr has one pipeline for all chunks of an array, so these are brought to it.

use std::io::{Read, Write};

use flate2::{Compression, read::ZlibDecoder, write::ZlibEncoder};
use model::Codec;

/// Brings a chunk that went through the codecs `from` to the codecs `to`. `size_max` bounds what it may decode to,
/// in bytes. None where a codec that differs is not one of shuffle, deflate and fletcher32, or does not decode.
pub(super) fn recode(chunk: Vec<u8>, from: &[Codec], to: &[Codec], size_max: u64) -> Option<Vec<u8>> {
    let common = from.iter().zip(to).take_while(|(a, b)| a == b).count();
    let mut bytes = chunk;
    for codec in from[common..].iter().rev() {
        bytes = decode(&bytes, codec, size_max)?;
    }
    for codec in &to[common..] {
        bytes = encode(bytes, codec)?;
    }
    Some(bytes)
}

fn decode(bytes: &[u8], codec: &Codec, size_max: u64) -> Option<Vec<u8>> {
    match codec {
        Codec::Deflate { .. } => {
            let mut decoded = Vec::new();
            // Four bytes more than the chunk: a checksum may be inside.
            ZlibDecoder::new(bytes).take(size_max.saturating_add(5)).read_to_end(&mut decoded).ok()?;
            (decoded.len() as u64 <= size_max.saturating_add(4)).then_some(decoded)
        }
        Codec::Shuffle { element_size } => Some(unshuffle(bytes, *element_size as usize)),
        Codec::Fletcher32 => {
            let (data, checksum) = bytes.split_last_chunk::<4>()?;
            (fletcher32(data).to_le_bytes() == *checksum).then(|| data.to_vec())
        }
        _ => None,
    }
}

fn encode(bytes: Vec<u8>, codec: &Codec) -> Option<Vec<u8>> {
    match codec {
        Codec::Deflate { level } => {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(u32::from(*level)));
            encoder.write_all(&bytes).ok()?;
            encoder.finish().ok()
        }
        Codec::Shuffle { element_size } => Some(shuffle(&bytes, *element_size as usize)),
        Codec::Fletcher32 => {
            let mut bytes = bytes;
            bytes.extend(fletcher32(&bytes).to_le_bytes());
            Some(bytes)
        }
        _ => None,
    }
}

/// All first bytes, then all second bytes, and so on; what is left of an element stays at the end.
fn shuffle(bytes: &[u8], element_size: usize) -> Vec<u8> {
    let count = bytes.len() / element_size.max(1);
    let mut shuffled = bytes.to_vec();
    for (element, from) in bytes.chunks_exact(element_size.max(1)).enumerate() {
        for (place, byte) in from.iter().enumerate() {
            shuffled[place * count + element] = *byte;
        }
    }
    shuffled
}

fn unshuffle(bytes: &[u8], element_size: usize) -> Vec<u8> {
    let count = bytes.len() / element_size.max(1);
    let mut plain = bytes.to_vec();
    for (element, to) in plain.chunks_exact_mut(element_size.max(1)).enumerate() {
        for (place, byte) in to.iter_mut().enumerate() {
            *byte = bytes[place * count + element];
        }
    }
    plain
}

/// The checksum of `H5_checksum_fletcher32`: sums of big-endian words modulo 65535, an odd last byte as a high one.
fn fletcher32(bytes: &[u8]) -> u32 {
    let (mut first, mut second) = (0_u32, 0_u32);
    for word in bytes.chunks(2) {
        let low = word.get(1).copied().unwrap_or(0);
        first = fold(first + u32::from(u16::from_be_bytes([word[0], low])));
        second = fold(second + first);
    }
    fold(second) << 16 | fold(first)
}

/// One step of the reduction modulo 65535 that keeps 65535 itself, as HDF5's does.
fn fold(sum: u32) -> u32 {
    (sum & 0xffff) + (sum >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHUFFLE: Codec = Codec::Shuffle { element_size: 4 };
    const DEFLATE: Codec = Codec::Deflate { level: 4 };

    #[test]
    fn a_chunk_without_deflate_gets_it() {
        let plain: Vec<u8> = (0..40).collect();
        let shuffled = shuffle(&plain, 4);
        let recoded = recode(shuffled, &[SHUFFLE], &[SHUFFLE, DEFLATE], 40).unwrap();
        let back = recode(recoded, &[SHUFFLE, DEFLATE], &[], 40).unwrap();
        assert_eq!(back, plain);
    }

    #[test]
    fn a_bomb_is_not_decoded() {
        let bomb = recode(vec![0; 10_000], &[], &[DEFLATE], 10_000).unwrap();
        assert_eq!(recode(bomb, &[DEFLATE], &[], 100), None);
    }

    #[test]
    fn other_codecs_are_refused_where_they_differ() {
        assert_eq!(recode(vec![1], &[Codec::Lz4Hdf5], &[], 1), None);
        assert_eq!(recode(vec![1], &[Codec::Lz4Hdf5], &[Codec::Lz4Hdf5], 1), Some(vec![1]));
    }

    #[test]
    fn a_wrong_checksum_is_noticed() {
        let mut chunk = recode(vec![1, 2, 3], &[], &[Codec::Fletcher32], 3).unwrap();
        assert_eq!(recode(chunk.clone(), &[Codec::Fletcher32], &[], 3), Some(vec![1, 2, 3]));
        chunk[0] = 9;
        assert_eq!(recode(chunk, &[Codec::Fletcher32], &[], 3), None);
    }
}
