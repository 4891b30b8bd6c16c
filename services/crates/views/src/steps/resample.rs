//! `resample=time:1D:mean`: over equal periods of time; and how long periods are.

use std::fmt::{self, Display, Formatter};
use std::num::NonZeroU32;

use cf::TimeUnit;

use crate::describe::Description;
use crate::error::{Fault, Reason};
use crate::keyword::{Keyword, keywords};
use crate::name::Name;
use crate::piece::Piece;
use crate::steps::{Reduction, Step};

/// One value for each period, as
/// [`xarray.Dataset.resample`](https://docs.xarray.dev/en/stable/generated/xarray.Dataset.resample.html) and a reduction, in
/// the calendar of the time. Periods without values are missing.
#[derive(Debug, Clone, PartialEq)]
pub struct Resample {
    /// The coordinate of time.
    pub dimension: Name,
    /// The periods.
    pub frequency: Frequency,
    /// What is made of a period.
    pub reduction: Reduction,
}

/// How long periods are, where they begin, and by which end they are named: pandas' and xarray's
/// [offset aliases](https://pandas.pydata.org/docs/user_guide/timeseries.html#offset-aliases) that hold in all calendars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Frequency {
    /// Of how many units.
    pub count: NonZeroU32,
    /// The unit.
    pub unit: FrequencyUnit,
}

/// A unit of [`Frequency`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FrequencyUnit {
    /// `s`, `min`, `h`, `D`: from midnight of the first day on, as pandas' `origin="start_day"`; named by their start.
    Fixed(DurationUnit),
    /// `MS`: months, named by their first day.
    MonthStart,
    /// `ME` (`M`): months, named by their last day.
    MonthEnd,
    /// `QS-DEC`: three months from one such month, named by their first day; `QS` is `QS-JAN`.
    QuarterStart(Month),
    /// `QE-FEB` (`Q`): three months up to one such month, named by their last day; `QE` is `QE-DEC`.
    QuarterEnd(Month),
    /// `YS-OCT` (`AS`): twelve months from this month, named by their first day; `YS` is `YS-JAN`.
    YearStart(Month),
    /// `YE-SEP` (`Y`, `A`): twelve months up to this month, named by their last day; `YE` is `YE-DEC`.
    YearEnd(Month),
}

/// A length of time that is the same in every calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Duration {
    /// Of how many units.
    pub count: NonZeroU32,
    /// The unit.
    pub unit: DurationUnit,
}

keywords! {
    /// A unit of time that is the same in every calendar.
    pub enum DurationUnit: "unit of time" {
        /// Seconds.
        Second = "s",
        /// Minutes.
        Minute = "min",
        /// Hours; `H` is read too.
        Hour = "h",
        /// Days of 24 hours; `d` is read too.
        Day = "D",
    }
}

keywords! {
    /// A month, as frequencies name it.
    #[expect(missing_docs, reason = "months are known")]
    pub enum Month: "month" {
        January = "JAN", February = "FEB", March = "MAR", April = "APR", May = "MAY", June = "JUN",
        July = "JUL", August = "AUG", September = "SEP", October = "OCT", November = "NOV", December = "DEC",
    }
}

const FREQUENCIES: &str = "a count and s, min, h, D, MS, ME, QS, QE, YS or YE, such as 6h, 7D, MS, QS-DEC";

pub(super) const DESCRIPTIONS: &[Description] = &[Description {
    name: "resample",
    arguments: "COORDINATE:FREQUENCY:REDUCTION with FREQUENCY as [n]s, min, h, D, MS, ME, QS[-MONTH], QE, YS or YE",
    summary: "Makes one value of each period of time, in the calendar of the data: seconds, minutes, hours, days, months, \
              quarters, years. QS-DEC are the seasons.",
    examples: &[
        "resample=time:1D:mean",
        "resample=time:MS:max",
        "resample=time:QS-DEC:mean",
        "resample=time:6h:first",
    ],
    synonyms: &["resampling", "monmean", "daymean"],
    alone: None,
    parse: |arguments| Resample::parse(arguments).map(Step::Resample),
}];

