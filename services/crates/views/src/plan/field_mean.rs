//! `fldmean`: the mean over the horizontal grid, weighted with the areas of cells, as CDO's
//! ([CDO User Guide, FLDSTAT](https://code.mpimet.mpg.de/projects/cdo/embedded/cdo.pdf)).

use std::sync::Arc;

use model::DataType;

use super::draft::{Draft, Field};
use super::reduction::{Grouping, reduced, say_method};
use super::select::known_numbers;
use super::{Known, Result, refused, related, too_large, unsupported, values};
use crate::array::{Array, Formula, Groups, Made, Weights};
use crate::steps::{FieldMean, Reduction, Statistic};

/// Bounds of latitudes beyond this are those of the pole, as CDO has it.
const POLE_FROM: f64 = 88.0;
/// Longitudes whose widths differ by less than this share are evenly spaced.
const EVEN: f64 = 1e-4;
/// Most cells of a grid whose weights are kept by row and column.
const CELLS_MAX: usize = 1 << 24;

/// The horizontal grid of a field.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Grid {
    /// Place of the field of latitudes.
    pub(super) latitude: usize,
    /// Place of the field of longitudes.
    pub(super) longitude: usize,
    /// Its dimensions in the field: one for an unstructured grid, else two.
    dimensions: Vec<String>,
}

/// `fldmean`.
pub(super) fn field_mean(draft: &mut Draft<'_>, step: &FieldMean, known: &Known) -> Result<()> {
    for dimension in &step.dimensions {
        draft.length(dimension.as_str())?;
    }
    let mut fields: Vec<Option<Field>> = Vec::new();
    let mut gone: Vec<String> = Vec::new();
    fields.resize(draft.fields.len(), None);
    for place in related::data(draft) {
        let field = &draft.fields[place];
        if let Some(grid) = grid_of(draft, field) {
            let over = over(&grid, step)?;
            gone.extend(over.iter().cloned());
            fields[place] = Some(mean(draft, field, &grid, &over, known)?);
        }
    }
    if gone.is_empty() {
        return refused("no variable has latitudes and longitudes that tell of a horizontal grid");
    }
    let own = std::mem::take(&mut draft.fields).into_iter().zip(fields);
    let stays = |(own, mean): (Field, Option<Field>)| match mean {
        Some(mean) => Some(mean),
        None => (!gone.iter().any(|dimension| own.has(dimension))).then_some(own),
    };
    draft.fields = own.filter_map(stays).collect();
    Ok(())
}

/// The dimensions that go.
fn over(grid: &Grid, step: &FieldMean) -> Result<Vec<String>> {
    if step.dimensions.is_empty() {
        return Ok(grid.dimensions.clone());
    }
    let wanted: Vec<String> = step.dimensions.iter().map(|name| name.as_str().to_owned()).collect();
    match wanted.iter().find(|name| !grid.dimensions.contains(name)) {
        Some(other) => refused(format!(
            "{other} is no dimension of the horizontal grid (those are {})",
            grid.dimensions.join(", ")
        )),
        None => Ok(wanted),
    }
}

/// The grid that a field's coordinates tell of.
pub(super) fn grid_of(draft: &Draft<'_>, field: &Field) -> Option<Grid> {
    let related = related::related(draft, field);
    let find = |is: fn(&Field) -> bool| {
        let mut fits = related.iter().copied().filter(|place| {
            let other = &draft.fields[*place];
            is(other) && !other.dimensions.is_empty() && other.dimensions.iter().all(|name| field.has(name))
        });
        fits.next()
    };
    let (latitude, longitude) = (find(values::is_latitude)?, find(values::is_longitude)?);
    let mut dimensions: Vec<String> = draft.fields[latitude].dimensions.clone();
    for dimension in &draft.fields[longitude].dimensions {
        if !dimensions.contains(dimension) {
            dimensions.push(dimension.clone());
        }
    }
    Some(Grid { latitude, longitude, dimensions })
}

