//! `accuracy=rel:1e-3`: how far numbers may be from the truth, and the server finds how to store them.

use std::fmt::{self, Display, Formatter};

use crate::describe::Description;
use crate::error::Fault;
use crate::keyword::{Keyword, keywords};
use crate::number::Number;
use crate::per_variable::PerVariable;
use crate::piece::Piece;
use crate::steps::Step;

/// The error that is allowed of each number; the server chooses the encoding that makes least of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Accuracy {
    /// For all variables, or some.
    pub bounds: PerVariable<ErrorBound>,
}

/// A bound of the error of each number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ErrorBound {
    /// `abs:0.01`: in the units of the variable, above 0.
    Absolute(f64),
    /// `rel:1e-3`: of the number itself, above 0 and below 1.
    Relative(f64),
    /// `bits:7`: as good as so many bits of the mantissa, 1 to 52.
    Bits(u8),
}

keywords! {
    enum Kind: "kind of error" {
        Absolute = "abs",
        Relative = "rel",
        Bits = "bits",
    }
}

pub(super) const DESCRIPTIONS: &[Description] = &[Description {
    name: "accuracy",
    arguments: "abs:ERROR, rel:ERROR or bits:BITS, or VARIABLE:abs:ERROR,…",
    summary: "Allows each number an error: absolute in its units, relative, or that of so many bits of the mantissa. The \
              server chooses the encoding.",
    examples: &[
        "accuracy=abs:0.01",
        "accuracy=rel:1e-3",
        "accuracy=bits:7",
        "accuracy=tas:abs:0.01,pr:rel:1e-3",
    ],
    synonyms: &["error", "tolerance", "lossy"],
    alone: None,
    parse: |arguments| {
        PerVariable::parse(arguments, 2, ErrorBound::parse).map(|bounds| Step::Accuracy(Accuracy { bounds }))
    },
}];

impl ErrorBound {
    fn parse(piece: Piece<'_>) -> Result<Self, Fault> {
        let (kind, value) = piece.pair("the kind of error", "its size")?;
        match Kind::read(kind)? {
            Kind::Absolute => value.number_if("above 0", |error| error > 0.0).map(Self::Absolute),
            Kind::Relative => {
                value.number_if("above 0 and below 1", |error| error > 0.0 && error < 1.0).map(Self::Relative)
            }
            Kind::Bits => value.whole("1 to 52", |bits| (1..=52).contains(bits)).map(Self::Bits),
        }
    }
}

impl Display for ErrorBound {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absolute(error) => write!(f, "{}:{}", Kind::Absolute, Number(*error)),
            Self::Relative(error) => write!(f, "{}:{}", Kind::Relative, Number(*error)),
            Self::Bits(bits) => write!(f, "{}:{bits}", Kind::Bits),
        }
    }
}

impl Display for Accuracy {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "accuracy={}", self.bounds)
    }
}
