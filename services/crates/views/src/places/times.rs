//! Selection of times.

use cf::Instant;

use super::SelectError;
use super::order::{Order, Search, Target};
use super::values::{Values, of_labels};
use crate::array::Places;
use crate::steps::{Selection, Tolerance};
use crate::times::{Times, period};
use crate::{Label, Labels, Range};

pub(super) fn select(times: &Times, selection: &Selection) -> Result<Places, SelectError> {
    match selection {
        Selection::Range(range) => in_range(times, range),
        // A date alone is a range of itself.
        Selection::Exact(Labels::One(label)) => {
            in_range(times, &Range::Between(label.clone(), label.clone()))
        }
        Selection::Exact(labels) => {
            let order = Order::new(times);
            of_labels(labels, |label| {
                let (start, end) = period_of(times, label)?;
                let ranks = order.count_below(|time| time < start)..order.count_below(|time| time < end);
                if ranks.is_empty() {
                    Err(order.not_found(label, ranks.start))
                } else {
                    Ok(order.places(ranks))
                }
            })
        }
        Selection::Inexact { method, labels, within } => {
            let within = within.map(|tolerance| (nanoseconds(times, tolerance), tolerance));
            let (order, search) = (Order::new(times), Search { method: *method, within });
            of_labels(labels, |label| {
                let (start, _) = period_of(times, label)?;
                let found = order.find(Target { value: start, slack: 0 }, *method);
                order.place_of(found, label, &search).map(|place| vec![place])
            })
        }
    }
}

impl Values for Times {
    /// Nanoseconds, as of an [`Instant`].
    type Value = i128;

    const KIND: &'static str = "times";

    fn length(&self) -> usize {
        self.instants.len()
    }

    fn at(&self, place: usize) -> Option<i128> {
        self.instants.get(place).copied().flatten().map(|instant| instant.0)
    }

    fn text(&self, value: i128) -> String {
        self.units.calendar.text(Instant(value))
    }
}

fn in_range(times: &Times, range: &Range) -> Result<Places, SelectError> {
    let (first, last) = range.ends();
    let start = first.map(|label| period_of(times, label)).transpose()?.map(|(start, _)| start);
    let end = last.map(|label| period_of(times, label)).transpose()?.map(|(_, end)| end);
    let is_within = |time| start.is_none_or(|start| start <= time) && end.is_none_or(|end| time < end);
    match (first, last) {
        (Some(first), Some(last)) if first == last => times.within(first, is_within),
        _ => times.within(range, is_within),
    }
}

/// The start of a label's period, and its end, which is not in it.
fn period_of(times: &Times, label: &Label) -> Result<(i128, i128), SelectError> {
    let date = label.date().ok_or_else(|| Times::kind_error(label))?;
    let calendar = times.units.calendar;
    // A year of six digits is within all ranges: what is wrong is that there is no such day or year.
    let no_such = |_| SelectError::Date { date: date.to_string(), calendar: calendar.name() };
    let (start, end) = period(date, calendar).map_err(no_such)?;
    Ok((start.0, end.0))
}

/// A tolerance, a plain number of which counts in the coordinate's units.
fn nanoseconds(times: &Times, tolerance: Tolerance) -> i128 {
    match tolerance {
        Tolerance::Number(number) => (number * times.units.unit.nanoseconds() as f64).round() as i128,
        Tolerance::Duration(duration) => duration.nanoseconds(),
    }
}
