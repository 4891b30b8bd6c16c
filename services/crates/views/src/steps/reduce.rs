//! `mean=time,lat`, `quantile=0.9:time`: over whole dimensions; and the reductions that other steps name.

use std::fmt::{self, Display, Formatter};

use crate::describe::Description;
use crate::error::Fault;
use crate::keyword::{Keyword, keywords, unknown};
use crate::name::Name;
use crate::number::Number;
use crate::per_variable::write_list;
use crate::piece::{Piece, distinct};
use crate::steps::Step;

/// A reduction over whole dimensions, as
/// [`xarray.Dataset.mean`](https://docs.xarray.dev/en/stable/generated/xarray.Dataset.mean.html) and its like. Each element
/// has the same weight: the mean over areas is [`fldmean`](crate::steps::FieldMean).
#[derive(Debug, Clone, PartialEq)]
pub struct Reduce {
    /// What is made of the values.
    pub reduction: Reduction,
    /// The dimensions that go; none twice. Variables without any of them stay as they are.
    pub dimensions: Vec<Name>,
}

/// What is made of many values. Missing values are left out, as with xarray's `skipna`; of none, the result is missing.
/// Types are those that xarray makes: truths are counted as 0 and 1, and their extremes are truths. Only floats of 16 bits
/// become those of 32.
#[derive(Debug, Clone, PartialEq)]
pub enum Reduction {
    /// One of the fixed list.
    Statistic(Statistic),
    /// Quantiles, each from 0 to 1, none twice, interpolated linearly. One leaves no dimension, several a dimension
    /// `quantile` in front, as in
    /// [xarray](https://docs.xarray.dev/en/stable/generated/xarray.Dataset.quantile.html). As a step `quantile=0.1;0.9:time`,
    /// in other steps `quantile(0.1;0.9)`.
    Quantiles(Vec<f64>),
}

keywords! {
    /// A reduction with no parameters.
    pub enum Statistic: "reduction" {
        /// The arithmetic mean.
        Mean = "mean",
        /// The smallest.
        Min = "min",
        /// The largest.
        Max = "max",
        /// The sum; 0 of no values, as in xarray.
        Sum = "sum",
        /// How many are not missing.
        Count = "count",
        /// The first that is not missing.
        First = "first",
        /// The last that is not missing.
        Last = "last",
        /// The standard deviation, divided by the count (`ddof=0`), as xarray has it.
        Std = "std",
        /// The variance, `ddof=0`. Not `var`, which selects variables.
        Variance = "variance",
        /// The median.
        Median = "median",
    }
}

const SYNONYMS: &[(&str, &str)] =
    &[("var", "variance"), ("average", "mean"), ("avg", "mean"), ("minimum", "min")];

/// A step `name=DIMENSION,…`.
macro_rules! statistic {
    ($name:literal, $statistic:ident, $summary:literal, $example:literal, $synonyms:expr) => {
        Description {
            name: $name,
            arguments: "DIMENSION,…",
            summary: $summary,
            examples: &[$example],
            synonyms: $synonyms,
            alone: None,
            parse: |arguments| over(Reduction::Statistic(Statistic::$statistic), arguments),
        }
    };
}

pub(super) const DESCRIPTIONS: &[Description] = &[
    statistic!(
        "mean",
        Mean,
        "The mean over dimensions, each element of the same weight.",
        "mean=time,lat",
        &["average", "avg"]
    ),
    statistic!("min", Min, "The smallest value over dimensions.", "min=time", &["minimum"]),
    statistic!("max", Max, "The largest value over dimensions.", "max=time", &["maximum"]),
    statistic!("sum", Sum, "The sum over dimensions; 0 where all is missing.", "sum=time", &["total"]),
    statistic!("count", Count, "How many values are not missing.", "count=time", &["number", "len"]),
    statistic!("first", First, "The first value that is not missing.", "first=time", &[]),
    statistic!("last", Last, "The last value that is not missing.", "last=time", &[]),
    statistic!(
        "std",
        Std,
        "The standard deviation over dimensions, with ddof=0.",
        "std=time",
        &["stddev", "sd"]
    ),
    statistic!(
        "variance",
        Variance,
        "The variance over dimensions, with ddof=0. (var= selects variables.)",
        "variance=time",
        &[]
    ),
    statistic!("median", Median, "The median over dimensions.", "median=time", &[]),
    Description {
        name: "quantile",
        arguments: "QUANTILE;…:DIMENSION,…",
        summary: "Quantiles from 0 to 1 over dimensions; several make a dimension quantile.",
        examples: &["quantile=0.9:time", "quantile=0.1;0.5;0.9:time"],
        synonyms: &["quantiles", "percentile"],
        alone: None,
        parse: |arguments| {
            let (quantiles, dimensions) = arguments.pair("a quantile", "a dimension")?;
            over(Reduction::Quantiles(numbers(quantiles)?), dimensions)
        },
    },
];

fn over(reduction: Reduction, dimensions: Piece<'_>) -> Result<Step, Fault> {
    dimensions.names("a dimension").map(|dimensions| Step::Reduce(Reduce { reduction, dimensions }))
}

fn numbers(piece: Piece<'_>) -> Result<Vec<f64>, Fault> {
    let pieces = piece.list(";", "a quantile")?;
    let read = |piece: &Piece<'_>| piece.number_if("0 to 1", |number| (0.0..=1.0).contains(&number));
    let numbers = pieces.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    distinct(pieces.iter().map(|piece| piece.at).zip(numbers.iter().copied()))?;
    Ok(numbers)
}

impl Reduction {
    /// A reduction that another step names.
    pub(crate) fn parse(piece: Piece<'_>) -> Result<Self, Fault> {
        piece.present("the reduction").map_err(|fault| fault.expected(known()))?;
        match piece.call()? {
            Some((function, inside)) if function.text == "quantile" => numbers(inside).map(Self::Quantiles),
            Some((function, _)) => Err(unknown_reduction(function)),
            None if Statistic::find(piece.text).is_none() => Err(unknown_reduction(piece)),
            None => Statistic::read(piece).map(Self::Statistic),
        }
    }
}

fn unknown_reduction(piece: Piece<'_>) -> Fault {
    let words = Statistic::ALL.iter().map(|(word, _)| (*word, *word));
    let words = words.chain([("quantile", "quantile(0.9)")]).chain(SYNONYMS.iter().copied());
    unknown(piece, Statistic::WHAT, words).expected(known())
}

fn known() -> String {
    let words: Vec<_> = Statistic::ALL.iter().map(|(word, _)| *word).collect();
    format!("{} or quantile(0.9)", words.join(", "))
}

impl Display for Reduction {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Statistic(statistic) => statistic.fmt(f),
            Self::Quantiles(quantiles) => {
                f.write_str("quantile(")?;
                write_list(f, ";", quantiles.iter().copied().map(Number))?;
                f.write_str(")")
            }
        }
    }
}

impl Display for Reduce {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.reduction {
            Reduction::Statistic(statistic) => write!(f, "{statistic}=")?,
            Reduction::Quantiles(quantiles) => {
                f.write_str("quantile=")?;
                write_list(f, ";", quantiles.iter().copied().map(Number))?;
                f.write_str(":")?;
            }
        }
        write_list(f, ",", &self.dimensions)
    }
}