fn mean(draft: &Draft<'_>, field: &Field, grid: &Grid, over: &[String], known: &Known) -> Result<Field> {
    let weights = weights(draft, field, grid, over, known)?;
    let groupings: Vec<Grouping> = over
        .iter()
        .map(|name| Grouping { dimension: name.clone(), groups: Groups::All, name: name.clone() })
        .collect();
    let reduction = Reduction::Statistic(Statistic::Mean);
    let mut result = reduced(field, &groupings, &reduction, weights)?;
    let area = if over.len() == grid.dimensions.len() { vec!["area".to_owned()] } else { over.to_vec() };
    let said: Vec<Grouping> = area
        .into_iter()
        .map(|name| Grouping { dimension: name.clone(), groups: Groups::All, name })
        .collect();
    say_method(&mut result, &said, &reduction);
    Ok(result)
}

/// The areas of cells; none where all are the same.
fn weights(
    draft: &Draft<'_>,
    field: &Field,
    grid: &Grid,
    over: &[String],
    known: &Known,
) -> Result<Option<Weights>> {
    if let Some(areas) = areas(draft, field) {
        return areas.map(Some);
    }
    let (latitude, longitude) = (&draft.fields[grid.latitude], &draft.fields[grid.longitude]);
    let is_regular = latitude.dimensions.len() == 1
        && longitude.dimensions.len() == 1
        && latitude.dimensions != longitude.dimensions;
    if is_regular {
        return of_rows_and_columns(draft, field, (latitude, longitude), over, known);
    }
    if is_healpix(draft, field) {
        return Ok(None);
    }
    unsupported(format!(
        "{} lies on a grid whose areas of cells are not known: it has no cell_measures, and its coordinates are of no \
         regular grid",
        field.path
    ))
}

/// The variable that `cell_measures` names for areas (CF §7.2), as doubles.
fn areas(draft: &Draft<'_>, field: &Field) -> Option<Result<Weights>> {
    let text = field.attributes.text("cell_measures")?;
    let mut words = text.split_whitespace();
    words.find(|word| *word == "area:")?;
    let areas = &draft.fields[related::resolve(draft, field, words.next()?)?];
    let axes: Option<Vec<usize>> = areas.dimensions.iter().map(|name| field.axis(name)).collect();
    let axes = axes.filter(|axes| axes.is_sorted() && !axes.is_empty())?;
    Some(areas.unpacked().map(|array| Weights { of: doubles(array), axes }))
}

/// An array as doubles.
fn doubles(array: Arc<Array>) -> Arc<Array> {
    if array.data_type == DataType::F64 {
        return array;
    }
    let shape = array.shape.clone();
    let formula = Formula::Linear { scale: 1.0, offset: 0.0 };
    Arc::new(Array { data_type: DataType::F64, shape, made: Made::Computed { of: vec![array], formula } })
}

/// Weights of a regular grid: the areas of the cells of a row, and the widths of columns where they differ.
fn of_rows_and_columns(
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
    if let Some(place) = named {
        let mut numbers = values::numbers(draft, &draft.fields[place], known)?;
        if values::is_in_radians(field) {
            for number in &mut numbers {
                *number = number.to_degrees();
            }
        }
        let (pairs, rest) = numbers.as_chunks::<2>();
        if rest.is_empty() && pairs.len() as u64 == field.array.shape[0] {
            return Ok(pairs.iter().map(|[low, high]| (*low, *high)).collect());
        }
    }
    let mut values = values::degrees(draft, field, known)?;
    if !is_latitude {
        unroll(&mut values);
    }
    Ok(half_way(&values, is_latitude))
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

/// Whether a field lies on HEALPix, whose cells are all of one area.
fn is_healpix(draft: &Draft<'_>, field: &Field) -> bool {
    let mapping = field.attributes.text("grid_mapping");
    let mapping = mapping.and_then(|name| related::resolve(draft, field, name.trim_end_matches(':')));
    mapping.is_some_and(|place| draft.fields[place].attributes.text("grid_mapping_name") == Some("healpix"))
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
