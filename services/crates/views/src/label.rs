//! Values of coordinates as they are selected by, and ranges of them.

use std::fmt::{self, Display, Formatter};

use crate::date::{Date, looks_like_date};
use crate::error::{Fault, Reason, shortened};
use crate::name::{Quoted, is_bare};
use crate::number::Number;
use crate::per_variable::write_list;
use crate::piece::Piece;

/// A value of a coordinate.
#[derive(Debug, Clone, PartialEq)]
pub enum Label {
    /// A number, finite. On a time coordinate a whole number is a year: [`date`](Self::date).
    Number(f64),
    /// A date, of a month or finer.
    Date(Date),
    /// A text, of a coordinate of names: `station:'Zürich Fluntern'`. Quotes may be left out as those of a
    /// [`Name`](crate::Name) may, unless it begins as a number does.
    Text(String),
}

/// One label, which takes the dimension away, or several, which keep it, as in
/// [`xarray.Dataset.sel`](https://docs.xarray.dev/en/stable/generated/xarray.Dataset.sel.html).
#[derive(Debug, Clone, PartialEq)]
pub enum Labels {
    /// `a`.
    One(Label),
    /// `a;b;c`, two or more, in the order given.
    Many(Vec<Label>),
}

/// A range with both its ends in it, as slices of labels are in xarray and pandas. It does not matter which way the
/// coordinate runs.
#[derive(Debug, Clone, PartialEq)]
pub enum Range {
    /// `a..`.
    From(Label),
    /// `..b`.
    To(Label),
    /// `a..b`. Numbers with `a` > `b` go through the seam of a cyclic longitude, and select nothing elsewhere, which is an
    /// error where the view is opened. Dates with `a` after `b` are refused at once.
    Between(Label, Label),
}

impl Label {
    /// What it means on a time coordinate: a date itself, and a whole number of at most six digits as a year.
    pub fn date(&self) -> Option<Date> {
        match self {
            Self::Date(date) => Some(*date),
            Self::Number(year) if year.fract() == 0.0 && year.abs() < 1e6 => {
                Some(Date::of_year(*year as i32))
            }
            Self::Number(_) | Self::Text(_) => None,
        }
    }

    pub(crate) fn parse(piece: Piece<'_>) -> Result<Self, Fault> {
        piece.present("a value")?;
        if let Some(text) = piece.unquoted()? {
            return crate::Name::new(text)
                .map(|name| Self::Text(name.as_str().to_owned()))
                .ok_or_else(|| piece.name_fault("a value"));
        }
        if looks_like_date(piece.text) {
            return piece.date().map(Self::Date);
        }
        let begins_as_number = piece.text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
        // Rust's own parser takes `inf` and `nan`, which are no labels either.
        if begins_as_number || piece.text.parse::<f64>().is_ok() {
            let right = "a number, a date such as 2000-01-31, or a text in 'quotes'";
            return piece.number().map(Self::Number).map_err(|fault| fault.expected(right));
        }
        // A point at the end would be taken for a part of `..` after it.
        let has_range = piece.text.contains("..") || piece.text.ends_with('.');
        if !is_bare(piece.text) || has_range {
            return Err(piece
                .is_not("a value")
                .expected("a number, a date such as 2000-01-31, or a text in 'quotes'"));
        }
        crate::Name::new(piece.text)
            .map(|name| Self::Text(name.as_str().to_owned()))
            .ok_or_else(|| piece.name_fault("a value"))
    }
}

impl Display for Label {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => Number(*number).fmt(f),
            Self::Date(date) => date.fmt(f),
            Self::Text(text) => {
                let bare = Self::parse(Piece { text, at: 0 });
                if bare.as_ref() == Ok(self) { f.write_str(text) } else { Quoted(text).fmt(f) }
            }
        }
    }
}

impl Labels {
    pub(crate) fn from_pieces(pieces: &[Piece<'_>]) -> Result<Self, Fault> {
        if let [piece] = pieces {
            return Label::parse(*piece).map(Self::One);
        }
        pieces.iter().map(|piece| Label::parse(*piece)).collect::<Result<_, _>>().map(Self::Many)
    }
}

impl Display for Labels {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(label) => label.fmt(f),
            Self::Many(labels) => write_list(f, ";", labels),
        }
    }
}

impl Range {
    /// The first and last label, where they are given.
    pub fn ends(&self) -> (Option<&Label>, Option<&Label>) {
        match self {
            Self::From(start) => (Some(start), None),
            Self::To(end) => (None, Some(end)),
            Self::Between(start, end) => (Some(start), Some(end)),
        }
    }

    /// A range, or `None` of a text without `..`.
    pub(crate) fn parse(piece: Piece<'_>) -> Result<Option<Self>, Fault> {
        let parts = piece.split("..");
        let (start, end) = match parts[..] {
            [_] => return Ok(None),
            [start, end] => (start, end),
            _ => return Err(piece.is_not("a range").expected("a..b, a.. or ..b")),
        };
        let range = match (start.is_empty(), end.is_empty()) {
            (true, true) => return Err(piece.fault(Reason::Everything(piece.text.to_owned()))),
            (false, true) => Self::From(Label::parse(start)?),
            (true, false) => Self::To(Label::parse(end)?),
            (false, false) => Self::Between(Label::parse(start)?, Label::parse(end)?),
        };
        range.check(piece).map(Some)
    }

    fn check(self, piece: Piece<'_>) -> Result<Self, Fault> {
        let (Some(start), Some(end)) = self.ends() else { return Ok(self) };
        let is_of_dates = matches!(start, Label::Date(_)) || matches!(end, Label::Date(_));
        if std::mem::discriminant(start) != std::mem::discriminant(end) && !is_of_dates {
            return Err(piece.is_not("a range").expected("two numbers, two dates or two texts"));
        }
        if !is_of_dates {
            return Ok(self);
        }
        let (Some(start), Some(end)) = (start.date(), end.date()) else {
            return Err(piece.is_not("a range").expected("two dates, such as 2000-01..2005-12"));
        };
        if start.is_after(end) {
            return Err(piece
                .fault(Reason::Nothing(shortened(piece.text)))
                .expected("the earlier date first"));
        }
        Ok(self)
    }
}

impl Display for Range {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::From(start) => write!(f, "{start}.."),
            Self::To(end) => write!(f, "..{end}"),
            Self::Between(start, end) => write!(f, "{start}..{end}"),
        }
    }
}
