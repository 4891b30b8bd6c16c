//! The nouns of Cloudify.
//!
//! A dataset is a tree of Zarr groups and arrays ("variables", as CF says) plus, for each stored chunk, where its
//! bytes lie. This crate holds these nouns and nothing else: no I/O, no async, no serialisation, no logging.
//!
//! ```text
//! Dataset ─┬─ Group*      path, attributes
//!          └─ Variable*   path, dimensions, data type, chunk grid, codecs, fill value, attributes
//!                 └─ ChunkManifest   chunk number → ChunkRef { Bytes in a SourceFile | File | Inline | Computed | Missing }
//! ```

mod attribute;
mod chunk_grid;
mod codec;
mod data_type;
mod dataset;
mod error;
mod ids;
mod in_place;
mod manifest;
mod mosaic;
mod region;
mod scan;
mod source_file;

pub use attribute::{AttributeValue, Attributes, Numbers};
pub use chunk_grid::{ChunkGrid, ChunkGridError};
pub use codec::{BloscCompressor, BloscShuffle, Codec, Sharding};
pub use data_type::{ByteOrder, DataType};
pub use dataset::{Dataset, Group, Variable};
pub use error::{Error, ErrorKind, Result};
pub use ids::{DatasetId, NodePath, Version};
pub use in_place::{ChunkKeyEncoding, InPlace};
pub use manifest::{ByteRange, ChunkManifest, ChunkRef, FileId};
pub use mosaic::{Mosaic, MosaicPiece, MosaicSource};
pub use region::{Indices, Region};
pub use scan::{FileScan, Layout, ScannedVariable, Warning};
pub use source_file::{FileIdentity, SourceFile, is_url};
