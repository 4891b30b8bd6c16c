//! `sel=lat:30..60,time:2000-01..2005-12`: by the values of coordinates.

use std::fmt::{self, Display, Formatter};

use crate::describe::Description;
use crate::error::{Fault, Reason};
use crate::keyword::{Keyword, keywords};
use crate::label::{Label, Labels, Range};
use crate::name::Name;
use crate::number::Number;
use crate::per_variable::{pairs, write_pairs};
use crate::piece::Piece;
use crate::steps::{Duration, Step};

/// A selection by the values of coordinates, as
/// [`xarray.Dataset.sel`](https://docs.xarray.dev/en/stable/generated/xarray.Dataset.sel.html).
///
/// - **Ranges have both their ends in them**, as slices of labels in xarray; those of [`isel`](crate::steps::SelectIndexes)
///   are half open. Unlike xarray's, they do not depend on which way the coordinate runs: `lat:30..60` is the same on a
///   grid from north to south.
/// - **Dates are periods**: `2005-12` is all of December, at the end of a range too. A date alone is a range of itself, and
///   keeps the dimension even if one time lies in it; xarray decides that by the resolution of its index. In a list, each
///   date is its period. On a time coordinate a whole number is a year: `time:2000..2005`.
/// - **One number or text takes the dimension away**, a list or range keeps it; `850..850` keeps it too.
/// - **Longitudes are circles.** On a coordinate that CF takes for a longitude
///   ([CF §4.2](https://cfconventions.org/cf-conventions/cf-conventions.html#longitude-coordinate)) values are compared
///   modulo 360. `lon:-10..40` goes through the seam of a grid from 0 to 360, `lon:350..40` is the same cells, and the
///   result runs eastwards without a gap, in numbers that begin as the range does: −10 to 40, or 350 to 400.
/// - **Characters of two dimensions are names**, `station_name:XYZ`, as xarray reads those of classic NetCDF.
#[derive(Debug, Clone, PartialEq)]
pub struct Select {
    /// Coordinates or dimensions and what is selected of each; none twice.
    pub coordinates: Vec<(Name, Selection)>,
}

/// What is selected of a coordinate.
#[derive(Debug, Clone, PartialEq)]
pub enum Selection {
    /// These values exactly: one that is not there is an error.
    Exact(Labels),
    /// All values in a range.
    Range(Range),
    /// For each label the value that a method finds: `nearest(52.3)`, `nearest(10;20;within:0.5)`.
    Inexact {
        /// Which value.
        method: Method,
        /// For what.
        labels: Labels,
        /// How far away the value may be: further is an error. xarray's `tolerance`.
        within: Option<Tolerance>,
    },
}

keywords! {
    /// Which value stands for one that is not there: xarray's `method`.
    pub enum Method: "method" {
        /// The closest; of two as close the larger, as in pandas.
        Nearest = "nearest",
        /// The last one before.
        Pad = "pad",
        /// The next one after.
        Backfill = "backfill",
    }
}

/// A distance of two values of a coordinate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Tolerance {
    /// In the coordinate's units; on a circle of longitudes the shorter way.
    Number(f64),
    /// Of times: `6h`.
    Duration(Duration),
}

pub(super) const DESCRIPTIONS: &[Description] = &[Description {
    name: "sel",
    arguments: "COORDINATE:VALUE,… with VALUE as a, a..b, a.., ..b, a;b;c, nearest(a) or nearest(a;within:d)",
    summary: "Selects by values of coordinates. Ranges have both ends in them; dates are whole periods; longitudes go round \
              the seam. pad(a) is the last value before, backfill(a) the next one after.",
    examples: &[
        "sel=lat:30..60,lon:-10..40",
        "sel=time:2000-01..2005-12,plev:850",
        "sel=time:2000-01-01T06:00..",
        "sel=plev:1000;850;500",
        "sel=lat:nearest(52.3),lon:nearest(13.4;within:0.5)",
        "sel=time:pad(2000-01-31;within:12h)",
        "sel=station:'Zürich Fluntern';Potsdam",
    ],
    synonyms: &["select", "subset", "loc", "slice", "filter"],
    alone: None,
    parse: |arguments| Select::parse(arguments).map(Step::Select),
}];

impl Select {
    fn parse(arguments: Piece<'_>) -> Result<Self, Fault> {
        let coordinates = pairs(arguments, "a coordinate", "what to select", Selection::parse)?;
        Ok(Self { coordinates })
    }
}

impl Display for Select {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("sel=")?;
        write_pairs(f, &self.coordinates)
    }
}

impl Selection {
    fn parse(piece: Piece<'_>) -> Result<Self, Fault> {
        if let Some((method, inside)) = piece.call()? {
            return Self::inexact(Method::read(method)?, inside);
        }
        if let Some(range) = Range::parse(piece)? {
            return Ok(Self::Range(range));
        }
        let labels = Labels::from_pieces(&piece.list(";", "a value")?)?;
        Ok(match labels {
            Labels::One(Label::Date(date)) => {
                Self::Range(Range::Between(Label::Date(date), Label::Date(date)))
            }
            labels => Self::Exact(labels),
        })
    }

    fn inexact(method: Method, inside: Piece<'_>) -> Result<Self, Fault> {
        let mut pieces = inside.list(";", "a value")?;
        let last =
            pieces.last().and_then(|piece| piece.split_once(':')).filter(|(key, _)| key.text == "within");
        let within = last.map(|(_, distance)| Tolerance::parse(distance)).transpose()?;
        if within.is_some() {
            pieces.pop();
        }
        if pieces.is_empty() {
            return Err(inside.fault(Reason::Missing("a value")));
        }
        Ok(Self::Inexact { method, labels: Labels::from_pieces(&pieces)?, within })
    }
}

impl Display for Selection {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(labels) => labels.fmt(f),
            Self::Range(Range::Between(start @ Label::Date(_), end)) if start == end => start.fmt(f),
            Self::Range(range) => range.fmt(f),
            Self::Inexact { method, labels, within: None } => write!(f, "{method}({labels})"),
            Self::Inexact { method, labels, within: Some(distance) } => {
                write!(f, "{method}({labels};within:{distance})")
            }
        }
    }
}

impl Tolerance {
    fn parse(piece: Piece<'_>) -> Result<Self, Fault> {
        if let Some(duration) = Duration::find(piece.text) {
            return Ok(Self::Duration(duration));
        }
        let number = piece.number_if("not below 0", |number| number >= 0.0);
        number.map(Self::Number).map_err(|fault| fault.expected("a number, or of times 30s, 15min, 6h or 1D"))
    }
}

impl Display for Tolerance {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => Number(*number).fmt(f),
            Self::Duration(duration) => duration.fmt(f),
        }
    }
}
