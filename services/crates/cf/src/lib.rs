//! CF conventions: time units and calendars
//! ([CF §4.4, Time Coordinate](https://cfconventions.org/cf-conventions/cf-conventions.html#time-coordinate)).
//!
//! ```text
//! "days since 1850-01-01" + "noleap" ─▶ TimeUnits ── instant(value) ─▶ Instant ── Calendar::text ─▶ ISO 8601
//!                                          └── convert(value, other units) ─▶ Conversion: exact, or not
//! ```
//! All arithmetic is on integers: nanoseconds, and binary floats taken as the fractions that they are. Nothing here
//! knows the clock, time zones of people, or leap seconds: none of the calendars of CF that are read here has them.

mod calendar;
mod time;

pub use calendar::{Calendar, Date, DateError, UnknownCalendar};
pub use time::units::{TimeUnit, TimeUnits, TimeUnitsError};
pub use time::value::{Conversion, Instant, TimeValue};
