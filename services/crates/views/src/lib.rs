//! Views by URL: the grammar of the steps that make one dataset of another.
//!
//! ```text
//! /datasets/{id}/view/sel=lat:30..60,lon:-10..40|resample=time:1D:mean|bitround=9/zarr
//!                     └── Steps ─▶ Step, Step, Step: typed, within limits, in the order they are applied
//!
//! text ── escape::unescape ─▶ text ── split at | ─▶ name=arguments ── catalog by name ─▶ Step
//!                             Steps::to_string ◀── canonical spelling ──┘   Steps::unreserved: the same for any URL
//! ```
//! **Grammar.** Steps stand between `|`. A step is `name=arguments`. Arguments stand between `,`; the parts of an
//! argument between `:`; the values of a list between `;`; `a..b` is a range. What stands in single quotes is a name, a
//! label or units as it is, with `''` for a quote. There are no spaces outside of quotes.
//!
//! **URLs.** The caller takes the path segment and decodes its percent-encoding; separators may come raw or encoded.
//! `/` ends a path segment, and much software treats `%2F` as `/`; other clients encode `|` twice or refuse it. So each
//! character has a second spelling of unreserved characters alone, `~` and a letter ([`ESCAPES`]): `~p` is `|`. It is read
//! before anything else, everywhere, and means the character itself. Only quotes take a character's meaning away.
//!
//! **Limits.** [`limits`] has them. An error ([`StepError`]) says which step, which byte, why, and what would be right.
//!
//! Nothing here knows a dataset: whether a variable exists, or a range lies on a coordinate, is known where a step is
//! applied. The same text always gives the same steps, and no text is ever run.

pub mod array;
pub mod compute;
mod date;
mod describe;
mod error;
mod escape;
mod keyword;
mod label;
pub mod limits;
mod name;
mod number;
mod per_variable;
mod piece;
pub mod places;
pub mod plan;
pub mod steps;
pub mod times;
pub mod units;

pub use date::{Date, Precision};
pub use describe::{Description, descriptions};
pub use error::{Reason, StepError};
pub use escape::ESCAPES;
pub use label::{Label, Labels, Range};
pub use name::Name;
pub use per_variable::PerVariable;
pub use steps::{Step, Steps};

#[cfg(test)]
mod tests;
