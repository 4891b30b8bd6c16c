//! `groupby=time.month:mean`: over all that shares a month, a region, a bin.

use std::fmt::{self, Display, Formatter};

use crate::describe::Description;
use crate::error::{Fault, Reason};
use crate::keyword::{Keyword, keywords};
use crate::limits::LIST_MAX;
use crate::name::Name;
use crate::number::Number;
use crate::per_variable::write_list;
use crate::piece::Piece;
use crate::steps::{Reduction, Step};

/// One value for each group, as
/// [`xarray.Dataset.groupby`](https://docs.xarray.dev/en/stable/user-guide/groupby.html) and a reduction. The dimension that
/// is grouped becomes one of groups, in the order of their keys: seasons by their letters, DJF, JJA, MAM, SON, as there.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupBy {
    /// What belongs together.
    pub groups: Groups,
    /// What is made of a group.
    pub reduction: Reduction,
}

/// What belongs together.
#[derive(Debug, Clone, PartialEq)]
pub enum Groups {
    /// All with the same key.
    Key(GroupKey),
    /// All whose value lies between the same edges, `tas:bins(0;10;20)`: left open and right closed, (0, 10] and (10, 20],
    /// as [`groupby_bins`](https://docs.xarray.dev/en/stable/generated/xarray.Dataset.groupby_bins.html) has it. What lies
    /// in none is left out. The dimensions of a variable of several go, and the last dimension is that of bins.
    Bins {
        /// The variable or coordinate whose values are compared.
        variable: Name,
        /// Two or more, each above the one before.
        edges: Vec<f64>,
    },
}

/// A key that elements share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupKey {
    /// A part of a time: `time.month`.
    Part(Name, TimePart),
    /// A coordinate of one dimension: `region`. One whose name has a `.` stands in quotes.
    Coordinate(Name),
}

keywords! {
    /// A part of a date in its own calendar: those of xarray's `.dt`.
    pub enum TimePart: "part of a time" {
        /// The year.
        Year = "year",
        /// DJF, MAM, JJA or SON: three months of whatever year.
        Season = "season",
        /// 1 to 12.
        Month = "month",
        /// Of the month, 1 to 31.
        Day = "day",
        /// 1 to 366.
        DayOfYear = "dayofyear",
        /// 0 to 23.
        Hour = "hour",
    }
}

pub(super) const DESCRIPTIONS: &[Description] = &[Description {
    name: "groupby",
    arguments: "KEY:REDUCTION with KEY as COORDINATE.PART or COORDINATE, or VARIABLE:bins(EDGE;EDGE;…):REDUCTION",
    summary: "Makes one value of all that shares a part of its time (year, season, month, day, dayofyear, hour), a value of a \
              coordinate, or a bin. Bins are open on the left and closed on the right; the variable may have several dimensions, \
              such as the latitudes of a curvilinear grid.",
    examples: &[
        "groupby=time.month:mean",
        "groupby=region:sum",
        "groupby=tas:bins(0;10;20):mean",
        "groupby=time.year:quantile(0.9)",
    ],
    synonyms: &["group", "group_by", "groupby_bins", "climatology", "ymonmean"],
    alone: None,
    parse: |arguments| GroupBy::parse(arguments).map(Step::GroupBy),
}];

impl GroupBy {
    fn parse(arguments: Piece<'_>) -> Result<Self, Fault> {
        let (key, rest) = arguments.pair("what to group by", "the reduction")?;
        let groups = |groups, reduction| Ok(Self { groups, reduction: Reduction::parse(reduction)? });
        match rest.split_once(':') {
            Some((bins, reduction)) => {
                groups(Groups::Bins { variable: key.name("a variable")?, edges: edges(bins)? }, reduction)
            }
            None if rest.text.starts_with("bins(") => {
                edges(rest)?;
                Err(Fault::new(rest.at + rest.text.len(), Reason::Missing("the reduction")))
            }
            None => groups(Groups::Key(GroupKey::parse(key)?), rest),
        }
    }
}

fn edges(bins: Piece<'_>) -> Result<Vec<f64>, Fault> {
    let right = "bins(0;10;20), each edge above the one before";
    let inside = bins.call()?.filter(|(function, _)| function.text == "bins").map(|(_, inside)| inside);
    let inside = inside.ok_or_else(|| bins.is_not("a list of bins").expected(right))?;
    let mut edges: Vec<f64> = Vec::new();
    for piece in inside.list(";", "an edge")? {
        let above = edges.last().copied().unwrap_or(f64::NEG_INFINITY);
        edges.push(piece.number_if("above the edge before", |edge| edge > above)?);
    }
    match edges.len() {
        2..=LIST_MAX => Ok(edges),
        _ => Err(inside.is_not("two edges or more").expected(right)),
    }
}

impl GroupKey {
    /// A key; without a `.` outside of quotes, a coordinate.
    pub(crate) fn parse(piece: Piece<'_>) -> Result<Self, Fault> {
        match piece.split_once('.') {
            Some((name, part)) => Ok(Self::Part(name.name("a coordinate")?, TimePart::read(part)?)),
            None => piece.name("a coordinate").map(Self::Coordinate),
        }
    }
}

impl Display for GroupBy {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "groupby={}:{}", self.groups, self.reduction)
    }
}

impl Display for Groups {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => key.fmt(f),
            Self::Bins { variable, edges } => {
                write!(f, "{variable}:bins(")?;
                write_list(f, ";", edges.iter().copied().map(Number))?;
                f.write_str(")")
            }
        }
    }
}

impl Display for GroupKey {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Part(name, part) => write!(f, "{}.{part}", name.as_word()),
            Self::Coordinate(name) => name.as_word().fmt(f),
        }
    }
}
