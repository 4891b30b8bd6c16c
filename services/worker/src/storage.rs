//! Reading bytes of files: which may be read, which are open, and how bytes get out without waiting or copying.
//!
//! ```text
//! Files::read ─▶ open handle (kept; checked against the roots) ─▶ preadv2 without waiting ─▶ unchanged? ─▶ Bytes
//!                                                                   └─ would wait: pool ──┘    (statx)      of a kept buffer
//! ```
//! What is named by URL is read by [`Remotes`].

mod buffers;
mod files;
mod open_file;
mod pieces;
mod remote;
mod roots;
mod whole;

pub use files::Files;
pub use remote::{Document, Remotes};
pub use roots::Roots;
pub(crate) use whole::read_whole;
