//! Areas of cells whose coordinates have bounds: their corners
//! ([CF §7.1](https://cfconventions.org/cf-conventions/cf-conventions.html#cell-boundaries)).

use std::sync::Arc;

use bytes::Bytes;
use model::{DataType, Region};

use super::super::draft::{Draft, Field};
use super::super::{Known, Result, related, too_large, values};
use super::CELLS_MAX;
use super::sphere::{self, Point};
use crate::array::{Array, Made};

/// Most corners of all cells: so many latitudes, and as many longitudes, are in memory while a view is planned.
const CORNERS_MAX: u64 = 1 << 25;
/// Cells of more corners than these are made of triangles around their centres, as CDO has it.
const CORNERS_OF_A_FAN: usize = 4;

/// The areas of cells in steradians, in the shape of their two coordinates, which is the same; none where these have no
/// bounds.
pub(super) fn of_cells(
    draft: &Draft<'_>,
    (latitude, longitude): (&Field, &Field),
    known: &Known,
) -> Result<Option<Array>> {
    let (Some(latitudes), Some(longitudes)) = (bounds_of(draft, latitude), bounds_of(draft, longitude))
    else {
        return Ok(None);
    };
    if latitudes.array.shape != longitudes.array.shape {
        return Ok(None);
    }
    let shape = latitude.array.shape.clone();
    let of_a_cell = latitudes.array.shape.last().copied().unwrap_or(1);
    let cells: u64 = shape.iter().fold(1, |product, length| product.saturating_mul(*length));
    if cells > CELLS_MAX as u64 || cells.saturating_mul(of_a_cell) > CORNERS_MAX {
        return too_large(format!(
            "{cells} cells of {of_a_cell} corners are too many to find their areas: a variable that cell_measures names \
             has them, or select a region first (bbox=)"
        ));
    }
    let corners = (Angles::new(latitudes, latitude)?, Angles::new(longitudes, longitude)?);
    let of_a_cell = of_a_cell as usize;
    let centres = if of_a_cell > CORNERS_OF_A_FAN {
        Some((Angles::new(latitude, latitude)?, Angles::new(longitude, longitude)?))
    } else {
        None
    };
    let mut areas = Vec::with_capacity(cells as usize * 8);
    let mut cell: Vec<Point> = Vec::with_capacity(of_a_cell);
    for rows in corners.0.array.blocks(0, 0..shape.first().copied().unwrap_or(1)) {
        let mut corners = points(draft, &corners, (rows.start, rows.end), known)?;
        let mut centres = match &centres {
            Some(centres) => Some(points(draft, centres, (rows.start, rows.end), known)?),
            None => None,
        };
        loop {
            cell.clear();
            cell.extend(corners.by_ref().take(of_a_cell));
            if cell.len() < of_a_cell || cell.is_empty() {
                break;
            }
            let area = sphere::cell(there(&cell), centres.as_mut().and_then(Iterator::next));
            areas.extend_from_slice(&area.to_le_bytes());
        }
    }
    Ok(Some(Array { data_type: DataType::F64, shape, made: Made::Known(areas.into()) }))
}

/// The corners of a cell without the missing ones at the end, which fill up those of cells that have fewer than others; all
/// where too few would be left.
fn there(corners: &[Point]) -> &[Point] {
    let count = corners.iter().rposition(|[x, ..]| !x.is_nan()).map_or(0, |last| last + 1);
    if count >= 3 { &corners[..count] } else { corners }
}

/// The corners of a coordinate: a field of its dimensions and one more.
fn bounds_of<'d>(draft: &'d Draft<'_>, coordinate: &Field) -> Option<&'d Field> {
    let name = coordinate.attributes.text("bounds")?;
    let bounds = &draft.fields[related::resolve(draft, coordinate, name)?];
    let (last, cells) = bounds.dimensions.split_last()?;
    let fits = cells == coordinate.dimensions && !cells.contains(last) && bounds.array.data_type.is_numeric();
    fits.then_some(bounds)
}

/// Latitudes or longitudes, in radians once they are read.
struct Angles {
    /// Of `F32` or `F64`.
    array: Arc<Array>,
    /// How many radians one is.
    unit: f64,
}

impl Angles {
    /// Those of a field in the units of its own, or of the coordinate that they belong to.
    fn new(of: &Field, coordinate: &Field) -> Result<Self> {
        let has_units = of.attributes.text("units").is_some();
        let in_radians = values::is_in_radians(if has_units { of } else { coordinate });
        Ok(Self { array: of.unpacked()?, unit: if in_radians { 1.0 } else { 1.0_f64.to_radians() } })
    }

    /// Those of some places of the first dimension, in C order.
    fn read(
        &self,
        draft: &Draft<'_>,
        (start, end): (u64, u64),
        known: &Known,
    ) -> Result<impl Iterator<Item = f64> + use<>> {
        let mut region = Region::whole(&self.array.shape);
        if let (Some(first), Some(extent)) = (region.start.first_mut(), region.extent.first_mut()) {
            (*first, *extent) = (start, end - start);
        }
        let elements = values::region(draft.source, &self.array, &region, known)?;
        let (is_single, unit) = (self.array.data_type == DataType::F32, self.unit);
        let count = elements.len() / if is_single { 4 } else { 8 };
        Ok((0..count).map(move |at| unit * number(&elements, is_single, at)))
    }
}

/// An element as a double.
fn number(elements: &Bytes, is_single: bool, at: usize) -> f64 {
    let number = if is_single {
        elements.as_chunks().0.get(at).map(|element| f64::from(f32::from_le_bytes(*element)))
    } else {
        elements.as_chunks().0.get(at).map(|element| f64::from_le_bytes(*element))
    };
    number.unwrap_or(f64::NAN)
}

/// The places of latitudes and longitudes.
fn points(
    draft: &Draft<'_>,
    (latitudes, longitudes): &(Angles, Angles),
    rows: (u64, u64),
    known: &Known,
) -> Result<impl Iterator<Item = Point> + use<>> {
    let both = latitudes.read(draft, rows, known)?.zip(longitudes.read(draft, rows, known)?);
    Ok(both.map(|(latitude, longitude)| sphere::point(latitude, longitude)))
}
