//! What every step is: the table that pages, the OpenAPI document and the parser itself are made of.

use std::fmt::{self, Debug, Formatter};

use crate::error::Fault;
use crate::piece::Piece;
use crate::steps::{CATALOG, Step};

/// A step as it is explained to people.
pub struct Description {
    /// What stands before the `=`.
    pub name: &'static str,
    /// The form of what stands after it: words in capitals stand for something, what is in brackets may be left out.
    pub arguments: &'static str,
    /// What it does, in a sentence or two.
    pub summary: &'static str,
    /// Whole steps, each of which can be read.
    pub examples: &'static [&'static str],
    /// Words that others use for it: an error suggests the step, but they are not read.
    pub synonyms: &'static [&'static str],
    /// The step of its name alone, where it has one.
    pub(crate) alone: Option<fn() -> Step>,
    pub(crate) parse: fn(Piece<'_>) -> Result<Step, Fault>,
}

impl Debug for Description {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Description")
            .field("name", &self.name)
            .field("arguments", &self.arguments)
            .finish_non_exhaustive()
    }
}

/// Every step that there is, in the order in which they are best explained.
pub fn descriptions() -> impl Iterator<Item = &'static Description> {
    CATALOG.iter().flat_map(|family| family.iter())
}
