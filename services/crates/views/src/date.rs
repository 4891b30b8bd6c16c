//! Dates and times as people write them, of any calendar of CF: whether a day exists is known where a date is applied.

use std::fmt::{self, Display, Formatter};

use crate::error::Fault;
use crate::piece::Piece;

const RIGHT: &str =
    "a date such as 2000-01, 2000-01-31, 2000-01-31T06, 2000-01-31T06:30 or 2000-01-31T06:30:15.5";

/// A date to some precision: `2000-01` is the whole month, `2000-01-31T06` the whole hour, as in
/// [xarray's partial datetime strings](https://docs.xarray.dev/en/stable/user-guide/time-series.html#datetime-indexing).
/// It is of the time coordinate's own calendar ([CF §4.4.1](https://cfconventions.org/cf-conventions/cf-conventions.html#calendar)),
/// so that `2000-02-30` is a day where months have 30; and of its time zone, UTC by CF.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Date {
    year: i32,
    /// Fields finer than the precision are those of its beginning.
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
    nanosecond: u32,
    precision: Precision,
}

/// The finest field of a date that is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is named by its field")]
pub enum Precision {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    Nanosecond,
}

impl Date {
    /// A whole year.
    pub fn of_year(year: i32) -> Self {
        let precision = Precision::Year;
        Self { year, month: 1, day: 1, hour: 0, minute: 0, second: 0, nanosecond: 0, precision }
    }

    /// The year, in the numbers of the calendar.
    pub fn year(self) -> i32 {
        self.year
    }

    /// Month, 1 to 12, and day, 1 to 31, of its beginning.
    pub fn month_and_day(self) -> (u8, u8) {
        (self.month, self.day)
    }

    /// Hour, minute, second and nanosecond of its beginning.
    pub fn time(self) -> (u8, u8, u8, u32) {
        (self.hour, self.minute, self.second, self.nanosecond)
    }

    /// How long it is.
    pub fn precision(self) -> Precision {
        self.precision
    }

    /// Whether all of this lies after the end of another.
    pub fn is_after(self, end: Self) -> bool {
        self.fields(end.precision) > end.fields(end.precision)
    }

    /// Its fields as far as a precision.
    fn fields(self, precision: Precision) -> [i64; 7] {
        let (month, day) = (self.month.into(), self.day.into());
        let mut fields = [
            self.year.into(),
            month,
            day,
            self.hour.into(),
            self.minute.into(),
            self.second.into(),
            self.nanosecond.into(),
        ];
        fields[precision as usize + 1..].fill(0);
        fields
    }
}

impl Display for Date {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let sign = if self.year < 0 { "-" } else { "" };
        write!(f, "{sign}{:04}", self.year.unsigned_abs())?;
        let fields =
            [("-", self.month), ("-", self.day), ("T", self.hour), (":", self.minute), (":", self.second)];
        for (before, field) in fields.iter().take(self.precision as usize) {
            write!(f, "{before}{field:02}")?;
        }
        if self.precision == Precision::Nanosecond {
            write!(f, ".{}", format!("{:09}", self.nanosecond).trim_end_matches('0'))?;
        }
        Ok(())
    }
}

/// Whether a text begins as a date with a month does: four digits or more, and a hyphen.
pub(crate) fn looks_like_date(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    digits >= 4 && text[digits..].starts_with('-')
}

