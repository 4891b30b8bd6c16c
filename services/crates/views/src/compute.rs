//! Elements: what is computed of them, in loops over bytes.

pub mod bound;
pub mod formula;
pub mod program;
