//! Horizontal grids: how many points, along which dimensions, and where they are.
//!
//! ```text
//! section 3 ─▶ edition_2 ─┐                       ┌─▶ axes        regular: a latitude a row, a longitude a column
//!                         ├─▶ Grid { Geometry } ──┼─▶ projection  rotated, Lambert, polar stereographic, Mercator
//! section 2 ─▶ edition_1 ─┘                       └─▶ points      reduced Gaussian, HEALPix: one list
//! ```

pub(super) mod axes;
mod earth;
mod edition_1;
mod edition_2;
pub(super) mod gaussian;
pub(super) mod points;
pub(super) mod projection;

use model::{AttributeValue, Numbers};

use super::sections::RawField;
pub(super) use earth::Earth;
use projection::Projection;

/// Longest axis that is believed.
const AXIS_MAX: u64 = 1 << 21;

/// A grid as a message describes it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Grid {
    /// Its type, in ecCodes' words.
    pub(super) kind: &'static str,
    /// How many points it has; none if the description does not say.
    pub(super) points: Option<u64>,
    /// Rows lie one after another (as usual), or columns do.
    pub(super) columns_first: bool,
    /// Each second row goes backwards.
    pub(super) alternates: bool,
    /// Where the points are.
    pub(super) geometry: Geometry,
    /// What else is to be told: `GRIB_…`.
    pub(super) attributes: Vec<(&'static str, AttributeValue)>,
}

/// Where a grid's points are.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Geometry {
    /// A latitude for each row, a longitude for each column.
    Regular { latitudes: Vec<f64>, longitudes: Vec<f64> },
    /// Rows and columns of a plane.
    Plane(Plane),
    /// Rows of different lengths, each between two longitudes.
    Rows { rows: Vec<points::Row> },
    /// Cells of equal area.
    Healpix { nside: u32, is_nested: bool },
    /// Rows and columns, of which it is not known where they are; or of zero rows a mere list.
    Unknown { rows: u64, columns: u64, why: &'static str },
    /// Coefficients of spherical harmonics, which lie nowhere.
    Spectral,
}

/// Rows and columns at equal distances on the plane of a projection.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Plane {
    pub(super) rows: u64,
    pub(super) columns: u64,
    /// x and y of the first point.
    pub(super) first: (f64, f64),
    /// From column to column, and from row to row.
    pub(super) step: (f64, f64),
    pub(super) projection: Projection,
}

/// The grid of a field; none if the message does not describe it.
pub(super) fn of(raw: &RawField) -> Option<Grid> {
    let grid = if raw.edition == 1 { edition_1::read(&raw.grid) } else { edition_2::read(&raw.grid) }?;
    Some(grid.checked())
}

impl Grid {
    pub(super) fn new(kind: &'static str, points: Option<u64>, geometry: Geometry) -> Self {
        Self { kind, points, columns_first: false, alternates: false, geometry, attributes: Vec::new() }
    }

    /// Adds an integer to tell.
    pub(super) fn with_integer(mut self, name: &'static str, number: i64) -> Self {
        self.attributes.push((name, AttributeValue::Numbers(Numbers::I64(vec![number]))));
        self
    }

    /// Adds a text to tell.
    pub(super) fn with_text(mut self, name: &'static str, text: String) -> Self {
        self.attributes.push((name, AttributeValue::Text(text)));
        self
    }

    /// Lengths of its dimensions in the order of the values: rows and columns, or one.
    pub(super) fn shape(&self) -> Vec<u64> {
        let (rows, columns) = match &self.geometry {
            Geometry::Regular { latitudes, longitudes } => (latitudes.len() as u64, longitudes.len() as u64),
            Geometry::Plane(plane) => (plane.rows, plane.columns),
            Geometry::Unknown { rows, columns, .. } => (*rows, *columns),
            _ => (0, 0),
        };
        match (rows, self.columns_first) {
            (0, _) => vec![self.points.unwrap_or(0)],
            (_, false) => vec![rows, columns],
            (_, true) => vec![columns, rows],
        }
    }

    /// Latitudes and longitudes of its points, row by row; none of a regular grid or where it is not known. The caller
    /// has bounded their number.
    pub(super) fn positions(&self) -> Option<(Vec<f64>, Vec<f64>)> {
        match &self.geometry {
            Geometry::Plane(Plane { rows, columns, first, step, projection }) => {
                let inverse = projection.inverse();
                let count = rows.checked_mul(*columns)? as usize;
                let (mut latitudes, mut longitudes) = (Vec::with_capacity(count), Vec::with_capacity(count));
                for row in 0..*rows {
                    let goes_back = self.alternates && row % 2 == 1;
                    for column in 0..*columns {
                        let column = if goes_back { columns - 1 - column } else { column };
                        let (x, y) = (first.0 + step.0 * column as f64, first.1 + step.1 * row as f64);
                        let (latitude, longitude) = inverse(x, y);
                        latitudes.push(latitude);
                        longitudes.push(longitude.rem_euclid(360.0));
                    }
                }
                Some((latitudes, longitudes))
            }
            Geometry::Rows { rows } => Some(points::of_rows(rows)),
            Geometry::Healpix { nside, is_nested } => Some(points::of_healpix(*nside, *is_nested)),
            Geometry::Regular { .. } | Geometry::Unknown { .. } | Geometry::Spectral => None,
        }
    }

    /// A list of unknown places where the geometry does not have as many points as the message says.
    fn checked(mut self) -> Self {
        let counted = match &self.geometry {
            Geometry::Regular { latitudes, longitudes } => {
                Some(latitudes.len() as u64 * longitudes.len() as u64)
            }
            Geometry::Plane(plane) => plane.rows.checked_mul(plane.columns),
            Geometry::Unknown { rows, columns, .. } if *rows > 0 => rows.checked_mul(*columns),
            Geometry::Unknown { .. } | Geometry::Spectral => self.points,
            Geometry::Rows { rows } => Some(rows.iter().map(|row| u64::from(row.count)).sum()),
            Geometry::Healpix { nside, .. } => Some(12 * u64::from(*nside) * u64::from(*nside)),
        };
        match (self.points, counted) {
            (None, counted) => self.points = counted,
            _ if self.columns_first && self.alternates => {
                let why = "its columns alternate in direction";
                self.geometry = Geometry::Unknown { rows: 0, columns: 0, why };
            }
            (points, counted) if points == counted => {}
            _ => {
                let why = "its points are not as many as its description says";
                self.geometry = Geometry::Unknown { rows: 0, columns: 0, why };
            }
        }
        self
    }
}

/// Steps on a plane from point to point of a row, and from row to row, by the scanning mode.
fn projection_steps(dx: f64, dy: f64, scanning: u8) -> (f64, f64) {
    let west = if scanning & 0x80 != 0 { -1.0 } else { 1.0 };
    let south = if scanning & 0x40 != 0 { 1.0 } else { -1.0 };
    (west * dx, south * dy)
}
