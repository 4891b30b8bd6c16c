//! Groups of times that share a part.

use std::collections::BTreeSet;

use cf::{Calendar, Date, Instant, TimeUnit};

use super::Times;
use crate::array::NO_GROUP;
use crate::steps::TimePart;

/// Times by what they share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// For each time its group, a place among the keys; [`NO_GROUP`] where there is no time.
    pub labels: Vec<u32>,
    /// What each group shares, ascending, and only what there is.
    pub keys: Keys,
}

/// What groups of times share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keys {
    /// Years, months, days, hours.
    Numbers(Vec<i64>),
    /// DJF, JJA, MAM, SON: in the order of their letters.
    Seasons(Vec<&'static str>),
}

/// In the order of their letters: each with its place here is its number.
const SEASONS: [&str; 4] = ["DJF", "JJA", "MAM", "SON"];

/// Groups times by a part, as [`groupby("time.month")`](https://docs.xarray.dev/en/stable/user-guide/time-series.html) of
/// xarray does.
pub fn by_part(times: &Times, part: TimePart) -> Parts {
    let calendar = times.units.calendar;
    // All that is kept of a time is four bytes, its label: the parts are made twice instead.
    let numbers = || times.instants.iter().map(|instant| instant.map(|instant| of(instant, part, calendar)));
    let found: BTreeSet<i64> = numbers().flatten().collect();
    let found: Vec<i64> = found.into_iter().collect();
    let group = |number: i64| found.binary_search(&number).ok().and_then(|group| u32::try_from(group).ok());
    let labels = numbers().map(|number| number.and_then(group).unwrap_or(NO_GROUP)).collect();
    let keys = match part {
        TimePart::Season => {
            let season = |number: &i64| usize::try_from(*number).ok().and_then(|number| SEASONS.get(number));
            Keys::Seasons(found.iter().filter_map(season).copied().collect())
        }
        _ => Keys::Numbers(found),
    };
    Parts { labels, keys }
}

/// The part of a time, as a number.
fn of(instant: Instant, part: TimePart, calendar: Calendar) -> i64 {
    let day = instant.day_number();
    let date = calendar.date(day);
    match part {
        TimePart::Year => date.year,
        TimePart::Season => match date.month {
            12 | 1 | 2 => 0,
            3..=5 => 2,
            6..=8 => 1,
            _ => 3,
        },
        TimePart::Month => date.month.into(),
        TimePart::Day => date.day.into(),
        TimePart::DayOfYear => day_of_year(date, calendar),
        TimePart::Hour => {
            let in_day = instant.0 - Instant::from_day(day, 0).0;
            (in_day / TimeUnit::Hour.nanoseconds()) as i64
        }
    }
}

/// 1 for the first of January. The ten days that October 1582 has not are counted, as cftime does: the 15th is the 288th.
fn day_of_year(date: Date, calendar: Calendar) -> i64 {
    let calendar = match calendar {
        Calendar::Standard if date.year == 1582 => Calendar::Julian,
        calendar => calendar,
    };
    let first = calendar.day_number(Date { month: 1, day: 1, ..date });
    // Both are there: the date was made of a day, and every year has a first of January.
    calendar.day_number(date).and_then(|day| Ok(day - first? + 1)).unwrap_or(1)
}
