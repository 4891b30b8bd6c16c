//! `arith=wind:hypot(uas,vas)`: a new variable of others.

mod expression;
mod parser;

pub use expression::{Expression, Function, Operator};

use std::fmt::{self, Display, Formatter};

use crate::describe::Description;
use crate::error::Fault;
use crate::name::Name;
use crate::piece::Piece;
use crate::steps::Step;

/// A variable made of others, element by element, as xarray's arithmetic does by dimensions' names. It is a tree of
/// numbers, variables, four operators and a fixed list of functions: nothing in it is ever run as code. A variable of this
/// name is replaced.
#[derive(Debug, Clone, PartialEq)]
pub struct Arithmetic {
    /// The variable that is made.
    pub name: Name,
    /// Of what.
    pub expression: Expression,
}

pub(super) const DESCRIPTIONS: &[Description] = &[Description {
    name: "arith",
    arguments: "VARIABLE:EXPRESSION",
    summary: "Makes a variable of others: + - * / and parentheses, numbers, variables, and abs, sqrt, exp, log, log10, sin, cos, \
              tan, asin, acos, atan, sinh, cosh, tanh, floor, ceil, round, sign, pow, atan2, hypot, min, max, clip. A variable \
              stands in quotes if its name has other characters than letters, digits and _. In a URL / is ~s.",
    examples: &[
        "arith=wind:hypot(uas,vas)",
        "arith=tas_c:tas-273.15",
        "arith=rsnet:(rsds-rsus)/max(rsds,1)",
        "arith=dry:1-'cloud-cover'",
    ],
    synonyms: &["expr", "calc", "compute", "arithmetic", "eval", "assign", "math"],
    alone: None,
    parse: |arguments| Arithmetic::parse(arguments).map(Step::Arithmetic),
}];

impl Arithmetic {
    fn parse(arguments: Piece<'_>) -> Result<Self, Fault> {
        let (name, expression) = arguments.pair("a variable", "an expression")?;
        Ok(Self { name: name.name("a variable")?, expression: parser::parse(expression)? })
    }
}

impl Display for Arithmetic {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "arith={}:{}", self.name, self.expression)
    }
}
