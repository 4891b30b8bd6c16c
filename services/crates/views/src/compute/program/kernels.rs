//! Loops over blocks: one for each operator and function, as numpy has them on doubles.

use crate::steps::{Function, Operator};

/// Of one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[rustfmt::skip]
pub(super) enum Unary {
    Negate, Abs, Sqrt, Exp, Log, Log10, Sin, Cos, Tan, Asin, Acos, Atan, Sinh, Cosh, Tanh, Floor, Ceil, Round, Sign,
}

/// Of two blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[rustfmt::skip]
pub(super) enum Binary {
    Add, Subtract, Multiply, Divide, Pow, Atan2, Hypot, Min, Max,
}

impl Unary {
    /// That of a function of one argument.
    #[rustfmt::skip]
    pub(super) fn of_function(function: Function) -> Option<Self> {
        Some(match function {
            Function::Abs => Self::Abs, Function::Sqrt => Self::Sqrt, Function::Exp => Self::Exp,
            Function::Log => Self::Log, Function::Log10 => Self::Log10,
            Function::Sin => Self::Sin, Function::Cos => Self::Cos, Function::Tan => Self::Tan,
            Function::Asin => Self::Asin, Function::Acos => Self::Acos, Function::Atan => Self::Atan,
            Function::Sinh => Self::Sinh, Function::Cosh => Self::Cosh, Function::Tanh => Self::Tanh,
            Function::Floor => Self::Floor, Function::Ceil => Self::Ceil,
            Function::Round => Self::Round, Function::Sign => Self::Sign,
            Function::Pow | Function::Atan2 | Function::Hypot | Function::Min | Function::Max | Function::Clip => {
                return None;
            }
        })
    }

    /// Computes a block of the length of `result`.
    pub(super) fn apply(self, of: &[f64], result: &mut [f64]) {
        match self {
            Self::Negate => each(of, result, |x| -x),
            Self::Abs => each(of, result, f64::abs),
            Self::Sqrt => each(of, result, f64::sqrt),
            Self::Exp => each(of, result, f64::exp),
            Self::Log => each(of, result, f64::ln),
            Self::Log10 => each(of, result, f64::log10),
            Self::Sin => each(of, result, f64::sin),
            Self::Cos => each(of, result, f64::cos),
            Self::Tan => each(of, result, f64::tan),
            Self::Asin => each(of, result, f64::asin),
            Self::Acos => each(of, result, f64::acos),
            Self::Atan => each(of, result, f64::atan),
            Self::Sinh => each(of, result, f64::sinh),
            Self::Cosh => each(of, result, f64::cosh),
            Self::Tanh => each(of, result, f64::tanh),
            Self::Floor => each(of, result, f64::floor),
            Self::Ceil => each(of, result, f64::ceil),
            Self::Round => each(of, result, f64::round_ties_even),
            Self::Sign => each(of, result, sign),
        }
    }
}

impl Binary {
    pub(super) fn of_operator(operator: Operator) -> Self {
        match operator {
            Operator::Add => Self::Add,
            Operator::Subtract => Self::Subtract,
            Operator::Multiply => Self::Multiply,
            Operator::Divide => Self::Divide,
        }
    }

    /// Those of a function of several arguments: what joins the second to the first, the third to that, and so on, from
    /// the beginning again where they end.
    pub(super) fn of_function(function: Function) -> &'static [Self] {
        match function {
            Function::Pow => &[Self::Pow],
            Function::Atan2 => &[Self::Atan2],
            Function::Hypot => &[Self::Hypot],
            Function::Min => &[Self::Min],
            Function::Max => &[Self::Max],
            // numpy's: the upper bound counts where they cross.
            Function::Clip => &[Self::Max, Self::Min],
            _ => &[],
        }
    }

    /// Computes a block of the length of `result`.
    pub(super) fn apply(self, left: &[f64], right: &[f64], result: &mut [f64]) {
        match self {
            Self::Add => both(left, right, result, |a, b| a + b),
            Self::Subtract => both(left, right, result, |a, b| a - b),
            Self::Multiply => both(left, right, result, |a, b| a * b),
            Self::Divide => both(left, right, result, |a, b| a / b),
            Self::Pow => both(left, right, result, f64::powf),
            Self::Atan2 => both(left, right, result, f64::atan2),
            Self::Hypot => both(left, right, result, f64::hypot),
            Self::Min => both(left, right, result, |a, b| if a < b || a.is_nan() { a } else { b }),
            Self::Max => both(left, right, result, |a, b| if a > b || a.is_nan() { a } else { b }),
        }
    }
}

/// 1, 0 or -1 as a number lies; NaN of NaN.
fn sign(x: f64) -> f64 {
    if x.is_nan() { x } else { f64::from(i8::from(x > 0.0) - i8::from(x < 0.0)) }
}

fn each(of: &[f64], result: &mut [f64], function: impl Fn(f64) -> f64) {
    for (result, x) in result.iter_mut().zip(of) {
        *result = function(*x);
    }
}

fn both(left: &[f64], right: &[f64], result: &mut [f64], function: impl Fn(f64, f64) -> f64) {
    for ((result, a), b) in result.iter_mut().zip(left).zip(right) {
        *result = function(*a, *b);
    }
}
