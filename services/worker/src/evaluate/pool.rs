//! Bounds: how many chunks are worked on at once, by cores and by bytes. Small ones have bounds of their own, and threads
//! of the usual priority.

use std::time::{Duration, Instant};

pub(super) use fair::Admitted;
use fair::{Admission, Bounds, Flow};
use model::{Error, ErrorKind, Result};
use tokio::runtime::Handle;

use crate::settings::EvaluateSettings;

/// Work that takes at most so many bytes is small: it waits for no large one.
const SMALL_BYTES_MAX: u64 = 4 << 20;
/// Memory for small work under way, beside that of the settings, in bytes.
const SMALL_MEMORY_BYTES: u64 = 64 << 20;
/// How long a core is used before somebody else's turn may come.
const TURN: Duration = Duration::from_millis(20);
const TURN_NS: u64 = TURN.as_nanos() as u64;
/// Latest time to come again that is told.
const RETRY_MAX: Duration = Duration::from_mins(10);

/// Admits work: memory by flows, by how much of it work takes.
pub(super) struct Pool {
    cores: Cores,
    count: usize,
    memory: Admission,
    small_cores: Cores,
    small_memory: Admission,
}

/// Cores, given by flows in turn.
#[derive(Clone)]
pub(super) struct Cores(Admission);

/// A core that is used.
pub(super) struct Core {
    admitted: Admitted,
    since: Instant,
}

impl Cores {
    fn new(count: usize) -> Self {
        Self(Admission::new(Bounds { leaves_some: false, ..Bounds::of(count as u64) }))
    }

    /// Waits for one.
    pub(super) async fn one(&self, flow: Flow) -> Result<Core> {
        let admitted = self.0.admit(flow, 1, TURN_NS).await?;
        Ok(Core { admitted, since: Instant::now() })
    }

    /// Whether one that is used should be given back: it was for some time, and others wait.
    pub(super) fn want_back(&self, core: &Core) -> bool {
        core.since.elapsed() > TURN && self.0.waiting() > 0
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        let took = u64::try_from(self.since.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.admitted.costs(TURN_NS, took);
    }
}

/// A place in the queue for memory.
pub(super) struct Place {
    place: fair::Place,
    _counted: Counted,
}

/// Counts a chunk as waiting while it lives.
struct Counted;

impl Counted {
    fn new() -> Self {
        telemetry::metrics().chunks_waiting.inc();
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        telemetry::metrics().chunks_waiting.dec();
    }
}

impl Place {
    /// Waits for the memory.
    pub(super) async fn admitted(self) -> Result<Admitted> {
        self.place.admitted().await
    }
}

impl Pool {
    pub(super) fn new(settings: &EvaluateSettings) -> Self {
        let cores = match settings.threads {
            0 => std::thread::available_parallelism().map_or(2, usize::from),
            threads => threads,
        };
        let count = cores.max(1);
        let memory = |amount| {
            let queue_amount_max = settings.queue_bytes_max;
            Admission::new(Bounds { queue_amount_max, ..bounds(settings, amount) })
        };
        Self {
            cores: Cores::new(count),
            count,
            memory: memory(settings.memory_bytes_max),
            small_cores: Cores::new(count),
            small_memory: memory(SMALL_MEMORY_BYTES),
        }
    }

    /// The cores: who computes elsewhere holds one.
    pub(super) fn cores(&self) -> Cores {
        self.cores.clone()
    }

    /// How many there are.
    pub(super) fn cores_count(&self) -> usize {
        self.count
    }

    /// Waits until there is memory for a chunk: its stored bytes in pieces and put together, its elements in two orders,
    /// and its new form. One that needs more than all may have all.
    pub(super) async fn admit(&self, stored: u64, decoded: Option<usize>) -> Result<Admitted> {
        let decoded = decoded.map_or_else(|| stored.saturating_mul(8), |decoded| decoded as u64);
        let stored = stored.saturating_mul(2);
        self.admit_bytes(decoded.saturating_mul(3).saturating_add(stored)).await
    }

    /// The same for work that takes so many bytes in all.
    pub(super) async fn admit_bytes(&self, bytes: u64) -> Result<Admitted> {
        self.queue(bytes, bytes)?.admitted().await
    }

    /// A place in the queue, for work that waits for something else first. It costs as much as it goes through, in bytes.
    pub(super) fn queue(&self, bytes: u64, through: u64) -> Result<Place> {
        let is_small = bytes <= SMALL_BYTES_MAX.min(self.memory.amount());
        let memory = if is_small { &self.small_memory } else { &self.memory };
        let place = memory.enter(Flow::current(), bytes, through);
        let place = place.inspect_err(|_| telemetry::metrics().chunks_refused_total.inc())?;
        Ok(Place { place, _counted: Counted::new() })
    }

    /// Runs work beside the runtime, at most so many at once as there are cores. Its memory is held until it is done, also
    /// where nobody waits for it any more.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        admitted: Admitted,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<(T, Admitted)> {
        let is_small = admitted.is_of(&self.small_memory);
        let work = move || work().map(|done| (done, admitted));
        if is_small {
            return run_in(&self.small_cores, &Handle::current(), move || priority::promptly(work)).await;
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

/// So much at once, and a queue that is not longer than the settings allow. What waits gives up before those who ask do.
pub(super) fn bounds(settings: &EvaluateSettings, amount: u64) -> Bounds {
    let expected_max = Duration::from_secs(settings.queue_seconds_max.into());
    Bounds { expected_max, wait_max: expected_max * 5 / 6, retry_max: RETRY_MAX, ..Bounds::of(amount) }
}

/// Runs work beside a runtime once one of these cores is free.
async fn run_in<T: Send + 'static>(
    cores: &Cores,
    runtime: &Handle,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let core = cores.one(Flow::current()).await?;
    let done = runtime.spawn_blocking(move || {
        let _held = core;
        work()
    });
    done.await.map_err(|fault| {
        Error::new(ErrorKind::CorruptData, "the stored chunk cannot be decoded").with_internal(fault)
    })?
}
