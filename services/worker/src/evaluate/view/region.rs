//! The elements of a region of a lazy array: what it is made of is read ahead, in order, while a thread computes.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt as _, StreamExt as _};
use model::{ChunkGrid, Error, ErrorKind, Region, Result};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use views::array::{Array, Made as How, Reduced};
use views::compute::{self, Inputs, Leaf, Partial, TooManyLeaves};

use super::feed::{Feed, Supply};
use super::{View, fault};
use crate::evaluate::locate::Source;
use crate::evaluate::witness::Witness;
use crate::evaluate::{Inner, Recipe};

/// Chunks that are read ahead: as many as make so many decoded bytes, within these bounds.
const AHEAD: (u64, u64) = (2, 16);
const AHEAD_BYTES: u64 = 8 << 20;
/// Tiles that are made at once for one region.
const TILES_AT_ONCE: usize = 4;
/// Memory for parts of one reduction that are under way at once, in bytes.
const PARTS_BYTES_MAX: u64 = 64 << 20;
/// Most decoded bytes that one chunk of a view may be made of.
pub(in crate::evaluate) const INPUT_BYTES_MAX: u64 = 1 << 40;

impl Inner {
    /// The elements of a region, and what they were read of.
    pub(super) async fn region(
        self: &Arc<Self>,
        view: &Arc<View>,
        array: &Arc<Array>,
        region: &Region,
    ) -> Result<(Bytes, Arc<[Witness]>)> {
        let input = compute::input_bytes(array, &region.extent);
        if input > INPUT_BYTES_MAX {
            let (input, max) = (input >> 30, INPUT_BYTES_MAX >> 30);
            let message = format!(
                "one chunk would be made of {input} GiB, more than {max}: select less, or ask for smaller chunks="
            );
            return Err(Error::new(ErrorKind::TooLarge, message));
        }
        if matches!(array.made, How::Reduced(_)) && is_block(array, region) {
            // The chunk that it becomes is kept: no need to keep it twice.
            return self.make_block(view, array, region, self.pool.cores_count()).await;
        }
        let (of, place) = ((Arc::clone(array), region.clone()), (Arc::clone(array), region.clone()));
        let leaves = move || compute::leaves(&of.0, &of.1).map_err(too_many);
        let (elements, sources) = self
            .compute(view, ahead(array), leaves, move |feed| compute::evaluate(&place.0, &place.1, feed))
            .await?;
        Ok((elements, sources.into()))
    }

