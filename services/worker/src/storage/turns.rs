//! Turns to wait for the filesystem: how many do at once, and how many more may queue.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use model::{Error, ErrorKind, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::roots::Roots;

/// How many may queue for each that may wait for the filesystem; beyond, they are refused.
const QUEUE_FACTOR: usize = 64;

/// Turns of all roots, and a share for each: a filesystem that hangs does not take the turns of the others.
#[derive(Debug)]
pub(super) struct Turns {
    all: Arc<Semaphore>,
    shares: Vec<Share>,
    queued_max: usize,
}

#[derive(Debug)]
struct Share {
    turns: Arc<Semaphore>,
    queued: AtomicUsize,
}

/// A turn; over when dropped.
#[derive(Debug)]
pub(super) struct Turn(#[expect(dead_code, reason = "held")] [OwnedSemaphorePermit; 2]);

/// A place in the queue of a share; left when dropped.
#[derive(Debug)]
pub(super) struct Place<'t> {
    turns: &'t Turns,
    share: &'t Share,
}

impl Turns {
    pub(super) fn new(reads_max: usize, roots: &Roots) -> Self {
        let reads_max = reads_max.clamp(1, Semaphore::MAX_PERMITS);
        let count = roots.directories().len().max(1);
        let of_one = if count > 1 { (reads_max - reads_max / 4).max(1) } else { reads_max };
        let share = || Share { turns: Arc::new(Semaphore::new(of_one)), queued: AtomicUsize::new(0) };
        Self {
            all: Arc::new(Semaphore::new(reads_max)),
            shares: std::iter::repeat_with(share).take(count).collect(),
            queued_max: reads_max.saturating_mul(QUEUE_FACTOR),
        }
    }

    /// Queues for a turn at the root that a path is below, as it is written.
    pub(super) fn enter(&self, roots: &Roots, path: &str) -> Result<Place<'_>> {
        let root = roots.directories().iter().position(|root| Path::new(path).starts_with(root));
        // A path over a symbolic link belongs to no root by its name: it has the turns of the first.
        let share = self.shares.get(root.unwrap_or_default()).or(self.shares.first());
        let share = share.ok_or_else(|| Error::internal("no turns"))?;
        let place = Place { turns: self, share };
        telemetry::metrics().reads_under_way.inc();
        if share.queued.fetch_add(1, Ordering::Relaxed) >= self.queued_max {
            return Err(overloaded());
        }
        Ok(place)
    }

    /// Whether at least one root could be read now.
    pub(super) fn ready(&self) -> Result<()> {
        let is_free = |share: &Share| share.queued.load(Ordering::Relaxed) < self.queued_max;
        if self.shares.iter().any(is_free) { Ok(()) } else { Err(overloaded()) }
    }

    #[cfg(test)]
    pub(super) fn fill(&self) {
        for share in &self.shares {
            share.queued.store(self.queued_max, Ordering::Relaxed);
        }
    }
}

impl Place<'_> {
    /// A turn, if one is free now.
    pub(super) fn turn_now(&self) -> Option<Turn> {
        let own = Arc::clone(&self.share.turns).try_acquire_owned().ok()?;
        Some(Turn([own, Arc::clone(&self.turns.all).try_acquire_owned().ok()?]))
    }

    /// Waits for a turn.
    pub(super) async fn turn(&self) -> Result<Turn> {
        let own = Arc::clone(&self.share.turns).acquire_owned().await.map_err(Error::internal)?;
        Ok(Turn([own, Arc::clone(&self.turns.all).acquire_owned().await.map_err(Error::internal)?]))
    }

    /// Does something that waits for the filesystem: in turn, off the runtime.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let turn = self.turn().await?;
        let task = tokio::task::spawn_blocking(move || {
            let _held = turn;
            work()
        });
        task.await.map_err(Error::internal)?
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.share.queued.fetch_sub(1, Ordering::Relaxed);
        telemetry::metrics().reads_under_way.dec();
    }
}

fn overloaded() -> Error {
    Error::new(ErrorKind::Overloaded, "too many reads wait for the filesystem").with_retry_after(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_root_that_hangs_leaves_turns_to_the_others() {
        let directory = tempfile::tempdir().unwrap();
        let base = directory.path().canonicalize().unwrap();
        let paths = [base.join("a"), base.join("b")];
        for path in &paths {
            std::fs::create_dir(path).unwrap();
        }
        let roots = Roots::new(paths.to_vec()).unwrap();
        let turns = Turns::new(8, &roots);
        let file = |root: usize| paths[root].join("x.nc").to_str().unwrap().to_owned();
        let hung = turns.enter(&roots, &file(0)).unwrap();
        let held: Vec<_> = std::iter::from_fn(|| hung.turn_now()).collect();
        assert_eq!(held.len(), 6);
        let other = turns.enter(&roots, &file(1)).unwrap();
        assert!(other.turn_now().is_some(), "the other root has turns");
        let places: Vec<_> = (0..8 * QUEUE_FACTOR - 1).map(|_| turns.enter(&roots, &file(0))).collect();
        assert!(places.iter().all(Result::is_ok));
        assert_eq!(turns.enter(&roots, &file(0)).unwrap_err().kind, ErrorKind::Overloaded);
        assert!(turns.enter(&roots, &file(1)).is_ok() && turns.ready().is_ok());
        drop((held, places));
        assert!(turns.enter(&roots, &file(0)).unwrap().turn_now().is_some());
    }
}
