//! What coordinates of all kinds have in common.

use std::fmt::Display;

use super::SelectError;
use super::gathered::Gathered;
use crate::array::Places;
use crate::{Label, Labels};

/// The most places that a list of labels selects, each time that a place is there counted. Labels may stand in a list
/// several times, and each may be as much as the whole coordinate.
pub const LIST_PLACES_MAX: usize = 10_000_000;

/// The values of a coordinate.
pub(super) trait Values {
    type Value: Copy + PartialOrd;

    /// What they are, for errors.
    const KIND: &'static str;

    /// How many places there are.
    fn length(&self) -> usize;

    /// The value at a place; none where it is missing or no number.
    fn at(&self, place: usize) -> Option<Self::Value>;

    /// A value as people read it.
    fn text(&self, value: Self::Value) -> String;

    /// The error of a label or tolerance of another kind.
    fn kind_error(given: impl Display) -> SelectError {
        SelectError::Kind { given: given.to_string(), values: Self::KIND }
    }

    /// The smallest and the largest.
    fn extent(&self) -> Result<(Self::Value, Self::Value), SelectError> {
        let known = (0..self.length()).filter_map(|place| self.at(place));
        let extent = known.fold(None, |extent, value| match extent {
            None => Some((value, value)),
            Some((first, last)) if value < first => Some((value, last)),
            Some((first, last)) if value > last => Some((first, value)),
            extent => extent,
        });
        extent.ok_or(SelectError::NoValues)
    }

    /// The smallest and the largest as people read them.
    fn extent_texts(&self) -> Result<(String, String), SelectError> {
        self.extent().map(|(first, last)| (self.text(first), self.text(last)))
    }

    /// The error of a range that nothing lies in.
    fn nothing_in(&self, range: impl Display) -> SelectError {
        match self.extent_texts() {
            Ok((first, last)) => SelectError::Nothing { range: range.to_string(), first, last },
            Err(no_values) => no_values,
        }
    }

    /// All places whose values pass a test that a range is.
    fn within(
        &self,
        range: impl Display,
        is_within: impl Fn(Self::Value) -> bool,
    ) -> Result<Places, SelectError> {
        let mut gathered = Gathered::new();
        let is_within = |place: &usize| self.at(*place).is_some_and(&is_within);
        gathered.extend((0..self.length()).filter(is_within).map(|place| place as u64));
        if gathered.length() == 0 { Err(self.nothing_in(range)) } else { Ok(gathered.places()) }
    }
}

/// The places of labels, one label after the other; one label takes the dimension away.
pub(super) fn of_labels(
    labels: &Labels,
    find: impl Fn(&Label) -> Result<Vec<u64>, SelectError>,
) -> Result<Places, SelectError> {
    let mut gathered = Gathered::new();
    match labels {
        Labels::One(label) => {
            gathered.extend(find(label)?);
            Ok(gathered.one_or_more())
        }
        Labels::Many(labels) => {
            for label in labels {
                let found = find(label)?;
                if gathered.length() + found.len() > LIST_PLACES_MAX {
                    return Err(SelectError::TooMany);
                }
                gathered.extend(found);
            }
            Ok(gathered.places())
        }
    }
}
