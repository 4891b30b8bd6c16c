//! `fldmean`: the mean over the horizontal grid, weighted with the areas of cells, as CDO's
//! ([CDO User Guide, FLDSTAT](https://code.mpimet.mpg.de/projects/cdo/embedded/cdo.pdf)).

mod areas;
mod cells;
mod rows;
mod sphere;

use super::draft::{Draft, Field};
use super::reduction::{Grouping, reduced, say_method};
use super::{Known, Result, refused, related, values};
use crate::array::{Groups, Weights};
use crate::steps::{FieldMean, Reduction, Statistic};

/// Most cells of a grid whose areas are kept.
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
    let mut shared = areas::Shared::default();
    fields.resize(draft.fields.len(), None);
    for place in related::data(draft) {
        let field = &draft.fields[place];
        if let Some(grid) = grid_of(draft, field).or_else(|| rotated(draft, field)) {
            let over = over(&grid, step)?;
            gone.extend(over.iter().cloned());
            let weights = areas::weights(draft, field, &grid, &over, (known, &mut shared))?;
            fields[place] = Some(mean(field, &grid, &over, weights)?);
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
    Some(of_both(draft, find(values::is_latitude)?, find(values::is_longitude)?))
}

/// The grid of a field with another pole, which tells of no other coordinates.
fn rotated(draft: &Draft<'_>, field: &Field) -> Option<Grid> {
    areas::rotated(draft, field).map(|(latitude, longitude)| of_both(draft, latitude, longitude))
}

fn of_both(draft: &Draft<'_>, latitude: usize, longitude: usize) -> Grid {
    let mut dimensions: Vec<String> = draft.fields[latitude].dimensions.clone();
    for dimension in &draft.fields[longitude].dimensions {
        if !dimensions.contains(dimension) {
            dimensions.push(dimension.clone());
        }
    }
    Grid { latitude, longitude, dimensions }
}

fn mean(field: &Field, grid: &Grid, over: &[String], weights: Option<Weights>) -> Result<Field> {
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
