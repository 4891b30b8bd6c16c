//! `quantize=tas:0.01`: multiples of a step.

use std::fmt::{self, Display, Formatter};

use crate::describe::Description;
use crate::number::Number;
use crate::per_variable::PerVariable;
use crate::steps::Step;

/// Rounds values to multiples of a step, in the units of the variable: an error of at most half the step. They stay
/// floating-point numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantize {
    /// Steps, above 0.
    pub steps: PerVariable<Quantum>,
}

/// A distance of two neighbouring values, above 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantum(pub f64);

pub(super) const DESCRIPTIONS: &[Description] = &[Description {
    name: "quantize",
    arguments: "STEP, or VARIABLE:STEP,…",
    summary: "Rounds values to multiples of a step in their own units, which makes them compress better.",
    examples: &["quantize=tas:0.01", "quantize=0.5", "quantize=tas:0.01,pr:1e-7"],
    synonyms: &["quantise", "quantization", "precision"],
    alone: None,
    parse: |arguments| {
        let step = PerVariable::parse(arguments, 1, |step| {
            step.number_if("above 0", |step| step > 0.0).map(Quantum)
        });
        step.map(|steps| Step::Quantize(Quantize { steps }))
    },
}];

impl Display for Quantize {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "quantize={}", self.steps)
    }
}

impl Display for Quantum {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Number(self.0).fmt(f)
    }
}
