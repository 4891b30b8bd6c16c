//! The elements of a region of a lazy array: what it is made of is read ahead, in order, while a thread computes.

use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _};
use model::{ChunkGrid, Error, ErrorKind, Region, Result};
use tokio::sync::mpsc;
use views::array::{Array, Made as How};
use views::compute::{self, Leaf};

use super::feed::{Feed, Supply};
use super::{View, fault};
use crate::evaluate::locate::Source;
use crate::evaluate::witness::Witness;
use crate::evaluate::{Inner, Recipe};

/// Chunks that are read ahead.
const AHEAD: usize = 4;
/// Most decoded bytes that one chunk of a view may be made of.
const INPUT_BYTES_MAX: u64 = 1 << 40;

/// What a thread computes.
enum Work {
    Region(Arc<Array>, Region),
    Block(Arc<Array>, Region),
}

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
            return self.compute(view, Work::Block(Arc::clone(array), region.clone())).await;
        }
        self.compute(view, Work::Region(Arc::clone(array), region.clone())).await
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
            let make = self.compute(view, Work::Block(Arc::clone(array), array.block(number)?));
            self.views.blocks.try_get_with(key, make).await.map_err(|error| Error::clone(&error))
        }
        .boxed()
    }

    /// Reads what the work needs and hands it to a thread, in the order in which it asks.
    async fn compute(self: &Arc<Self>, view: &Arc<View>, work: Work) -> Result<(Bytes, Arc<[Witness]>)> {
        let work = Arc::new(work);
        let of = Arc::clone(&work);
        let leaves = tokio::task::spawn_blocking(move || of.leaves()).await.map_err(fault)??;
        let (sender, supplied) = mpsc::channel(1);
        let mut feed = Feed::new(supplied, self.pool.cores());
        let thread = tokio::task::spawn_blocking(move || work.run(&mut feed));
        let mut sources = Vec::new();
        let mut read = futures::stream::iter(leaves).map(|leaf| self.supply(view, leaf)).buffered(AHEAD);
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
        drop(sender);
        Ok((thread.await.map_err(fault)??, sources.into()))
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
            Source::Inline(stored) => (Supply::Stored(recipe, stored), Vec::new()),
            Source::Stored(source, range) => {
                let stored = self.read(&source.file, range).await?;
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

impl Work {
    fn leaves(&self) -> Result<Vec<Leaf>> {
        let found = match self {
            Self::Region(array, region) => compute::leaves(array, region),
            Self::Block(array, region) => compute::leaves_of_block(array, region),
        };
        found.map_err(|error| Error::new(ErrorKind::TooLarge, error.to_string()))
    }

    fn run(&self, feed: &mut Feed) -> Result<Bytes> {
        let elements = match self {
            Self::Region(array, region) => compute::evaluate(array, region, feed),
            Self::Block(array, region) => compute::evaluate_block(array, region, feed),
        };
        feed.rest();
        elements
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

/// Bytes of memory that a region takes while it is made, roughly.
pub(super) fn peak_bytes(array: &Array, region: &Region) -> u64 {
    let size = array.data_type.size().unwrap_or(8) as u64;
    let largest = compute::largest_leaf_bytes(array);
    let result = region.elements().saturating_mul(size).saturating_mul(3);
    result
        .saturating_add(compute::reductions_bytes(array))
        .saturating_add(largest.saturating_mul(AHEAD as u64))
}
