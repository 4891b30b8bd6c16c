//! When a field is valid: the reference time of its forecast, and how far behind it it lies.

use super::{keys::FieldKeys, octets::Octets, sections::RawField};

/// The times of a field, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Times {
    /// Reference time, since 1970.
    pub(super) reference: i64,
    /// Where what it covers begins, since the reference time.
    pub(super) start: i64,
    /// Where it ends, since the reference time: the same as the start for an instant.
    pub(super) end: i64,
}

impl Times {
    /// The time that the field is for, since 1970.
    pub(super) fn valid(self) -> i64 {
        self.reference.saturating_add(self.end)
    }
}

/// The times of a field; none where its date is none, as that of a climatology.
pub(super) fn of(raw: &RawField) -> Option<Times> {
    if raw.edition == 1 { of_edition_1(raw) } else { of_edition_2(raw) }
}

fn of_edition_1(raw: &RawField) -> Option<Times> {
    let octets = Octets(&raw.section1);
    let number = |at| octets.unsigned(at, 1).map(|number| number as i64);
    let year = (number(24)? - 1) * 100 + number(12)?;
    let reference = seconds([year, number(13)?, number(14)?, number(15)?, number(16)?, 0])?;
    let (p1, p2) = (number(18)?, number(19)?);
    let (start, end) = match number(20)? {
        0 | 113 => (p1, p1),
        1 | 123 | 124 => (0, 0),
        10 => (p1 << 8 | p2, p1 << 8 | p2),
        _ => (p1, p2),
    };
    // Ten to twelve are several hours; 13 and 14 are ecCodes' quarters and halves of an hour; 254 is a second.
    let unit = match number(17)? {
        13 => Unit::Seconds(900),
        14 => Unit::Seconds(1800),
        254 => Unit::Seconds(1),
        code => Unit::of(code)?,
    };
    Some(Times { reference, start: unit.after(reference, start)?, end: unit.after(reference, end)? })
}

fn of_edition_2(raw: &RawField) -> Option<Times> {
    let keys = FieldKeys(raw);
    let octets = Octets(&raw.section1);
    let number = |at, width| octets.unsigned(at, width).map(|number| number as i64);
    let reference = seconds([
        number(12, 2)?,
        number(14, 1)?,
        number(15, 1)?,
        number(16, 1)?,
        number(17, 1)?,
        number(18, 1)?,
    ])?;
    let start = match keys.number("forecastTime") {
        Some(count) => {
            let unit = keys
                .number("indicatorOfUnitForForecastTime")
                .or_else(|| keys.number("indicatorOfUnitOfTimeRange"))
                .unwrap_or(1);
            Unit::of(unit)?.after(reference, count)?
        }
        None => 0,
    };
    Some(Times { reference, start, end: end_of_range(keys, reference, start).unwrap_or(start) })
}

/// Where the range of a statistic ends: as its length says where there is one range, else by the date it ends at.
fn end_of_range(keys: FieldKeys<'_>, reference: i64, start: i64) -> Option<i64> {
    let count = keys.number("numberOfTimeRanges")?;
    // Of successive analyses, as for a monthly mean, the step is that of each of them.
    if count == 1 && keys.number("typeOfTimeIncrement") == Some(1) {
        return Some(start);
    }
    if count == 1 {
        let unit = Unit::of(keys.number("indicatorOfUnitForTimeRange")?)?;
        let begin = reference.checked_add(start)?;
        return start.checked_add(unit.after(begin, keys.number("lengthOfTimeRange")?)?);
    }
    let part = |name: &str| keys.number(&format!("{name}OfEndOfOverallTimeInterval"));
    let end = seconds([
        part("year")?,
        part("month")?,
        part("day")?,
        part("hour")?,
        part("minute")?,
        part("second")?,
    ])?;
    end.checked_sub(reference)
}

/// A unit of time (code table 4.4; 4 of edition 1).
enum Unit {
    Seconds(i64),
    Months(i64),
}

impl Unit {
    fn of(code: i64) -> Option<Self> {
        Some(match code {
            0 => Self::Seconds(60),
            // 255: no unit, as where there is no step.
            1 | 255 => Self::Seconds(3600),
            2 => Self::Seconds(86400),
            3 => Self::Months(1),
            4 => Self::Months(12),
            5 => Self::Months(120),
            6 => Self::Months(360),
            7 => Self::Months(1200),
            10 => Self::Seconds(3 * 3600),
            11 => Self::Seconds(6 * 3600),
            12 => Self::Seconds(12 * 3600),
            13 => Self::Seconds(1),
            _ => return None,
        })
    }

    /// Seconds from `begin` until `count` units later.
    fn after(&self, begin: i64, count: i64) -> Option<i64> {
        match self {
            Self::Seconds(seconds) => seconds.checked_mul(count),
            Self::Months(months) => months_later(begin, months.checked_mul(count)?)?.checked_sub(begin),
        }
    }
}

/// The same day and time so many months later; the last day of a shorter month.
fn months_later(time: i64, months: i64) -> Option<i64> {
    let (day, second) = (time.div_euclid(86400), time.rem_euclid(86400));
    let [year, month, day] = date_of(day);
    let month = (month - 1).checked_add(months)?;
    let (year, month) = (year.checked_add(month.div_euclid(12))?, month.rem_euclid(12) + 1);
    let day = day.min(days_of_month(year, month));
    Some(seconds([year, month, day, 0, 0, 0])? + second)
}

fn days_of_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Seconds since 1970 of a date of the Gregorian calendar; none if there is no such date.
fn seconds([year, month, day, hour, minute, second]: [i64; 6]) -> Option<i64> {
    let is_date = (1..=12).contains(&month) && (1..=days_of_month(year, month)).contains(&day);
    let is_time = (0..=24).contains(&hour) && (0..60).contains(&minute) && (0..=60).contains(&second);
    if !is_date || !is_time || !(0..=65535).contains(&year) {
        return None;
    }
    Some(day_of([year, month, day]) * 86400 + hour * 3600 + minute * 60 + second)
}

/// Days since 1970-01-01; years begin in March, so that the day of a leap year is the last.
fn day_of([year, month, day]: [i64; 3]) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * month + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn date_of(day: i64) -> [i64; 3] {
    let day = day + 719_468;
    let (era, of_era) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    [era * 400 + year + carry, month, day]
}

/// A time in words, for messages.
pub(super) fn text(time: i64) -> String {
    let ([year, month, day], second) = (date_of(time.div_euclid(86400)), time.rem_euclid(86400));
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_days_agree() {
        for day in (-1_000_000..1_000_000).step_by(997) {
            assert_eq!(day_of(date_of(day)), day);
        }
        assert_eq!(seconds([1970, 1, 1, 0, 0, 0]), Some(0));
        assert_eq!(seconds([2000, 2, 30, 0, 0, 0]), None);
        let january = seconds([2020, 1, 31, 6, 0, 0]).unwrap();
        assert_eq!(text(months_later(january, 1).unwrap()), "2020-02-29T06:00:00");
        assert_eq!(text(months_later(january, -13).unwrap()), "2018-12-31T06:00:00");
    }
}
