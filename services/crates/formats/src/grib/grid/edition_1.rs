//! The grid description of edition 1, which is its section 2.

use super::{Earth, Geometry, Grid, Plane, axes::Corners, points, projection::Projection};
use crate::grib::octets::Octets;

/// Reads the whole section; none if there is none.
pub(super) fn read(section: &[u8]) -> Option<Grid> {
    let octets = Octets(section);
    let section = Section(octets);
    let kind = octets.byte(5)?;
    let grid = match kind {
        0 => section.lat_lon("regular_ll", None),
        10 => section.lat_lon("rotated_ll", Some(32)),
        1 => section.mercator(),
        3 => section.lambert(),
        4 => section.gaussian(),
        5 => section.polar(),
        50 | 60 | 70 | 80 => Some(Grid::new("sh", None, Geometry::Spectral)),
        _ => None,
    };
    let why = "its grid is not known here";
    let unknown = || {
        let (columns, rows) = section.counts()?;
        Some(Grid::new("unknown", None, Geometry::Unknown { rows, columns, why }))
    };
    grid.or_else(unknown)
}

struct Section<'a>(Octets<'a>);

impl Section<'_> {
    fn degrees(&self, at: usize) -> Option<f64> {
        Some(self.0.signed(at, 3)? as f64 / 1e3)
    }

    fn counts(&self) -> Option<(u64, u64)> {
        let (columns, rows) = (self.0.present(6, 2)?, self.0.present(8, 2)?);
        (columns > 0 && rows > 0).then_some((columns, rows))
    }

    fn scanning(&self) -> Option<u8> {
        self.0.byte(27).filter(|scanning| scanning & 0x10 == 0)
    }

    fn corners(&self) -> Option<Corners> {
        Some(Corners {
            first: (self.degrees(10)?, self.degrees(13)?),
            last: (self.degrees(17)?, self.degrees(20)?),
            scanning: self.0.byte(27)?,
            row_step: None,
            unit: 1e-3,
        })
    }

    fn grid(kind: &'static str, geometry: Geometry, scanning: u8) -> Grid {
        let mut grid = Grid::new(kind, None, geometry);
        grid.columns_first = scanning & 0x20 != 0;
        grid
    }

    /// Numbers of points of each row, where octet 5 says, behind the vertical coordinates.
    fn row_lengths(&self) -> Option<Vec<u32>> {
        let begin = self.0.byte(4).filter(|octet| *octet != 255)?.checked_sub(1)?;
        let begin = usize::from(begin) + 4 * usize::from(self.0.byte(3)?);
        let rows = self.0.present(8, 2)? as usize;
        (0..rows).map(|row| self.0.unsigned(begin + 2 * row, 2).map(|length| length as u32)).collect()
    }

    fn lat_lon(&self, kind: &'static str, rotation: Option<usize>) -> Option<Grid> {
        let corners = self.corners()?;
        if self.0.present(6, 2).is_none() {
            let rows = points::regular_rows(corners, &self.row_lengths()?)?;
            return Some(Self::grid("reduced_ll", Geometry::Rows { rows }, 0));
        }
        let ((columns, rows), scanning) = (self.counts()?, self.scanning()?);
        let (latitudes, longitudes) = (corners.latitudes(rows)?, corners.longitudes(columns)?);
        let Some(at) = rotation else {
            return Some(Self::grid(kind, Geometry::Regular { latitudes, longitudes }, scanning));
        };
        let step = |axis: &[f64]| axis.get(1).map_or(0.0, |second| second - axis[0]);
        let projection = Projection::Rotated {
            south_pole: (self.degrees(at)?, self.degrees(at + 3)?),
            angle: self.0.ibm(at + 6)?,
        };
        let geometry = Geometry::Plane(Plane {
            rows,
            columns,
            first: (longitudes[0], latitudes[0]),
            step: (step(&longitudes), step(&latitudes)),
            projection,
        });
        Some(Self::grid(kind, geometry, scanning))
    }

    fn gaussian(&self) -> Option<Grid> {
        let (corners, n) = (self.corners()?, self.0.unsigned(25, 2)?);
        let told = |grid: Grid| Some(grid.with_integer("GRIB_N", n as i64));
        if self.0.present(6, 2).is_none() {
            let lengths = self.row_lengths()?;
            let rows = points::gaussian_rows(n, corners, &lengths, None)?;
            return told(Self::grid("reduced_gg", Geometry::Rows { rows }, 0));
        }
        let ((columns, rows), scanning) = (self.counts()?, self.scanning()?);
        let latitudes = corners.gaussian_latitudes(n, rows)?;
        let longitudes = corners.longitudes(columns)?;
        told(Self::grid("regular_gg", Geometry::Regular { latitudes, longitudes }, scanning))
    }

    fn on_plane(&self, kind: &'static str, steps: (usize, usize), projection: Projection) -> Option<Grid> {
        let ((columns, rows), scanning) = (self.counts()?, self.scanning()?);
        let metres = |at| self.0.unsigned(at, 3).map(|metres| metres as f64);
        let first = projection.forward(self.degrees(10)?, self.degrees(13)?);
        let step = super::projection_steps(metres(steps.0)?, metres(steps.1)?, scanning);
        let is_finite = first.0.is_finite() && first.1.is_finite();
        let geometry = Geometry::Plane(Plane { rows, columns, first, step, projection });
        is_finite.then(|| Self::grid(kind, geometry, scanning))
    }

    fn lambert(&self) -> Option<Grid> {
        let parallels = (self.degrees(28)?, self.degrees(31)?);
        let projection = Projection::Lambert {
            earth: Earth::of_flags(self.0.byte(16)?),
            origin: parallels.0,
            meridian: self.degrees(17)?,
            parallels,
        };
        self.on_plane("lambert", (20, 23), projection)
    }

    fn polar(&self) -> Option<Grid> {
        let projection = Projection::Polar {
            earth: Earth::of_flags(self.0.byte(16)?),
            is_south: self.0.byte(26)? & 0x80 != 0,
            parallel: 60.0,
            meridian: self.degrees(17)?,
        };
        self.on_plane("polar_stereographic", (20, 23), projection)
    }

    fn mercator(&self) -> Option<Grid> {
        let projection = Projection::Mercator {
            earth: Earth::of_flags(self.0.byte(16)?),
            parallel: self.degrees(23)?,
            meridian: self.degrees(13)?,
        };
        self.on_plane("mercator", (28, 31), projection)
    }
}
