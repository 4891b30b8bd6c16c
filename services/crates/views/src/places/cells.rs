//! Cells in a box of longitudes and latitudes, on grids that are not regular.

use std::ops::Range;

use super::arc::{Arc, Precision};
use crate::steps::BoundingBox;

/// The smallest rectangle of a curvilinear grid that has all cells of a box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rectangle {
    /// The rows, places along the first dimension.
    pub rows: Range<u64>,
    /// The columns, places along the second dimension.
    pub columns: Range<u64>,
    /// For each cell of the rectangle, row by row, whether it lies in the box.
    pub is_within: Vec<bool>,
}

/// The places of cells in a box, ascending, of an unstructured grid: the latitude and longitude of each cell, in degrees. A
/// cell without numbers lies nowhere.
pub fn cells_in_box(latitudes: &[f64], longitudes: &[f64], bbox: &BoundingBox) -> Vec<u64> {
    let region = Region::new(latitudes, longitudes, bbox);
    let cells = (0_u64..).zip(latitudes.iter().zip(longitudes));
    cells
        .filter(|(_, (latitude, longitude))| region.has(**latitude, **longitude))
        .map(|(place, _)| place)
        .collect()
}

/// The smallest rectangle of rows and columns that has all cells within a box, of a curvilinear grid: the latitude and
/// longitude of each cell, in degrees, row by row, with so many `columns`. None if there is no cell in the box.
pub fn rectangle_in_box(
    latitudes: &[f64],
    longitudes: &[f64],
    columns: usize,
    bbox: &BoundingBox,
) -> Option<Rectangle> {
    if columns == 0 {
        return None;
    }
    let region = Region::new(latitudes, longitudes, bbox);
    let lines = || latitudes.chunks(columns).zip(longitudes.chunks(columns));
    let mut extent: Option<(Range<usize>, Range<usize>)> = None;
    for (row, (latitudes, longitudes)) in lines().enumerate() {
        let mut cells = latitudes.iter().zip(longitudes);
        let is_within = |(latitude, longitude): (&f64, &f64)| region.has(*latitude, *longitude);
        let Some(first) = cells.position(is_within) else { continue };
        // The search from the back goes on where the one from the front ended: what is left is behind it.
        let last = cells.rposition(is_within).map_or(first, |place| first + 1 + place);
        extent = Some(match extent {
            None => (row..row + 1, first..last + 1),
            Some((rows, columns)) => {
                (rows.start..row + 1, columns.start.min(first)..columns.end.max(last + 1))
            }
        });
    }
    let (rows, columns) = extent?;
    let is_within = lines().skip(rows.start).take(rows.len()).flat_map(|(latitudes, longitudes)| {
        let cells = latitudes.iter().zip(longitudes).skip(columns.start).take(columns.len());
        cells.map(|(latitude, longitude)| region.has(*latitude, *longitude))
    });
    let is_within = is_within.collect();
    let places = |range: Range<usize>| range.start as u64..range.end as u64;
    Some(Rectangle { rows: places(rows), columns: places(columns), is_within })
}

/// A box in the precision of coordinates.
struct Region {
    south: f64,
    north: f64,
    longitudes: Arc,
}

impl Region {
    fn new(latitudes: &[f64], longitudes: &[f64], bbox: &BoundingBox) -> Self {
        let precision = Precision::of(latitudes);
        Self {
            south: precision.round(bbox.south),
            north: precision.round(bbox.north),
            longitudes: Arc::new(bbox.west, bbox.east, Precision::of(longitudes)),
        }
    }

    fn has(&self, latitude: f64, longitude: f64) -> bool {
        (self.south..=self.north).contains(&latitude) && self.longitudes.number(longitude).is_some()
    }
}
