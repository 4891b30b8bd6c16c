//! `bbox`: the cells whose centres lie in a box of longitudes and latitudes.

use std::sync::Arc;

use model::DataType;

use super::draft::Draft;
use super::field_mean::{Grid, grid_of};
use super::{Known, Result, refused, related, select, unsupported, values};
use crate::array::{Array, Formula, Made, Places};
use crate::label::{Label, Range};
use crate::places;
use crate::steps::{BoundingBox, Select, Selection};

/// `bbox`, on every horizontal grid that there is.
pub(super) fn bounding_box(draft: &mut Draft<'_>, step: &BoundingBox, known: &Known) -> Result<()> {
    let mut grids: Vec<Grid> = Vec::new();
    for place in related::data(draft) {
        let grid = grid_of(draft, &draft.fields[place]);
        grids.extend(grid.filter(|grid| !grids.contains(grid)));
    }
    if grids.is_empty() {
        return refused("no variable has latitudes and longitudes");
    }
    // By paths: fields may move while others are cut.
    let paths = |grid: &Grid| {
        let path = |place: usize| draft.fields[place].path.to_string();
        (path(grid.latitude), path(grid.longitude))
    };
    let grids: Vec<_> = grids.iter().map(paths).collect();
    for (latitude, longitude) in grids {
        let (Some(rows), Some(columns)) = (draft.find(&latitude), draft.find(&longitude)) else { continue };
        let of_rows = draft.fields[rows].dimensions.clone();
        let of_columns = draft.fields[columns].dimensions.clone();
        match (of_rows.as_slice(), of_columns.as_slice()) {
            ([row], [column])
                if row != column
                    && [rows, columns].iter().any(|at| values::is_in_radians(&draft.fields[*at])) =>
            {
                return unsupported(format!("{latitude} and {longitude} are in radians: use sel= of them"));
            }
            ([row], [column]) if row != column => regular(draft, step, (&latitude, &longitude), known)?,
            ([cell], [other]) if cell == other => {
                let (latitudes, longitudes) = both(draft, rows, columns, known)?;
                let places = places::cells_in_box(&latitudes, &longitudes, step);
                if places.is_empty() {
                    return refused(format!("no cell of {cell} lies in the box"));
                }
                draft.take(cell, &Places::List(places.into()));
            }
            ([row, column], other) if other == of_rows.as_slice() => {
                let names = (row.as_str(), column.as_str());
                curvilinear(draft, step, names, (rows, columns), known)?;
            }
            // Scalars, which have been cut already.
            _ => {}
        }
    }
    Ok(())
}

fn both(draft: &Draft<'_>, rows: usize, columns: usize, known: &Known) -> Result<(Vec<f64>, Vec<f64>)> {
    let latitudes = values::degrees(draft, &draft.fields[rows], known)?;
    Ok((latitudes, values::degrees(draft, &draft.fields[columns], known)?))
}

/// A regular grid: `sel` of both coordinates.
fn regular(
    draft: &mut Draft<'_>,
    step: &BoundingBox,
    (latitude, longitude): (&str, &str),
    known: &Known,
) -> Result<()> {
    let between =
        |from: f64, to: f64| Selection::Range(Range::Between(Label::Number(from), Label::Number(to)));
    let name = |path: &str| crate::Name::new(path);
    let (Some(latitude), Some(longitude)) = (name(latitude), name(longitude)) else {
        return refused("coordinates have names that cannot be selected by");
    };
    let coordinates =
        vec![(latitude, between(step.south, step.north)), (longitude, between(step.west, step.east))];
    select::labels(draft, &Select { coordinates }, known)
}

/// A curvilinear grid: the smallest rectangle that has all cells of the box, and in it nothing else.
fn curvilinear(
    draft: &mut Draft<'_>,
    step: &BoundingBox,
    (row, column): (&str, &str),
    (rows, columns): (usize, usize),
    known: &Known,
) -> Result<()> {
    let (latitudes, longitudes) = both(draft, rows, columns, known)?;
    let width = draft.length(column)?;
    let rectangle = places::rectangle_in_box(&latitudes, &longitudes, width as usize, step);
    let Some(rectangle) = rectangle else {
        return refused(format!("no cell of {row} and {column} lies in the box"));
    };
    let slice = |range: &std::ops::Range<u64>| Places::Slice {
        start: range.start,
        stride: 1,
        length: range.end - range.start,
    };
    draft.take(row, &slice(&rectangle.rows));
    draft.take(column, &slice(&rectangle.columns));
    if rectangle.is_within.iter().all(|is_within| *is_within) {
        return Ok(());
    }
    let mask: Vec<f64> =
        rectangle.is_within.iter().map(|is_within| f64::from(u8::from(*is_within))).collect();
    let shape = [&rectangle.rows, &rectangle.columns].map(|range| range.end - range.start).to_vec();
    let mask = Arc::new(select::known_numbers(DataType::F32, shape, &mask));
    for place in related::data(draft) {
        let field = &draft.fields[place];
        let axes: Vec<Option<usize>> = field
            .dimensions
            .iter()
            .map(|name| if name == row { Some(0) } else { (name == column).then_some(1) })
            .collect();
        if axes.iter().flatten().count() < 2 {
            continue;
        }
        let of = field.unpacked()?;
        let made = Made::Arranged { of: Arc::clone(&mask), axes };
        let mask = Arc::new(Array { data_type: DataType::F32, shape: of.shape.clone(), made });
        let (data_type, shape) = (of.data_type, of.shape.clone());
        let made = Made::Computed { of: vec![of, mask], formula: Formula::Where };
        draft.fields[place].set_values(Array { data_type, shape, made });
    }
    Ok(())
}
