//! Elements: a region of a lazy array made of regions of others, in loops over bytes.
//!
//! ```text
//! leaves(array, region)   which chunks and blocks it needs, in the order of use: for plans, limits and reading ahead
//! evaluate(array, region) the same walk with elements: chunk ─▶ unpack ─▶ take ─▶ … ─▶ bytes
//! Partial                 many elements become one: input after input, and only the state of the result is held;
//! Joined                  partials of the parts of a reduction, put together in order: section by section, which others
//!                         may have made
//! ```
//! Everything is little-endian and in C order. The result of a region does not depend on how it was cut into others.

pub mod bound;
pub mod formula;
pub mod program;

mod arrange;
mod cost;
mod gather;
mod inputs;
mod long;
mod parts;
mod reduce;
mod region;

pub use cost::{input_bytes, largest_leaf_bytes, reductions_bytes};
pub use inputs::Inputs;
pub use long::{Long, long};
pub use parts::{Leaf, TooManyLeaves, leaves, leaves_of_block, leaves_of_input};
pub use reduce::{Joined, Partial, state_bytes, travels};
pub use region::{Leaves, evaluate, evaluate_block};
