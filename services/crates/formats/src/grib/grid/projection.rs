//! Map projections (Snyder, Map Projections: A Working Manual, USGS 1987), on the sphere and the ellipsoid.

use std::f64::consts::{FRAC_PI_2, FRAC_PI_4};

use model::{AttributeValue, Attributes, Numbers};

use super::Earth;

/// How a plane lies on the globe. Angles in degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::grib) enum Projection {
    /// Latitudes and longitudes of a turned globe.
    Rotated { south_pole: (f64, f64), angle: f64 },
    /// Lambert's conformal cone.
    Lambert { earth: Earth, origin: f64, meridian: f64, parallels: (f64, f64) },
    /// Polar stereographic.
    Polar { earth: Earth, is_south: bool, parallel: f64, meridian: f64 },
    /// Mercator.
    Mercator { earth: Earth, parallel: f64, meridian: f64 },
}

impl Projection {
    /// Name of CF's grid mapping.
    pub(in crate::grib) fn name(self) -> &'static str {
        match self {
            Self::Rotated { .. } => "rotated_latitude_longitude",
            Self::Lambert { .. } => "lambert_conformal_conic",
            Self::Polar { .. } => "polar_stereographic",
            Self::Mercator { .. } => "mercator",
        }
    }

    /// Attributes of CF's grid mapping
    /// ([CF, appendix F](https://cfconventions.org/cf-conventions/cf-conventions.html#appendix-grid-mappings)).
    pub(in crate::grib) fn attributes(self) -> Attributes {
        let mut attributes = Attributes::new();
        attributes.set("grid_mapping_name", AttributeValue::Text(self.name().to_owned()));
        let mut set = |name: &str, numbers: Vec<f64>| {
            attributes.set(name, AttributeValue::Numbers(Numbers::F64(numbers)));
        };
        let earth = match self {
            Self::Rotated { south_pole: (latitude, longitude), angle } => {
                set("grid_north_pole_latitude", vec![-latitude]);
                set("grid_north_pole_longitude", vec![(longitude + 180.0).rem_euclid(360.0)]);
                set("north_pole_grid_longitude", vec![angle]);
                None
            }
            Self::Lambert { earth, origin, meridian, parallels: (first, second) } => {
                let parallels = if (first - second).abs() < 1e-9 { vec![first] } else { vec![first, second] };
                set("standard_parallel", parallels);
                set("longitude_of_central_meridian", vec![meridian]);
                set("latitude_of_projection_origin", vec![origin]);
                Some(earth)
            }
            Self::Polar { earth, is_south, parallel, meridian } => {
                set("straight_vertical_longitude_from_pole", vec![meridian]);
                set("latitude_of_projection_origin", vec![if is_south { -90.0 } else { 90.0 }]);
                set("standard_parallel", vec![if is_south { -parallel } else { parallel }]);
                Some(earth)
            }
            Self::Mercator { earth, parallel, meridian } => {
                set("longitude_of_projection_origin", vec![meridian]);
                set("standard_parallel", vec![parallel]);
                Some(earth)
            }
        };
        if let Some(earth) = earth {
            set("semi_major_axis", vec![earth.major]);
            set("semi_minor_axis", vec![earth.minor]);
        }
        attributes
    }

    /// Where a latitude and longitude lie on the plane: x and y.
    pub(in crate::grib) fn forward(self, latitude: f64, longitude: f64) -> (f64, f64) {
        match self {
            // First points of rotated grids are on the turned globe already.
            Self::Rotated { .. } => (longitude, latitude),
            Self::Lambert { earth, origin, meridian, parallels } => {
                let cone = Cone::new(earth, parallels);
                let (radius, turn) =
                    (cone.radius(latitude), cone.n * turned(longitude - meridian).to_radians());
                (radius * turn.sin(), cone.radius(origin) - radius * turn.cos())
            }
            Self::Polar { earth, is_south, parallel, meridian } => {
                let sign = if is_south { -1.0 } else { 1.0 };
                let radius = polar_scale(earth, parallel) * shrink((sign * latitude).to_radians(), earth);
                let turn = (longitude - meridian).to_radians();
                (radius * turn.sin(), -sign * radius * turn.cos())
            }
            Self::Mercator { earth, parallel, meridian } => {
                let scale = earth.major * scale(parallel.to_radians(), earth);
                let x = scale * turned(longitude - meridian).to_radians();
                (x, -scale * shrink(latitude.to_radians(), earth).ln())
            }
        }
    }

    /// What gives the latitude and longitude of a place on the plane.
    pub(in crate::grib) fn inverse(self) -> Box<dyn Fn(f64, f64) -> (f64, f64)> {
        match self {
            Self::Rotated { south_pole, angle } => Box::new(move |x, y| unrotated(y, x, south_pole, angle)),
            Self::Lambert { earth, origin, meridian, parallels } => {
                let cone = Cone::new(earth, parallels);
                let (sign, to_origin) = (cone.n.signum(), cone.radius(origin));
                Box::new(move |x, y| {
                    let below = to_origin - y;
                    let radius = sign * x.hypot(below);
                    let turn = (sign * x).atan2(sign * below);
                    let t = (radius / (earth.major * cone.f)).powf(1.0 / cone.n);
                    (unshrink(t, earth).to_degrees(), (turn / cone.n).to_degrees() + meridian)
                })
            }
            Self::Polar { earth, is_south, parallel, meridian } => {
                let (sign, scale) = (if is_south { -1.0 } else { 1.0 }, polar_scale(earth, parallel));
                Box::new(move |x, y| {
                    let t = x.hypot(y) / scale;
                    (sign * unshrink(t, earth).to_degrees(), x.atan2(-sign * y).to_degrees() + meridian)
                })
            }
            Self::Mercator { earth, parallel, meridian } => {
                let scale = earth.major * scale(parallel.to_radians(), earth);
                Box::new(move |x, y| {
                    let latitude = unshrink((-y / scale).exp(), earth);
                    (latitude.to_degrees(), (x / scale).to_degrees() + meridian)
                })
            }
        }
    }
}

