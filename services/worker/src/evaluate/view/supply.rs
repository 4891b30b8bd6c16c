//! What a computation is made of: read ahead, in order, while a thread computes.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use fair::Flow;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt as _, StreamExt as _};
use model::{Error, Result};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use views::array::{Array, Made as How};
use views::compute::{self, Leaf};

use super::feed::{Feed, Supply};
use super::{Origin, fault};
use crate::evaluate::locate::Source;
use crate::evaluate::witness::Witness;
use crate::evaluate::{Inner, Recipe};
use crate::local::blocking;

/// Chunks that are read ahead: as many as make so many decoded bytes, within these bounds.
const AHEAD: (u64, u64) = (2, 16);
const AHEAD_BYTES: u64 = 8 << 20;
/// Tiles that are made at once for one region.
const TILES_AT_ONCE: usize = 4;

/// What something was read of, each once.
pub(super) type Sources = HashSet<Witness>;

impl Inner {
    /// Computes something of leaves. Those that are computed themselves are gathered first: a thread that waits must wait for
    /// reads alone, or all threads might wait for one another.
    pub(super) async fn compute<T: Send + 'static>(
        self: &Arc<Self>,
        origin: &Arc<Origin>,
        array: &Array,
        leaves: impl FnOnce() -> Result<Vec<Leaf>> + Send + 'static,
        run: impl FnOnce(&mut Feed) -> Result<T> + Send + 'static,
    ) -> Result<(T, Sources)> {
        let leaves = blocking(leaves).await?;
        if !has_blocks(&leaves) {
            return self.stream(origin, array, leaves, run).await;
        }
        let (mut feed, sources) = self.gather(origin, leaves).await?;
        Ok((self.pool.run_admitted(move || run(&mut feed)).await?, sources))
    }

    /// All leaves at once.
    pub(super) async fn gather(
        self: &Arc<Self>,
        origin: &Arc<Origin>,
        leaves: Vec<Leaf>,
    ) -> Result<(Feed, Sources)> {
        // Reductions within reductions one by one: their number grows with each level.
        let is_nested =
            |leaf: &Leaf| matches!(leaf, Leaf::Block { array, .. } if matches!(array.made, How::Reduced(_)));
        let at_once = if leaves.iter().any(is_nested) { 1 } else { TILES_AT_ONCE };
        let (mut supplies, mut sources) = (VecDeque::with_capacity(leaves.len()), Sources::new());
        let mut read = self.supplies(origin, leaves, at_once);
        while let Some(supply) = read.next().await {
            let (supply, of) = supply?;
            supplies.push_back(supply);
            sources.extend(of);
        }
        drop(read);
        Ok((Feed::of(supplies), sources))
    }

    /// Reads what a computation needs a few chunks ahead and hands it to a thread, in the order in which it asks.
    pub(super) async fn stream<T: Send + 'static>(
        self: &Arc<Self>,
        origin: &Arc<Origin>,
        array: &Array,
        leaves: Vec<Leaf>,
        run: impl FnOnce(&mut Feed) -> Result<T> + Send + 'static,
    ) -> Result<(T, Sources)> {
        let turn = Arc::clone(&self.views.threads).acquire_owned().await.map_err(Error::internal)?;
        let (sender, supplied) = mpsc::channel(1);
        let mut feed = Feed::new(supplied, self.pool.cores());
        let thread = priority::bulk().spawn_blocking(move || {
            let _held = turn;
            run(&mut feed)
        });
        let mut sources = Sources::new();
        let mut read = self.supplies(origin, leaves, ahead(array));
        while let Some(supply) = read.next().await {
            let supply = supply.map(|(supply, of)| {
                sources.extend(of);
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
        origin: &'a Arc<Origin>,
        leaves: Vec<Leaf>,
        at_once: usize,
    ) -> BoxStream<'a, Result<(Supply, Vec<Witness>)>> {
        let flow = Flow::current();
        let supplied = move |leaf| {
            let (inner, origin) = (Arc::clone(self), Arc::clone(origin));
            let supply = async move { inner.supply(&origin, leaf).await };
            AbortOnDropHandle::new(tokio::spawn(flow.scope(supply)))
        };
        let read = futures::stream::iter(leaves).map(supplied).buffered(at_once);
        read.map(|supply| supply.map_err(fault).flatten()).boxed()
    }

    /// What a leaf is, as far as it is there without computing here.
    fn supply<'a>(
        self: &'a Arc<Self>,
        origin: &'a Arc<Origin>,
        leaf: Leaf,
    ) -> BoxFuture<'a, Result<(Supply, Vec<Witness>)>> {
        async move {
            match leaf {
                Leaf::Block { array, number } => {
                    let (elements, sources) = self.block(origin, &array, number).await?;
                    Ok((Supply::Elements(elements), sources.to_vec()))
                }
                Leaf::Chunk { variable, number } => {
                    let recipe = self.recipe_of(&origin.of, variable).await?;
                    self.stored_chunk(recipe, number).await
                }
            }
        }
        .boxed()
    }

    /// A chunk of the dataset as it is stored.
    async fn stored_chunk(&self, recipe: Arc<Recipe>, number: u64) -> Result<(Supply, Vec<Witness>)> {
        Ok(match self.locate(&recipe.published, recipe.variable, number).await? {
            Source::Missing(place) => (Supply::Missing(recipe), place.into_iter().collect()),
            Source::Inline(stored) => (Supply::Stored(recipe, vec![stored]), Vec::new()),
            Source::Stored(source, range) => {
                let stored = self.read_pieces(&source.file, range).await?;
                (Supply::Stored(recipe, stored), vec![source])
            }
            Source::Computed => {
                let (elements, sources) = self.compose(&recipe, number).await?;
                let supply = match elements {
                    Some(elements) => Supply::Elements(elements.into()),
                    None => Supply::Missing(recipe),
                };
                (supply, sources.to_vec())
            }
        })
    }
}

/// Whether any of the leaves is computed itself.
pub(super) fn has_blocks(leaves: &[Leaf]) -> bool {
    leaves.iter().any(|leaf| matches!(leaf, Leaf::Block { .. }))
}

/// How many chunks are read ahead for an array.
pub(super) fn ahead(array: &Array) -> usize {
    (AHEAD_BYTES / compute::largest_leaf_bytes(array).max(1)).clamp(AHEAD.0, AHEAD.1) as usize
}
