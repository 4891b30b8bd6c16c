//! The worker: opens files, scans them, reads their bytes, keeps the catalog. Knows nothing of HTTP clients.

pub mod catalog;
pub mod evaluate;
pub mod grpc;
pub mod local;
mod periodic;
mod references;
pub mod register;
pub mod scan;
pub mod settings;
pub mod storage;
pub mod tape;
