//! Section 3 of edition 2: grid definition templates.

use super::{AXIS_MAX, Earth, Geometry, Grid, Plane, axes::Corners, points, projection::Projection};
use crate::grib::octets::Octets;

/// Reads the whole section.
pub(super) fn read(section: &[u8]) -> Option<Grid> {
    let octets = Octets(section);
    let points = octets.unsigned(6, 4)?;
    let template = octets.unsigned(12, 2)?;
    let section = Section { octets, points };
    let unknown = |kind, why| section.unknown(kind, 0, 0, why);
    let grid = match template {
        0 | 2 => section.lat_lon("regular_ll", None),
        1 | 3 => section.lat_lon("rotated_ll", Some(72)),
        10 => section.mercator(),
        20 => section.polar(),
        30 => section.lambert(),
        40 => section.gaussian("regular_gg", "reduced_gg", None),
        41 => section.gaussian("rotated_gg", "reduced_rotated_gg", Some(72)),
        50..=53 => Some(Grid::new("sh", None, Geometry::Spectral)),
        12 => section.plane("transverse_mercator"),
        90 => section.plane("space_view"),
        101 => section.unstructured(),
        140 => section.plane("lambert_azimuthal_equal_area"),
        150 => section.healpix(),
        100 => Some(unknown("triangular_grid", "the geometry of triangular grids is not known here")),
        _ => None,
    };
    Some(grid.unwrap_or_else(|| unknown("unknown", "its grid definition template is not known here")))
}

struct Section<'a> {
    octets: Octets<'a>,
    points: u64,
}

