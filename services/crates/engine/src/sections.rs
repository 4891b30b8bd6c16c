//! Long reductions, which several workers make together.
//!
//! ```text
//! gateway ─ long_reductions ─▶ worker          a chunk of a view, made of much
//!         ─ section 0, 1, 2 … ─▶ all workers   each makes the state of the reduction after a fixed run of its inputs
//!         ─ assemble ─▶ one worker             puts the states together in order, and makes the chunk of them
//! ```
//! How a reduction is cut into sections follows from its inputs alone, so that a result has always the same bits.

use bytes::Bytes;
use futures::stream::BoxStream;
use model::Result;

/// A block of a reduction of much data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LongReduction {
    /// Place of the reduction among those of the variable, which is the same for all workers.
    pub array: u32,
    /// Number of the block.
    pub block: u64,
    /// In how many sections it is made.
    pub sections: u64,
    /// Bytes of the state of one section, roughly.
    pub state_bytes: u64,
    /// How many sections keep a worker's cores busy.
    pub at_once: u32,
}

/// A section of a reduction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Section {
    /// Place of the reduction among those of the variable.
    pub array: u32,
    /// Number of the block.
    pub block: u64,
    /// Number of the section.
    pub number: u64,
}

/// Sections as they are made, with their bytes. An error ends them early.
pub type Sections = BoxStream<'static, Result<(Section, Bytes)>>;

impl LongReduction {
    /// Its sections, in order.
    pub fn iter(self) -> impl Iterator<Item = Section> {
        (0..self.sections).map(move |number| Section { array: self.array, block: self.block, number })
    }
}
