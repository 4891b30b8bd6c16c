//! The dimensions and coordinates of a file's grids.

use model::{AttributeValue, Attributes, Numbers, ScannedVariable};

use super::{
    coordinates::{self, texts},
    cube::numbered,
    grid::{Geometry, Grid, points, projection::Projection},
    notes::Notes,
};
use crate::ScanOptions;

/// Most points of a grid whose latitudes and longitudes are worked out and kept: two coordinates of 56 MiB, which are a
/// tenth of that when compressed. It is enough for a reduced Gaussian grid of nine kilometres (6.6 million).
const POINTS_MAX: u64 = 7 << 20;

/// What variables on a grid are told of it.
#[derive(Debug, Default)]
pub(super) struct Ground {
    /// Names of its dimensions, in the order of the values.
    pub(super) dimensions: Vec<String>,
    /// Names of auxiliary coordinates.
    pub(super) auxiliary: Vec<String>,
    /// Name of the variable with its grid mapping.
    pub(super) mapping: Option<String>,
    /// Its coordinates.
    pub(super) variables: Vec<ScannedVariable>,
}

/// The dimensions and coordinates of the grid that is number `place` of those in use.
pub(super) fn of(grid: &Grid, place: usize, options: &ScanOptions, notes: &mut Notes) -> Ground {
    let name = |base: &str| numbered(base, place);
    let mut ground = Ground::default();
    match &grid.geometry {
        Geometry::Regular { latitudes, longitudes } => {
            let names = [name("latitude"), name("longitude")];
            ground.add(coordinates::floats(
                &names[0],
                &[&names[0]],
                &[latitudes.len() as u64],
                latitudes,
                latitude(),
            ));
            ground.add(coordinates::floats(
                &names[1],
                &[&names[1]],
                &[longitudes.len() as u64],
                longitudes,
                longitude(),
            ));
            ground.dimensions = names.to_vec();
        }
        Geometry::Plane { rows, columns, first, step, projection } => {
            ground.dimensions = vec![name("y"), name("x")];
            ground.plane((*rows, *columns), *first, *step, *projection, &name, options, notes);
        }
        Geometry::Rows { rows } => {
            ground.dimensions = vec![name("value")];
            ground.list(grid, &name, options, notes, || points::of_rows(rows));
        }
        Geometry::Healpix { nside, is_nested } => {
            ground.dimensions = vec![name("cell")];
            ground.list(grid, &name, options, notes, || points::of_healpix(*nside, *is_nested));
            let order = if *is_nested { "nested" } else { "ring" };
            let mut attributes = texts(&[("grid_mapping_name", "healpix"), ("healpix_order", order)]);
            attributes.set("healpix_nside", AttributeValue::Numbers(Numbers::I64(vec![i64::from(*nside)])));
            if nside.is_power_of_two() {
                let level = i64::from(nside.ilog2());
                attributes.set("refinement_level", AttributeValue::Numbers(Numbers::I64(vec![level])));
                attributes.set("indexing_scheme", AttributeValue::Text(order.to_owned()));
            }
            ground.set_mapping(name("crs"), attributes);
        }
        Geometry::Unknown { rows, why, .. } => {
            let is_list = *rows == 0;
            ground.dimensions = if is_list { vec![name("value")] } else { vec![name("y"), name("x")] };
            let text = format!("without latitudes and longitudes (grid {}): {why}", grid.kind);
            notes.warn(&ground.dimensions.join(", "), text);
        }
        Geometry::Spectral => {}
    }
    if grid.columns_first && ground.dimensions.len() == 2 {
        ground.dimensions.reverse();
    }
    ground
}

fn latitude() -> Attributes {
    texts(&[("units", "degrees_north"), ("standard_name", "latitude"), ("long_name", "latitude")])
}

fn longitude() -> Attributes {
    texts(&[("units", "degrees_east"), ("standard_name", "longitude"), ("long_name", "longitude")])
}

