//! The use cases, over ports: open a dataset, locate and read its chunks, register files.
//!
//! ```text
//! gateway ─▶ open ─▶ locate ─▶ read ─▶ ports::Worker ◀─ LocalWorker (crate worker)   one trait, two homes
//!                                                    ◀─ RemoteWorker (crate gateway)
//! worker  ─▶ register: join scans, preview, publish
//! ```
//! Knows nothing of HTTP, gRPC, files or clocks: those are the ports' business.

pub mod diagnostics;
pub mod encoding;
pub mod etag;
pub mod join;
pub mod mosaic;
pub mod named_views;
pub mod open;
pub mod pools;
pub mod ports;
pub mod preview;
pub mod recall;
mod registration;
pub mod sections;
mod stored;
