//! How much of a batch may be under way: its keys, and their bytes.
//!
//! What is held is given back when the answer's connection has taken it. So a slow client makes its own answer wait and
//! little else: an answer has an eighth of all memory, its client has a share of what all have ([`crate::limits`]), and
//! where other batches of that client have taken this it still has room for one chunk that is short or comes in pieces, as
//! an answer of its own would.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use fair::{Admission, Admitted, Bounds, Flow};
use model::{Error, ErrorKind, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{BODY_BYTES_MAX, PIECES_BYTES, UNDER_WAY_MAX};
use crate::limits::Grant;

/// Permits are for so many bytes, so that any number of bytes is a number of permits.
const UNIT_BYTES: u64 = 1 << 10;
/// Memory for the keys of all requests, in bytes.
const BODIES_BYTES_MAX: u64 = 16 * BODY_BYTES_MAX as u64;
/// Which part of all memory one answer may have.
const SHARE: u64 = 8;

/// What all batches share.
pub(in crate::http) struct Room {
    bodies: Admission,
    patience: Duration,
    batch_units: u32,
}

/// What one batch has.
pub(super) struct BatchRoom {
    slots: Arc<Semaphore>,
    own: Arc<Semaphore>,
    units: u32,
    /// For one chunk, where there is no room among all.
    spare: Arc<Semaphore>,
}

/// Room that a frame has, until it is dropped.
#[derive(Debug)]
pub(super) struct Held {
    _slot: Option<OwnedSemaphorePermit>,
    own: Option<OwnedSemaphorePermit>,
    shared: Option<Shared>,
}

/// What a frame has of the memory of all.
#[derive(Debug)]
pub(super) enum Shared {
    /// For bytes as they are stored.
    Stored(#[expect(dead_code, reason = "held as long as the frame is")] Admitted),
    /// For a chunk that a worker makes.
    Made(Grant),
    /// None of it, but what its batch has for one.
    Spare(#[expect(dead_code, reason = "held as long as the frame is")] OwnedSemaphorePermit),
}

impl Room {
    /// Room for so many bytes in all batches, and for bodies that come within this time.
    pub(in crate::http) fn new(bytes_max: u64, patience: Duration) -> Self {
        let batch_units = units(bytes_max, u32::MAX).div_ceil(SHARE as u32);
        let bounds = Bounds { wait_max: patience, ..Bounds::of(BODIES_BYTES_MAX) };
        Self { bodies: Admission::new(bounds), patience, batch_units }
    }

    /// How long a body may take to come.
    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    /// Room for the keys of a client's request whose body has so many bytes: for the text, and the keys made of it.
    pub(super) async fn for_body(&self, flow: Flow, bytes: u64) -> Result<Admitted> {
        self.bodies.admit(flow, bytes.saturating_mul(2), bytes).await
    }

    /// Room for one more batch.
    pub(super) fn of_batch(&self) -> BatchRoom {
        BatchRoom {
            slots: semaphore(UNDER_WAY_MAX as u32),
            own: semaphore(self.batch_units),
            units: self.batch_units,
            spare: semaphore(1),
        }
    }
}

impl BatchRoom {
    /// Room for one more key.
    pub(super) async fn slot(&self) -> Held {
        // It is never closed.
        let slot = Arc::clone(&self.slots).acquire_owned().await.ok();
        Held { _slot: slot, own: None, shared: None }
    }

    /// Room for a key's bytes too, once they are admitted. More bytes than there is room for take all of it.
    pub(super) async fn for_bytes(
        &self,
        held: &mut Held,
        bytes: u64,
        admitted: impl Future<Output = Result<Shared>>,
    ) -> Result<()> {
        let units = units(bytes, self.units);
        held.own = Some(Arc::clone(&self.own).acquire_many_owned(units).await.map_err(Error::internal)?);
        let mut spare = pin!(Arc::clone(&self.spare).acquire_owned());
        let may_spare = bytes <= PIECES_BYTES;
        let admitted = tokio::select! {
            biased;
            admitted = admitted => admitted,
            spare = &mut spare, if may_spare => spare.map(Shared::Spare).map_err(Error::internal),
        };
        held.shared = Some(match admitted {
            // What its own client takes late counts against nobody.
            Err(error) if may_spare && error.kind == ErrorKind::Overloaded => {
                Shared::Spare(spare.await.map_err(Error::internal)?)
            }
            admitted => admitted?,
        });
        Ok(())
    }
}

impl Held {
    /// What it was admitted with, if a worker makes it.
    pub(super) fn grant(&mut self) -> Option<&mut Grant> {
        match &mut self.shared {
            Some(Shared::Made(grant)) => Some(grant),
            _ => None,
        }
    }
}

fn semaphore(units: u32) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(units as usize))
}

/// Bytes as permits: at least one, at most `most`.
fn units(bytes: u64, most: u32) -> u32 {
    let most = most.min(u32::try_from(Semaphore::MAX_PERMITS).unwrap_or(u32::MAX)).max(1);
    u32::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX).clamp(1, most)
}

