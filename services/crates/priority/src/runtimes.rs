//! The runtime for bulk: its threads, those that compute among them, have a lower priority.

use std::cell::Cell;
use std::sync::{Arc, OnceLock};

use tokio::runtime::{Builder, Handle, Runtime};

use crate::turns::Turns;

/// How much lower where there is no policy for what gives way always.
const NICE: i32 = 19;

/// Turns at once for each thread: one is under way, the next is ready.
const TURNS_A_THREAD: usize = 2;

static BULK: OnceLock<(Handle, Arc<Turns>)> = OnceLock::new();

thread_local! {
    static IS_BULK: Cell<bool> = const { Cell::new(false) };
}

/// Starts the process's runtime for bulk, once; it ends when what is returned is dropped.
pub fn start_bulk() -> std::io::Result<Runtime> {
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .thread_name("cloudify-bulk")
        .on_thread_start(give_way)
        .build()?;
    let _ =
        BULK.set((runtime.handle().clone(), Turns::new(TURNS_A_THREAD * runtime.metrics().num_workers())));
    Ok(runtime)
}

/// The runtime for bulk; where none was started, the one that the caller runs in.
pub fn bulk() -> Handle {
    BULK.get().map_or_else(Handle::current, |(handle, _)| handle.clone())
}

/// Whose turn it is to move bulk; none where there is no runtime for it.
pub(crate) fn turns() -> Option<&'static Arc<Turns>> {
    BULK.get().map(|(_, turns)| turns)
}

/// Whether the caller runs in the runtime for bulk.
pub fn is_bulk_thread() -> bool {
    IS_BULK.get()
}

fn give_way() {
    IS_BULK.set(true);
    // A thread of the usual policy that wakes takes the core at once, where one that is only nicer may keep it to the end of
    // its slice.
    if let Err(error) = crate::policy::idle(crate::policy::this()) {
        tracing::warn!(%error, "bulk cannot have the policy of what is idle");
    }
    // On Linux this is the calling thread's alone.
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::warn!(%error, "the priority of bulk cannot be lowered");
    }
}
