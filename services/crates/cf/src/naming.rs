//! Attributes that name other variables: coordinates, bounds, and what else says where and of what values are.

/// Attributes whose text names variables, alone or behind a word and a colon
/// ([CF, appendix A](https://cfconventions.org/cf-conventions/cf-conventions.html#attribute-appendix)).
pub const NAMING: [&str; 8] = [
    "bounds",
    "cell_measures",
    "climatology",
    "coordinates",
    "formula_terms",
    "geometry",
    "grid_mapping",
    "mesh",
];

/// The names of the variables that a variable's attributes name, given a look-up of its attributes that are text. Words
/// that end with a colon (`area: cell_area`) say what for; of a path, its last part is the name.
pub fn named_variables<'a>(text: impl Fn(&str) -> Option<&'a str>) -> impl Iterator<Item = &'a str> {
    let texts: Vec<&str> = NAMING.iter().filter_map(|name| text(name)).collect();
    let words = texts.into_iter().flat_map(str::split_whitespace).filter(|word| !word.ends_with(':'));
    words.map(|word| word.rsplit_once('/').map_or(word, |(_, name)| name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_and_roles_are_not() {
        let text = |name: &str| match name {
            "coordinates" => Some("lat /grid/lon"),
            "cell_measures" => Some("area: areacella"),
            _ => None,
        };
        assert_eq!(named_variables(text).collect::<Vec<_>>(), ["areacella", "lat", "lon"]);
    }
}
