//! The wire: `cloudify/v1/*.proto` and the Rust types made of them.
//!
//! Wire types are not domain types: [`convert`] makes one of the other, and checks on receipt. [`status`] is the one
//! table of error kinds to gRPC codes.

pub mod convert;
pub mod framing;
pub mod status;

/// The generated types, clients and servers of `cloudify.v1`.
#[allow(missing_docs, clippy::all, clippy::pedantic, clippy::allow_attributes, reason = "generated")]
pub mod v1 {
    tonic::include_proto!("cloudify.v1");
}

/// The header of a call that says for which catalog it is, by its id: a worker of another refuses it, and says by the same
/// header of which it is.
pub const CATALOG_HEADER: &str = "cloudify-catalog";

/// Longest range that goes over a lane of `ReadSmallRanges`, in bytes. Longer ones get a stream of their own.
pub const SMALL_RANGE_BYTES_MAX: u64 = 256 * 1024;
