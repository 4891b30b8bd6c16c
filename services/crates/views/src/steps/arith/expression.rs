//! The tree of an expression and its spelling.

use std::fmt::{self, Display, Formatter};

use crate::keyword::keywords;
use crate::name::Name;
use crate::number::Number;
use crate::per_variable::write_list;

/// An expression of at most [`EXPRESSION_NODES_MAX`](crate::limits::EXPRESSION_NODES_MAX) nodes, which bounds its depth.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    /// A number, never below 0: a sign is [`Negate`](Self::Negate).
    Number(f64),
    /// A variable.
    Variable(Name),
    /// Its opposite.
    Negate(Box<Expression>),
    /// Two of them.
    Binary(Operator, Box<Expression>, Box<Expression>),
    /// A function of as many as it takes.
    Call(Function, Vec<Expression>),
}

keywords! {
    /// An operator. `*` and `/` bind closer than `+` and `-`; equals go from the left.
    pub enum Operator: "operator" {
        /// Sum.
        Add = "+",
        /// Difference.
        Subtract = "-",
        /// Product.
        Multiply = "*",
        /// Quotient.
        Divide = "/",
    }
}

keywords! {
    /// A function, on doubles as IEEE 754 and C have it.
    #[expect(missing_docs, reason = "they are those of C and numpy")]
    pub enum Function: "function" {
        Abs = "abs", Sqrt = "sqrt", Exp = "exp", Log = "log", Log10 = "log10",
        Sin = "sin", Cos = "cos", Tan = "tan", Asin = "asin", Acos = "acos", Atan = "atan",
        Sinh = "sinh", Cosh = "cosh", Tanh = "tanh",
        Floor = "floor", Ceil = "ceil",
        /// Halves to even, as numpy's.
        Round = "round",
        Sign = "sign",
        Pow = "pow", Atan2 = "atan2", Hypot = "hypot",
        /// Of two or more; missing if one is.
        Min = "min",
        /// Of two or more; missing if one is.
        Max = "max",
        /// `clip(x,low,high)`.
        Clip = "clip",
    }
}

impl Function {
    /// The fewest arguments and the most.
    pub fn arity(self) -> (usize, usize) {
        match self {
            Self::Pow | Self::Atan2 | Self::Hypot => (2, 2),
            Self::Min | Self::Max => (2, 16),
            Self::Clip => (3, 3),
            _ => (1, 1),
        }
    }
}

impl Operator {
    /// Whether it binds closer than the others.
    pub(super) fn is_product(self) -> bool {
        matches!(self, Self::Multiply | Self::Divide)
    }
}

impl Expression {
    /// How close it holds together: sums, products, signs, and what stands alone.
    fn strength(&self) -> u8 {
        match self {
            Self::Binary(operator, ..) if operator.is_product() => 2,
            Self::Binary(..) => 1,
            Self::Negate(_) => 3,
            Self::Number(_) | Self::Variable(_) | Self::Call(..) => 4,
        }
    }

    /// Itself, in parentheses if it holds together less than is needed.
    fn within(&self, strength: u8, f: &mut Formatter<'_>) -> fmt::Result {
        if self.strength() >= strength { self.fmt(f) } else { write!(f, "({self})") }
    }
}

impl Display for Expression {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => Number(*number).fmt(f),
            Self::Variable(name) => name.as_word().fmt(f),
            Self::Negate(inner) => {
                f.write_str("-")?;
                inner.within(3, f)
            }
            Self::Binary(operator, left, right) => {
                let strength = self.strength();
                left.within(strength, f)?;
                write!(f, "{operator}")?;
                right.within(strength + 1, f)
            }
            Self::Call(function, arguments) => {
                write!(f, "{function}(")?;
                write_list(f, ",", arguments)?;
                f.write_str(")")
            }
        }
    }
}
