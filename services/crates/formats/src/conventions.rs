//! What attributes say of other variables, by the CF conventions.

use std::ffi::CStr;

/// Attributes that name variables which a reader of this one needs whole.
pub(crate) const NAMING: [&CStr; 5] =
    [c"coordinates", c"bounds", c"climatology", c"grid_mapping", c"cell_measures"];

/// Names in an attribute such as `area: areacella volume: volcella`, without their groups.
pub(crate) fn names_in(text: &str) -> Vec<String> {
    text.split_whitespace()
        .filter_map(|word| word.trim_end_matches(':').rsplit('/').next())
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_name_variables_in_several_ways() {
        assert_eq!(names_in("lat lon"), ["lat", "lon"]);
        assert_eq!(names_in("area: /grid/areacella"), ["area", "areacella"]);
        assert!(names_in(" / ").is_empty());
    }
}
