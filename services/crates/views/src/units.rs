//! Units: what a number in one is in another.
//!
//! ```text
//! "mm day-1" ── parser, table ─▶ Unit { factor, offset, dimensions } ─┐
//! "m s-1"    ── parser, table ─▶ Unit { factor, offset, dimensions } ─┴─▶ Linear { scale, offset }
//! ```
//! Units are spelled as [UDUNITS](https://docs.unidata.ucar.edu/udunits/current/udunits2lib.html#Grammar) does, which CF
//! refers to ([CF §3.1, Units](https://cfconventions.org/cf-conventions/cf-conventions.html#units)). Angles are pure numbers,
//! as there. What is not here: logarithmic units (`dBZ`), which no scale and offset convert, and times that are counted
//! from a date (`days since 1850-01-01`), which are no amounts.

mod kind;
mod parser;
mod table;
#[cfg(test)]
mod tests;
mod unit;

use crate::error::shortened;
use crate::limits::NAME_BYTES_MAX;
use unit::Unit;

/// Kilograms of water in a cubic metre, as hydrology counts them.
const WATER: f64 = 1000.0;

/// How numbers in one unit become numbers in another: `value · scale + offset`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Linear {
    /// By what a value is multiplied; never 0.
    pub scale: f64,
    /// What is added then, in the new unit.
    pub offset: f64,
}

/// Why there is no conversion.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum UnitsError {
    /// No text, or more than [`NAME_BYTES_MAX`] bytes.
    #[error("units have 1 to {NAME_BYTES_MAX} bytes")]
    Length,
    /// Something stands there that cannot.
    #[error("the units {units:?} cannot be read from {rest:?} on")]
    Unreadable {
        /// The units.
        units: String,
        /// Where reading ended: empty if something is missing at the end.
        rest: String,
    },
    /// A unit that is not known.
    #[error("there is no unit {unit:?} (of {units:?})")]
    Unknown {
        /// The units.
        units: String,
        /// The word in them.
        unit: String,
    },
    /// A time that is counted from a date.
    #[error("{0:?} is counted from a time: it is no amount that other units could give")]
    TimeReference(String),
    /// A number or power that is beyond double precision.
    #[error("the units {0:?} are too large, too small or of too high a power")]
    OutOfRange(String),
    /// Units of different kinds.
    #[error("{from} is {from_kind}, {to} {to_kind}")]
    Kinds {
        /// The units that there are.
        from: String,
        /// What they measure, and in which base units: `a temperature (K)`.
        from_kind: String,
        /// The units that are wanted.
        to: String,
        /// What those measure.
        to_kind: String,
    },
}

/// How numbers in some units become numbers in others of the same kind.
///
/// Amounts of water are of the same kind as well, by mass of an area and by depth at 1000 kg m-3: `kg m-2` and `mm`, and
/// their rates `kg m-2 s-1` and `mm day-1`, which precipitation and evaporation come in. No others are: not `kg` and `m3`.
///
/// # Errors
/// If a text cannot be read, or they measure different things.
pub fn conversion(from: &str, to: &str) -> Result<Linear, UnitsError> {
    let (old, new) = (parser::parse(from)?, parser::parse(to)?);
    let depth_of_mass = if old.dimensions == new.dimensions {
        1.0
    } else if old.dimensions.is_mass_of_area_where_depth_is(&new.dimensions) {
        1.0 / WATER
    } else if new.dimensions.is_mass_of_area_where_depth_is(&old.dimensions) {
        WATER
    } else {
        return Err(different(from, &old, to, &new));
    };
    let scale = old.factor / new.factor * depth_of_mass;
    let offset = (old.offset - new.offset) / new.factor;
    if scale.is_normal() && offset.is_finite() {
        Ok(Linear { scale, offset })
    } else {
        Err(UnitsError::OutOfRange(shortened(from)))
    }
}

fn different(from: &str, old: &Unit, to: &str, new: &Unit) -> UnitsError {
    UnitsError::Kinds {
        from: shortened(from),
        from_kind: old.dimensions.kind(),
        to: shortened(to),
        to_kind: new.dimensions.kind(),
    }
}