    /// A block of a reduction, made once and kept for a while.
    fn block<'a>(
        self: &'a Arc<Self>,
        view: &'a Arc<View>,
        array: &'a Arc<Array>,
        number: u64,
    ) -> BoxFuture<'a, Result<(Bytes, Arc<[Witness]>)>> {
        async move {
            let key = view.key_of(array, number);
            if let Some((elements, sources)) = self.views.blocks.get(&key).await {
                if self.are_unchanged(&sources).await? {
                    return Ok((elements, sources));
                }
                self.views.blocks.invalidate(&key).await;
            }
            let region = array.block(number)?;
            // Within another computation, which may be one of many.
            let make = self.make_block(view, array, &region, 1);
            self.views.blocks.try_get_with(key, make).await.map_err(|error| Error::clone(&error))
        }
        .boxed()
    }

    /// A block of an array that is made in blocks, made now.
    async fn make_block(
        self: &Arc<Self>,
        view: &Arc<View>,
        array: &Arc<Array>,
        region: &Region,
        at_once: usize,
    ) -> Result<(Bytes, Arc<[Witness]>)> {
        if let How::Reduced(reduced) = &array.made {
            return self.reduce(view, array, reduced, region, at_once).await;
        }
        let (of, place) = ((Arc::clone(array), region.clone()), (Arc::clone(array), region.clone()));
        let leaves = move || compute::leaves_of_block(&of.0, &of.1).map_err(too_many);
        let (elements, sources) = self
            .compute(view, ahead(array), leaves, move |feed| {
                compute::evaluate_block(&place.0, &place.1, feed)
            })
            .await?;
        Ok((elements, sources.into()))
    }

    /// A region of a reduction, in parts on several cores, put together in order.
    async fn reduce(
        self: &Arc<Self>,
        view: &Arc<View>,
        array: &Arc<Array>,
        reduced: &Reduced,
        region: &Region,
        at_once: usize,
    ) -> Result<(Bytes, Arc<[Witness]>)> {
        let groups = reduced.groups_of(region.clone());
        let inputs = Arc::new(Inputs::new(reduced, &groups));
        let state_bytes = compute::state_bytes(reduced, &groups);
        let at_once = at_once.min((PARTS_BYTES_MAX / state_bytes.max(1)) as usize).max(1);
        let mut parts = futures::stream::iter(0..inputs.parts())
            .map(|part| {
                let (inner, view, array) = (Arc::clone(self), Arc::clone(view), Arc::clone(array));
                let (groups, inputs) = (groups.clone(), Arc::clone(&inputs));
                let part = async move { inner.part_of(&view, &array, &groups, &inputs, part).await };
                AbortOnDropHandle::new(tokio::spawn(part))
            })
            .buffered(at_once);
        let (mut whole, mut sources): (Option<Partial>, Vec<Witness>) = (None, Vec::new());
        while let Some(part) = parts.next().await {
            let (part, of) = part.map_err(fault)??;
            sources.extend(of);
            whole = Some(match whole {
                None => part,
                Some(whole) => self.pool.run_admitted(move || Ok(whole.with(part))).await?,
            });
        }
        let (whole, data_type) = (whole.ok_or_else(|| Error::internal("no part"))?, array.data_type);
        Ok((self.pool.run_admitted(move || whole.finish(data_type)).await?, sources.into()))
    }

    fn part_of<'a>(
        self: &'a Arc<Self>,
        view: &'a Arc<View>,
        array: &'a Arc<Array>,
        groups: &'a Region,
        inputs: &'a Arc<Inputs>,
        part: u64,
    ) -> BoxFuture<'a, Result<(Partial, Vec<Witness>)>> {
        async move {
            let of = (Arc::clone(array), Arc::clone(inputs));
            let leaves =
                leaves_of(move || compute::leaves_of_part(reduced(&of.0)?, &of.1, part).map_err(too_many));
            let leaves = leaves.await?;
            if has_blocks(&leaves) {
                return self.part_of_blocks(view, array, groups, inputs, part).await;
            }
            let of = (Arc::clone(array), Arc::clone(inputs), groups.clone());
            let run = move |feed: &mut Feed| compute::reduce_part(reduced(&of.0)?, &of.2, &of.1, part, feed);
            self.stream(view, ahead(array), leaves, run).await
        }
        .boxed()
    }

    /// A part whose inputs are computed themselves: one after another, with no thread that waits for them.
    async fn part_of_blocks(
        self: &Arc<Self>,
        view: &Arc<View>,
        array: &Arc<Array>,
        groups: &Region,
        inputs: &Inputs,
        part: u64,
    ) -> Result<(Partial, Vec<Witness>)> {
        let mut partial = Partial::new(reduced(array)?, groups)?;
        let mut sources = Vec::new();
        for input in inputs.part(part) {
            let leaves = compute::leaves_of_input(reduced(array)?, &input).map_err(too_many)?;
            let (mut feed, of) = self.gather(view, leaves).await?;
            sources.extend(of);
            let (array, groups) = (Arc::clone(array), groups.clone());
            let add = move || {
                partial.add(reduced(&array)?, &groups, &input, &mut feed)?;
                Ok(partial)
            };
            partial = self.pool.run_admitted(add).await?;
        }
        Ok((partial, sources))
    }

    /// Computes something of leaves. Those that are computed themselves are gathered first: a thread that waits must wait for
    /// reads alone, or all threads might wait for one another.
    async fn compute<T: Send + 'static>(
        self: &Arc<Self>,
        view: &Arc<View>,
        ahead: usize,
        leaves: impl FnOnce() -> Result<Vec<Leaf>> + Send + 'static,
        run: impl FnOnce(&mut Feed) -> Result<T> + Send + 'static,
    ) -> Result<(T, Vec<Witness>)> {
        let leaves = leaves_of(leaves).await?;
        if !has_blocks(&leaves) {
            return self.stream(view, ahead, leaves, run).await;
        }
        let (mut feed, sources) = self.gather(view, leaves).await?;
        Ok((self.pool.run_admitted(move || run(&mut feed)).await?, sources))
    }

    /// All leaves at once.
    async fn gather(self: &Arc<Self>, view: &Arc<View>, leaves: Vec<Leaf>) -> Result<(Feed, Vec<Witness>)> {
        // Reductions within reductions one by one: their number grows with each level.
        let is_nested =
            |leaf: &Leaf| matches!(leaf, Leaf::Block { array, .. } if matches!(array.made, How::Reduced(_)));
        let at_once = if leaves.iter().any(is_nested) { 1 } else { TILES_AT_ONCE };
        let (mut supplies, mut sources) = (VecDeque::with_capacity(leaves.len()), Vec::new());
        let mut read = self.supplies(view, leaves, at_once);
        while let Some(supply) = read.next().await {
            let (supply, of) = supply?;
            supplies.push_back(supply);
            sources.extend(of);
        }
        drop(read);
        Ok((Feed::of(supplies), sources))
    }

    /// Reads what a computation needs a few chunks ahead and hands it to a thread, in the order in which it asks.
    async fn stream<T: Send + 'static>(
        self: &Arc<Self>,
        view: &Arc<View>,
        ahead: usize,
        leaves: Vec<Leaf>,
        run: impl FnOnce(&mut Feed) -> Result<T> + Send + 'static,
    ) -> Result<(T, Vec<Witness>)> {
        let thread = Arc::clone(&self.views.threads).acquire_owned().await.map_err(Error::internal)?;
        let (sender, supplied) = mpsc::channel(1);
        let mut feed = Feed::new(supplied, self.pool.cores());
        let thread = tokio::task::spawn_blocking(move || {
            let _held = thread;
            run(&mut feed)
        });
        let mut sources: Vec<Witness> = Vec::new();
        let mut read = self.supplies(view, leaves, ahead);
        while let Some(supply) = read.next().await {
            let supply = supply.map(|(supply, of)| {
                for source in of {
                    if sources.last() != Some(&source) {
                        sources.push(source);
                    }
                }
                supply
            });
            let is_failed = supply.is_err();
            if sender.send(supply).await.is_err() || is_failed {
                break;
            }
        }
        drop((sender, read));
        Ok((thread.await.map_err(fault)??, sources))
    }

    /// What leaves are, in order, a few at once. Each in a task of its own: one that is not polled while something else is
    /// waited for could hold what that needs.
    fn supplies<'a>(
        self: &'a Arc<Self>,
        view: &'a Arc<View>,
        leaves: Vec<Leaf>,
        at_once: usize,
    ) -> BoxStream<'a, Result<(Supply, Vec<Witness>)>> {
        let supplied = |leaf| {
            let (inner, view) = (Arc::clone(self), Arc::clone(view));
            AbortOnDropHandle::new(tokio::spawn(async move { inner.supply(&view, leaf).await }))
        };
        let read = futures::stream::iter(leaves).map(supplied).buffered(at_once);
        read.map(|supply| supply.map_err(fault).flatten()).boxed()
    }

    /// What a leaf is, as far as it is there without computing here.
    fn supply<'a>(
        self: &'a Arc<Self>,
        view: &'a Arc<View>,
        leaf: Leaf,
    ) -> BoxFuture<'a, Result<(Supply, Vec<Witness>)>> {
        async move {
            match leaf {
                Leaf::Block { array, number } => {
                    let (elements, sources) = self.block(view, &array, number).await?;
                    Ok((Supply::Elements(elements), sources.to_vec()))
                }
                Leaf::Chunk { variable, number } => {
                    let recipe = self.recipe_of(&view.of, variable).await?;
                    self.stored_chunk(recipe, number).await
                }
            }
        }
        .boxed()
    }

    /// A chunk of the dataset as it is stored.
    async fn stored_chunk(&self, recipe: Arc<Recipe>, number: u64) -> Result<(Supply, Vec<Witness>)> {
        Ok(match self.locate(&recipe, number).await? {
            Source::Missing(place) => (Supply::Missing(recipe), place.into_iter().collect()),
            Source::Inline(stored) => (Supply::Stored(recipe, vec![stored]), Vec::new()),
            Source::Stored(source, range) => {
                let stored = self.read_pieces(&source.file, range).await?;
                (Supply::Stored(recipe, stored), vec![source])
            }
            Source::Computed => {
                let (elements, sources) = self.compose(&recipe, number, true).await?;
                let supply = match elements {
                    Some(elements) => Supply::Elements(elements.into()),
                    None => Supply::Missing(recipe),
                };
                (supply, sources.to_vec())
            }
        })
    }
}

