//! The two runtimes, and how that for bulk gives way: its threads, those that compute among them, have the policy of what is
//! idle where those for small requests have no real-time priority.

use std::cell::Cell;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, mpsc};

use tokio::runtime::{Builder, Handle, Runtime};

use crate::policy::{self, Thread};
use crate::turns::Turns;

/// Turns at once for each thread: one is under way, the next is ready.
const TURNS_A_THREAD: usize = 2;

static BULK: OnceLock<Bulk> = OnceLock::new();
static GIVES_WAY: AtomicBool = AtomicBool::new(false);
/// Whether small requests are a load, which leaves nothing to what gives way.
static SMALL_ARE_MANY: AtomicBool = AtomicBool::new(false);

thread_local! {
    static IS_BULK: Cell<bool> = const { Cell::new(false) };
}

/// The runtime for bulk, and the threads that it always has.
struct Bulk {
    runtime: Handle,
    threads: Vec<Thread>,
    turns: Arc<Turns>,
}

/// Starts the process's runtime for bulk, once; it ends when what is returned is dropped.
pub fn start_bulk() -> io::Result<Runtime> {
    let (runtime, threads) = start(Builder::new_multi_thread().thread_name("cloudify-bulk"), || {
        IS_BULK.set(true);
        if GIVES_WAY.load(Ordering::Relaxed) {
            give_way(policy::this());
        }
    })?;
    let turns = Turns::new(TURNS_A_THREAD * threads.len());
    let _ = BULK.set(Bulk { runtime: runtime.handle().clone(), threads, turns });
    Ok(runtime)
}

/// Starts a runtime. Each of its threads begins with `begin`; those that it always has are returned.
pub(crate) fn start(
    builder: &mut Builder,
    begin: impl Fn() + Send + Sync + 'static,
) -> io::Result<(Runtime, Vec<Thread>)> {
    let (tell, started) = mpsc::channel();
    let runtime = builder
        .enable_all()
        .on_thread_start(move || {
            begin();
            let _ = tell.send(policy::this()); // nobody listens for those that start later, to block
        })
        .build()?;
    let threads = started.iter().take(runtime.metrics().num_workers()).collect();
    Ok((runtime, threads))
}

/// The runtime for bulk; where none was started, the one that the caller runs in. What begins while bulk gives way and small
/// requests are a load runs among these.
pub fn bulk() -> Handle {
    if starves()
        && let Some(small) = crate::real_time::small()
    {
        return small;
    }
    BULK.get().map_or_else(Handle::current, |bulk| bulk.runtime.clone())
}

/// Whether bulk that runs in the caller's thread had better run in the other runtime.
pub(crate) fn bulk_is_misplaced() -> bool {
    BULK.get().is_some() && starves() == is_bulk_thread()
}

fn starves() -> bool {
    GIVES_WAY.load(Ordering::Relaxed) && SMALL_ARE_MANY.load(Ordering::Relaxed)
}

/// Says whether small requests are a load.
pub(crate) fn small_are_many(many: bool) {
    SMALL_ARE_MANY.store(many, Ordering::Relaxed);
}

/// Whose turn it is to move bulk; none where there is no runtime for it.
pub(crate) fn turns() -> Option<&'static Arc<Turns>> {
    BULK.get().map(|bulk| &bulk.turns)
}

/// Whether the caller runs in the runtime for bulk.
pub fn is_bulk_thread() -> bool {
    IS_BULK.get()
}

/// Has bulk give way to all else, from now on. A thread of the usual policy that wakes takes the core at once from one that is
/// idle, where one that is only nicer may keep it to the end of its slice.
pub(crate) fn let_bulk_give_way() {
    GIVES_WAY.store(true, Ordering::Relaxed);
    BULK.get().into_iter().flat_map(|bulk| &bulk.threads).copied().for_each(give_way);
}

fn give_way(thread: Thread) {
    if let Err(error) = policy::idle(thread) {
        tracing::warn!(%error, "bulk cannot have the policy of what is idle");
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::LazyLock;

    use super::*;

    /// The runtime for bulk of all tests of this process, which has but one.
    pub(crate) fn bulk() -> Handle {
        static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| start_bulk().unwrap());
        RUNTIME.handle().clone()
    }
}
