//! Areas of the cells of a regular grid, whose rows and columns each have a coordinate of one dimension.

use std::sync::Arc;

use model::DataType;

use super::super::draft::{Draft, Field};
use super::super::select::known_numbers;
use super::super::{Known, Result, related, too_large, values};
use super::CELLS_MAX;
use crate::array::Weights;

/// Bounds of latitudes beyond this are those of the pole, as CDO has it.
const POLE_FROM: f64 = 88.0;
/// Longitudes whose widths differ by less than this share are evenly spaced.
const EVEN: f64 = 1e-4;

/// Columns wider than this, in radians, end at circles of latitude: the great circle between places so far apart along a
/// latitude goes near the pole.
const WIDE: f64 = std::f64::consts::TAU / 3.0 + 1e-6;

/// Weights of a regular grid: the areas of the cells of a row, and the widths of columns where they differ.
pub(super) fn of_rows_and_columns(
    draft: &Draft<'_>,
    field: &Field,
    (latitude, longitude): (&Field, &Field),
    over: &[String],
    known: &Known,
) -> Result<Option<Weights>> {
    if !over.contains(&latitude.dimensions[0]) {
        // Along a row all cells count the same, as in CDO's zonal means.
        return Ok(None);
    }
    let columns: Vec<f64> =
        bounds(draft, longitude, false, known)?.iter().map(|(low, high)| (high - low).abs()).collect();
    let rows = bounds(draft, latitude, true, known)?;
    let area = |(low, high): (f64, f64), width: f64| {
        let width = width.to_radians();
        if width > WIDE {
            return width * (high.to_radians().sin() - low.to_radians().sin()).abs();
        }
        (area_from_pole(high, width) - area_from_pole(low, width)).abs()
    };
    let axis = |of: &Field| field.axis(&of.dimensions[0]).unwrap_or_default();
    let (row, column) = (axis(latitude), axis(longitude));
    let mean = columns.iter().sum::<f64>() / columns.len().max(1) as f64;
    if columns.iter().all(|width| (width - mean).abs() <= EVEN * mean.abs()) {
        let weights: Vec<f64> = rows.iter().map(|row| area(*row, mean)).collect();
        let of = known_numbers(DataType::F64, vec![weights.len() as u64], &weights);
        return Ok(Some(Weights { of: Arc::new(of), axes: vec![row] }));
    }
    if rows.len().saturating_mul(columns.len()) > CELLS_MAX {
        return too_large(format!("{} has too many cells of different widths", field.path));
    }
    let all: Vec<f64> = if row < column {
        rows.iter().flat_map(|row| columns.iter().map(move |width| area(*row, *width))).collect()
    } else {
        columns.iter().flat_map(|width| rows.iter().map(move |row| area(*row, *width))).collect()
    };
    let (outer, inner) = if row < column { (rows.len(), columns.len()) } else { (columns.len(), rows.len()) };
    let of = Arc::new(known_numbers(DataType::F64, vec![outer as u64, inner as u64], &all));
    Ok(Some(Weights { of, axes: vec![row.min(column), row.max(column)] }))
}

/// The bounds of a coordinate: its own, or half-way to its neighbours.
fn bounds(draft: &Draft<'_>, field: &Field, is_latitude: bool, known: &Known) -> Result<Vec<(f64, f64)>> {
    let named = field.attributes.text("bounds").and_then(|name| related::resolve(draft, field, name));
    if let Some(of) = named.map(|place| &draft.fields[place])
        && let Some(is_by_place) = is_by_place(of, &field.dimensions[0])
    {
        let has_units = of.attributes.text("units").is_some();
        let in_radians = values::is_in_radians(if has_units { of } else { field });
        let unit = if in_radians { 1.0_f64.to_degrees() } else { 1.0 };
        let numbers = values::numbers(draft, of, known)?;
        let (lows, highs) = numbers.split_at(numbers.len() / 2);
        let by_place = numbers.as_chunks::<2>().0.iter().map(|[low, high]| (*low, *high));
        let by_side = lows.iter().copied().zip(highs.iter().copied());
        let pairs: Vec<(f64, f64)> = if is_by_place { by_place.collect() } else { by_side.collect() };
        return Ok(pairs.into_iter().map(|(low, high)| (low * unit, high * unit)).collect());
    }
    let mut values = values::degrees(draft, field, known)?;
    if !is_latitude {
        unroll(&mut values);
    }
    Ok(half_way(&values, is_latitude))
}

