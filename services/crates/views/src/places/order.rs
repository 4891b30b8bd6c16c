//! Values in their order, to look labels up in.

use std::cmp::Ordering;
use std::ops::{Add, Range, Sub};

use super::SelectError;
use super::values::Values;
use crate::Label;
use crate::steps::{Method, Tolerance};

/// How many values an error names on either side of one that is not there.
const NEIGHBOURS: usize = 2;

/// The values of a coordinate from the smallest to the largest, of the same value the first place first. What has no value
/// is not among them. A *rank* is a place in this order.
pub(super) struct Order<'a, V> {
    values: &'a V,
    ranks: Ranks,
}

enum Ranks {
    /// The coordinate's own order.
    Ascending(usize),
    /// That from the back; no value is there twice.
    Descending(usize),
    /// Places by rank.
    Sorted(Vec<usize>),
}

/// What is looked for: a number, and how far beside it is still the same number, for rounding.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target<T> {
    pub(super) value: T,
    pub(super) slack: T,
}

/// A method, and how far away what it finds may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Search<T> {
    pub(super) method: Method,
    /// In the values' own unit, and as it was given.
    pub(super) within: Option<(T, Tolerance)>,
}

/// What a method finds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<T> {
    pub(super) value: T,
    pub(super) distance: T,
}

impl<'a, V: Values> Order<'a, V> {
    pub(super) fn new(values: &'a V) -> Self {
        let length = values.length();
        let runs = |is_next: fn(&V::Value, &V::Value) -> bool| {
            // A missing value is next to none.
            let mut next_ones = (1..length).map(|place| (values.at(place - 1), values.at(place)));
            let is_there = length != 1 || values.at(0).is_some();
            is_there && next_ones.all(|pair| matches!(pair, (Some(a), Some(b)) if is_next(&a, &b)))
        };
        if runs(PartialOrd::le) {
            return Self { values, ranks: Ranks::Ascending(length) };
        }
        if runs(PartialOrd::gt) {
            return Self { values, ranks: Ranks::Descending(length) };
        }
        let mut places: Vec<usize> = (0..length).filter(|place| values.at(*place).is_some()).collect();
        let order =
            |a: &usize, b: &usize| values.at(*a).partial_cmp(&values.at(*b)).unwrap_or(Ordering::Equal);
        places.sort_by(order);
        Self { values, ranks: Ranks::Sorted(places) }
    }

    fn count(&self) -> usize {
        match &self.ranks {
            Ranks::Ascending(length) | Ranks::Descending(length) => *length,
            Ranks::Sorted(places) => places.len(),
        }
    }

    fn place(&self, rank: usize) -> Option<usize> {
        match &self.ranks {
            Ranks::Ascending(length) => (rank < *length).then_some(rank),
            Ranks::Descending(length) => length.checked_sub(rank + 1),
            Ranks::Sorted(places) => places.get(rank).copied(),
        }
    }

    fn value(&self, rank: usize) -> Option<V::Value> {
        self.place(rank).and_then(|place| self.values.at(place))
    }

    /// How many values pass a test that the smaller ones pass and the larger ones do not.
    pub(super) fn count_below(&self, is_below: impl Fn(V::Value) -> bool) -> usize {
        let (mut start, mut end) = (0, self.count());
        while start < end {
            let middle = start + (end - start) / 2;
            if self.value(middle).is_some_and(&is_below) {
                start = middle + 1;
            } else {
                end = middle;
            }
        }
        start
    }

    /// The places of ranks, ascending.
    pub(super) fn places(&self, ranks: Range<usize>) -> Vec<u64> {
        let places = ranks.filter_map(|rank| self.place(rank));
        let mut places: Vec<u64> = places.map(|place| place as u64).collect();
        places.sort_unstable();
        places
    }

    /// The error of a label that is not there but would be at a rank.
    pub(super) fn not_found(&self, label: &Label, rank: usize) -> SelectError {
        let near = rank.saturating_sub(NEIGHBOURS)..(rank + NEIGHBOURS).min(self.count());
        let mut nearest: Vec<String> =
            near.filter_map(|rank| self.value(rank)).map(|value| self.values.text(value)).collect();
        nearest.dedup();
        if nearest.is_empty() {
            return SelectError::NoValues;
        }
        SelectError::NotFound { label: label.to_string(), nearest: nearest.join(", ") }
    }
}

impl<V: Values<Value: Add<Output = V::Value> + Sub<Output = V::Value>>> Order<'_, V> {
    /// The ranks of a number.
    pub(super) fn ranks(&self, target: Target<V::Value>) -> Range<usize> {
        self.before(target)..self.through(target)
    }

    /// How many values lie before a number.
    fn before(&self, target: Target<V::Value>) -> usize {
        self.count_below(|value| value < target.value - target.slack)
    }

    /// How many values lie before a number or on it.
    fn through(&self, target: Target<V::Value>) -> usize {
        self.count_below(|value| value <= target.value + target.slack)
    }

    /// What a method finds for a number.
    pub(super) fn find(&self, target: Target<V::Value>, method: Method) -> Option<Found<V::Value>> {
        let found = |rank| {
            let value = self.value(rank)?;
            let difference = value - target.value;
            let distance = if value < target.value { target.value - value } else { difference };
            Some(Found { value, distance })
        };
        let pad = || self.through(target).checked_sub(1).and_then(found);
        let backfill = || found(self.before(target));
        match method {
            Method::Pad => pad(),
            Method::Backfill => backfill(),
            Method::Nearest => closer(backfill(), pad()),
        }
    }

    /// The first place of what was found for a label, if it is near enough.
    pub(super) fn place_of(
        &self,
        found: Option<Found<V::Value>>,
        label: &Label,
        search: &Search<V::Value>,
    ) -> Result<u64, SelectError> {
        let method = search.method;
        let place = |value| self.place(self.count_below(|other| other < value));
        let Some((found, place)) = found.and_then(|found| Some((found, place(found.value)?))) else {
            let (first, last) = self.values.extent_texts()?;
            return Err(SelectError::NoneOnThatSide { method, label: label.to_string(), first, last });
        };
        match search.within {
            Some((within, given)) if found.distance > within => Err(SelectError::TooFar {
                method,
                label: label.to_string(),
                found: self.values.text(found.value),
                within: given.to_string(),
            }),
            _ => Ok(place as u64),
        }
    }
}

/// The closer one, the first where both are as close.
pub(super) fn closer<T: PartialOrd>(first: Option<Found<T>>, second: Option<Found<T>>) -> Option<Found<T>> {
    match (first, second) {
        (Some(first), Some(second)) if second.distance < first.distance => Some(second),
        (None, second) => second,
        (first, _) => first,
    }
}
