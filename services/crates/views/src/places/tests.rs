//! Selections against xarray, of which `integration-tests/tools/make_view_cases.py` made the cases; by hand, where they differ
//! from xarray's on purpose; and boxes.

mod against_xarray;
mod boxes;
mod by_hand;
mod longitudes;

use cf::{Calendar, TimeUnits, TimeValue};

use super::{Coordinate, SelectError, Selected, select};
use crate::Steps;
use crate::array::Places;
use crate::steps::{Selection, Step};
use crate::times::Times;

fn selection(text: &str) -> Selection {
    let steps: Steps = format!("sel=x:{text}").parse().unwrap();
    let Step::Select(select) = &steps.as_slice()[0] else { panic!("{text}") };
    select.coordinates[0].1.clone()
}

fn of_numbers(values: &[f64], text: &str) -> Result<Selected, SelectError> {
    select(&Coordinate::Numbers { values, is_longitude: false }, &selection(text))
}

fn of_longitudes(values: &[f64], text: &str) -> Result<Selected, SelectError> {
    select(&Coordinate::Numbers { values, is_longitude: true }, &selection(text))
}

/// Seconds since 2000-01-01.
fn times(calendar: Calendar, seconds: &[i64]) -> Times {
    let units = TimeUnits::parse("seconds since 2000-01-01", calendar).unwrap();
    let instant = |seconds: &i64| units.instant(TimeValue::Integer((*seconds).into()));
    Times { units, instants: seconds.iter().map(instant).collect() }
}

/// The start of each month of 2000 and 2001.
fn months() -> Times {
    let mut months = times(Calendar::Standard, &[]);
    let day = |month| Calendar::Standard.month_start(month).unwrap();
    months.instants = (360..384).map(|month| Some(cf::Instant::from_day(day(month), 0))).collect();
    months
}

fn of_times(times: &Times, text: &str) -> Result<Selected, SelectError> {
    select(&Coordinate::Times(times), &selection(text))
}

fn message(result: Result<Selected, SelectError>) -> String {
    result.unwrap_err().to_string()
}

fn slice(start: u64, stride: u64, length: u64) -> Places {
    Places::Slice { start, stride, length }
}

fn list(places: &[u64]) -> Places {
    Places::List(places.into())
}

/// The places one by one.
fn listed(places: &Places) -> Vec<u64> {
    match places {
        Places::One(place) => vec![*place],
        several => (0..several.length().unwrap()).map(|number| several.get(number)).collect(),
    }
}
