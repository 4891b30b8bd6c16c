//! CF conventions: time units and calendars
//! ([CF §4.4, Time Coordinate](https://cfconventions.org/cf-conventions/cf-conventions.html#time-coordinate)), packing
//! and missing values ([CF §8.1, Packed Data](https://cfconventions.org/cf-conventions/cf-conventions.html#packed-data)).
//!
//! ```text
//! "days since 1850-01-01" + "noleap" ─▶ TimeUnits ── instant(value) ─▶ Instant ── Calendar::text ─▶ ISO 8601
//!                                          └── convert(value, other units) ─▶ Conversion: exact, or not
//! packed int16 + scale_factor, add_offset, _FillValue ─▶ Packing ── Unpacking ─▶ float32, NaN where missing
//! ```
//! All arithmetic on times is on integers: nanoseconds, and binary floats taken as the fractions that they are. Nothing here
//! knows the clock, time zones of people, or leap seconds: none of the calendars of CF that are read here has them.

mod calendar;
mod elements;
mod horizontal;
mod naming;
mod packing;
mod time;

pub use calendar::{Calendar, Date, DateError, UnknownCalendar};
pub use elements::{fixed_text, whole_number};
pub use horizontal::{is_in_radians, is_latitude, is_longitude};
pub use naming::{NAMING, named_variables};
pub use packing::promotion::{promote, with_missing};
pub use packing::unpack::Unpacking;
pub use packing::{PACKING, Packing, PackingError};
pub use time::units::{TimeUnit, TimeUnits, TimeUnitsError};
pub use time::value::{Conversion, Instant, TimeValue};