#[cfg(test)]
mod tests {
    use std::future::Future;

    use futures::FutureExt as _;

    use super::*;

    const MIB: u64 = 1 << 20;

    fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
        future.now_or_never()
    }

    /// Memory of all, that may be asked for a client's.
    fn memory(bytes: u64) -> Admission {
        Admission::new(Bounds::of(bytes))
    }

    async fn held(batch: &BatchRoom, memory: &Admission, bytes: u64) -> Held {
        let mut held = batch.slot().await;
        let admitted = async { memory.admit(Flow(1), bytes, bytes).await.map(Shared::Stored) };
        batch.for_bytes(&mut held, bytes, admitted).await.unwrap();
        held
    }

    #[tokio::test]
    async fn one_batch_has_so_many_keys_under_way() {
        let batch = Room::new(256 * MIB, Duration::ZERO).of_batch();
        let mut many: Vec<_> = (0..UNDER_WAY_MAX).map(|_| at_once(batch.slot()).unwrap()).collect();
        assert!(at_once(batch.slot()).is_none());
        many.pop();
        assert!(at_once(batch.slot()).is_some());
    }

    #[tokio::test]
    async fn one_batch_has_an_eighth_of_the_bytes() {
        let (room, memory) = (Room::new(256 * MIB, Duration::ZERO), memory(256 * MIB));
        let (greedy, other) = (room.of_batch(), room.of_batch());
        let first = at_once(held(&greedy, &memory, 30 * MIB)).unwrap();
        assert!(at_once(held(&greedy, &memory, 3 * MIB)).is_none());
        assert!(at_once(held(&other, &memory, 3 * MIB)).is_some());
        drop(first);
        let all = at_once(held(&greedy, &memory, u64::MAX)).unwrap();
        assert!(at_once(held(&greedy, &memory, 0)).is_none());
        drop(all);
    }

    #[tokio::test]
    async fn where_its_client_has_its_share_each_batch_has_room_for_one_that_is_short() {
        let (room, memory) = (Room::new(8 * MIB, Duration::ZERO), memory(8 * MIB));
        let batches: Vec<_> = (0..6).map(|_| room.of_batch()).collect();
        let taken: Vec<_> = batches.iter().map(|batch| at_once(held(batch, &memory, MIB)).unwrap()).collect();
        let late = room.of_batch();
        let one = at_once(held(&late, &memory, 100)).unwrap();
        assert!(matches!(one.shared, Some(Shared::Spare(_))));
        assert!(at_once(held(&late, &memory, 100)).is_none());
        drop(one);
        assert!(at_once(held(&late, &memory, PIECES_BYTES + 1)).is_none());
        drop(taken);
        assert!(at_once(held(&late, &memory, PIECES_BYTES + 1)).is_some());
    }

    #[tokio::test]
    async fn bodies_wait_for_room_and_are_told_in_the_end() {
        let room = Room::new(MIB, Duration::from_millis(30));
        let mut all = Vec::new();
        for _ in 0..6 {
            all.push(room.for_body(Flow(1), BODY_BYTES_MAX as u64).await.unwrap());
        }
        let refused = room.for_body(Flow(1), 1).await.unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Overloaded);
        assert!(room.for_body(Flow(2), BODY_BYTES_MAX as u64).await.is_ok(), "another client has room");
        all.pop();
        assert!(room.for_body(Flow(1), 1).await.is_ok());
    }
}
