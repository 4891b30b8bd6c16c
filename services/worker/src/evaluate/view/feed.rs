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
    /// As it is stored, in pieces: put together and decoded where it is used, so that its elements are still in the cache of
    /// the core.
    Stored(Arc<Recipe>, Vec<Bytes>),
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
    /// Memory that is used again: that of the elements that were decoded last, and that of a chunk of several pieces.
    last: Option<Bytes>,
    stored: Vec<u8>,
}

impl Feed {
    pub(super) fn new(supplied: mpsc::Receiver<Result<Supply>>, cores: Arc<Semaphore>) -> Self {
        Self { supplied, cores, core: None, runtime: Handle::current(), last: None, stored: Vec::new() }
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

impl Feed {
    fn decoded(&mut self, recipe: &Recipe, pieces: Vec<Bytes>) -> Result<Bytes> {
        let stored = match <[Bytes; 1]>::try_from(pieces) {
            Ok([whole]) => whole,
            Err(pieces) => {
                let mut stored = std::mem::take(&mut self.stored);
                stored.clear();
                for piece in &pieces {
                    stored.extend_from_slice(piece);
                }
                stored.into()
            }
        };
        let elements = recipe.decode_into(stored.clone(), vector(self.last.take()))?;
        self.stored = vector(Some(stored));
        self.last = Some(elements.clone());
        Ok(elements)
    }
}

/// The memory of bytes that nobody else has; else an empty one.
fn vector(bytes: Option<Bytes>) -> Vec<u8> {
    bytes.and_then(|bytes| bytes.try_into_mut().ok()).map(Vec::from).unwrap_or_default()
}

impl Leaves for Feed {
    fn elements(&mut self, _: Leaf) -> Result<Bytes> {
        match self.next()? {
            Supply::Elements(elements) => Ok(elements),
            Supply::Stored(recipe, pieces) => self.decoded(&recipe, pieces),
            Supply::Missing(recipe) => Ok(recipe.missing()),
        }
    }
}

/// Nobody wants the result any more, or what is needed could not be read: that error comes before the end.
fn ended() -> Error {
    Error::internal("a computation was given up")
}
