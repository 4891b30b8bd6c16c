//! Groups of times that lie in the same period.

use std::ops::RangeInclusive;

use cf::{Calendar, DateError, Instant};

use super::Times;
use crate::array::NO_GROUP;
use crate::steps::{Duration, Frequency, FrequencyUnit};

/// The most periods from the first time to the last.
pub const PERIODS_MAX: u32 = 10_000_000;

/// Times by periods, and all periods from that of the first time to that of the last, empty ones too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Periods {
    /// For each time its period, a place among the names; [`NO_GROUP`] where there is no time.
    pub labels: Vec<u32>,
    /// What the new coordinate holds: the first or the last day of each period.
    pub names: Vec<Instant>,
    /// The start of each period and its end, which is the start of the next and not in it.
    pub bounds: Vec<(Instant, Instant)>,
}

/// Why times are in no periods.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeriodsError {
    /// There is none, or all are missing.
    #[error("there is no time")]
    NoTime,
    /// More than [`PERIODS_MAX`].
    #[error(
        "{count} periods of {frequency} lie between the first and the last time, of at most {PERIODS_MAX}"
    )]
    TooMany {
        /// How many.
        count: i128,
        /// How long each is.
        frequency: String,
    },
    /// A period begins or ends beyond the dates that are counted.
    #[error("a period of {frequency} has no end: {why}")]
    Date {
        /// How long it is.
        frequency: String,
        /// Why there is no such date.
        why: DateError,
    },
}

/// The periods that times lie in, as
/// [`resample`](https://docs.xarray.dev/en/stable/generated/xarray.Dataset.resample.html) of xarray makes them. Times need
/// not be in order.
///
/// Of several units, `3ME` say, the first period of a frequency named by its start begins with the unit of the first time;
/// of one named by its end it *ends* with the unit of the first time.
pub fn by_period(times: &Times, frequency: Frequency) -> Result<Periods, PeriodsError> {
    let known = || times.instants.iter().flatten().copied();
    let (Some(first), Some(last)) = (known().min(), known().max()) else { return Err(PeriodsError::NoTime) };
    let date_error = |why| PeriodsError::Date { frequency: frequency.to_string(), why };
    let calendar = times.units.calendar;
    let grid = Grid::new(first, frequency, calendar).map_err(date_error)?;
    let indexes = grid.index(first).map_err(date_error)?..=grid.index(last).map_err(date_error)?;
    let count = indexes.end() - indexes.start() + 1;
    if count > PERIODS_MAX.into() {
        return Err(PeriodsError::TooMany { count, frequency: frequency.to_string() });
    }
    let start = *indexes.start();
    // Every time lies between the first and the last, whose periods are not too many.
    let label = |instant| grid.index(instant).ok().and_then(|index| u32::try_from(index - start).ok());
    let label = |instant: &Option<Instant>| instant.and_then(label).unwrap_or(NO_GROUP);
    let bounds = grid.bounds(indexes, calendar).map_err(date_error)?;
    let name = |(start, end): &(Instant, Instant)| {
        if is_named_by_end(frequency.unit) { Instant::from_day(end.day_number() - 1, 0) } else { *start }
    };
    Ok(Periods {
        labels: times.instants.iter().map(label).collect(),
        names: bounds.iter().map(name).collect(),
        bounds,
    })
}

/// How periods follow one another.
enum Grid {
    /// Nanoseconds from an instant on.
    Fixed { origin: Instant, length: i128 },
    /// Months from one on, by their numbers ([`Calendar::month_number`]).
    Months { origin: i64, length: i64, calendar: Calendar },
}

impl Grid {
    fn new(first: Instant, frequency: Frequency, calendar: Calendar) -> Result<Self, DateError> {
        let (anchor, unit_months) = match frequency.unit {
            FrequencyUnit::Fixed(unit) => {
                let length = Duration { count: frequency.count, unit }.nanoseconds();
                return Ok(Self::Fixed { origin: Instant::from_day(first.day_number(), 0), length });
            }
            FrequencyUnit::MonthStart | FrequencyUnit::MonthEnd => (0, 1),
            FrequencyUnit::QuarterStart(month) => (month.since_january(), 3),
            FrequencyUnit::QuarterEnd(month) => (month.since_january() + 1, 3),
            FrequencyUnit::YearStart(month) => (month.since_january(), 12),
            FrequencyUnit::YearEnd(month) => (month.since_january() + 1, 12),
        };
        let month = calendar.month_number(calendar.date(first.day_number()))?;
        let unit_start = month - (month - anchor).rem_euclid(unit_months);
        let length = unit_months * i64::from(frequency.count.get());
        let origin =
            if is_named_by_end(frequency.unit) { unit_start + unit_months - length } else { unit_start };
        Ok(Self::Months { origin, length, calendar })
    }

    /// The number of the period that an instant lies in.
    fn index(&self, instant: Instant) -> Result<i128, DateError> {
        Ok(match self {
            Self::Fixed { origin, length } => (instant.0 - origin.0).div_euclid(*length),
            Self::Months { origin, length, calendar } => {
                let month = calendar.month_number(calendar.date(instant.day_number()))?;
                (month - origin).div_euclid(*length).into()
            }
        })
    }

    /// Where a period begins.
    fn start(&self, index: i128) -> Result<Instant, DateError> {
        match self {
            Self::Fixed { origin, length } => Ok(Instant(origin.0 + index * length)),
            Self::Months { origin, length, calendar } => {
                let month = origin + index as i64 * length;
                calendar.month_start(month).map(|day| Instant::from_day(day, 0))
            }
        }
    }

    fn bounds(
        &self,
        indexes: RangeInclusive<i128>,
        calendar: Calendar,
    ) -> Result<Vec<(Instant, Instant)>, DateError> {
        // The last end is the furthest: what has no date has none here.
        let last_day = self.start(indexes.end() + 1)?.day_number();
        let last = calendar.date(last_day);
        if calendar.day_number(last)? != last_day {
            return Err(DateError::Year(last.year));
        }
        let mut start = self.start(*indexes.start())?;
        let bounds = indexes.map(|index| {
            let end = self.start(index + 1)?;
            Ok((std::mem::replace(&mut start, end), end))
        });
        bounds.collect()
    }
}

fn is_named_by_end(unit: FrequencyUnit) -> bool {
    match unit {
        FrequencyUnit::MonthEnd | FrequencyUnit::QuarterEnd(_) | FrequencyUnit::YearEnd(_) => true,
        FrequencyUnit::Fixed(_)
        | FrequencyUnit::MonthStart
        | FrequencyUnit::QuarterStart(_)
        | FrequencyUnit::YearStart(_) => false,
    }
}
