//! Regions of lazy arrays: of blocks that are kept, and of reductions in parts on several cores.

use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _};
use model::{ChunkGrid, Error, ErrorKind, Region, Result};
use tokio_util::task::AbortOnDropHandle;
use views::array::{Array, Made as How, Reduced};
use views::compute::{self, Inputs, Leaf, Partial, TooManyLeaves};

use super::feed::Feed;
use super::supply::{Sources, has_blocks};
use super::{Origin, fault};
use crate::evaluate::Inner;
use crate::evaluate::witness::Witness;
use crate::local::blocking;

/// Memory for parts of one reduction that are under way at once, in bytes.
pub(super) const PARTS_BYTES_MAX: u64 = 64 << 20;

/// An input of a reduction, and what it is made of.
type Input = (Region, Vec<Leaf>);

impl Inner {
    /// The elements of a region, and what they were read of.
    pub(super) async fn region(
        self: &Arc<Self>,
        origin: &Arc<Origin>,
        array: &Arc<Array>,
        region: &Region,
    ) -> Result<(Bytes, Arc<[Witness]>)> {
        if matches!(array.made, How::Reduced(_)) && is_block(array, region) {
            // The chunk that it becomes is kept: no need to keep it twice.
            return self.make_block(origin, array, region, self.pool.cores_count()).await;
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
    ) -> BoxFuture<'a, Result<(Bytes, Arc<[Witness]>)>> {
        async move {
            let key = origin.key_of(array, number);
            if let Some((elements, sources)) = self.views.blocks.get(&key).await {
                if self.are_unchanged(&sources).await? {
                    return Ok((elements, sources));
                }
                self.views.blocks.invalidate(&key).await;
            }
            let region = array.block(number)?;
            // Within another computation, which may be one of many.
            let make = self.make_block(origin, array, &region, 1);
            self.views.blocks.try_get_with(key, make).await.map_err(|error| Error::clone(&error))
        }
        .boxed()
    }

    async fn make_block(
        self: &Arc<Self>,
        origin: &Arc<Origin>,
        array: &Arc<Array>,
        region: &Region,
        at_once: usize,
    ) -> Result<(Bytes, Arc<[Witness]>)> {
        if matches!(array.made, How::Reduced(_)) {
            return self.reduce(origin, array, region, at_once).await;
        }
        let (of, place) = ((Arc::clone(array), region.clone()), (Arc::clone(array), region.clone()));
        let leaves = move || compute::leaves_of_block(&of.0, &of.1).map_err(too_many);
        let evaluate = move |feed: &mut Feed| compute::evaluate_block(&place.0, &place.1, feed);
        let (elements, sources) = self.compute(origin, array, leaves, evaluate).await?;
        Ok((elements, sources.into_iter().collect()))
    }

    /// A region of a reduction, in parts on several cores, put together in order.
    async fn reduce(
        self: &Arc<Self>,
        origin: &Arc<Origin>,
        array: &Arc<Array>,
        region: &Region,
        at_once: usize,
    ) -> Result<(Bytes, Arc<[Witness]>)> {
        let groups = reduced(array)?.groups_of(region.clone());
        let of = (Arc::clone(array), groups.clone());
        let prepare = move || {
            let reduced = reduced(&of.0)?;
            Ok((Inputs::new(reduced, &of.1), compute::state_bytes(reduced, &of.1)))
        };
        let (inputs, state_bytes) = blocking(prepare).await?;
        let inputs = Arc::new(inputs);
        let at_once = at_once.min((PARTS_BYTES_MAX / state_bytes.max(1)) as usize).max(1);
        let mut parts = futures::stream::iter(0..inputs.parts())
            .map(|part| {
                let (inner, origin, array) = (Arc::clone(self), Arc::clone(origin), Arc::clone(array));
                let (groups, inputs) = (groups.clone(), Arc::clone(&inputs));
                let part = async move { inner.part_of(&origin, &array, &groups, inputs, part).await };
                AbortOnDropHandle::new(tokio::spawn(part))
            })
            .buffered(at_once);
        let (mut whole, mut sources): (Option<Partial>, Sources) = (None, Sources::new());
        while let Some(part) = parts.next().await {
            let (part, of) = part.map_err(fault)??;
            sources.extend(of);
            whole = Some(match whole {
                None => part,
                Some(whole) => self.pool.run_admitted(move || Ok(whole.with(part))).await?,
            });
        }
        let (whole, data_type) = (whole.ok_or_else(|| Error::internal("no part"))?, array.data_type);
        let elements = self.pool.run_admitted(move || whole.finish(data_type)).await?;
        Ok((elements, sources.into_iter().collect()))
    }

