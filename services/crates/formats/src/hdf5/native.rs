//! Thin safe wrappers of the C calls that a scan needs: the only `unsafe` of the project.
//!
//! Invariant: everything here is reached from a [`Library`], which holds the process-wide lock of libhdf5, whose
//! static build is not thread-safe. No type here is `Send`. Enumerations of C that a damaged file can put any
//! number in are read as integers, because a Rust `enum` of another value is undefined behaviour.

mod arena;
mod attribute;
mod dataset;
mod dataspace;
mod datatype;
mod file;
mod group;
mod handle;
mod text;

pub(super) use attribute::Attribute;
pub(super) use dataset::{Dataset, Filter, StoredChunk, StoredLayout};
pub(super) use dataspace::Extent;
pub(super) use datatype::{Class, Datatype};
pub(super) use file::File;
pub(super) use group::{Link, LinkKind, Object, ObjectKind, Token};
pub(super) use handle::{Fault, Library};
