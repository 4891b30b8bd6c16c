//! Two runtimes: small requests are answered by the one, with real-time priority where the process may have it; bulk is moved
//! by the other, which gives way to all else where it may not. So the kernel sees to it that a small request is answered at
//! once, whatever is under way (`docs/decisions/0021-fairness.md`).

mod load;
mod place;
mod policy;
mod real_time;
mod runtimes;
mod stream;
mod turns;

pub use place::{Bulk, NOBODY, Place, spawn};
pub use real_time::{SchedulingSettings, prefer_small, promptly, start_small};
pub use runtimes::{bulk, is_bulk_thread, start_bulk};
pub use stream::Stream;
