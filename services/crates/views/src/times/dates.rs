//! When a date begins and ends.

use cf::{Calendar, DateError, Instant, TimeUnit};

use crate::{Date, Precision};

/// The period of a date in a calendar: from its start to before its end, which is the start of the next year, month, day
/// and so on. An error if there is no such date in the calendar, as 2000-02-30 in most.
pub fn period(date: Date, calendar: Calendar) -> Result<(Instant, Instant), DateError> {
    let (month, day) = date.month_and_day();
    let beginning = cf::Date { year: date.year().into(), month, day };
    let day = calendar.day_number(beginning)?;
    let (hour, minute, second, nanosecond) = date.time();
    let in_day = i128::from(hour) * TimeUnit::Hour.nanoseconds()
        + i128::from(minute) * TimeUnit::Minute.nanoseconds()
        + i128::from(second) * TimeUnit::Second.nanoseconds()
        + i128::from(nanosecond);
    let start = Instant::from_day(day, in_day);
    let months_later = |months| {
        let next = calendar.month_start(calendar.month_number(beginning)? + months)?;
        Ok(Instant::from_day(next, 0))
    };
    let later = |unit: TimeUnit| Ok(Instant(start.0 + unit.nanoseconds()));
    let end = match date.precision() {
        Precision::Year => months_later(12),
        Precision::Month => months_later(1),
        Precision::Day => later(TimeUnit::Day),
        Precision::Hour => later(TimeUnit::Hour),
        Precision::Minute => later(TimeUnit::Minute),
        Precision::Second => later(TimeUnit::Second),
        Precision::Nanosecond => later(TimeUnit::Nanosecond),
    };
    Ok((start, end?))
}