/// The same longitude between -180 and 180.
fn turned(longitude: f64) -> f64 {
    (longitude + 180.0).rem_euclid(360.0) - 180.0
}

/// Snyder's m: the radius of a parallel, of an Earth of radius 1.
fn scale(latitude: f64, earth: Earth) -> f64 {
    latitude.cos() / (1.0 - (earth.eccentricity() * latitude.sin()).powi(2)).sqrt()
}

/// Snyder's t: 0 at the north pole, 1 at the equator.
fn shrink(latitude: f64, earth: Earth) -> f64 {
    let e = earth.eccentricity();
    let sin = e * latitude.sin();
    (FRAC_PI_4 - latitude / 2.0).tan() / ((1.0 - sin) / (1.0 + sin)).powf(e / 2.0)
}

/// The latitude of a t.
fn unshrink(t: f64, earth: Earth) -> f64 {
    let e = earth.eccentricity();
    let mut latitude = FRAC_PI_2 - 2.0 * t.atan();
    if e > 0.0 {
        for _ in 0..8 {
            let sin = e * latitude.sin();
            latitude = FRAC_PI_2 - 2.0 * (t * ((1.0 - sin) / (1.0 + sin)).powf(e / 2.0)).atan();
        }
    }
    latitude
}

/// Metres from the pole for each unit of t.
fn polar_scale(earth: Earth, parallel: f64) -> f64 {
    let parallel = parallel.abs().to_radians();
    if FRAC_PI_2 - parallel < 1e-9 {
        let e = earth.eccentricity();
        return 2.0 * earth.major / ((1.0 + e).powf(1.0 + e) * (1.0 - e).powf(1.0 - e)).sqrt();
    }
    earth.major * scale(parallel, earth) / shrink(parallel, earth)
}

/// A cone that cuts the globe in two parallels, or touches it in one.
struct Cone {
    earth: Earth,
    n: f64,
    f: f64,
}

impl Cone {
    fn new(earth: Earth, (first, second): (f64, f64)) -> Self {
        let (first, second) = (first.to_radians(), second.to_radians());
        let n = if (first - second).abs() < 1e-9 {
            first.sin()
        } else {
            (scale(first, earth).ln() - scale(second, earth).ln())
                / (shrink(first, earth).ln() - shrink(second, earth).ln())
        };
        let f = scale(first, earth) / (n * shrink(first, earth).powf(n));
        Self { earth, n, f }
    }

    fn radius(&self, latitude: f64) -> f64 {
        self.earth.major * self.f * shrink(latitude.to_radians(), self.earth).powf(self.n)
    }
}

/// Where a latitude and longitude of a turned globe are.
fn unrotated(
    latitude: f64,
    longitude: f64,
    (pole_latitude, pole_longitude): (f64, f64),
    angle: f64,
) -> (f64, f64) {
    let (latitude, longitude) = (latitude.to_radians(), (longitude - angle).to_radians());
    let tilt = (90.0 + pole_latitude).to_radians();
    let (x, y, z) = (latitude.cos() * longitude.cos(), latitude.cos() * longitude.sin(), latitude.sin());
    let (x, z) = (tilt.cos() * x - tilt.sin() * z, tilt.sin() * x + tilt.cos() * z);
    (z.clamp(-1.0, 1.0).asin().to_degrees(), y.atan2(x).to_degrees() + pole_longitude)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_and_globes_agree() {
        for earth in [Earth::sphere(6_371_229.0), Earth { major: 6_378_137.0, minor: 6_356_752.3 }] {
            for projection in [
                Projection::Lambert { earth, origin: 25.0, meridian: 265.0, parallels: (25.0, 25.0) },
                Projection::Lambert { earth, origin: -40.0, meridian: 10.0, parallels: (-30.0, -60.0) },
                Projection::Polar { earth, is_south: false, parallel: 60.0, meridian: 249.0 },
                Projection::Polar { earth, is_south: true, parallel: 90.0, meridian: 0.0 },
                Projection::Mercator { earth, parallel: 20.0, meridian: 0.0 },
            ] {
                let sign = match projection {
                    Projection::Polar { is_south: true, .. } => -1.0,
                    Projection::Lambert { origin, .. } => origin.signum(),
                    _ => 1.0,
                };
                let (x, y) = projection.forward(sign * 43.21, 300.0);
                let (latitude, longitude) = projection.inverse()(x, y);
                assert!((latitude - sign * 43.21).abs() < 1e-9, "{projection:?}: {latitude}");
                assert!((turned(longitude - 300.0)).abs() < 1e-9, "{projection:?}: {longitude}");
            }
        }
    }
}
