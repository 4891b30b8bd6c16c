//! Times of coordinates: their parts, and the periods that they lie in.
//!
//! ```text
//! Times ─┬─ by_part ───▶ Parts: groups and their keys         groupby, anomaly
//!        └─ by_period ─▶ Periods: groups, names and bounds    resample
//! Date ──── period ────▶ [start, end)                          sel
//! ```
//! All of it in the calendar of the times ([CF §4.4.1](https://cfconventions.org/cf-conventions/cf-conventions.html#calendar)).

mod dates;
mod parts;
mod periods;

pub use dates::period;
pub use parts::{Keys, Parts, by_part};
pub use periods::{PERIODS_MAX, Periods, PeriodsError, by_period};

use cf::{Instant, TimeUnits};

/// The values of a time coordinate.
#[derive(Debug, Clone, PartialEq)]
pub struct Times {
    /// What its numbers count, in which calendar.
    pub units: TimeUnits,
    /// By place; none where a time is missing or cannot be read.
    pub instants: Vec<Option<Instant>>,
}

#[cfg(test)]
mod tests;