/// Which leaves, found on a thread where that may take its time.
async fn leaves_of(find: impl FnOnce() -> Result<Vec<Leaf>> + Send + 'static) -> Result<Vec<Leaf>> {
    tokio::task::spawn_blocking(find).await.map_err(fault)?
}

fn too_many(error: TooManyLeaves) -> Error {
    Error::new(ErrorKind::TooLarge, error.to_string())
}

fn has_blocks(leaves: &[Leaf]) -> bool {
    leaves.iter().any(|leaf| matches!(leaf, Leaf::Block { .. }))
}

fn reduced(array: &Array) -> Result<&Reduced> {
    match &array.made {
        How::Reduced(reduced) => Ok(reduced),
        _ => Err(Error::internal("no reduction")),
    }
}

/// How many chunks are read ahead for an array.
fn ahead(array: &Array) -> usize {
    (AHEAD_BYTES / compute::largest_leaf_bytes(array).max(1)).clamp(AHEAD.0, AHEAD.1) as usize
}

/// Whether a region is one of the blocks of an array.
fn is_block(array: &Array, region: &Region) -> bool {
    let Some(block_shape) = array.block_shape() else { return false };
    let Ok(grid) = ChunkGrid::new(array.shape.clone(), block_shape.to_vec()) else { return false };
    let places = region.start.iter().zip(block_shape);
    let index: Vec<u64> = places.map(|(start, length)| start / (*length).max(1)).collect();
    grid.number(&index).is_some() && grid.region(&index) == *region
}

/// Bytes of memory that a region takes while it is made, roughly.
pub(in crate::evaluate) fn peak_bytes(array: &Array, region: &Region) -> u64 {
    let size = array.data_type.size().unwrap_or(8) as u64;
    let largest = compute::largest_leaf_bytes(array);
    let result = region.elements().saturating_mul(size).saturating_mul(3);
    let states = compute::reductions_bytes(array);
    // The whole, a part that is put to it, and those under way.
    let states = states.saturating_mul(2).saturating_add(PARTS_BYTES_MAX.min(states));
    result.saturating_add(states).saturating_add(largest.saturating_mul(ahead(array) as u64 + 2))
}
