//! Zarr as it meets the outside: keys, metadata documents, kerchunk references; and the catalog document.
//!
//! ```text
//! key        GET tas/0.0.1  ──▶ Key::Chunk { variable: "tas", index }
//! v2, v3     model::Dataset ──▶ .zmetadata, .zarray, zarr.json
//! read       .zmetadata, .zarray, zarr.json of others ──▶ model::Variable
//! document   model::Dataset ◀─▶ the catalog document: exact, on disk and between worker and gateway
//! kerchunk   model::ChunkManifest ◀─▶ refs.N.parq, which fsspec opens without us
//! aec        the entropy coding of GRIB 2 and szip
//! codecs     stored chunk   ◀─▶ its elements
//! absent     what absent chunks read as where v2 must not say it
//! decoded    model::Dataset ──▶ the same in the encoding that was chosen for it
//! bitround   the last bits of numbers, which are noise
//! ```
//! Pure: knows no files, no clock, no network.

pub mod absent;
pub mod aec;
pub mod bitround;
pub mod codecs;
pub mod collection;
pub mod decoded;
pub mod document;
mod fill_value;
mod json;
pub mod kerchunk;
pub mod key;
pub mod read;
pub mod shard;
pub mod v2;
pub mod v3;

#[cfg(test)]
mod test_datasets;
