//! Inner chunks of shards, as clients of Zarr v2 see them: their places are in the shard's index, which a worker reads
//! once.

use std::sync::Arc;

use bytes::Bytes;
use model::{ByteRange, ChunkGrid, DatasetId, Error, ErrorKind, Result, Sharding, SourceFile};
use zarr::key::ChunkIndex;
use zarr::shard::{ShardError, ShardIndex, index_range, inner_count};

use super::{Datasets, Located, OpenDataset};

/// A shard and how many inner chunks it has.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct ShardKey {
    file: Arc<SourceFile>,
    range: ByteRange,
    count: u64,
}

/// Bytes of memory of an index, as the cache counts them.
pub(super) fn weight(index: &ShardIndex) -> u32 {
    u32::try_from(index.memory_bytes() + 256).unwrap_or(u32::MAX)
}

impl Datasets {
    /// Where the inner chunk is that a key of v2 names.
    pub(super) async fn locate_inner(
        &self,
        dataset: &OpenDataset,
        variable: usize,
        sharding: &Sharding,
        index: &ChunkIndex,
    ) -> Result<Located> {
        let id = &dataset.published().id;
        let grid = &dataset.dataset().variables[variable].grid;
        let Some((shard, inner)) = shard_of(grid, sharding, index) else { return Ok(Located::Outside) };
        let count = inner_count(grid.chunk_shape(), sharding);
        let (file, range) = match self.locate_number(dataset, variable, shard).await? {
            Located::Stored { file, range } => (file, range),
            Located::File { file, array } => match self.length(id, &file, array.as_deref()).await? {
                Some(length) => (file, ByteRange { offset: 0, length }),
                None => return Ok(Located::Missing),
            },
            Located::Inline(shard) => return in_bytes(&shard, sharding, count, inner),
            Located::Computed(_) => {
                let message = "inner chunks of a shard that is made on demand cannot be had one by one";
                return Err(Error::new(ErrorKind::Unsupported, message));
            }
            other @ (Located::Missing | Located::Outside) => return Ok(other),
        };
        let damaged = |error: ShardError| damaged(error).with_internal(format!("{}: {error}", file.path));
        let index = self.shard_index(id, &file, range, sharding, count).await?;
        let Some(within) = index.range(inner, range.length).map_err(damaged)? else {
            return Ok(Located::Missing);
        };
        let offset = range.offset.checked_add(within.offset);
        let offset = offset.ok_or_else(|| Error::internal("a range ends beyond 2^64"))?;
        Ok(Located::Stored { range: ByteRange { offset, length: within.length }, file })
    }

    async fn shard_index(
        &self,
        id: &DatasetId,
        file: &Arc<SourceFile>,
        range: ByteRange,
        sharding: &Sharding,
        count: u64,
    ) -> Result<Arc<ShardIndex>> {
        let key = ShardKey { file: Arc::clone(file), range, count };
        if let Some(index) = self.shards.get(&key).await {
            return Ok(index);
        }
        let read = async {
            let place = index_range(sharding, count, range.length).map_err(damaged)?;
            let offset = range.offset.checked_add(place.offset);
            let offset = offset.ok_or_else(|| Error::internal("a range ends beyond 2^64"))?;
            let read = self.worker.read(id, file, ByteRange { offset, length: place.length }).await?;
            let bytes = read.together(place.length).await?;
            ShardIndex::parse(&bytes, sharding.index_has_checksum).map(Arc::new).map_err(damaged)
        };
        let index = self.shards.try_get_with(key, read).await;
        index.map_err(|error| Error::clone(&error))
    }
}

/// The number of the shard that an inner chunk is in, and the chunk's within it; none outside of the array.
fn shard_of(grid: &ChunkGrid, sharding: &Sharding, index: &ChunkIndex) -> Option<(u64, u64)> {
    let inner_grid = ChunkGrid::new(grid.shape().to_vec(), sharding.chunk_shape.clone()).ok()?;
    let index = inner_grid.index(index.number(&inner_grid)?);
    let ratios = grid.chunk_shape().iter().zip(&sharding.chunk_shape).map(|(shard, inner)| shard / inner);
    let (mut shard, mut inner) = (Vec::with_capacity(index.len()), 0_u64);
    for (place, ratio) in index.into_iter().zip(ratios) {
        shard.push(place.checked_div(ratio)?);
        inner = inner.checked_mul(ratio)?.checked_add(place % ratio)?;
    }
    Some((grid.number(&shard)?, inner))
}

/// An inner chunk of a shard that is here.
fn in_bytes(shard: &Bytes, sharding: &Sharding, count: u64, inner: u64) -> Result<Located> {
    let length = shard.len() as u64;
    let slice = |range: ByteRange| shard.slice(range.offset as usize..(range.offset + range.length) as usize);
    let place = index_range(sharding, count, length).map_err(damaged)?;
    let index = ShardIndex::parse(&slice(place), sharding.index_has_checksum).map_err(damaged)?;
    let range = index.range(inner, length).map_err(damaged)?;
    Ok(range.map_or(Located::Missing, |range| Located::Inline(slice(range))))
}

/// A damaged index: never a missing chunk.
fn damaged(error: ShardError) -> Error {
    Error::new(ErrorKind::CorruptData, format!("a shard is damaged: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use zarr::key::{Key, parse};

    #[test]
    fn an_inner_chunk_is_in_its_shard() {
        let grid = ChunkGrid::new(vec![10, 9], vec![4, 6]).unwrap();
        let sharding = Sharding {
            chunk_shape: vec![2, 3],
            codecs: vec![],
            index_has_checksum: true,
            index_at_end: true,
        };
        let of = |key: &str| match parse(key, |path| path == "v") {
            Ok(Key::Chunk { index, .. }) => shard_of(&grid, &sharding, &index),
            other => panic!("{other:?}"),
        };
        assert_eq!(of("v/0.0"), Some((0, 0)));
        assert_eq!(of("v/1.1"), Some((0, 3)));
        assert_eq!(of("v/0.2"), Some((1, 0)));
        assert_eq!(of("v/4.2"), Some((5, 0)));
        assert_eq!(of("v/5.0"), None);
        assert_eq!(of("v/0.3"), None);
    }
}
