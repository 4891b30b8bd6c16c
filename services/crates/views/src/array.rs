//! Arrays that are not there yet: each knows its shape and how a region of it is made of regions of others.
//!
//! ```text
//! Source ─▶ Unpacked ─▶ Taken ─▶ Reduced ─▶ …        a tree, evaluated from the top for one region at a time
//! ```
//! Nothing is read or computed here. Elements are little-endian, in C order.

mod blocks;
mod memory;
mod reductions;

use std::sync::Arc;

use bytes::Bytes;
use cf::Unpacking;
use model::{DataType, Region};

pub use memory::Memory;
pub use reductions::reductions;

use crate::compute::program::Program;
use crate::steps::Reduction;

/// An array that is not there yet.
#[derive(Debug, PartialEq)]
pub struct Array {
    /// Type of its elements.
    pub data_type: DataType,
    /// Length of each dimension.
    pub shape: Vec<u64>,
    /// How it is made.
    pub made: Made,
}

/// How an array is made.
#[derive(Debug, PartialEq)]
pub enum Made {
    /// It is a variable of the dataset.
    Source {
        /// Place among the dataset's variables.
        variable: usize,
        /// Shape of its chunks.
        chunk_shape: Vec<u64>,
    },
    /// It is another array, made in small blocks that are kept: those of a variable around places that somebody asked for
    /// serve whoever asks for their neighbours.
    Tiled {
        /// The array, a [`Made::Source`].
        of: Arc<Array>,
        /// Shape of the blocks.
        tile_shape: Vec<u64>,
    },
    /// It is here.
    Known(Bytes),
    /// Stored numbers as what they mean; NaN where they are missing.
    Unpacked {
        /// The stored numbers.
        of: Arc<Array>,
        /// What they mean.
        unpacking: Unpacking,
    },
    /// Some places along each dimension.
    Taken {
        /// Of which array.
        of: Arc<Array>,
        /// For each dimension of that array.
        places: Vec<Places>,
    },
    /// The dimensions in another order, and new ones of length 1 or more along which all is the same.
    Arranged {
        /// Of which array.
        of: Arc<Array>,
        /// For each dimension here, which of that array's it is; none for a new one. Each of that array's is there once.
        axes: Vec<Option<usize>>,
    },
    /// Its last dimensions as one, in C order.
    Merged {
        /// Of which array.
        of: Arc<Array>,
        /// From which of its dimensions on.
        from: usize,
    },
    /// Many elements become one.
    Reduced(Reduced),
    /// Element by element, of arrays of the same shape.
    Computed {
        /// The inputs.
        of: Vec<Arc<Array>>,
        /// What is computed of their elements.
        formula: Formula,
    },
}

/// Places along a dimension.
#[derive(Debug, Clone, PartialEq)]
pub enum Places {
    /// So many from one on, each so many behind the last. The dimension stays.
    Slice {
        /// The first.
        start: u64,
        /// How far one is from the next, 1 or more.
        stride: u64,
        /// How many.
        length: u64,
    },
    /// These, in this order. The dimension stays.
    List(Arc<[u64]>),
    /// One: the dimension goes.
    One(u64),
}

/// A reduction over groups of places.
#[derive(Debug, PartialEq)]
pub struct Reduced {
    /// Of which array: its elements are `F32` or `F64`.
    pub of: Arc<Array>,
    /// For each dimension of that array, which places make which place of the result.
    pub axes: Vec<Groups>,
    /// What is made of a group. Of several quantiles the result has a first dimension more, for them.
    pub reduction: Reduction,
    /// Weights of places, of a mean only.
    pub weights: Option<Weights>,
    /// Shape of the blocks of the result that are made at once, and kept.
    pub block_shape: Vec<u64>,
}

/// Weights of places.
#[derive(Debug, PartialEq)]
pub struct Weights {
    /// The weights (`F64`).
    pub of: Arc<Array>,
    /// For each of its dimensions, which of the weighted array's it is, ascending; along others weights are the same.
    pub axes: Vec<usize>,
}

/// Which places of a dimension make which place of the result.
#[derive(Debug, Clone, PartialEq)]
pub enum Groups {
    /// Each its own: the dimension stays as it is.
    Each,
    /// All of them one: the dimension goes.
    All,
    /// For each place its group, [`NO_GROUP`] where it has none; and how many groups there are.
    Labels {
        /// By place.
        labels: Arc<[u32]>,
        /// Length of the dimension in the result.
        count: u32,
    },
}

/// The group of places that go into none.
pub const NO_GROUP: u32 = u32::MAX;

/// What is computed of elements, in double precision unless said otherwise.
#[derive(Debug, Clone, PartialEq)]
pub enum Formula {
    /// The first less the second.
    Difference,
    /// `a · scale + offset`.
    Linear {
        /// By what it is multiplied.
        scale: f64,
        /// What is added then.
        offset: f64,
    },
    /// To the nearest multiple of a step.
    Multiple(f64),
    /// The first where the second is not 0, else missing.
    Where,
    /// An expression over the inputs, in the order of its names.
    Expression(Arc<Program>),
}

impl Weights {
    /// The region of the weights that belongs to a region of what is weighted.
    pub fn region(&self, region: &Region) -> Region {
        Region {
            start: self.axes.iter().map(|axis| region.start[*axis]).collect(),
            extent: self.axes.iter().map(|axis| region.extent[*axis]).collect(),
        }
    }
}

impl Places {
    /// All of a dimension.
    pub fn all(length: u64) -> Self {
        Self::Slice { start: 0, stride: 1, length }
    }

    /// How many there are; none where the dimension goes.
    pub fn length(&self) -> Option<u64> {
        match self {
            Self::Slice { length, .. } => Some(*length),
            Self::List(places) => Some(places.len() as u64),
            Self::One(_) => None,
        }
    }

    /// The place of a number below [`length`](Self::length).
    pub fn get(&self, number: u64) -> u64 {
        match self {
            Self::Slice { start, stride, .. } => start + number * stride,
            Self::List(places) => places[number as usize],
            Self::One(place) => *place,
        }
    }
}
