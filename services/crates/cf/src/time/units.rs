//! Units of time coordinates: `<unit> since <date>`, in a calendar.

use std::fmt;

use super::reference;
use super::value::Instant;
use crate::{Calendar, DateError};

/// A unit of fixed length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is named by its length")]
pub enum TimeUnit {
    Nanosecond,
    Microsecond,
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    /// 30 days: `months` in calendar `360_day`, where every month is as long.
    Month360,
    /// 365 days: `common_years` in calendar `noleap`, where every year is as long.
    CommonYear,
}

/// What the numbers of a time variable count, and from when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimeUnits {
    /// What is counted.
    pub unit: TimeUnit,
    /// From when.
    pub reference: Instant,
    /// In which calendar.
    pub calendar: Calendar,
}

/// Why a text is no unit of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimeUnitsError {
    /// There is no `since` in it.
    #[error("{0:?} is not of the form \"<unit> since <date>\"")]
    Form(String),
    /// The word before `since` is unknown.
    #[error("{0:?} is no unit of time that is understood here")]
    Unit(String),
    /// The length of the unit depends on the date.
    #[error("{0:?} have no fixed length in calendar {1}: use days or hours")]
    Varying(String, &'static str),
    /// The text after `since` cannot be read.
    #[error("{0:?} is no date of the form YYYY-MM-DD hh:mm:ss: {1}")]
    Reference(String, &'static str),
    /// The date does not exist in the calendar.
    #[error("{0:?} does not exist: {1}")]
    Date(String, DateError),
}

impl TimeUnits {
    /// Reads units such as `days since 1850-01-01 00:00:00 +01:00`. Units are those of `cftime` (udunits' names and
    /// abbreviations) and, beside them, nanoseconds, microseconds as `us` and weeks. The date must name year, month
    /// and day; the time is `hh:mm[:ss[.fff]]`. What `cftime` and udunits read differently is refused.
    pub fn parse(text: &str, calendar: Calendar) -> Result<Self, TimeUnitsError> {
        let mut words = text.splitn(3, char::is_whitespace);
        let (Some(unit), Some(since), Some(date)) = (words.next(), words.next(), words.next()) else {
            return Self::parse_spaced(text, calendar);
        };
        if !since.eq_ignore_ascii_case("since") {
            return Self::parse_spaced(text, calendar);
        }
        let unit = TimeUnit::parse(unit, calendar)?;
        let reference = reference::parse(date.trim(), calendar)?;
        Ok(Self { unit, reference, calendar })
    }

    /// The same with spaces where they are unusual, made usual.
    fn parse_spaced(text: &str, calendar: Calendar) -> Result<Self, TimeUnitsError> {
        let usual = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let is_form = usual.split(' ').nth(1).is_some_and(|word| word.eq_ignore_ascii_case("since"))
            && usual.split(' ').nth(2).is_some();
        if !is_form || usual == text {
            return Err(TimeUnitsError::Form(text.to_owned()));
        }
        Self::parse(&usual, calendar)
    }

    /// Whether a text has the form of units of time, readable or not: `… since …`.
    pub fn is_time(text: &str) -> bool {
        text.split_whitespace().nth(1).is_some_and(|word| word.eq_ignore_ascii_case("since"))
    }

    /// The same reference and calendar, counted in another unit.
    #[must_use]
    pub fn in_unit(self, unit: TimeUnit) -> Self {
        Self { unit, ..self }
    }
}

/// As CF writes it: `days since 1850-01-01T00:00:00`.
impl fmt::Display for TimeUnits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reference = self.calendar.text(self.reference).replace('T', " ");
        write!(f, "{} since {reference}", self.unit.name())
    }
}

