//! Reading bytes of files: which may be read, which are open, and how bytes get out without waiting or copying.
//!
//! ```text
//! Files::read ─▶ open handle (kept; checked against the roots) ─▶ preadv2 without waiting ─▶ unchanged? ─▶ Bytes
//!                                                                   └─ would wait: pool ──┘    (statx)      of a kept buffer
//! ```
//! What would wait is read once for all who want it (`flights`), when it has a turn (`turns`), together with neighbours that
//! wait for theirs (`pending`, `merge`).
//! What is named by URL is read by [`Remotes`], in the same way.

mod buffers;
mod files;
mod flights;
mod merge;
mod open_file;
mod pending;
mod pieces;
mod remote;
mod roots;
mod turns;
mod whole;

pub use files::Files;
pub use remote::{Document, Remotes};
pub use roots::Roots;
pub(crate) use whole::read_whole;
