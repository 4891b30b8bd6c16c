//! Selection of numbers, longitudes among them.

use std::fmt::Display;

use super::arc::{Arc, Precision, TURN, is_on_circle};
use super::gathered::Gathered;
use super::order::{Order, Search, Target, closer};
use super::values::{Values, of_labels};
use super::{SelectError, Selected};
use crate::number::Number;
use crate::steps::{Selection, Tolerance};
use crate::{Label, Range};

struct Numbers<'a> {
    values: &'a [f64],
    is_longitude: bool,
    precision: Precision,
}

pub(super) fn select(
    values: &[f64],
    is_longitude: bool,
    selection: &Selection,
) -> Result<Selected, SelectError> {
    let numbers = Numbers { values, is_longitude, precision: Precision::of(values) };
    match selection {
        Selection::Range(range) => numbers.in_range(range),
        Selection::Exact(labels) => {
            let order = Order::new(&numbers);
            let extent = numbers.extent()?;
            let find = |label: &Label| numbers.exact(&order, label, extent);
            of_labels(labels, find).map(Selected::from)
        }
        Selection::Inexact { method, labels, within } => {
            let within = within.map(|tolerance| match tolerance {
                Tolerance::Number(number) => Ok((number, tolerance)),
                Tolerance::Duration(_) => Err(Numbers::kind_error(format!("within:{tolerance}"))),
            });
            let search = Search { method: *method, within: within.transpose()? };
            let order = Order::new(&numbers);
            let extent = numbers.extent()?;
            let find = |label: &Label| numbers.inexact(&order, label, extent, &search);
            of_labels(labels, find).map(Selected::from)
        }
    }
}

impl Values for Numbers<'_> {
    type Value = f64;

    const KIND: &'static str = "numbers";

    fn length(&self) -> usize {
        self.values.len()
    }

    fn at(&self, place: usize) -> Option<f64> {
        self.values.get(place).copied().filter(|value| !value.is_nan())
    }

    fn text(&self, value: f64) -> String {
        // What is shortest in single precision is found again: labels are rounded to it.
        let is_single = self.precision == Precision::Single;
        let shortest = if is_single { (value as f32).to_string().parse().unwrap_or(value) } else { value };
        Number(shortest).to_string()
    }
}

impl Numbers<'_> {
    fn in_range(&self, range: &Range) -> Result<Selected, SelectError> {
        let (start, end) = range.ends();
        let start = start.map(number).transpose()?;
        let end = end.map(number).transpose()?;
        if let (true, Some(west), Some(east)) = (self.is_longitude, start, end)
            && is_on_circle(west)
            && is_on_circle(east)
        {
            return self.on_arc(&Arc::new(west, east, self.precision), range);
        }
        let [start, end] = [start, end].map(|end| end.map(|end| self.precision.round(end)));
        let is_within =
            |value| start.is_none_or(|start| start <= value) && end.is_none_or(|end| value <= end);
        self.within(range, is_within).map(Selected::from)
    }

    fn on_arc(&self, arc: &Arc, range: impl Display) -> Result<Selected, SelectError> {
        let is_turned = |value: &f64| !arc.spans(*value) && arc.number(*value).is_some();
        if !self.values.iter().any(is_turned) {
            return self.within(range, |value| arc.number(value).is_some()).map(Selected::from);
        }
        let places = (0_u64..).zip(self.values);
        let mut found: Vec<(f64, u64, f64)> = places
            .filter_map(|(place, value)| arc.number(*value).map(|number| (number, place, *value)))
            .collect();
        // Of a cyclic grid it is in order but for the seam, which the sort makes use of.
        found.sort_by(|a, b| a.0.total_cmp(&b.0));
        found.dedup_by(|next, kept| next.0 - kept.0 <= arc.slack && (next.2 - kept.2).abs() > TURN / 2.0);
        let mut gathered = Gathered::new();
        gathered.extend(found.iter().map(|(_, place, _)| *place));
        let values = found.iter().map(|(number, ..)| *number).collect();
        Ok(Selected { places: gathered.places(), values: Some(values) })
    }

    /// What a longitude means: itself and itself some full turns away, from a turn before the values to a turn behind them;
    /// what any other number means: itself. In the precision of the values, ascending.
    fn targets(&self, label: f64, (first, last): (f64, f64)) -> Vec<Target<f64>> {
        if !self.is_longitude || ![label, first, last].into_iter().all(is_on_circle) {
            return vec![self.target(label, 0.0)];
        }
        let from = ((first - label) / TURN).floor() - 1.0;
        let count = ((last - first) / TURN).ceil() as u32 + 3;
        (0..=count).map(|turn| self.target(label, from + f64::from(turn))).collect()
    }

    fn target(&self, label: f64, turns: f64) -> Target<f64> {
        // Rounded once, after turning: a number of single precision that is turned is another one.
        let value = self.precision.round(label + turns * TURN);
        let is_exact = turns == 0.0 || self.precision == Precision::Single;
        Target { value, slack: if is_exact { 0.0 } else { self.precision.turning_error() } }
    }

    fn exact(
        &self,
        order: &Order<'_, Self>,
        label: &Label,
        extent: (f64, f64),
    ) -> Result<Vec<u64>, SelectError> {
        let wanted = number(label)?;
        let targets = self.targets(wanted, extent);
        // Of a meridian that is there twice, as 0 and 360, the one in the label's own number.
        let mut ranks = [self.target(wanted, 0.0)]
            .into_iter()
            .chain(targets.iter().copied())
            .map(|target| order.ranks(target));
        if let Some(ranks) = ranks.find(|ranks| !ranks.is_empty()) {
            return Ok(order.places(ranks));
        }
        // Among the turns of a longitude, that which comes closest to a value.
        let outside = |target: &&Target<f64>| (target.value.clamp(extent.0, extent.1) - target.value).abs();
        let closest = targets.iter().min_by(|a, b| outside(a).total_cmp(&outside(b)));
        Err(order.not_found(label, closest.map_or(0, |target| order.ranks(*target).start)))
    }

    fn inexact(
        &self,
        order: &Order<'_, Self>,
        label: &Label,
        extent: (f64, f64),
        search: &Search<f64>,
    ) -> Result<Vec<u64>, SelectError> {
        let targets = self.targets(number(label)?, extent);
        // The smaller targets find what lies to the east: it comes first where two are as near.
        let found = targets.iter().map(|target| order.find(*target, search.method)).fold(None, closer);
        order.place_of(found, label, search).map(|place| vec![place])
    }
}

fn number(label: &Label) -> Result<f64, SelectError> {
    match label {
        Label::Number(number) => Ok(*number),
        other => Err(Numbers::kind_error(other)),
    }
}
