//! Real-time priority for the threads that answer small requests, where the process may have it, as long as they have little
//! to do: in a flood of small requests they would leave nothing to others on the machine, and wait for one another anyway.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::load::{EVERY, Load};
use crate::policy::{self, Thread};

/// How the kernel schedules the threads of the services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SchedulingSettings {
    /// Whether small requests are answered with real-time priority, where the process may have it.
    pub real_time: bool,
}

impl Default for SchedulingSettings {
    fn default() -> Self {
        Self { real_time: true }
    }
}

static SMALL: OnceLock<Small> = OnceLock::new();
static IS_ON: AtomicBool = AtomicBool::new(false);
/// Nanoseconds that were spent in [`promptly`], by all threads.
static PROMPT_NS: AtomicU64 = AtomicU64::new(0);

/// The runtime for small requests, and threads that answer them.
#[derive(Clone)]
struct Small {
    runtime: Handle,
    threads: Vec<Thread>,
}

/// Starts the process's runtime for small requests, once. Its threads have the usual priority until [`prefer_small`].
pub fn start_small() -> std::io::Result<Runtime> {
    let (runtime, threads) = crate::runtimes::start(&mut Builder::new_multi_thread(), || ())?;
    let _ = SMALL.set(Small { runtime: runtime.handle().clone(), threads });
    Ok(runtime)
}

/// Gives the calling thread and those of [`start_small`] real-time priority, if the settings say so and the process may: it needs
/// `CAP_SYS_NICE`, or a limit `RLIMIT_RTPRIO` of at least 1 (sched(7)). Where they have none, bulk gives way to all else, and
/// the server is only less prompt.
pub fn prefer_small(settings: SchedulingSettings) {
    let Some(mut small) = SMALL.get().cloned() else { return };
    small.threads.push(policy::this()); // it accepts connections
    let has_real_time = settings.real_time && small.take_real_time();
    if !has_real_time {
        crate::runtimes::let_bulk_give_way();
    }
    // A thread of its own, which a runtime that is busy cannot keep waiting.
    let watch = std::thread::Builder::new().name("cloudify-load".into());
    let watched = small.clone();
    if let Err(error) = watch.spawn(move || watched.watch(has_real_time)) {
        tracing::warn!(%error, "nobody watches over priorities: small requests have the usual one");
        let _ = small.set(false);
    }
}

/// The runtime for small requests.
pub(crate) fn small() -> Option<Handle> {
    SMALL.get().map(|small| small.runtime.clone())
}

impl Small {
    /// Gives the threads real-time priority. Whether they have it.
    fn take_real_time(&self) -> bool {
        let done = self.set(true);
        match &done {
            Ok(()) => tracing::info!("small requests have real-time priority"),
            Err(error) => {
                tracing::info!(%error, "small requests have no real-time priority: the process may not");
            }
        }
        done.is_ok()
    }

    fn set(&self, real_time: bool) -> std::io::Result<()> {
        let policy = if real_time { policy::real_time } else { policy::usual };
        self.threads.iter().try_for_each(|thread| policy(*thread))?;
        IS_ON.store(real_time, Ordering::Relaxed);
        Ok(())
    }

    /// How long the threads have worked, all together.
    fn worked(&self) -> Duration {
        let metrics = self.runtime.metrics();
        let of_runtime: Duration =
            (0..metrics.num_workers()).map(|worker| metrics.worker_total_busy_duration(worker)).sum();
        of_runtime + Duration::from_nanos(PROMPT_NS.load(Ordering::Relaxed))
    }

    /// Takes away what small requests have before bulk where there is much to do, and gives it back.
    fn watch(&self, has_real_time: bool) {
        if has_real_time {
            let _ = policy::real_time(policy::this());
        }
        let (mut load, mut before, mut worked) = (Load::default(), Instant::now(), self.worked());
        loop {
            std::thread::sleep(EVERY);
            let (now, worked_now) = (Instant::now(), self.worked());
            let could =
                now.duration_since(before).as_secs_f64() * self.runtime.metrics().num_workers() as f64;
            let share = worked_now.saturating_sub(worked).as_secs_f64() / could;
            (before, worked) = (now, worked_now);
            let Some(is_light) = load.look(share) else { continue };
            tracing::debug!(share, is_light, "the load of small requests changed");
            crate::runtimes::small_are_many(!is_light);
            if has_real_time && let Err(error) = self.set(is_light) {
                tracing::warn!(%error, "the priority of small requests cannot be set");
            }
        }
    }
}