    fn part_of<'a>(
        self: &'a Arc<Self>,
        origin: &'a Arc<Origin>,
        array: &'a Arc<Array>,
        groups: &'a Region,
        inputs: Arc<Inputs>,
        part: u64,
    ) -> BoxFuture<'a, Result<(Partial, Sources)>> {
        async move {
            let of = Arc::clone(array);
            let find = move || {
                let reduced = reduced(&of)?;
                let leaves = |input: &Region| compute::leaves_of_input(reduced, input).map_err(too_many);
                inputs.part(part).map(|input| Ok((leaves(&input)?, input))).collect::<Result<Vec<_>>>()
            };
            let inputs: Vec<Input> =
                blocking(find).await?.into_iter().map(|(leaves, input)| (input, leaves)).collect();
            if inputs.iter().any(|(_, leaves)| has_blocks(leaves)) {
                return self.part_of_blocks(origin, array, groups, inputs).await;
            }
            let (regions, leaves): (Vec<Region>, Vec<Vec<Leaf>>) = inputs.into_iter().unzip();
            let (of, groups) = (Arc::clone(array), groups.clone());
            let run = move |feed: &mut Feed| {
                let mut partial = Partial::new(reduced(&of)?, &groups)?;
                for input in &regions {
                    partial.add(reduced(&of)?, &groups, input, feed)?;
                }
                Ok(partial)
            };
            self.stream(origin, array, leaves.into_iter().flatten().collect(), run).await
        }
        .boxed()
    }

    /// A part whose inputs are computed themselves: one after another, with no thread that waits for them.
    async fn part_of_blocks(
        self: &Arc<Self>,
        origin: &Arc<Origin>,
        array: &Arc<Array>,
        groups: &Region,
        inputs: Vec<Input>,
    ) -> Result<(Partial, Sources)> {
        let (of, place) = (Arc::clone(array), groups.clone());
        let mut partial = self.pool.run_admitted(move || Partial::new(reduced(&of)?, &place)).await?;
        let mut sources = Sources::new();
        for (input, leaves) in inputs {
            let (mut feed, read_of) = self.gather(origin, leaves).await?;
            sources.extend(read_of);
            let (of, groups) = (Arc::clone(array), groups.clone());
            let add = move || {
                partial.add(reduced(&of)?, &groups, &input, &mut feed)?;
                Ok(partial)
            };
            partial = self.pool.run_admitted(add).await?;
        }
        Ok((partial, sources))
    }
}

pub(in crate::evaluate) fn too_many(error: TooManyLeaves) -> Error {
    Error::new(ErrorKind::TooLarge, error.to_string())
}

fn reduced(array: &Array) -> Result<&Reduced> {
    match &array.made {
        How::Reduced(reduced) => Ok(reduced),
        _ => Err(Error::internal("no reduction")),
    }
}

/// Whether a region is one of the blocks of an array.
fn is_block(array: &Array, region: &Region) -> bool {
    let Some(block_shape) = array.block_shape() else { return false };
    let Ok(grid) = ChunkGrid::new(array.shape.clone(), block_shape.to_vec()) else { return false };
    let places = region.start.iter().zip(block_shape);
    let index: Vec<u64> = places.map(|(start, length)| start / (*length).max(1)).collect();
    grid.number(&index).is_some() && grid.region(&index) == *region
}
