//! Levels and members as coordinates.

use model::{AttributeValue, Attributes, ScannedVariable};

use super::{
    coordinates::{self, texts},
    cube::{Members, Vertical},
};

/// Units, positive direction, standard name and words of a kind of level; ecCodes gives values in these units.
fn described(kind: &str) -> (&'static str, &'static str, &'static str, &'static str) {
    match kind {
        "isobaricInhPa" => ("hPa", "down", "air_pressure", "pressure"),
        "isobaricLayer" => ("hPa", "down", "air_pressure", "layer between two pressures"),
        "heightAboveGround" => ("m", "up", "height", "height above the surface"),
        "heightAboveGroundLayer" => ("m", "up", "height", "layer above the surface"),
        "heightAboveSea" | "heightAboveSeaLayer" => ("m", "up", "altitude", "height above mean sea level"),
        "depthBelowLand" | "depthBelowLandLayer" => ("m", "down", "depth", "soil depth"),
        "depthBelowSea" | "depthBelowSeaLayer" => ("m", "down", "depth", "depth below sea level"),
        "hybrid" | "hybridLayer" => {
            ("1", "down", "atmosphere_hybrid_sigma_pressure_coordinate", "hybrid level")
        }
        "sigma" | "sigmaLayer" => ("1", "down", "atmosphere_sigma_coordinate", "sigma level"),
        "theta" | "thetaLayer" => ("K", "up", "air_potential_temperature", "isentropic level"),
        "potentialVorticity" => ("1e-9 K m2 kg-1 s-1", "", "", "potential vorticity"),
        "isothermal" => ("K", "", "", "temperature"),
        "pressureFromGround" | "pressureFromGroundLayer" => {
            ("hPa", "up", "", "pressure difference from the ground")
        }
        "generalVertical" => ("1", "", "", "half level of a generalised vertical grid"),
        "generalVerticalLayer" => ("1", "", "", "level of a generalised vertical grid"),
        "soilLayer" => ("1", "down", "", "soil layer"),
        "snowLayer" => ("1", "", "", "snow layer"),
        "oceanModel" | "oceanModelLayer" => ("1", "down", "", "level of an ocean model"),
        _ => ("", "", "", ""),
    }
}

impl Vertical {
    /// Whether it is a dimension: a single level is a scalar.
    pub(super) fn is_dimension(&self) -> bool {
        self.levels.len() > 1
    }

    /// Its coordinate and the bounds of its layers; none where its kind says everything.
    pub(super) fn variables(&self) -> Vec<ScannedVariable> {
        if self.levels.iter().all(|(value, _)| value.is_none()) && !self.is_dimension() {
            return Vec::new();
        }
        let number = |bits: Option<u64>| bits.map_or(f64::NAN, f64::from_bits);
        let values: Vec<f64> = self.levels.iter().map(|(value, _)| number(*value)).collect();
        let name = self.name.as_str();
        let (units, positive, standard_name, long_name) = described(&self.kind);
        let mut attributes = Attributes::new();
        for (key, text) in [
            ("units", units),
            ("positive", positive),
            ("standard_name", standard_name),
            ("long_name", long_name),
        ] {
            if !text.is_empty() {
                attributes.set(key, AttributeValue::Text(text.to_owned()));
            }
        }
        attributes.set("GRIB_typeOfLevel", AttributeValue::Text(self.kind.clone()));
        let count = self.levels.len() as u64;
        let (dimensions, shape) =
            if self.is_dimension() { (vec![name], vec![count]) } else { (Vec::new(), Vec::new()) };
        let mut variables = Vec::new();
        if self.levels.iter().any(|(_, bottom)| bottom.is_some()) {
            let bounds_name = format!("{name}_bounds");
            attributes.set("bounds", AttributeValue::Text(bounds_name.clone()));
            let bounds: Vec<f64> =
                self.levels.iter().flat_map(|(top, bottom)| [number(*top), number(*bottom)]).collect();
            let dimensions = [&dimensions[..], &["bounds"]].concat();
            let shape = [&shape[..], &[2]].concat();
            variables.extend(coordinates::floats(
                &bounds_name,
                &dimensions,
                &shape,
                &bounds,
                Attributes::new(),
            ));
        }
        variables.extend(coordinates::floats(name, &dimensions, &shape, &values, attributes));
        variables
    }
}

impl Members {
    /// Whether it is a dimension.
    pub(super) fn is_dimension(&self) -> bool {
        self.numbers.len() > 1
    }

    /// Its coordinate; none where no message has a member's number.
    pub(super) fn variable(&self) -> Option<ScannedVariable> {
        if self.numbers == [None] {
            return None;
        }
        let numbers: Vec<i64> =
            self.numbers.iter().map(|number| number.map_or(-1, |number| number as i64)).collect();
        let attributes = texts(&[
            ("units", "1"),
            ("standard_name", "realization"),
            ("long_name", "ensemble member numerical id"),
        ]);
        let (dimensions, shape) = if self.is_dimension() {
            (vec![self.name.as_str()], vec![numbers.len() as u64])
        } else {
            (Vec::new(), Vec::new())
        };
        coordinates::integers(&self.name, &dimensions, &shape, &numbers, attributes)
    }
}