impl Piece<'_> {
    /// A date with a month at least: a year alone is a number.
    pub(crate) fn date(self) -> Result<Date, Fault> {
        let (sign, unsigned) = self.text.strip_prefix('-').map_or((1, self.text), |rest| (-1, rest));
        let unsigned = unsigned.strip_suffix('Z').unwrap_or(unsigned);
        let wrong = || self.is_not("a date").expected(RIGHT);
        let (day_text, clock) =
            unsigned.split_once('T').map_or((unsigned, None), |(day, clock)| (day, Some(clock)));
        let mut parts = day_text.split('-');
        let year =
            parts.next().filter(|year| (4..=6).contains(&year.len())).and_then(digits).ok_or_else(wrong)?;
        let mut date = Date { year: sign * year as i32, ..Date::of_year(0) };
        for (number, part) in parts.enumerate() {
            let value = two_digits(part).ok_or_else(wrong)?;
            match number {
                0 => (date.month, date.precision) = (value, Precision::Month),
                1 => (date.day, date.precision) = (value, Precision::Day),
                _ => return Err(wrong()),
            }
        }
        if let Some(clock) = clock {
            if date.precision != Precision::Day {
                return Err(wrong());
            }
            date = with_clock(date, clock).ok_or_else(wrong)?;
        }
        self.check(date)
    }

    fn check(self, date: Date) -> Result<Date, Fault> {
        let in_range = (1..=12).contains(&date.month) && (1..=31).contains(&date.day);
        let in_range = in_range && date.hour <= 23 && date.minute <= 59 && date.second <= 59;
        if in_range && date.precision > Precision::Year {
            return Ok(date);
        }
        Err(self.is_not("a date").expected(RIGHT))
    }
}

/// `hh`, `hh:mm`, `hh:mm:ss` or `hh:mm:ss.f` added to a day.
fn with_clock(day: Date, clock: &str) -> Option<Date> {
    let mut date = Date { precision: Precision::Hour, ..day };
    let (clock, fraction) = clock.split_once('.').map_or((clock, None), |(clock, part)| (clock, Some(part)));
    for (number, part) in clock.split(':').enumerate() {
        let value = two_digits(part)?;
        match number {
            0 => date.hour = value,
            1 => (date.minute, date.precision) = (value, Precision::Minute),
            2 => (date.second, date.precision) = (value, Precision::Second),
            _ => return None,
        }
    }
    let Some(fraction) = fraction else { return Some(date) };
    if date.precision != Precision::Second || fraction.len() > 9 {
        return None;
    }
    date.nanosecond = digits(fraction)? * 10_u32.pow(9 - fraction.len() as u32);
    if date.nanosecond > 0 {
        date.precision = Precision::Nanosecond;
    }
    Some(date)
}

fn two_digits(text: &str) -> Option<u8> {
    if text.len() == 2 { digits(text)?.try_into().ok() } else { None }
}

/// A number of digits alone: `parse` would take a sign too.
fn digits(text: &str) -> Option<u32> {
    if text.bytes().all(|digit| digit.is_ascii_digit()) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Date> {
        Piece { text, at: 0 }.date().ok()
    }

    #[test]
    fn dates_are_read_to_their_precision() {
        for text in
            ["2000-01", "0850-12-31", "-0100-02-30", "2000-01-31T06", "2000-01-31T06:30:15.25", "120000-01"]
        {
            assert_eq!(read(text).map(|date| date.to_string()).as_deref(), Some(text));
        }
        assert_eq!(read("2000-01-31T06:30Z"), read("2000-01-31T06:30"));
        assert_eq!(read("2000-01-31T06:30:15.000"), read("2000-01-31T06:30:15"));
    }

    #[test]
    fn what_is_no_date_is_refused() {
        let wrong =
            ["2000", "200-01", "2000-1", "2000-13", "2000-00", "2000-01-32", "2000-01T06", "2000-01-01T24"];
        let more = [
            "2000-01-01T06:60",
            "2000-01-01T06:30.5",
            "2000-01-01T06:30+01",
            "2000-+1",
            "20000101",
            "2000-01-01-01",
        ];
        for text in wrong.into_iter().chain(more) {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_period_is_after_another_only_if_all_of_it_is() {
        let is_after = |start: &str, end: &str| read(start).unwrap().is_after(read(end).unwrap());
        assert!(is_after("2000-02", "2000-01-31"));
        assert!(!is_after("2000-01-31", "2000-01"));
        assert!(!is_after("2000-01", "2000-01"));
        assert!(is_after("2000-01-02T06", "2000-01-02T05:59"));
        assert!(!read("2000-06").unwrap().is_after(Date::of_year(2000)));
    }
}
