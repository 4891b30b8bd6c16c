//! The gateway: speaks HTTP, renders metadata, asks workers for bytes. Opens no data file.

pub mod cache;
pub mod http;
mod limits;
pub mod server;
pub mod settings;
pub mod workers;
