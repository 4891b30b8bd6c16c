//! Compressions of bytes. Each decodes at most as much as it is told and fails beyond.

use std::cell::RefCell;
use std::io::Read;

use bytes::Bytes;
use model::{BloscCompressor, BloscShuffle};
use zarrs::array::codec::{BloscCompressionLevel, BloscShuffleMode};

use super::{CodecError, Result, corrupt, scratch, unsupported};

thread_local! {
    static DECOMPRESSOR: RefCell<libdeflater::Decompressor> = RefCell::new(libdeflater::Decompressor::new());
}

/// One zlib stream.
pub(super) fn inflate(stored: &[u8], bound: usize) -> Result<Bytes> {
    inflate_into(stored, bound, Vec::new()).map(Bytes::from)
}

/// The same in the memory of `into`.
pub(super) fn inflate_into(stored: &[u8], bound: usize, mut into: Vec<u8>) -> Result<Vec<u8>> {
    into.resize(bound, 0);
    let length = inflate_to(stored, &mut into)?;
    into.truncate(length);
    Ok(into)
}

/// What is made of an inflated stream that nobody needs longer than that.
pub(super) fn inflated<T>(stored: &[u8], bound: usize, make: impl FnOnce(&[u8]) -> T) -> Result<T> {
    let mut memory = scratch::take();
    // What is in it need not be cleared.
    if memory.len() < bound {
        memory.resize(bound, 0);
    }
    let done = inflate_to(stored, &mut memory[..bound]).map(|length| make(&memory[..length]));
    scratch::give_back(memory);
    done
}

fn inflate_to(stored: &[u8], into: &mut [u8]) -> Result<usize> {
    DECOMPRESSOR
        .with_borrow_mut(|decompressor| decompressor.zlib_decompress(stored, into))
        .map_err(|error| corrupt(format!("deflate: {error}")))
}

/// As one zlib stream.
pub(super) fn deflate(bytes: &[u8], level: u8) -> Result<Bytes> {
    let level = libdeflater::CompressionLvl::new(level.min(9).into()).unwrap_or_default();
    let mut compressor = libdeflater::Compressor::new(level);
    let mut stored = vec![0; compressor.zlib_compress_bound(bytes.len())];
    let length = compressor.zlib_compress(bytes, &mut stored).map_err(failed)?;
    stored.truncate(length);
    Ok(exact(stored))
}

/// gzip members, one after another.
pub(super) fn gunzip(stored: &[u8], bound: usize) -> Result<Bytes> {
    read(flate2::read::MultiGzDecoder::new(stored), bound, "gzip")
}

/// As one gzip member.
pub(super) fn gzip(bytes: &[u8], level: u8) -> Result<Bytes> {
    let level = libdeflater::CompressionLvl::new(level.min(9).into()).unwrap_or_default();
    let mut compressor = libdeflater::Compressor::new(level);
    let mut stored = vec![0; compressor.gzip_compress_bound(bytes.len())];
    let length = compressor.gzip_compress(bytes, &mut stored).map_err(failed)?;
    stored.truncate(length);
    Ok(exact(stored))
}

/// bzip2 streams, one after another.
pub(super) fn bunzip2(stored: &[u8], bound: usize) -> Result<Bytes> {
    read(bzip2::read::MultiBzDecoder::new(stored), bound, "bzip2")
}

/// As one bzip2 stream.
pub(super) fn bzip2(bytes: &[u8], level: u8) -> Result<Bytes> {
    let mut stored = Vec::new();
    let level = bzip2::Compression::new(level.clamp(1, 9).into());
    bzip2::read::BzEncoder::new(bytes, level).read_to_end(&mut stored).map_err(failed)?;
    Ok(stored.into())
}

/// Zstandard frames, one after another.
pub(super) fn unzstd(stored: &[u8], bound: usize) -> Result<Bytes> {
    read(zstd::stream::read::Decoder::new(stored).map_err(failed)?, bound, "zstd")
}

/// As one Zstandard frame.
pub(super) fn zstd(bytes: &[u8], level: i32) -> Result<Bytes> {
    zstd::bulk::compress(bytes, level).map(exact).map_err(failed)
}

/// A Blosc frame.
pub(super) fn unblosc(stored: &[u8], bound: usize) -> Result<Bytes> {
    // Its header, sixteen bytes, says how much it holds and how long it is.
    let claimed = |at: usize| {
        stored.get(at..at + 4).and_then(|bytes| bytes.first_chunk()).map(|bytes| u32::from_le_bytes(*bytes))
    };
    let (Some(length), Some(frame)) = (claimed(4), claimed(12)) else {
        return Err(corrupt("blosc: shorter than its header"));
    };
    if length as usize > bound || frame as usize > stored.len() || frame < 16 {
        return Err(corrupt(format!("blosc: claims {length} bytes out of {frame}")));
    }
    if length == 0 {
        return Ok(Bytes::new());
    }
    let frame = &stored[..frame as usize];
    if zarrs::array::codec::blosc_validate(frame) != Some(length as usize) {
        return Err(corrupt("blosc: its header is wrong"));
    }
    let bytes = zarrs::array::codec::blosc_decompress_bytes(frame, length as usize, 1)
        .map_err(|_| corrupt("blosc: its blocks are wrong"))?;
    Ok(bytes.into())
}

/// As a Blosc frame.
pub(super) fn blosc(
    bytes: &[u8],
    compressor: BloscCompressor,
    level: u8,
    shuffle: BloscShuffle,
    element_size: u32,
    block_size: u32,
) -> Result<Bytes> {
    use zarrs::array::codec::BloscCompressor as Compressor;
    let compressor = match compressor {
        BloscCompressor::BloscLz => Compressor::BloscLZ,
        BloscCompressor::Lz4 => Compressor::LZ4,
        BloscCompressor::Lz4Hc => Compressor::LZ4HC,
        BloscCompressor::Snappy => Compressor::Snappy,
        BloscCompressor::Zlib => Compressor::Zlib,
        BloscCompressor::Zstd => Compressor::Zstd,
    };
    let shuffle = match shuffle {
        BloscShuffle::None => BloscShuffleMode::NoShuffle,
        BloscShuffle::Byte => BloscShuffleMode::Shuffle,
        BloscShuffle::Bit => BloscShuffleMode::BitShuffle,
    };
    let level = BloscCompressionLevel::try_from(level.min(9)).map_err(failed)?;
    let size = element_size.clamp(1, 255) as usize;
    let stored = zarrs::array::codec::blosc_compress_bytes(
        bytes,
        level,
        shuffle,
        size,
        compressor,
        block_size as usize,
        1,
    );
    stored.map(exact).map_err(|_| unsupported("this compressor of Blosc"))
}

fn read(mut from: impl Read, bound: usize, what: &str) -> Result<Bytes> {
    let mut bytes = Vec::new();
    let length = from
        .by_ref()
        .take(bound as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| corrupt(format!("{what}: {error}")))?;
    if length > bound {
        return Err(corrupt(format!("{what}: holds more than {bound} bytes")));
    }
    Ok(bytes.into())
}

/// What was compressed, without the memory behind its end, which is as long as it might have been: chunks are kept, and a copy
/// costs next to nothing beside compressing.
fn exact(stored: Vec<u8>) -> Bytes {
    let waste = stored.capacity() - stored.len();
    if waste > stored.len() / 8 { Bytes::copy_from_slice(&stored) } else { stored.into() }
}

fn failed(error: impl std::fmt::Display) -> CodecError {
    unsupported(format!("compression with these settings ({error})"))
}
