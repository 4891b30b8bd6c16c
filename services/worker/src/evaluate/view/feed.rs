//! What a thread that computes is fed with.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use fair::Flow;
use model::{Error, Result};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TryRecvError;
use views::compute::{Leaf, Leaves};
use zarr::codecs::scratch;

use crate::evaluate::Recipe;
use crate::evaluate::decode::whole;
use crate::evaluate::pool::{Core, Cores};

/// A chunk or block on its way to a thread.
pub(super) enum Supply {
    /// As it is stored, in pieces: put together and decoded where it is used, so that its elements are still in the cache of
    /// the core.
    Stored(Arc<Recipe>, Vec<Bytes>),
    Elements(Bytes),
    /// It reads as the fill value.
    Missing(Arc<Recipe>),
}

/// The leaves of a computation, as they come. The thread holds a core while it computes, and none while it waits.
pub(super) struct Feed {
    supplied: Supplied,
    /// Memory that is used again: that of the elements that were decoded last, and that of a chunk of several pieces.
    last: Option<Bytes>,
    stored: Vec<u8>,
    /// The chunk of which the last missing one was, and what it reads as.
    missing: Option<(Arc<Recipe>, Bytes)>,
}

enum Supplied {
    /// All are here, and whoever computes has a core.
    Ready(VecDeque<Supply>),
    Coming(Coming),
}

struct Coming {
    receiver: mpsc::Receiver<Result<Supply>>,
    cores: Cores,
    core: Option<Core>,
    flow: Flow,
    runtime: Handle,
}

impl Feed {
    pub(super) fn new(receiver: mpsc::Receiver<Result<Supply>>, cores: Cores) -> Self {
        let (flow, runtime) = (Flow::current(), Handle::current());
        let coming = Coming { receiver, cores, core: None, flow, runtime };
        Self::from(Supplied::Coming(coming))
    }

    pub(super) fn of(supplies: VecDeque<Supply>) -> Self {
        Self::from(Supplied::Ready(supplies))
    }

    fn from(supplied: Supplied) -> Self {
        Self { supplied, last: Some(scratch::take().into()), stored: scratch::take(), missing: None }
    }

    fn decoded(&mut self, recipe: &Recipe, pieces: &[Bytes]) -> Result<Bytes> {
        let stored = whole(pieces, &mut self.stored);
        // The memory of the elements before these, if nobody has them any more.
        let spare = self.last.take().and_then(|last| last.try_into_mut().ok());
        let elements = recipe.decode_into(stored, spare.map(Vec::from).unwrap_or_default())?;
        self.last = Some(elements.clone());
        Ok(elements)
    }

    /// The elements of a chunk that is missing: most often the same as those of the one before.
    fn missing(&mut self, recipe: Arc<Recipe>) -> Bytes {
        match &self.missing {
            Some((of, elements)) if Arc::ptr_eq(of, &recipe) => elements.clone(),
            _ => {
                let elements = recipe.missing();
                self.missing = Some((recipe, elements.clone()));
                elements
            }
        }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        scratch::give_back(std::mem::take(&mut self.stored));
        if let Some(Ok(last)) = self.last.take().map(Bytes::try_into_mut) {
            scratch::give_back(last.into());
        }
    }
}

impl Coming {
    fn next(&mut self) -> Result<Supply> {
        let supply = match self.receiver.try_recv() {
            Ok(supply) => supply,
            Err(TryRecvError::Empty) => {
                self.core = None;
                self.receiver.blocking_recv().ok_or_else(ended)?
            }
            Err(TryRecvError::Disconnected) => return Err(ended()),
        };
        self.core.take_if(|core| self.cores.want_back(core));
        if self.core.is_none() {
            self.core = Some(self.runtime.block_on(self.cores.one(self.flow))?);
        }
        supply
    }
}

impl Leaves for Feed {
    fn elements(&mut self, _: Leaf) -> Result<Bytes> {
        let supply = match &mut self.supplied {
            Supplied::Ready(supplies) => supplies.pop_front().ok_or_else(ended)?,
            Supplied::Coming(coming) => coming.next()?,
        };
        match supply {
            Supply::Elements(elements) => Ok(elements),
            Supply::Stored(recipe, pieces) => self.decoded(&recipe, &pieces),
            Supply::Missing(recipe) => Ok(self.missing(recipe)),
        }
    }
}

/// Nobody wants the result any more, or what is needed could not be read: that error comes before the end.
fn ended() -> Error {
    Error::internal("a computation was given up")
}
