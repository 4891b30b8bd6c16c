//! Named views of a dataset: steps that its administrator gave a name, `/datasets/{id}/views/{name}`.

use std::collections::BTreeMap;

use model::{Error, Result};

/// Steps by name, as they were written.
pub type NamedViews = BTreeMap<String, String>;

/// Most named views of a dataset.
pub const VIEWS_MAX: usize = 100;
/// Longest name, in bytes.
pub const NAME_BYTES_MAX: usize = 100;

/// Refuses names that are none and steps that are none, with the reason. Empty steps take a name away.
pub fn check(given: &NamedViews) -> Result<()> {
    if given.len() > VIEWS_MAX {
        return Err(too_many(given.len()));
    }
    for (name, steps) in given {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
        // Clients take one or two dots out of a path.
        let is_name = !name.is_empty() && name.bytes().all(is_plain) && ![".", ".."].contains(&name.as_str());
        if !is_name || name.len() > NAME_BYTES_MAX {
            let shown: String = name.chars().take(NAME_BYTES_MAX).collect();
            return Err(Error::invalid(format!(
                "'{shown}' is no name of a view: it has 1 to {NAME_BYTES_MAX} letters, digits and _.- alone"
            )));
        }
        if !steps.is_empty() {
            crate::encoding::parse(steps)
                .map_err(|error| Error { message: format!("{name}: {}", error.message), ..error })?;
        }
    }
    Ok(())
}

/// The views of a new version: those of the version before, with what is given in place of those of the same names.
pub fn merged(mut before: NamedViews, given: &NamedViews) -> Result<NamedViews> {
    before.extend(given.clone());
    before.retain(|_, steps| !steps.is_empty());
    if before.len() > VIEWS_MAX { Err(too_many(before.len())) } else { Ok(before) }
}

fn too_many(count: usize) -> Error {
    Error::invalid(format!("a dataset has {VIEWS_MAX} named views at most, not {count}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn views(all: &[(&str, &str)]) -> NamedViews {
        all.iter().map(|(name, steps)| ((*name).to_owned(), (*steps).to_owned())).collect()
    }

    #[test]
    fn what_is_no_name_or_no_view_is_refused_with_the_reason() {
        check(&views(&[("Monthly_mean-1.0", "resample=time:MS:mean"), ("old", "")])).unwrap();
        let long = "x".repeat(101);
        for (name, steps, word) in [
            ("", "var=t", "no name"),
            ("a/b", "var=t", "no name"),
            ("..", "var=t", "no name"),
            ("é", "", "no name"),
            (&*long, "var=t", "no name"),
            ("m", "resmaple=time:MS:mean", "m: view: step 1"),
        ] {
            let error = check(&views(&[(name, steps)])).unwrap_err();
            assert!(error.message.contains(word), "{}", error.message);
        }
        let many: NamedViews = (0..101).map(|number| (number.to_string(), "var=t".to_owned())).collect();
        assert!(check(&many).is_err());
    }

    #[test]
    fn what_is_given_replaces_adds_and_takes_away() {
        let before = views(&[("a", "var=t"), ("b", "var=u"), ("c", "var=v")]);
        let made = merged(before, &views(&[("a", ""), ("b", "var=w"), ("d", "var=x"), ("e", "")])).unwrap();
        assert_eq!(made, views(&[("b", "var=w"), ("c", "var=v"), ("d", "var=x")]));
        let full: NamedViews = (0..100).map(|number| (number.to_string(), "var=t".to_owned())).collect();
        assert!(merged(full.clone(), &views(&[("more", "var=t")])).is_err());
        assert_eq!(merged(full, &views(&[("more", "var=t"), ("0", "")])).unwrap().len(), 100);
    }
}
