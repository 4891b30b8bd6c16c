//! By which policy the kernel schedules a thread: sched(7). What a real-time thread starts, threads and processes, has the usual
//! one; what an idle one starts is idle, too.
#![cfg_attr(
    target_os = "linux",
    expect(unsafe_code, reason = "no crate sets policies that are not inherited")
)]

#[cfg(target_os = "linux")]
use std::io;

/// A thread of this process.
#[cfg(target_os = "linux")]
pub(crate) type Thread = rustix::thread::Pid;

/// The calling one.
#[cfg(target_os = "linux")]
pub(crate) fn this() -> Thread {
    rustix::thread::gettid()
}

/// The lowest real-time priority: above all that is usual, below whoever else needs to be on time.
#[cfg(target_os = "linux")]
pub(crate) fn real_time(thread: Thread) -> io::Result<()> {
    set(thread, libc::SCHED_RR, 1)
}

/// What threads have that nobody cared for.
#[cfg(target_os = "linux")]
pub(crate) fn usual(thread: Thread) -> io::Result<()> {
    set(thread, libc::SCHED_OTHER, 0)
}

/// Gives way to all else.
#[cfg(target_os = "linux")]
pub(crate) fn idle(thread: Thread) -> io::Result<()> {
    set(thread, libc::SCHED_IDLE, 0)
}

#[cfg(target_os = "linux")]
fn set(thread: Thread, policy: i32, priority: i32) -> io::Result<()> {
    let (thread, policy) = (thread.as_raw_pid(), policy | libc::SCHED_RESET_ON_FORK);
    let parameters = libc::sched_param { sched_priority: priority };
    // SAFETY: the kernel reads the parameters, which outlive the call, and checks all values.
    let done = unsafe { libc::sched_setscheduler(thread, policy, &raw const parameters) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use std::io;

    pub(crate) type Thread = ();

    pub(crate) fn this() -> Thread {}

    pub(crate) fn real_time((): Thread) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn usual((): Thread) -> io::Result<()> {
        Ok(())
    }

    pub(crate) fn idle((): Thread) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) use elsewhere::{Thread, idle, real_time, this, usual};

#[cfg(target_os = "linux")]
#[cfg(test)]
pub(crate) mod tests {
    pub(crate) const OTHER: u32 = 0;
    pub(crate) const ROUND_ROBIN: u32 = 2;
    pub(crate) const IDLE: u32 = 5;

    /// Field 41 of `proc_pid_stat(5)`: the policy.
    pub(crate) fn of(stat: &str) -> u32 {
        let after_name = stat.rsplit_once(')').unwrap().1;
        after_name.split_whitespace().nth(38).unwrap().parse().unwrap()
    }

    /// The calling thread's.
    pub(crate) fn own() -> u32 {
        of(&std::fs::read_to_string("/proc/thread-self/stat").unwrap())
    }
}