impl Section<'_> {
    fn degrees(&self, at: usize) -> Option<f64> {
        Some(self.octets.signed(at, 4)? as f64 / 1e6)
    }

    fn metres(&self, at: usize) -> Option<f64> {
        Some(self.octets.unsigned(at, 4)? as f64 / 1e3)
    }

    fn unknown(&self, kind: &'static str, rows: u64, columns: u64, why: &'static str) -> Grid {
        Grid::new(kind, Some(self.points), Geometry::Unknown { rows, columns, why })
    }

    fn grid(&self, kind: &'static str, geometry: Geometry, scanning: u8) -> Grid {
        let mut grid = Grid::new(kind, Some(self.points), geometry);
        grid.columns_first = scanning & 0x20 != 0;
        grid.alternates = scanning & 0x10 != 0;
        grid
    }

    /// A regular grid; one whose rows alternate in direction is a list of points.
    fn regular(&self, kind: &'static str, latitudes: Vec<f64>, longitudes: Vec<f64>, scanning: u8) -> Grid {
        if scanning & 0x30 == 0x30 {
            return self.unknown(kind, 0, 0, "its columns alternate in direction");
        }
        if scanning & 0x10 == 0 {
            return self.grid(kind, Geometry::Regular { latitudes, longitudes }, scanning);
        }
        let rows = points::alternating(&latitudes, &longitudes);
        self.grid(kind, Geometry::Rows { rows }, 0)
    }

    /// Columns and rows, if both are given.
    fn counts(&self) -> Option<(u64, u64)> {
        let (columns, rows) = (self.octets.present(30, 4)?, self.octets.present(34, 4)?);
        let is_plausible = (1..=AXIS_MAX).contains(&columns) && (1..=AXIS_MAX).contains(&rows);
        is_plausible.then_some((columns, rows))
    }

    /// Corners of a grid of latitudes and longitudes.
    fn corners(&self) -> Option<Corners> {
        let octets = self.octets;
        let basic = octets.present(38, 4).filter(|angle| *angle != 0);
        let parts = octets.present(42, 4).filter(|parts| *parts != 0);
        let unit = basic.map_or(1e-6, |angle| angle as f64 / parts.unwrap_or(1_000_000) as f64);
        let angle = |at| Some(octets.signed(at, 4)? as f64 * unit);
        let step = |at| octets.present(at, 4).map(|step| step as f64 * unit).filter(|step| *step > 0.0);
        Some(Corners {
            first: (angle(46)?, angle(50)?),
            last: (angle(55)?, angle(59)?),
            scanning: octets.byte(71)?,
            row_step: step(67),
            unit,
        })
    }

    /// Numbers of points of each row: behind the template, where the section says so.
    fn row_lengths(&self) -> Option<Vec<u32>> {
        let (size, rows) = (usize::from(self.octets.byte(10)?), self.octets.present(34, 4)? as usize);
        let begin = self.octets.0.len().checked_sub(size.checked_mul(rows)?)?;
        if !(1..=4).contains(&size) || self.octets.byte(11)? == 0 || begin < 72 {
            return None;
        }
        let lengths = (0..rows).map(|row| self.octets.unsigned(begin + row * size, size));
        lengths.map(|length| length.map(|length| length as u32)).collect()
    }

    fn rotation(&self, at: usize) -> Option<Projection> {
        let octets = self.octets;
        let south_pole = (self.degrees(at)?, self.degrees(at + 4)?);
        Some(Projection::Rotated { south_pole, angle: octets.ieee(at + 8)? })
    }

    fn lat_lon(&self, kind: &'static str, rotation: Option<usize>) -> Option<Grid> {
        let corners = self.corners()?;
        if self.octets.present(30, 4).is_none() {
            let rows = points::regular_rows(corners, &self.row_lengths()?)?;
            return Some(self.grid("reduced_ll", Geometry::Rows { rows }, 0));
        }
        let (columns, rows) = self.counts()?;
        let (latitudes, longitudes) = (corners.latitudes(rows)?, corners.longitudes(columns)?);
        let Some(at) = rotation else {
            return Some(self.regular(kind, latitudes, longitudes, corners.scanning));
        };
        let step = |axis: &[f64]| axis.get(1).map_or(0.0, |second| second - axis[0]);
        let geometry = Geometry::Plane(Plane {
            rows,
            columns,
            first: (longitudes[0], latitudes[0]),
            step: (step(&longitudes), step(&latitudes)),
            projection: self.rotation(at)?,
        });
        Some(self.grid(kind, geometry, corners.scanning))
    }

    fn gaussian(
        &self,
        regular: &'static str,
        reduced: &'static str,
        rotation: Option<usize>,
    ) -> Option<Grid> {
        let (mut corners, n) = (self.corners()?, self.octets.unsigned(67, 4)?);
        corners.row_step = None;
        if rotation.is_some() {
            return Some(self.unknown(regular, 0, 0, "rotated Gaussian grids are not known here"));
        }
        let told = |grid: Grid| grid.with_integer("GRIB_N", n as i64);
        if self.octets.present(30, 4).is_none() {
            let rows = points::gaussian_rows(n, corners, &self.row_lengths()?, Some(self.points))?;
            return Some(told(self.grid(reduced, Geometry::Rows { rows }, 0)));
        }
        let (columns, rows) = self.counts()?;
        let latitudes = corners.gaussian_latitudes(n, rows)?;
        let longitudes = corners.longitudes(columns)?;
        Some(told(self.regular(regular, latitudes, longitudes, corners.scanning)))
    }

    /// A grid on a plane, from its first point on.
    fn on_plane(
        &self,
        kind: &'static str,
        (latitude, longitude): (f64, f64),
        (dx, dy): (f64, f64),
        scanning: u8,
        projection: Projection,
    ) -> Grid {
        let Some((columns, rows)) = self.counts() else {
            return self.unknown(kind, 0, 0, "it does not say how many rows and columns it has");
        };
        let step = super::projection_steps(dx, dy, scanning);
        let first = projection.forward(latitude, longitude);
        if !(first.0.is_finite() && first.1.is_finite()) {
            return self.unknown(kind, rows, columns, "its first point does not lie on its plane");
        }
        let geometry = Geometry::Plane(Plane { rows, columns, first, step, projection });
        self.grid(kind, geometry, scanning)
    }

    fn lambert(&self) -> Option<Grid> {
        let projection = Projection::Lambert {
            earth: Earth::of_section(self.octets)?,
            origin: self.degrees(47)?,
            meridian: self.degrees(51)?,
            parallels: (self.degrees(65)?, self.degrees(69)?),
        };
        let first = (self.degrees(38)?, self.degrees(42)?);
        let step = (self.metres(55)?, self.metres(59)?);
        Some(self.on_plane("lambert", first, step, self.octets.byte(64)?, projection))
    }

    fn polar(&self) -> Option<Grid> {
        let projection = Projection::Polar {
            earth: Earth::of_section(self.octets)?,
            is_south: self.octets.byte(63)? & 0x80 != 0,
            parallel: self.degrees(47)?,
            meridian: self.degrees(51)?,
        };
        let first = (self.degrees(38)?, self.degrees(42)?);
        let step = (self.metres(55)?, self.metres(59)?);
        Some(self.on_plane("polar_stereographic", first, step, self.octets.byte(64)?, projection))
    }

    fn mercator(&self) -> Option<Grid> {
        let first = (self.degrees(38)?, self.degrees(42)?);
        let projection = Projection::Mercator {
            earth: Earth::of_section(self.octets)?,
            parallel: self.degrees(47)?,
            meridian: first.1,
        };
        let step = (self.metres(64)?, self.metres(68)?);
        Some(self.on_plane("mercator", first, step, self.octets.byte(59)?, projection))
    }

    /// A plane of a projection that has no formulas here.
    fn plane(&self, kind: &'static str) -> Option<Grid> {
        let (columns, rows) = self.counts()?;
        Some(self.unknown(kind, rows, columns, "the formulas of its projection are not known here"))
    }

    fn unstructured(&self) -> Option<Grid> {
        let why = "the file does not say where the points of its unstructured grid are";
        let uuid = self.octets.slice(19, 16)?;
        let hex = format!("{:032x}", u128::from_be_bytes(uuid.try_into().ok()?));
        let uuid = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-");
        Some(
            self.unknown("unstructured_grid", 0, 0, why)
                .with_integer("GRIB_numberOfGridUsed", self.octets.unsigned(15, 3)? as i64)
                .with_integer("GRIB_numberOfGridInReference", i64::from(self.octets.byte(18)?))
                .with_text("GRIB_uuidOfHGrid", uuid),
        )
    }

    fn healpix(&self) -> Option<Grid> {
        let nside = u32::try_from(self.octets.unsigned(31, 4)?).ok()?;
        let (position, ordering) = (self.octets.byte(39)?, self.octets.byte(40)?);
        let why = match (position, ordering, nside) {
            (_, _, 0 | 0x2000_0001..) => "its nside is absurd",
            (4, 0 | 1, _) => "",
            (4, _, _) => "its ordering is not known here",
            _ => "its points are not the centres of its cells",
        };
        if !why.is_empty() {
            return Some(self.unknown("healpix", 0, 0, why));
        }
        let is_nested = ordering == 1;
        Some(self.grid("healpix", Geometry::Healpix { nside, is_nested }, 0))
    }
}
