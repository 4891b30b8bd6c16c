//! Shards: inner chunks, each behind its own codecs, and an index of them
//! ([Zarr v3, `sharding_indexed`](https://zarr-specs.readthedocs.io/en/latest/v3/codecs/sharding-indexed/index.html)).

use bytes::Bytes;
use model::{ChunkGrid, Sharding, Variable};

use super::checksum::Checksum;
use super::elements::{advance, strides_of};
use super::{ChunkCodecs, CodecError, Result, corrupt, unsupported};

const CHECKSUM: Checksum = Checksum::Crc32c { is_behind: true };

/// How a shard is read and made.
#[derive(Debug)]
pub(super) struct Shards {
    size: usize,
    shape: Vec<usize>,
    inner: Vec<usize>,
    counts: Vec<usize>,
    codecs: ChunkCodecs,
    /// One element.
    fill: Vec<u8>,
    index_has_checksum: bool,
    index_at_end: bool,
}

impl Shards {
    pub(super) fn new(variable: &Variable, shape: &[u64], sharding: &Sharding) -> Result<Self> {
        let inner = &sharding.chunk_shape;
        let divides = inner.len() == shape.len()
            && shape.iter().zip(inner).all(|(length, inner)| *inner > 0 && length % inner == 0);
        if !divides {
            return Err(unsupported("inner chunks that do not divide their shard"));
        }
        if sharding.codecs.iter().any(|codec| matches!(codec, model::Codec::Sharding(_))) {
            return Err(unsupported("shards within shards"));
        }
        let size = variable.data_type.size().ok_or_else(|| unsupported("shards of text"))?;
        let grid = ChunkGrid::new(shape.to_vec(), inner.clone()).map_err(unsupported)?;
        let counts: Vec<usize> = grid.counts().iter().map(|count| *count as usize).collect();
        let codecs =
            ChunkCodecs::new(&Variable { grid, codecs: sharding.codecs.clone(), ..variable.clone() })?;
        let lengths = |lengths: &[u64]| lengths.iter().map(|length| *length as usize).collect();
        Ok(Self {
            size,
            shape: lengths(shape),
            inner: lengths(inner),
            counts,
            codecs,
            fill: variable.fill_value.clone().filter(|fill| fill.len() == size).unwrap_or(vec![0; size]),
            index_has_checksum: sharding.index_has_checksum,
            index_at_end: sharding.index_at_end,
        })
    }

    pub(super) fn encoded_bytes_max(&self) -> usize {
        let decoded = self.shape.iter().product::<usize>() * self.size;
        decoded.saturating_mul(2).saturating_add(self.index_bytes()).saturating_add(64 << 10)
    }

    fn index_bytes(&self) -> usize {
        let checksum = if self.index_has_checksum { 4 } else { 0 };
        self.counts.iter().product::<usize>() * 16 + checksum
    }

    pub(super) fn decode(&self, shard: &Bytes) -> Result<Bytes> {
        let start = if self.index_at_end {
            shard.len().checked_sub(self.index_bytes())
        } else {
            (shard.len() >= self.index_bytes()).then_some(0)
        };
        let start = start.ok_or_else(|| corrupt("a shard shorter than its index"))?;
        let mut index = shard.slice(start..start + self.index_bytes());
        if self.index_has_checksum {
            index = CHECKSUM.decode(&index)?;
        }
        let elements: usize = self.shape.iter().product();
        let mut bytes = self.fill.repeat(elements);
        let mut place = vec![0; self.counts.len()];
        for entry in index.as_chunks::<8>().0.as_chunks::<2>().0 {
            let [offset, length] = entry.map(u64::from_le_bytes);
            if (offset, length) != (u64::MAX, u64::MAX) {
                let end = offset.checked_add(length).filter(|end| *end <= shard.len() as u64);
                let end = end.ok_or_else(|| corrupt("an inner chunk outside its shard"))?;
                let inner = self.codecs.decode(shard.slice(offset as usize..end as usize))?;
                self.rows(&place, |outside, inside, length| {
                    bytes[outside..outside + length].copy_from_slice(&inner[inside..inside + length]);
                });
            }
            advance(&mut place, &self.counts);
        }
        Ok(bytes.into())
    }

    pub(super) fn encode(&self, elements: &[u8]) -> Result<Bytes> {
        let before = if self.index_at_end { 0 } else { self.index_bytes() };
        let mut shard = vec![0; before];
        let mut index = Vec::with_capacity(self.index_bytes());
        let mut inner = vec![0; self.inner.iter().product::<usize>() * self.size];
        let mut place = vec![0; self.counts.len()];
        loop {
            self.rows(&place, |outside, inside, length| {
                inner[inside..inside + length].copy_from_slice(&elements[outside..outside + length]);
            });
            if inner.chunks_exact(self.size.max(1)).all(|element| element == self.fill) {
                index.extend([0xff; 16]);
            } else {
                let encoded = self.codecs.encode(Bytes::copy_from_slice(&inner))?;
                index.extend((shard.len() as u64).to_le_bytes());
                index.extend((encoded.len() as u64).to_le_bytes());
                shard.extend_from_slice(&encoded);
            }
            if !advance(&mut place, &self.counts) {
                break;
            }
        }
        if self.index_has_checksum {
            index = CHECKSUM.encode(&index).into();
        }
        if self.index_at_end {
            shard.extend_from_slice(&index);
        } else {
            let into = shard.get_mut(..index.len());
            into.ok_or_else(|| CodecError::Elements("an index of another length".into()))?
                .copy_from_slice(&index);
        }
        Ok(shard.into())
    }

    /// Each run of an inner chunk's elements: where it is in the shard's, in its own, and its length; in bytes.
    fn rows(&self, place: &[usize], mut row: impl FnMut(usize, usize, usize)) {
        let strides = strides_of(&self.shape);
        let Some((last, outer)) = self.inner.split_last() else { return row(0, 0, self.size) };
        let length = last * self.size;
        let base: usize = place
            .iter()
            .zip(&self.inner)
            .zip(&strides)
            .map(|((place, inner), stride)| place * inner * stride)
            .sum();
        let mut index = vec![0; outer.len()];
        let mut inside = 0;
        loop {
            let offset: usize = index.iter().zip(&strides).map(|(place, stride)| place * stride).sum();
            row((base + offset) * self.size, inside, length);
            inside += length;
            if !advance(&mut index, outer) {
                return;
            }
        }
    }
}
