//! Horizontal coordinates, told by their attributes
//! ([CF §4.1, §4.2](https://cfconventions.org/cf-conventions/cf-conventions.html#latitude-coordinate)).

const NORTH: [&str; 6] = ["degrees_north", "degree_north", "degree_N", "degrees_N", "degreeN", "degreesN"];
const EAST: [&str; 6] = ["degrees_east", "degree_east", "degree_E", "degrees_E", "degreeE", "degreesE"];

/// Whether a variable holds latitudes, given a look-up of its attributes that are text.
pub fn is_latitude<'a>(text: impl Fn(&str) -> Option<&'a str>) -> bool {
    NORTH.contains(&text("units").unwrap_or_default()) || text("standard_name") == Some("latitude")
}

/// Whether a variable holds longitudes.
pub fn is_longitude<'a>(text: impl Fn(&str) -> Option<&'a str>) -> bool {
    EAST.contains(&text("units").unwrap_or_default()) || text("standard_name") == Some("longitude")
}

/// Whether a variable's angles are in radians, as ICON's are.
pub fn is_in_radians<'a>(text: impl Fn(&str) -> Option<&'a str>) -> bool {
    matches!(text("units"), Some("radian" | "radians" | "rad"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_or_a_standard_name_tell() {
        let units = |units: &'static str| move |name: &str| (name == "units").then_some(units);
        assert!(is_latitude(units("degrees_north")) && !is_longitude(units("degrees_north")));
        assert!(is_longitude(units("degreeE")) && !is_latitude(units("degreeE")));
        assert!(!is_latitude(units("degrees")) && is_in_radians(units("radian")));
        let named = |name: &str| match name {
            "standard_name" => Some("longitude"),
            "units" => Some("radian"),
            _ => None,
        };
        assert!(is_longitude(named) && is_in_radians(named));
    }
}
