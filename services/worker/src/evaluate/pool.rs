//! Bounds: how many chunks are worked on at once, by cores and by bytes. Small ones have bounds of their own, and threads
//! of the usual priority.

use std::sync::Arc;

use model::{Error, ErrorKind, Result};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::settings::EvaluateSettings;

/// What memory is counted in.
const UNIT_BYTES: u64 = 64 << 10;

/// Work that takes at most so many bytes is small: it waits for no large one.
const SMALL_BYTES_MAX: u64 = 4 << 20;
/// Memory for small work under way, beside that of the settings, in bytes.
const SMALL_MEMORY_BYTES: u64 = 64 << 20;

/// Admits work.
pub(super) struct Pool {
    cores: Arc<Semaphore>,
    count: usize,
    memory: Memory,
    small_cores: Arc<Semaphore>,
    small_memory: Memory,
}

/// Memory for work under way, in units.
struct Memory(Arc<Semaphore>, u32);

/// Memory that a chunk under way may use.
pub(super) struct Admitted {
    is_small: bool,
    _memory: OwnedSemaphorePermit,
}

impl Pool {
    pub(super) fn new(settings: &EvaluateSettings) -> Self {
        let cores = match settings.threads {
            0 => std::thread::available_parallelism().map_or(2, usize::from),
            threads => threads,
        };
        let count = cores.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            cores: Arc::new(Semaphore::new(count)),
            count,
            memory: Memory::new(settings.memory_bytes_max),
            small_cores: Arc::new(Semaphore::new(count)),
            small_memory: Memory::new(SMALL_MEMORY_BYTES),
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
        let is_small = bytes <= SMALL_BYTES_MAX;
        let memory = if is_small { &self.small_memory } else { &self.memory };
        Ok(Admitted { is_small, _memory: memory.acquire(bytes).await? })
    }

    /// Runs work beside the runtime, at most so many at once as there are cores.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        admitted: Admitted,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let small = admitted.is_small;
        let work = move || {
            let _held = admitted;
            work()
        };
        if small {
            return run_in(&self.small_cores, &Handle::current(), work).await;
        }
        self.run_admitted(work).await
    }

    /// The same for work whose memory somebody else holds.
    pub(super) async fn run_admitted<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        run_in(&self.cores, &priority::bulk(), work).await
    }
}

impl Memory {
    fn new(bytes: u64) -> Self {
        let units = (bytes / UNIT_BYTES).clamp(1, u32::MAX.into()) as u32;
        let units = units.min(u32::try_from(Semaphore::MAX_PERMITS).unwrap_or(u32::MAX));
        Self(Arc::new(Semaphore::new(units as usize)), units)
    }

    async fn acquire(&self, bytes: u64) -> Result<OwnedSemaphorePermit> {
        let units = u32::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX).clamp(1, self.1);
        Arc::clone(&self.0).acquire_many_owned(units).await.map_err(Error::internal)
    }
}

/// Runs work beside a runtime once one of these cores is free.
async fn run_in<T: Send + 'static>(
    cores: &Arc<Semaphore>,
    runtime: &Handle,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let core = Arc::clone(cores).acquire_owned().await.map_err(Error::internal)?;
    let done = runtime.spawn_blocking(move || {
        let _held = core;
        work()
    });
    done.await.map_err(|fault| {
        Error::new(ErrorKind::CorruptData, "the stored chunk cannot be decoded").with_internal(fault)
    })?
}