impl Resample {
    fn parse(arguments: Piece<'_>) -> Result<Self, Fault> {
        let (dimension, rest) = arguments.pair("a coordinate of time", "a frequency")?;
        let (frequency, reduction) = rest.pair("a frequency", "the reduction")?;
        Ok(Self {
            dimension: dimension.name("a coordinate of time")?,
            frequency: Frequency::parse(frequency)?,
            reduction: Reduction::parse(reduction)?,
        })
    }
}

impl Frequency {
    fn parse(piece: Piece<'_>) -> Result<Self, Fault> {
        let (count, unit) = counted(piece.text);
        let number = if count.is_empty() { Some(NonZeroU32::MIN) } else { count.parse().ok() };
        let unit =
            FrequencyUnit::find(unit).ok_or_else(|| piece.is_not("a frequency").expected(FREQUENCIES))?;
        let range = "a count is 1 or more, of 32 bits";
        let out_of_range = || piece.fault(Reason::OutOfRange { given: count.to_owned(), range });
        Ok(Self { count: number.ok_or_else(out_of_range)?, unit })
    }
}

impl FrequencyUnit {
    fn find(text: &str) -> Option<Self> {
        if let Some(unit) = DurationUnit::find_any(text) {
            return Some(Self::Fixed(unit));
        }
        let (unit, anchor) = match text.split_once('-') {
            Some((unit, anchor)) => (unit, Some(Month::find(anchor)?)),
            None => (text, None),
        };
        Some(match (unit, anchor) {
            ("MS", None) => Self::MonthStart,
            ("ME" | "M", None) => Self::MonthEnd,
            ("QS", anchor) => Self::QuarterStart(anchor.unwrap_or(Month::January)),
            ("QE" | "Q", anchor) => Self::QuarterEnd(anchor.unwrap_or(Month::December)),
            ("YS" | "AS", anchor) => Self::YearStart(anchor.unwrap_or(Month::January)),
            ("YE" | "Y" | "A", anchor) => Self::YearEnd(anchor.unwrap_or(Month::December)),
            _ => return None,
        })
    }
}

impl Month {
    /// Months from January to it, 0 to 11.
    pub(crate) fn since_january(self) -> i64 {
        self as i64
    }
}

impl DurationUnit {
    fn nanoseconds(self) -> i128 {
        match self {
            Self::Second => TimeUnit::Second,
            Self::Minute => TimeUnit::Minute,
            Self::Hour => TimeUnit::Hour,
            Self::Day => TimeUnit::Day,
        }
        .nanoseconds()
    }

    fn find_any(text: &str) -> Option<Self> {
        match text {
            "H" => Some(Self::Hour),
            "d" => Some(Self::Day),
            _ => Self::find(text),
        }
    }
}

impl Duration {
    /// Its length in nanoseconds.
    pub fn nanoseconds(self) -> i128 {
        self.unit.nanoseconds() * i128::from(self.count.get())
    }

    /// `6h`, `15min`; `None` of anything else.
    pub(crate) fn find(text: &str) -> Option<Self> {
        let (count, unit) = counted(text);
        Some(Self { count: count.parse().ok()?, unit: DurationUnit::find_any(unit)? })
    }
}

/// The digits at the beginning, and the rest.
fn counted(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
}

impl Display for Resample {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "resample={}:{}:{}", self.dimension, self.frequency, self.reduction)
    }
}

impl Display for Frequency {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.count)?;
        let (unit, anchor, usual) = match self.unit {
            FrequencyUnit::Fixed(unit) => return unit.fmt(f),
            FrequencyUnit::MonthStart => return f.write_str("MS"),
            FrequencyUnit::MonthEnd => return f.write_str("ME"),
            FrequencyUnit::QuarterStart(month) => ("QS", month, Month::January),
            FrequencyUnit::QuarterEnd(month) => ("QE", month, Month::December),
            FrequencyUnit::YearStart(month) => ("YS", month, Month::January),
            FrequencyUnit::YearEnd(month) => ("YE", month, Month::December),
        };
        if anchor == usual { f.write_str(unit) } else { write!(f, "{unit}-{anchor}") }
    }
}

impl Display for Duration {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.count, self.unit)
    }
}
