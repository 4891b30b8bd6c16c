//! The areas of the cells of a grid, from whatever tells of them.

use std::sync::Arc;

use model::DataType;

use super::super::draft::{Draft, Field};
use super::super::elementwise::as_type;
use super::super::{Known, Result, related, unsupported};
use super::{Grid, cells, rows};
use crate::array::{Array, Made, Weights};

/// Areas that were found for one field, which others of its grid share.
#[derive(Default)]
pub(super) struct Shared(Vec<(Grid, Arc<Array>)>);

/// The areas of cells; none where all are the same.
pub(super) fn weights(
    draft: &Draft<'_>,
    field: &Field,
    grid: &Grid,
    over: &[String],
    (known, shared): (&Known, &mut Shared),
) -> Result<Option<Weights>> {
    if let Some(areas) = named(draft, field) {
        return areas.map(Some);
    }
    let both = (&draft.fields[grid.latitude], &draft.fields[grid.longitude]);
    let (latitude, longitude) = both;
    if latitude.dimensions.len() == 1
        && longitude.dimensions.len() == 1
        && latitude.dimensions != longitude.dimensions
    {
        return rows::of_rows_and_columns(draft, field, both, over, known);
    }
    if is_on(draft, field, "healpix") {
        return Ok(None);
    }
    if let Some((_, areas)) = shared.0.iter().find(|(other, _)| other == grid) {
        return Ok(laid(Arc::clone(areas), &latitude.dimensions, field));
    }
    if latitude.dimensions == longitude.dimensions
        && let Some(areas) = cells::of_cells(draft, both, known)?
    {
        let areas = Arc::new(areas);
        shared.0.push((grid.clone(), Arc::clone(&areas)));
        return Ok(laid(areas, &latitude.dimensions, field));
    }
    // Areas are those of the grid before it was turned.
    if let Some((latitude, longitude)) = rotated(draft, field) {
        let both = (&draft.fields[latitude], &draft.fields[longitude]);
        return rows::of_rows_and_columns(draft, field, both, over, known);
    }
    unsupported(format!(
        "the areas of the cells of {} are not known: it has no cell_measures, and {} and {} have no bounds with the \
         corners of cells (mean={} counts all cells the same)",
        field.path,
        latitude.path,
        longitude.path,
        over.join(",")
    ))
}

/// The variable that `cell_measures` names for areas (CF §7.2), as doubles.
fn named(draft: &Draft<'_>, field: &Field) -> Option<Result<Weights>> {
    let text = field.attributes.text("cell_measures")?;
    let mut words = text.split_whitespace();
    words.find(|word| *word == "area:")?;
    let areas = &draft.fields[related::resolve(draft, field, words.next()?)?];
    let is_of_field = !areas.dimensions.is_empty() && areas.dimensions.iter().all(|name| field.has(name));
    let laid = |array| laid(as_type(array, DataType::F64), &areas.dimensions, field);
    is_of_field.then(|| areas.unpacked().map(laid)).and_then(Result::transpose)
}

/// Weights of some of a field's dimensions, in the order in which it has these.
fn laid(of: Arc<Array>, dimensions: &[String], field: &Field) -> Option<Weights> {
    let axes: Vec<usize> = dimensions.iter().map(|name| field.axis(name)).collect::<Option<_>>()?;
    if axes.is_sorted() {
        return Some(Weights { of, axes });
    }
    let mut order: Vec<usize> = (0..axes.len()).collect();
    order.sort_unstable_by_key(|at| axes[*at]);
    let shape = order.iter().map(|at| of.shape[*at]).collect();
    let axes = order.iter().map(|at| axes[*at]).collect();
    let made = Made::Arranged { of, axes: order.into_iter().map(Some).collect() };
    Some(Weights { of: Arc::new(Array { data_type: DataType::F64, shape, made }), axes })
}

/// Whether the grid mapping of a field (CF §5.6) has a name.
fn is_on(draft: &Draft<'_>, field: &Field, name: &str) -> bool {
    let mapping = field.attributes.text("grid_mapping");
    let mapping = mapping.and_then(|name| related::resolve(draft, field, name.trim_end_matches(':')));
    mapping.is_some_and(|place| draft.fields[place].attributes.text("grid_mapping_name") == Some(name))
}

/// Places of the latitudes and longitudes of a field with another pole
/// ([CF, appendix F](https://cfconventions.org/cf-conventions/cf-conventions.html#_rotated_pole)): its dimensions'.
pub(super) fn rotated(draft: &Draft<'_>, field: &Field) -> Option<(usize, usize)> {
    let of = |name: &str| {
        let is_it = |place: &usize| {
            let other = &draft.fields[*place];
            other.is_dimension() && other.attributes.text("standard_name") == Some(name)
        };
        field.dimensions.iter().filter_map(|name| related::resolve(draft, field, name)).find(is_it)
    };
    if !is_on(draft, field, "rotated_latitude_longitude") {
        return None;
    }
    Some((of("grid_latitude")?, of("grid_longitude")?))
}
