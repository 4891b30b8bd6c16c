//! Why nothing is selected.

use super::values::LIST_PLACES_MAX;
use crate::steps::Method;

/// Why a selection has no meaning on a coordinate.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SelectError {
    /// A value that is not there.
    #[error("there is no {label}: the nearest values are {nearest}")]
    NotFound {
        /// The value.
        label: String,
        /// A few values next to it.
        nearest: String,
    },
    /// A range without values.
    #[error("nothing lies in {range}: the values go from {first} to {last}")]
    Nothing {
        /// The range.
        range: String,
        /// The smallest value.
        first: String,
        /// The largest value.
        last: String,
    },
    /// No value before or after.
    #[error("{method}({label}) finds nothing: the values go from {first} to {last}")]
    NoneOnThatSide {
        /// Where it was looked for.
        method: Method,
        /// For what.
        label: String,
        /// The smallest value.
        first: String,
        /// The largest value.
        last: String,
    },
    /// A value that a method finds, but too far away.
    #[error("{method}({label}) finds {found}, which is further away than {within}")]
    TooFar {
        /// How it was looked for.
        method: Method,
        /// For what.
        label: String,
        /// What was found.
        found: String,
        /// How far away it may be.
        within: String,
    },
    /// No value at all.
    #[error("there are no values to select from")]
    NoValues,
    /// A label or tolerance that cannot be compared with the values.
    #[error("{given} is of another kind: the values are {values}")]
    Kind {
        /// The label or tolerance.
        given: String,
        /// What the values are.
        values: &'static str,
    },
    /// A method on names.
    #[error("{0} needs values with distances: names are selected as they are")]
    NoDistance(Method),
    /// A date that is none in the calendar.
    #[error("there is no {date} in calendar {calendar}")]
    Date {
        /// The date.
        date: String,
        /// The calendar's name.
        calendar: &'static str,
    },
    /// A list that selects too much.
    #[error("a list selects more than {LIST_PLACES_MAX} places: a range has no such limit")]
    TooMany,
}
