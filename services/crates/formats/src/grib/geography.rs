//! The dimensions and coordinates of a file's grids.

use model::{AttributeValue, Attributes, Numbers, ScannedVariable};

use super::{
    coordinates::{self, texts},
    cube::numbered,
    grid::{Geometry, Grid, Plane, projection::Projection},
    notes::Notes,
};
use crate::ScanOptions;

/// How many times as large as an uncompressed coordinate one may be that is compressed. With 4 MiB for those it is enough
/// for reduced Gaussian grids of nine kilometres (6.6 million points octahedral, 8.5 million classic).
const COMPRESSED: u64 = 20;

/// Makes the name of a coordinate of one of several grids.
type Names<'a> = &'a dyn Fn(&str) -> String;

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
        Geometry::Plane(flat) => {
            ground.dimensions = vec![name("y"), name("x")];
            ground.plane(grid, flat, &name, options, notes);
        }
        Geometry::Rows { .. } => {
            ground.dimensions = vec![name("value")];
            let points = [grid.points.unwrap_or(0)];
            ground.positions(grid, &[name("value")], &points, &name, options, notes);
        }
        Geometry::Healpix { nside, is_nested } => {
            ground.dimensions = vec![name("cell")];
            let points = [grid.points.unwrap_or(0)];
            ground.positions(grid, &[name("cell")], &points, &name, options, notes);
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
    fn plane(
        &mut self,
        grid: &Grid,
        plane: &Plane,
        name: Names<'_>,
        options: &ScanOptions,
        notes: &mut Notes,
    ) {
        let Plane { rows, columns, first, step, projection } = *plane;
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
        // Where rows alternate in direction a column has no one x.
        if !grid.alternates {
            self.add(coordinates::floats(&x_name, &[&x_name], &[columns], &x, attributes("X", "longitude")));
        }
        self.set_mapping(name(projection.name()), projection.attributes());
        let shape = [rows, columns];
        let dimensions = [y_name, x_name];
        self.positions(grid, &dimensions, &shape, name, options, notes);
    }

    /// Latitudes and longitudes of all points, row by row.
    fn positions(
        &mut self,
        grid: &Grid,
        dimensions: &[String],
        shape: &[u64],
        name: Names<'_>,
        options: &ScanOptions,
        notes: &mut Notes,
    ) {
        let bytes = shape.iter().fold(8_u64, |bytes, length| bytes.saturating_mul(*length));
        let names = [name("latitude"), name("longitude")];
        let bytes_max = options.coordinate_bytes_max.saturating_mul(COMPRESSED);
        if bytes > bytes_max {
            let text = format!("left out: {bytes} bytes are more than {bytes_max}");
            notes.warn(&names.join(", "), text);
            return;
        }
        let Some((latitudes, longitudes)) = grid.positions() else { return };
        let dimensions: Vec<&str> = dimensions.iter().map(String::as_str).collect();
        for (name, (values, attributes)) in
            names.iter().zip([(latitudes, latitude()), (longitudes, longitude())])
        {
            self.add(if bytes <= options.coordinate_bytes_max / 4 {
                coordinates::floats(name, &dimensions, shape, &values, attributes)
            } else {
                coordinates::compressed(name, &dimensions, shape, &values, attributes)
            });
        }
        self.auxiliary.extend(names);
    }
}