/// Does something short, beside the runtime, with the priority of those who answer small requests. In a thread for bulk it is
/// bulk.
pub fn promptly<T>(work: impl FnOnce() -> T) -> T {
    if crate::is_bulk_thread() {
        return work();
    }
    let _prompt = Prompt::begin();
    work()
}

/// The calling thread has real-time priority until this is dropped.
struct Prompt(Thread, Instant);

impl Prompt {
    fn begin() -> Option<Self> {
        let thread = policy::this();
        let is_set = IS_ON.load(Ordering::Relaxed) && policy::real_time(thread).is_ok();
        is_set.then(|| Self(thread, Instant::now()))
    }
}

impl Drop for Prompt {
    fn drop(&mut self) {
        let worked = u64::try_from(self.1.elapsed().as_nanos()).unwrap_or(u64::MAX);
        PROMPT_NS.fetch_add(worked, Ordering::Relaxed);
        if let Err(error) = policy::usual(self.0) {
            tracing::warn!(%error, "a thread keeps real-time priority");
        }
    }
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use super::*;

    use crate::policy::tests::{IDLE, OTHER, ROUND_ROBIN, of, own};

    fn child() -> u32 {
        let output = std::process::Command::new("cat").arg("/proc/self/stat").output().unwrap();
        of(&String::from_utf8(output.stdout).unwrap())
    }

    /// One test, for what it sets is the process's.
    #[test]
    fn threads_for_small_requests_are_real_time_and_what_they_start_is_not() {
        let may = policy::real_time(policy::this()).is_ok();
        policy::usual(policy::this()).unwrap();
        let runtime = start_small().unwrap();
        let in_worker = || runtime.block_on(runtime.spawn(async { (own(), child()) })).unwrap();
        assert_eq!(in_worker(), (OTHER, OTHER));
        let bulk = crate::runtimes::tests::bulk();
        let in_bulk = || bulk.block_on(bulk.spawn(async { own() })).unwrap();
        assert_eq!(in_bulk(), OTHER);

        prefer_small(SchedulingSettings::default());
        let expected = if may { ROUND_ROBIN } else { OTHER };
        assert_eq!(own(), expected);
        for _ in 0..20 {
            assert_eq!(in_worker(), (expected, OTHER));
        }
        let beside =
            runtime.spawn(async { tokio::task::spawn_blocking(|| (own(), promptly(own), own())).await });
        assert_eq!(runtime.block_on(beside).unwrap().unwrap(), (OTHER, expected, OTHER));
        let gives_way = if may { OTHER } else { IDLE };
        for _ in 0..20 {
            assert_eq!(in_bulk(), gives_way);
        }
        let beside = bulk.spawn_blocking(|| (own(), promptly(own), child()));
        assert_eq!(bulk.block_on(beside).unwrap(), (gives_way, gives_way, OTHER));

        // Until there is much to do; and when there is no more.
        let comes = |is: &dyn Fn() -> bool| {
            (0..600).any(|_| {
                std::thread::sleep(EVERY / 10);
                is()
            })
        };
        let busy = keep_busy(&runtime);
        assert!(comes(&|| in_worker().0 == OTHER), "much to do");
        busy.store(false, Ordering::Relaxed);
        assert!(comes(&|| in_worker().0 == expected), "little to do");

        prefer_small(SchedulingSettings { real_time: false });
        for _ in 0..20 {
            assert_eq!(in_bulk(), IDLE);
        }
        // What begins then does not give way to a load.
        let new = || runtime.block_on(crate::bulk().spawn(async { own() })).unwrap();
        let busy = keep_busy(&runtime);
        assert!(comes(&|| new() != IDLE), "much to do");
        busy.store(false, Ordering::Relaxed);
        assert!(comes(&|| new() == IDLE), "little to do");
    }

    /// Until what is returned is false.
    fn keep_busy(runtime: &Runtime) -> std::sync::Arc<AtomicBool> {
        let busy = std::sync::Arc::new(AtomicBool::new(true));
        for _ in 0..runtime.metrics().num_workers() * 4 {
            let busy = std::sync::Arc::clone(&busy);
            runtime.spawn(async move {
                while busy.load(Ordering::Relaxed) {
                    std::thread::sleep(EVERY / 20);
                    tokio::task::yield_now().await;
                }
            });
        }
        busy
    }
}
