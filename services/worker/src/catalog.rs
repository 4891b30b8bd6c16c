//! The catalog on disk.
