//! Real-time priority for the threads that answer small requests, where the process may have it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{OnceLock, mpsc};

use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Runtime};

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

static SMALL: OnceLock<Vec<Thread>> = OnceLock::new();
static IS_ON: AtomicBool = AtomicBool::new(false);

/// Starts the process's runtime for small requests, once. Its threads have the usual priority until [`prefer_small`].
pub fn start_small() -> std::io::Result<Runtime> {
    let (tell, started) = mpsc::channel();
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .on_thread_start(move || {
            let _ = tell.send(policy::this()); // nobody listens for those that start later, to block
        })
        .build()?;
    let threads = started.iter().take(runtime.metrics().num_workers()).collect();
    let _ = SMALL.set(threads);
    Ok(runtime)
}

/// Gives the calling thread and those of [`start_small`] real-time priority, if the settings say so and the process may:
/// it needs `CAP_SYS_NICE`, or a limit `RLIMIT_RTPRIO` of at least 1 (sched(7)). Without it the server is only less prompt.
pub fn prefer_small(settings: SchedulingSettings) {
    if !settings.real_time {
        return;
    }
    let threads = SMALL.get().into_iter().flatten().copied();
    let set = std::iter::once(policy::this()).chain(threads).try_for_each(policy::real_time);
    match set {
        Ok(()) => {
            IS_ON.store(true, Ordering::Relaxed);
            tracing::info!("small requests have real-time priority");
        }
        Err(error) => {
            tracing::info!(%error, "small requests have no real-time priority: the process may not");
        }
    }
}

/// Does something short, beside the runtime, with the priority of those who answer small requests.
pub fn promptly<T>(work: impl FnOnce() -> T) -> T {
    let _prompt = Prompt::begin();
    work()
}

/// The calling thread has real-time priority until this is dropped.
struct Prompt(Thread);

impl Prompt {
    fn begin() -> Option<Self> {
        let thread = policy::this();
        let is_set = IS_ON.load(Ordering::Relaxed) && policy::real_time(thread).is_ok();
        is_set.then(|| Self(thread))
    }
}

impl Drop for Prompt {
    fn drop(&mut self) {
        if let Err(error) = policy::usual(self.0) {
            tracing::warn!(%error, "a thread keeps real-time priority");
        }
    }
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use super::*;

    use crate::policy::tests::{OTHER, ROUND_ROBIN, of, own};

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
        prefer_small(SchedulingSettings { real_time: false });
        assert_eq!(promptly(own), OTHER);

        prefer_small(SchedulingSettings::default());
        let expected = if may { ROUND_ROBIN } else { OTHER };
        assert_eq!(own(), expected);
        for _ in 0..20 {
            assert_eq!(in_worker(), (expected, OTHER));
        }
        let beside =
            runtime.spawn(async { tokio::task::spawn_blocking(|| (own(), promptly(own), own())).await });
        assert_eq!(runtime.block_on(beside).unwrap().unwrap(), (OTHER, expected, OTHER));
    }
}
