//! `coarsen=lat:2,lon:2:mean`: blocks of neighbours become one.

use std::fmt::{self, Display, Formatter};
use std::num::NonZeroU32;

use crate::describe::Description;
use crate::error::Fault;
use crate::keyword::{Keyword, keywords};
use crate::name::Name;
use crate::per_variable::write_pairs;
use crate::piece::{Piece, distinct};
use crate::steps::{Reduction, Step};

/// Blocks of as many neighbours along each dimension become one value, as
/// [`xarray.Dataset.coarsen`](https://docs.xarray.dev/en/stable/generated/xarray.Dataset.coarsen.html). Coordinates become
/// the mean of their block.
#[derive(Debug, Clone, PartialEq)]
pub struct Coarsen {
    /// Dimensions and the lengths of blocks; none twice.
    pub windows: Vec<(Name, NonZeroU32)>,
    /// What is made of a block.
    pub reduction: Reduction,
    /// What is made of the rest.
    pub boundary: Boundary,
}

keywords! {
    /// What becomes of a dimension's end that fills no block.
    pub enum Boundary: "boundary" {
        /// It is an error: the default, as in xarray.
        Exact = "exact",
        /// It is left out.
        Trim = "trim",
        /// It is a block with missing values in it.
        Pad = "pad",
    }
}

pub(super) const DESCRIPTIONS: &[Description] = &[Description {
    name: "coarsen",
    arguments: "DIMENSION:LENGTH,…:REDUCTION[:exact|trim|pad]",
    summary: "Makes one value of each block of neighbours. What fills no block at the end is an error (exact, the default), \
              left out (trim), or a block with missing values (pad), for which integers become floats.",
    examples: &["coarsen=lat:2,lon:2:mean", "coarsen=time:30:max:trim", "coarsen=cell:4:quantile(0.9)"],
    synonyms: &["block", "downsample", "gridboxmean", "aggregate"],
    alone: None,
    parse: |arguments| Coarsen::parse(arguments).map(Step::Coarsen),
}];

impl Coarsen {
    fn parse(arguments: Piece<'_>) -> Result<Self, Fault> {
        let items = arguments.list(",", "a dimension")?;
        let mut windows = Vec::new();
        let mut places = Vec::new();
        let mut rest = None;
        for (number, item) in items.iter().enumerate() {
            let (name, length) = item.pair("a dimension", "the length of a block")?;
            let is_last = number + 1 == items.len();
            let (length, after) = match length.split_once(':') {
                Some((length, after)) if is_last => (length, Some(after)),
                _ => (length, None),
            };
            windows.push((name.name("a dimension")?, length.whole("1 or more", |_| true)?));
            places.push(name.at);
            rest = after;
        }
        distinct(places.into_iter().zip(windows.iter().map(|(name, _)| name)))?;
        let end = Piece { text: "", at: arguments.at + arguments.text.len() };
        let rest = rest.unwrap_or(end);
        let (reduction, boundary) = match rest.split_once(':') {
            Some((reduction, boundary)) => (reduction, Boundary::read(boundary)?),
            None => (rest, Boundary::Exact),
        };
        Ok(Self { windows, reduction: Reduction::parse(reduction)?, boundary })
    }
}

impl Display for Coarsen {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("coarsen=")?;
        write_pairs(f, &self.windows)?;
        write!(f, ":{}", self.reduction)?;
        if self.boundary == Boundary::Exact { Ok(()) } else { write!(f, ":{}", self.boundary) }
    }
}
