//! What a thread that computes is fed with.

use std::sync::Arc;

use bytes::Bytes;
use model::{Error, Result};
use tokio::runtime::Handle;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use views::compute::{Leaf, Leaves};

use crate::evaluate::Recipe;

/// A chunk or block on its way to a thread.
pub(super) enum Supply {
    /// As it is stored: decoded where it is used, so that its elements are still in the cache of the core.
    Stored(Arc<Recipe>, Bytes),
    Elements(Bytes),
    /// It reads as the fill value.
    Missing(Arc<Recipe>),
}

/// The leaves of a computation, as they come. The thread holds a core while it computes, and none while it waits.
pub(super) struct Feed {
    supplied: mpsc::Receiver<Result<Supply>>,
    cores: Arc<Semaphore>,
    core: Option<OwnedSemaphorePermit>,
    runtime: Handle,
    /// The elements that were decoded last: their memory is used again.
    last: Option<Bytes>,
}

impl Feed {
    pub(super) fn new(supplied: mpsc::Receiver<Result<Supply>>, cores: Arc<Semaphore>) -> Self {
        Self { supplied, cores, core: None, runtime: Handle::current(), last: None }
    }

    fn next(&mut self) -> Result<Supply> {
        let supply = match self.supplied.try_recv() {
            Ok(supply) => supply,
            Err(TryRecvError::Empty) => {
                self.core = None;
                self.supplied.blocking_recv().ok_or_else(ended)?
            }
            Err(TryRecvError::Disconnected) => return Err(ended()),
        };
        if self.core.is_none() {
            let core = self.runtime.block_on(Arc::clone(&self.cores).acquire_owned());
            self.core = Some(core.map_err(Error::internal)?);
        }
        supply
    }
}

impl Leaves for Feed {
    fn elements(&mut self, _: Leaf) -> Result<Bytes> {
        match self.next()? {
            Supply::Elements(elements) => Ok(elements),
            Supply::Stored(recipe, stored) => {
                // The elements before these, if nobody has them any more.
                let spare = self.last.take().and_then(|last| last.try_into_mut().ok());
                let elements = recipe.decode_into(stored, spare.map(Vec::from).unwrap_or_default())?;
                self.last = Some(elements.clone());
                Ok(elements)
            }
            Supply::Missing(recipe) => Ok(recipe.missing()),
        }
    }
}

/// Nobody wants the result any more, or what is needed could not be read: that error comes before the end.
fn ended() -> Error {
    Error::internal("a computation was given up")
}
