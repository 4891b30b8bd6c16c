//! Elements: what is computed of them, in loops over bytes.

pub mod formula;
pub mod program;
