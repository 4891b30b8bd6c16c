//! `var=tas,pr`: some of the variables.

use std::fmt::{self, Display, Formatter};

use crate::describe::Description;
use crate::error::Fault;
use crate::name::Name;
use crate::per_variable::write_list;
use crate::piece::Piece;
use crate::steps::Step;

/// The variables that stay, and what belongs to them by CF: coordinates, bounds, grid mappings, cell measures. As
/// `dataset[["tas", "pr"]]` in xarray. The variance is [`variance=`](crate::steps::Statistic::Variance).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectVariables {
    /// In the order given, none twice. A variable of a group is `group/name`.
    pub names: Vec<Name>,
}

pub(super) const DESCRIPTIONS: &[Description] = &[Description {
    name: "var",
    arguments: "VARIABLE,…",
    summary: "Keeps these variables, their coordinates, bounds, cell measures and grid mappings. (The variance is variance=.)",
    examples: &["var=tas", "var=tas,pr", "var=ocean/tos,'sea ice (%)'"],
    synonyms: &["vars", "variable", "variables", "data_vars", "name", "names"],
    alone: None,
    parse: |arguments| SelectVariables::parse(arguments).map(Step::SelectVariables),
}];

impl SelectVariables {
    fn parse(arguments: Piece<'_>) -> Result<Self, Fault> {
        arguments.names("a variable").map(|names| Self { names })
    }
}

impl Display for SelectVariables {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("var=")?;
        write_list(f, ",", &self.names)
    }
}
