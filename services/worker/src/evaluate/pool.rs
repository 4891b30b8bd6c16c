//! Bounds: how many chunks are worked on at once, by cores and by bytes.

use std::sync::Arc;

use model::{Error, ErrorKind, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::settings::EvaluateSettings;

/// What memory is counted in.
const UNIT_BYTES: u64 = 64 << 10;

/// Admits work.
pub(super) struct Pool {
    cores: Arc<Semaphore>,
    count: usize,
    memory: Arc<Semaphore>,
    units: u32,
}

/// Memory that a chunk under way may use.
pub(super) struct Admitted(#[expect(dead_code, reason = "held until the work is done")] OwnedSemaphorePermit);

impl Pool {
    pub(super) fn new(settings: &EvaluateSettings) -> Self {
        let cores = match settings.threads {
            0 => std::thread::available_parallelism().map_or(2, usize::from),
            threads => threads,
        };
        let units = (settings.memory_bytes_max / UNIT_BYTES).clamp(1, u32::MAX.into()) as u32;
        let units = units.min(u32::try_from(Semaphore::MAX_PERMITS).unwrap_or(u32::MAX));
        let count = cores.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            cores: Arc::new(Semaphore::new(count)),
            count,
            memory: Arc::new(Semaphore::new(units as usize)),
            units,
        }
    }

    /// The cores: who computes elsewhere holds one.
    pub(super) fn cores(&self) -> Arc<Semaphore> {
        Arc::clone(&self.cores)
    }

    /// How many there are.
    pub(super) fn cores_count(&self) -> usize {
        self.count
    }

    /// Waits until there is memory for a chunk: its stored bytes, its elements in two orders, and its new form. One
    /// that needs more than all may have all.
    pub(super) async fn admit(&self, stored: u64, decoded: Option<usize>) -> Result<Admitted> {
        let decoded = decoded.map_or_else(|| stored.saturating_mul(8), |decoded| decoded as u64);
        self.admit_bytes(decoded.saturating_mul(3).saturating_add(stored)).await
    }

    /// The same for work that takes so many bytes in all.
    pub(super) async fn admit_bytes(&self, bytes: u64) -> Result<Admitted> {
        let units = u32::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX).clamp(1, self.units);
        let permit = Arc::clone(&self.memory).acquire_many_owned(units).await;
        permit.map(Admitted).map_err(Error::internal)
    }

    /// Runs work beside the runtime, at most so many at once as there are cores.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        admitted: Admitted,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.run_admitted(move || {
            let _held = admitted;
            work()
        })
        .await
    }

    /// The same for work whose memory somebody else holds.
    pub(super) async fn run_admitted<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let core = Arc::clone(&self.cores).acquire_owned().await.map_err(Error::internal)?;
        let done = tokio::task::spawn_blocking(move || {
            let _held = core;
            work()
        });
        done.await.map_err(|fault| {
            Error::new(ErrorKind::CorruptData, "the stored chunk cannot be decoded").with_internal(fault)
        })?
    }
}
