//! Regions of lazy arrays, and the blocks that some are made of, which are kept.

use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use model::{ChunkGrid, Error, ErrorKind, Region, Result};
use moka::future::Cache;
use views::array::{Array, Made as How};
use views::compute::{self, TooManyLeaves};

use super::feed::Feed;
use super::{BlockKey, Origin};
use crate::evaluate::Inner;
use crate::evaluate::witness::Witness;

/// Bytes that were made, and what they were made of.
pub(super) type Kept = (Bytes, Arc<[Witness]>);

impl Inner {
    /// The elements of a region, and what they were read of.
    pub(super) async fn region(
        self: &Arc<Self>,
        origin: &Arc<Origin>,
        array: &Arc<Array>,
        region: &Region,
    ) -> Result<Kept> {
        if let (How::Reduced(_), Some(number)) = (&array.made, block_of(array, region)) {
            if let Some(given) = origin.given(array, number) {
                return Ok(given.clone());
            }
            // The chunk that it becomes is kept: no need to keep it twice.
            return self.make_block(origin, array, number, self.pool.cores_count()).await;
        }
        let (of, place) = ((Arc::clone(array), region.clone()), (Arc::clone(array), region.clone()));
        let leaves = move || compute::leaves(&of.0, &of.1).map_err(too_many);
        let evaluate = move |feed: &mut Feed| compute::evaluate(&place.0, &place.1, feed);
        let (elements, sources) = self.compute(origin, array, leaves, evaluate).await?;
        Ok((elements, sources.into_iter().collect()))
    }

    /// A block of an array that is made in blocks, made once and kept for a while.
    pub(super) fn block<'a>(
        self: &'a Arc<Self>,
        origin: &'a Arc<Origin>,
        array: &'a Arc<Array>,
        number: u64,
    ) -> BoxFuture<'a, Result<Kept>> {
        async move {
            if let Some(given) = origin.given(array, number) {
                return Ok(given.clone());
            }
            // Within another computation, which may be one of many.
            let make = self.make_block(origin, array, number, 1);
            self.once(&self.views.blocks, origin.key_of(array, number), make).await
        }
        .boxed()
    }

    /// What is kept, if its sources are what they were; else what is made now, once for all who ask.
    pub(super) async fn once(
        &self,
        kept: &Cache<BlockKey, Kept>,
        key: BlockKey,
        make: impl Future<Output = Result<Kept>>,
    ) -> Result<Kept> {
        if let Some((bytes, sources)) = kept.get(&key).await {
            if self.are_unchanged(&sources).await? {
                return Ok((bytes, sources));
            }
            kept.invalidate(&key).await;
        }
        kept.try_get_with(key, make).await.map_err(|error| Error::clone(&error))
    }

    async fn make_block(
        self: &Arc<Self>,
        origin: &Arc<Origin>,
        array: &Arc<Array>,
        number: u64,
        at_once: usize,
    ) -> Result<Kept> {
        if matches!(array.made, How::Reduced(_)) {
            return self.reduce(origin, array, number, at_once).await;
        }
        let region = array.block(number)?;
        let (of, place) = ((Arc::clone(array), region.clone()), (Arc::clone(array), region));
        let leaves = move || compute::leaves_of_block(&of.0, &of.1).map_err(too_many);
        let evaluate = move |feed: &mut Feed| compute::evaluate_block(&place.0, &place.1, feed);
        let (elements, sources) = self.compute(origin, array, leaves, evaluate).await?;
        Ok((elements, sources.into_iter().collect()))
    }
}

pub(in crate::evaluate) fn too_many(error: TooManyLeaves) -> Error {
    Error::new(ErrorKind::TooLarge, error.to_string())
}

/// The number of the block of an array that a region is, if it is one.
fn block_of(array: &Array, region: &Region) -> Option<u64> {
    let block_shape = array.block_shape()?;
    let grid = ChunkGrid::new(array.shape.clone(), block_shape.to_vec()).ok()?;
    let places = region.start.iter().zip(block_shape);
    let index: Vec<u64> = places.map(|(start, length)| start / (*length).max(1)).collect();
    grid.number(&index).filter(|_| grid.region(&index) == *region)
}
