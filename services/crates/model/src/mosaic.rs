//! Variables of which some chunks are made on demand, because the files that hold them do not agree.

use crate::{ChunkManifest, Variable};

/// Out of what the computed chunks of a variable are made: pieces along one dimension, each in an encoding of its own.
///
/// A computed chunk is cut out of the array that the pieces make, in the variable's own (canonical) encoding. Places
/// that no piece holds are missing values.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Mosaic {
    /// Place of the dimension among the variable's.
    pub axis: usize,
    /// The distinct encodings of the pieces: type, byte order, chunk shape, codecs, fill value and the attributes that
    /// say what stored numbers mean. The shape along `axis` is that of one piece or another.
    pub encodings: Vec<Variable>,
    /// The pieces that computed chunks need, in order of `start`; none overlap.
    pub pieces: Vec<MosaicPiece>,
}

/// One file's part of a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MosaicPiece {
    /// Place of its encoding.
    pub encoding: usize,
    /// First index along the axis, in the variable.
    pub start: u64,
    /// Length along the axis.
    pub length: u64,
    /// Place of its first chunk's reference in the references of all pieces, which lie one piece behind the other.
    pub first: u64,
}

/// A mosaic with the references of all pieces, one piece behind the other; file ids are those of the join.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MosaicSource {
    /// The pieces.
    pub mosaic: Mosaic,
    /// Their references.
    pub references: ChunkManifest,
}
