//! `chunks=time:-1,cell:4096`, `shard=time:12,cell:65536`: how the result is cut.

use std::fmt::{self, Display, Formatter};
use std::num::NonZeroU64;

use crate::describe::Description;
use crate::error::Fault;
use crate::name::Name;
use crate::per_variable::{pairs, write_pairs};
use crate::piece::Piece;
use crate::steps::Step;

/// The lengths of chunks along dimensions, in elements; along others they stay. As
/// [`xarray.Dataset.chunk`](https://docs.xarray.dev/en/stable/generated/xarray.Dataset.chunk.html), but of what is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunks {
    /// Dimensions and lengths; none twice.
    pub dimensions: Vec<(Name, Extent)>,
}

/// The lengths of shards along dimensions, in elements, each a multiple of the chunk's; along others a shard is one chunk
/// long. Shards are those of the codec
/// [`sharding_indexed`](https://zarr-specs.readthedocs.io/en/latest/v3/codecs/sharding-indexed/index.html) of Zarr v3;
/// v2 has none, so there the step changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shards {
    /// Dimensions and lengths; none twice.
    pub dimensions: Vec<(Name, Extent)>,
}

/// A length along a dimension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// `-1`: all of it.
    Whole,
    /// As many elements.
    Elements(NonZeroU64),
}

pub(super) const DESCRIPTIONS: &[Description] = &[
    Description {
        name: "chunks",
        arguments: "DIMENSION:LENGTH,…",
        summary: "Cuts the result into chunks of these lengths; -1 is the whole dimension, others stay as they are.",
        examples: &["chunks=time:-1,cell:4096"],
        synonyms: &["chunk", "rechunk", "blocks"],
        alone: None,
        parse: |arguments| lengths(arguments).map(|dimensions| Step::Chunks(Chunks { dimensions })),
    },
    Description {
        name: "shard",
        arguments: "DIMENSION:LENGTH,…",
        summary: "Puts chunks together into shards of these lengths in elements, multiples of the chunks'; -1 is the whole \
                  dimension. Zarr v3 alone has shards.",
        examples: &["shard=time:12,cell:65536"],
        synonyms: &["shards", "sharding"],
        alone: None,
        parse: |arguments| lengths(arguments).map(|dimensions| Step::Shards(Shards { dimensions })),
    },
];

fn lengths(arguments: Piece<'_>) -> Result<Vec<(Name, Extent)>, Fault> {
    pairs(arguments, "a dimension", "a length", |length| match length.text {
        "-1" => Ok(Extent::Whole),
        _ => length.whole("1 or more, or -1 for the whole dimension", |_| true).map(Extent::Elements),
    })
}

impl Display for Chunks {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("chunks=")?;
        write_pairs(f, &self.dimensions)
    }
}

impl Display for Shards {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("shard=")?;
        write_pairs(f, &self.dimensions)
    }
}

impl Display for Extent {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => f.write_str("-1"),
            Self::Elements(length) => length.fmt(f),
        }
    }
}