impl TimeUnit {
    /// The unit of a word; some have a fixed length in some calendars only.
    fn parse(word: &str, calendar: Calendar) -> Result<Self, TimeUnitsError> {
        Ok(match word.to_lowercase().as_str() {
            "nanoseconds" | "nanosecond" | "nsec" | "nsecs" | "ns" => Self::Nanosecond,
            "microseconds" | "microsecond" | "microsec" | "microsecs" | "us" | "µs" | "μs" => {
                Self::Microsecond
            }
            "milliseconds" | "millisecond" | "millisec" | "millisecs" | "msec" | "msecs" | "ms" => {
                Self::Millisecond
            }
            "seconds" | "second" | "sec" | "secs" | "s" => Self::Second,
            "minutes" | "minute" | "min" | "mins" => Self::Minute,
            "hours" | "hour" | "hr" | "hrs" | "h" => Self::Hour,
            "days" | "day" | "d" => Self::Day,
            "weeks" | "week" => Self::Week,
            "months" | "month" if calendar == Calendar::Day360 => Self::Month360,
            "common_years" | "common_year" if calendar == Calendar::NoLeap => Self::CommonYear,
            "months" | "month" | "years" | "year" | "yr" | "common_years" | "common_year" => {
                return Err(TimeUnitsError::Varying(word.to_owned(), calendar.name()));
            }
            _ => return Err(TimeUnitsError::Unit(word.to_owned())),
        })
    }

    /// Its plural name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nanosecond => "nanoseconds",
            Self::Microsecond => "microseconds",
            Self::Millisecond => "milliseconds",
            Self::Second => "seconds",
            Self::Minute => "minutes",
            Self::Hour => "hours",
            Self::Day => "days",
            Self::Week => "weeks",
            Self::Month360 => "months",
            Self::CommonYear => "common_years",
        }
    }

    /// Its length in nanoseconds.
    pub fn nanoseconds(self) -> i128 {
        const DAY: i128 = 86_400_000_000_000;
        match self {
            Self::Nanosecond => 1,
            Self::Microsecond => 1_000,
            Self::Millisecond => 1_000_000,
            Self::Second => 1_000_000_000,
            Self::Minute => 60_000_000_000,
            Self::Hour => 3_600_000_000_000,
            Self::Day => DAY,
            Self::Week => 7 * DAY,
            Self::Month360 => 30 * DAY,
            Self::CommonYear => 365 * DAY,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<String, TimeUnitsError> {
        TimeUnits::parse(text, Calendar::Standard).map(|units| units.to_string())
    }

    #[test]
    fn spellings_of_one_reference_are_equal() {
        for text in [
            "days since 1850-01-01 00:00:00",
            "Days since 1850-1-1",
            "day SINCE 1850-01-01T00:00:00Z",
            " d  since  1850-1-1  0:0:0.0 ",
            "days since 1850-01-01 01:00:00 +01:00",
            "days since 1850-01-01 00:00:00 UTC",
            "days since 1849-12-31T22:30-0130",
            "days since 1850-01-01 1:00 +01",
        ] {
            assert_eq!(parse(text).as_deref(), Ok("days since 1850-01-01 00:00:00"), "{text}");
        }
        assert_eq!(parse("h since 1-1-1").as_deref(), Ok("hours since 0001-01-01 00:00:00"));
        assert_eq!(
            parse("s since 2000-01-01 0:0:0.25").as_deref(),
            Ok("seconds since 2000-01-01 00:00:00.25")
        );
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        for (text, says) in [
            ("K", "form"),
            ("days", "form"),
            ("day as %Y%m%d.%f", "form"),
            ("m since 2000-01-01", "no unit"),
            ("months since 2000-01-01", "no fixed length"),
            ("years since 2000-01-01", "no fixed length"),
            ("days since 00-00-0", "does not exist"),
            ("days since 0000-01-01", "no year 0"),
            ("days since 1582-10-10", "does not exist"),
            ("days since 2000-02-30", "does not exist"),
            ("days since 20000101", "is no date"),
            ("days since 2000", "is no date"),
            ("days since 2000-01-01 6", "is no date"),
            ("days since 2000-01-01 25:00", "is no date"),
            ("days since 2000-01-01 00:00:60", "is no date"),
            ("days since 2000-01-01 00:00:00 1:30", "is no date"),
            ("days since 2000-01-01 00:00:00 +1", "is no date"),
            ("days since 2000-01-01 00:00:00.0000000001", "is no date"),
            ("days since 99999999999999999999-01-01", "is no date"),
            ("days since é-é-é", "is no date"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn months_and_years_have_a_length_where_the_calendar_gives_one() {
        let months = TimeUnits::parse("months since 2000-01-01", Calendar::Day360).unwrap();
        assert_eq!(months.unit, TimeUnit::Month360);
        assert!(TimeUnits::parse("common_years since 2000-01-01", Calendar::NoLeap).is_ok());
        assert!(TimeUnits::parse("common_years since 2000-01-01", Calendar::Standard).is_err());
    }
}
