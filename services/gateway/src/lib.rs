//! The gateway: speaks HTTP, renders metadata, asks workers for bytes. Opens no data file.

pub mod cache;
pub mod http;
pub mod server;
pub mod settings;
pub mod workers;
