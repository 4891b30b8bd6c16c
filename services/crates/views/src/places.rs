//! Places along dimensions that coordinates select.
//!
//! ```text
//! Coordinate + Selection ── select ──▶ Places, and longitudes in the numbers of the range      sel, bbox of a regular grid
//! latitudes, longitudes ─┬─ cells_in_box ─────▶ places of cells                                bbox of an unstructured grid
//!                        └─ rectangle_in_box ─▶ rows, columns and which cells are within       bbox of a curvilinear grid
//! ```
//! A range goes through all values once. Labels are looked up in an order of the values, which costs a
//! sort where a coordinate does not run one way.

mod arc;
mod cells;
mod error;
mod gathered;
mod numbers;
mod order;
mod texts;
mod times;
mod values;

pub use cells::{Rectangle, cells_in_box, rectangle_in_box};
pub use error::SelectError;
pub use values::LIST_PLACES_MAX;

use crate::array::Places;
use crate::steps::Selection;
use crate::times::Times;

/// A coordinate to select by, in its order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Coordinate<'a> {
    /// Of numbers. NaN is never selected.
    Numbers {
        /// By place; those of single precision as they are.
        values: &'a [f64],
        /// Whether they are degrees east, which come round after 360.
        is_longitude: bool,
    },
    /// Of times.
    Times(&'a Times),
    /// Of names.
    Texts(&'a [String]),
}

/// What is selected of a coordinate.
#[derive(Debug, Clone, PartialEq)]
pub struct Selected {
    /// Where it is: one place where the dimension goes.
    pub places: Places,
    /// Longitudes in the numbers of the range, by place of the result, where they are not the coordinate's own: the range
    /// goes through the seam, or was given in other numbers.
    pub values: Option<Vec<f64>>,
}

/// Finds what a selection means on a coordinate: what it selects and what is an error is said at
/// [`Select`](crate::steps::Select). Beyond what is said there:
///
/// - Where all values are of single precision, a label that is no whole number is rounded to it, as pandas does to labels
///   of an index: `lat:52.3` finds the 52.3 of `float32`, and `52.3..` begins with it.
/// - A value that is there several times is selected each time, and keeps the dimension; methods find the first.
/// - Methods go by value, whichever way a coordinate runs: `pad` finds the next smaller one. On a circle of longitudes it is
///   the next to the west, `backfill` the next to the east, and of two as near the one to the east is the nearest.
/// - A date in a method is its beginning.
/// - A range of longitudes with one end is one of numbers, not of a circle. What a range of a circle selects in numbers other
///   than the coordinate's own runs eastwards, and a meridian that is there twice, as 0 and 360, once.
/// - Texts are in the order of their letters, for ranges of them.
pub fn select(coordinate: &Coordinate<'_>, selection: &Selection) -> Result<Selected, SelectError> {
    match coordinate {
        Coordinate::Numbers { values, is_longitude } => numbers::select(values, *is_longitude, selection),
        Coordinate::Times(coordinate) => times::select(coordinate, selection).map(Selected::from),
        Coordinate::Texts(texts) => texts::select(texts, selection).map(Selected::from),
    }
}

impl From<Places> for Selected {
    fn from(places: Places) -> Self {
        Self { places, values: None }
    }
}

#[cfg(test)]
mod tests;