/// Whether bounds, two for each place of a dimension, lie place by place, or all of one side before those of the other; none
/// where they are none.
fn is_by_place(bounds: &Field, dimension: &str) -> Option<bool> {
    match (bounds.dimensions.as_slice(), bounds.array.shape.as_slice()) {
        ([first, other], [_, 2]) if first == dimension && other != dimension => Some(true),
        ([other, last], [2, _]) if last == dimension && other != dimension => Some(false),
        _ => None,
    }
}

/// Longitudes without the jump of a whole turn that there may be between two of them.
fn unroll(longitudes: &mut [f64]) {
    for at in 1..longitudes.len() {
        let turns = ((longitudes[at - 1] - longitudes[at]) / 360.0).round();
        longitudes[at] += 360.0 * turns;
    }
}

fn half_way(values: &[f64], is_latitude: bool) -> Vec<(f64, f64)> {
    let [first, .., last_value] = values else {
        return values.iter().map(|value| (value - 0.5, value + 0.5)).collect();
    };
    let between: Vec<f64> = values.windows(2).map(|pair| f64::midpoint(pair[0], pair[1])).collect();
    let (begin, end) = (between[0], between[between.len() - 1]);
    let mut edges = vec![2.0 * first - begin];
    edges.extend(between);
    edges.push(2.0 * last_value - end);
    if is_latitude {
        let last = edges.len() - 1;
        let (south, north) = if first <= last_value { (0, last) } else { (last, 0) };
        edges[south] = if edges[south] < -POLE_FROM { -90.0 } else { edges[south] };
        edges[north] = if edges[north] > POLE_FROM { 90.0 } else { edges[north] };
    }
    edges.windows(2).map(|pair| (pair[0], pair[1])).collect()
}

/// The area between a pole and the great circle through two places of a latitude, as far apart in longitude as a cell is
/// wide, in steradians. Cells end at great circles, as CDO has them, and not at circles of latitude.
fn area_from_pole(latitude: f64, width: f64) -> f64 {
    let half = (90.0 - latitude).to_radians() / 2.0;
    let (sine, cosine) = (half.sin().powi(2), half.cos().powi(2));
    2.0 * (sine * width.sin()).atan2(cosine + sine * width.cos())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_without_bounds_end_half_way_and_at_the_poles() {
        assert_eq!(half_way(&[-60.0, 0.0, 60.0], true), [(-90.0, -30.0), (-30.0, 30.0), (30.0, 90.0)]);
        assert_eq!(half_way(&[89.0, 87.0], true), [(90.0, 88.0), (88.0, 86.0)]);
        assert_eq!(half_way(&[88.5, 90.0], true), [(87.75, 89.25), (89.25, 90.0)]);
        assert_eq!(half_way(&[10.0, 20.0], true), [(5.0, 15.0), (15.0, 25.0)]);
        // The hemisphere above the equator, in cells of 90 degrees: an eighth of the sphere each.
        let eighth = std::f64::consts::FRAC_PI_2;
        assert!((area_from_pole(0.0, eighth) - eighth).abs() < 1e-12);
        assert!((area_from_pole(-90.0, eighth) - 2.0 * eighth).abs() < 1e-12);
        assert_eq!(half_way(&[350.0, 354.0], false), [(348.0, 352.0), (352.0, 356.0)]);
    }
}