impl Ground {
    fn add(&mut self, variable: Option<ScannedVariable>) {
        self.variables.extend(variable);
    }

    fn set_mapping(&mut self, name: String, attributes: Attributes) {
        self.add(coordinates::integers(&name, &[], &[], &[0], attributes));
        self.mapping = Some(name);
    }

    /// Axes of a plane, its grid mapping, and latitudes and longitudes of its points.
    #[expect(clippy::too_many_arguments, reason = "a plane is described by as many")]
    fn plane(
        &mut self,
        (rows, columns): (u64, u64),
        first: (f64, f64),
        step: (f64, f64),
        projection: Projection,
        name: &dyn Fn(&str) -> String,
        options: &ScanOptions,
        notes: &mut Notes,
    ) {
        let axis = |first: f64, step: f64, count: u64| -> Vec<f64> {
            (0..count).map(|at| first + step * at as f64).collect()
        };
        let (x, y) = (axis(first.0, step.0, columns), axis(first.1, step.1, rows));
        let (x_name, y_name) = (name("x"), name("y"));
        let is_rotated = matches!(projection, Projection::Rotated { .. });
        let attributes = |axis: &str, word: &str| {
            let plane = format!("projection_{}_coordinate", axis.to_lowercase());
            let (units, standard_name) =
                if is_rotated { ("degrees", format!("grid_{word}")) } else { ("m", plane) };
            texts(&[("units", units), ("standard_name", &standard_name), ("axis", axis)])
        };
        self.add(coordinates::floats(&y_name, &[&y_name], &[rows], &y, attributes("Y", "latitude")));
        self.add(coordinates::floats(&x_name, &[&x_name], &[columns], &x, attributes("X", "longitude")));
        self.set_mapping(name(projection.name()), projection.attributes());
        let bytes = rows.saturating_mul(columns).saturating_mul(8);
        let names = [name("latitude"), name("longitude")];
        if bytes > 4 * options.coordinate_bytes_max {
            let text = format!(
                "left out: it would have {bytes} bytes; x, y and the grid mapping say where points are"
            );
            notes.warn(&names.join(", "), text);
            return;
        }
        let points = y.iter().flat_map(|y| x.iter().map(move |x| projection.inverse(*x, *y)));
        let (latitudes, longitudes): (Vec<f64>, Vec<f64>) =
            points.map(|(latitude, longitude)| (latitude, longitude.rem_euclid(360.0))).unzip();
        let dimensions = [y_name.as_str(), x_name.as_str()];
        self.add(coordinates::floats(&names[0], &dimensions, &[rows, columns], &latitudes, latitude()));
        self.add(coordinates::floats(&names[1], &dimensions, &[rows, columns], &longitudes, longitude()));
        self.auxiliary.extend(names);
    }

    /// Latitudes and longitudes of a list of points.
    fn list(
        &mut self,
        grid: &Grid,
        name: &dyn Fn(&str) -> String,
        options: &ScanOptions,
        notes: &mut Notes,
        points: impl FnOnce() -> (Vec<f64>, Vec<f64>),
    ) {
        let count = grid.points.unwrap_or(0);
        let names = [name("latitude"), name("longitude")];
        if count > POINTS_MAX {
            let text = format!("left out: {count} points are more than {POINTS_MAX}");
            notes.warn(&names.join(", "), text);
            return;
        }
        let (latitudes, longitudes) = points();
        let dimension = self.dimensions.first().cloned().unwrap_or_default();
        let values = [(latitudes, latitude()), (longitudes, longitude())];
        for (name, (values, attributes)) in names.iter().zip(values) {
            let is_small = count * 8 <= options.coordinate_bytes_max / 4;
            self.add(if is_small {
                coordinates::floats(name, &[&dimension], &[count], &values, attributes)
            } else {
                coordinates::compressed(name, &dimension, &values, attributes)
            });
        }
        self.auxiliary.extend(names);
    }
}
