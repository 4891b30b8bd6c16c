//! How much of batches may be under way: keys of one answer, and bytes, of one and of all together.
//!
//! What is held is given back when the answer's connection has taken it. So a slow client makes its own answer wait and
//! little else: an answer has an eighth of all memory, and where others have taken the rest it still has room for one chunk
//! that is short or comes in pieces, as an answer of its own would.

use std::sync::Arc;
use std::time::Duration;

use model::{Error, ErrorKind, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{BODY_BYTES_MAX, PIECES_BYTES, UNDER_WAY_MAX};

/// Permits are for so many bytes, so that any number of bytes is a number of permits.
const UNIT_BYTES: u64 = 1 << 10;
/// Memory for the keys of all requests, in bytes.
const BODIES_BYTES_MAX: u64 = 16 * BODY_BYTES_MAX as u64;
/// How long a key waits for memory that other answers have.
const SHARED_WAIT: Duration = Duration::from_secs(30);
/// Which part of all memory one answer may have.
const SHARE: u64 = 8;

/// What all batches share.
pub(in crate::http) struct Room {
    bodies: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    batch_units: u32,
}

/// What one batch has.
pub(super) struct BatchRoom {
    slots: Arc<Semaphore>,
    own: Arc<Semaphore>,
    units: u32,
    /// For one chunk, where all bytes of `shared` are taken.
    spare: Arc<Semaphore>,
    shared: Arc<Semaphore>,
}

/// Room that a frame has, until it is dropped.
#[derive(Debug)]
pub(super) struct Held {
    _slot: Option<OwnedSemaphorePermit>,
    bytes: [Option<OwnedSemaphorePermit>; 2],
}

impl Room {
    /// Room for so many bytes.
    pub(in crate::http) fn new(bytes_max: u64) -> Self {
        let units = units(bytes_max, u32::MAX);
        let batch_units = units.div_ceil(SHARE as u32);
        Self { bodies: semaphore(units_of_bodies()), bytes: semaphore(units), batch_units }
    }

    /// Room for the keys of a request whose body has so many bytes.
    pub(super) async fn for_body(&self, bytes: u64, patience: Duration) -> Result<OwnedSemaphorePermit> {
        // The text, and the keys made of it.
        let units = units(bytes.saturating_mul(2), units_of_bodies());
        let acquired = Arc::clone(&self.bodies).acquire_many_owned(units);
        let overloaded =
            |_| Error::new(ErrorKind::Overloaded, "too many requests for many keys are under way");
        tokio::time::timeout(patience, acquired).await.map_err(overloaded)?.map_err(Error::internal)
    }

    /// What so many bytes of keys need of that; the rest is given back.
    pub(super) fn shrunk(mut held: OwnedSemaphorePermit, keys_bytes: usize) -> OwnedSemaphorePermit {
        let needed = units(keys_bytes as u64, units_of_bodies()) as usize;
        drop(held.split(held.num_permits().saturating_sub(needed)));
        held
    }

    /// Room for one more batch.
    pub(super) fn of_batch(&self) -> BatchRoom {
        BatchRoom {
            slots: semaphore(UNDER_WAY_MAX as u32),
            own: semaphore(self.batch_units),
            units: self.batch_units,
            spare: semaphore(1),
            shared: Arc::clone(&self.bytes),
        }
    }
}

impl BatchRoom {
    /// Room for one more key.
    pub(super) async fn slot(&self) -> Held {
        // It is never closed.
        let slot = Arc::clone(&self.slots).acquire_owned().await.ok();
        Held { _slot: slot, bytes: [None, None] }
    }

    /// Room for a key's bytes too. More bytes than there is room for take all of it.
    pub(super) async fn for_bytes(&self, held: &mut Held, bytes: u64) -> Result<()> {
        let units = units(bytes, self.units);
        let own = Arc::clone(&self.own).acquire_many_owned(units).await.map_err(Error::internal)?;
        let shared = Arc::clone(&self.shared).acquire_many_owned(units);
        let shared = tokio::select! {
            biased;
            shared = shared => shared,
            spare = Arc::clone(&self.spare).acquire_owned(), if bytes <= PIECES_BYTES => spare,
            // Others have it all: its own frames hold an eighth at most.
            () = tokio::time::sleep(SHARED_WAIT) => {
                let message = "slow clients hold the memory for chunks of batches";
                return Err(Error::new(ErrorKind::Overloaded, message).with_retry_after(10));
            }
        };
        held.bytes = [Some(own), Some(shared.map_err(Error::internal)?)];
        Ok(())
    }
}

fn semaphore(units: u32) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(units as usize))
}

fn units_of_bodies() -> u32 {
    units(BODIES_BYTES_MAX, u32::MAX)
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

    async fn held(batch: &BatchRoom, bytes: u64) -> Held {
        let mut held = batch.slot().await;
        batch.for_bytes(&mut held, bytes).await.unwrap();
        held
    }

    #[tokio::test]
    async fn one_batch_has_so_many_keys_under_way() {
        let batch = Room::new(256 * MIB).of_batch();
        let mut many: Vec<_> = (0..UNDER_WAY_MAX).map(|_| at_once(batch.slot()).unwrap()).collect();
        assert!(at_once(batch.slot()).is_none());
        many.pop();
        assert!(at_once(batch.slot()).is_some());
    }

    #[tokio::test]
    async fn one_batch_has_an_eighth_of_the_bytes() {
        let room = Room::new(256 * MIB);
        let (greedy, other) = (room.of_batch(), room.of_batch());
        let first = at_once(held(&greedy, 30 * MIB)).unwrap();
        assert!(at_once(held(&greedy, 3 * MIB)).is_none());
        assert!(at_once(held(&other, 3 * MIB)).is_some());
        drop(first);
        let all = at_once(held(&greedy, u64::MAX)).unwrap();
        assert!(at_once(held(&greedy, 0)).is_none());
        drop(all);
    }

    #[tokio::test]
    async fn where_all_is_taken_each_batch_has_room_for_one_that_is_short() {
        let room = Room::new(8 * MIB);
        let batches: Vec<_> = (0..8).map(|_| room.of_batch()).collect();
        let taken: Vec<_> = batches.iter().map(|batch| at_once(held(batch, MIB)).unwrap()).collect();
        let late = room.of_batch();
        let one = at_once(held(&late, 100)).unwrap();
        assert!(at_once(held(&late, 100)).is_none());
        drop(one);
        assert!(at_once(held(&late, PIECES_BYTES + 1)).is_none());
        drop(taken);
        assert!(at_once(held(&late, PIECES_BYTES + 1)).is_some());
    }

    #[tokio::test]
    async fn bodies_wait_for_room_and_are_told_in_the_end() {
        let room = Room::new(MIB);
        let patience = Duration::from_millis(30);
        let mut all = Vec::new();
        for _ in 0..8 {
            all.push(room.for_body(BODY_BYTES_MAX as u64, patience).await.unwrap());
        }
        let refused = room.for_body(1, patience).await.unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Overloaded);
        all.pop();
        assert!(room.for_body(1, patience).await.is_ok());
    }
}
