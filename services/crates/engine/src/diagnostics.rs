//! Group-by diagnostics: one value for each group of places. Asked for by a path, or made variables of a dataset by its
//! administrator, `pp_{variable}_{coord}_{action}`.

mod question;

use model::{Dataset, Error, ErrorKind, NodePath, Result};
use serde::{Deserialize, Serialize};

use views::Steps;

pub use question::Question;

/// Most diagnostics of a dataset: its decoded store opens the view of each.
pub const DIAGNOSTICS_MAX: usize = 32;
/// How names of their variables begin.
pub const PREFIX: &str = "pp_";
/// How names of dimensions of bins end.
const BINS: &str = "_bins";
/// Longest name, in bytes.
const NAME_BYTES_MAX: usize = 200;

/// A diagnostic that is a variable of a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Diagnostic {
    /// The variable that it is made of.
    pub variable: String,
    /// What its groups share: `time.month`.
    pub coord: String,
    /// What is made of a group: `mean`.
    pub action: String,
}

impl Diagnostic {
    /// The name of its variable: `pp_tas_time.month_mean`.
    pub fn name(&self) -> String {
        format!("{PREFIX}{}_{}_{}", self.variable, self.coord, self.action)
    }

    /// The question that it answers, of a dataset. See [`Question::new`] for errors.
    pub fn question(&self, dataset: &Dataset) -> Result<Question> {
        Question::new(dataset, &self.variable, &self.coord, &self.action)
    }

    /// Refuses what can be no variable of the root group.
    pub fn check(&self) -> Result<()> {
        let name = self.name();
        if name.len() > NAME_BYTES_MAX {
            return Err(Error::invalid(format!(
                "the name of a diagnostic has {NAME_BYTES_MAX} bytes at most, not {}",
                name.len()
            )));
        }
        if name.contains('/') {
            return Err(Error::invalid(format!(
                "'{name}': only variables of the root group can have diagnostics"
            )));
        }
        NodePath::parse(&name).map(drop)
    }
}

/// Diagnostics with one more; as they were where it is among them. A `Conflict` where another has its name.
pub fn added(before: &[Diagnostic], new: &Diagnostic) -> Result<Vec<Diagnostic>> {
    new.check()?;
    let mut all = before.to_vec();
    match before.iter().find(|known| known.name() == new.name()) {
        Some(known) if known == new => return Ok(all),
        Some(_) => return Err(taken(&new.name())),
        None => all.push(new.clone()),
    }
    if all.len() > DIAGNOSTICS_MAX {
        return Err(Error::invalid(format!(
            "a dataset has {DIAGNOSTICS_MAX} diagnostics at most: remove one first"
        )));
    }
    Ok(all)
}

/// Diagnostics without that of a name. Not found where there is none.
pub fn removed(before: &[Diagnostic], name: &str) -> Result<Vec<Diagnostic>> {
    let rest: Vec<Diagnostic> = before.iter().filter(|known| known.name() != name).cloned().collect();
    if rest.len() == before.len() {
        let shown: String = name.chars().take(NAME_BYTES_MAX).collect();
        return Err(Error::not_found(format!("the dataset has no diagnostic '{shown}'")));
    }
    Ok(rest)
}

/// Whether a key of no array may be one of a diagnostic that was removed, or of the coordinate of its groups.
pub fn may_have_been(key: &str) -> bool {
    let name = key.split('/').next().unwrap_or_default();
    let is_part = || {
        let is_word = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase());
        is_word && Steps::parse(&format!("groupby=x.{name}:mean")).is_ok()
    };
    name.starts_with(PREFIX) || name.ends_with(BINS) || is_part()
}

/// The refusal of a name that a dataset has for something else.
pub(crate) fn taken(name: &str) -> Error {
    Error::new(ErrorKind::Conflict, format!("the dataset has another variable, group or dimension '{name}'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diagnostic(variable: &str, coord: &str, action: &str) -> Diagnostic {
        let [variable, coord, action] = [variable, coord, action].map(str::to_owned);
        Diagnostic { variable, coord, action }
    }

    #[test]
    fn names_are_those_of_the_former_server() {
        assert_eq!(diagnostic("tas", "time.month", "mean").name(), "pp_tas_time.month_mean");
    }

    #[test]
    fn what_was_removed_is_known_by_its_name() {
        for key in ["pp_tas_lat_mean/0.0", "month/0", "dayofyear/c/0", "lat_bins/0"] {
            assert!(may_have_been(key), "{key}");
        }
        for key in ["tas/0.0", "time/0", "month:mean|var=x/0", "/month/0", ""] {
            assert!(!may_have_been(key), "{key}");
        }
    }

    #[test]
    fn one_is_added_once_and_removed_by_its_name() {
        let (mean, max) = (diagnostic("tas", "time.month", "mean"), diagnostic("tas", "lat", "max"));
        let both = added(&added(&[], &mean).unwrap(), &max).unwrap();
        assert_eq!(both, [mean.clone(), max.clone()]);
        assert_eq!(added(&both, &mean).unwrap(), both);
        assert_eq!(removed(&both, "pp_tas_time.month_mean").unwrap(), [max]);
        assert_eq!(removed(&both, "tas").unwrap_err().kind, ErrorKind::NotFound);
    }

    #[test]
    fn what_can_be_no_variable_is_refused() {
        let many: Vec<_> = (0..DIAGNOSTICS_MAX).map(|n| diagnostic(&n.to_string(), "lat", "max")).collect();
        let (ambiguous, other) = (diagnostic("a", "b_c", "max"), diagnostic("a_b", "c", "max"));
        for (before, new, kind) in [
            (&[][..], diagnostic("forecast/tas", "lat", "max"), ErrorKind::InvalidRequest),
            (&[], diagnostic(&"x".repeat(200), "lat", "max"), ErrorKind::InvalidRequest),
            (&[], diagnostic("a\0", "lat", "max"), ErrorKind::InvalidRequest),
            (&[ambiguous], other, ErrorKind::Conflict),
            (&many, diagnostic("tas", "lat", "max"), ErrorKind::InvalidRequest),
        ] {
            assert_eq!(added(before, &new).unwrap_err().kind, kind, "{new:?}");
        }
    }
}
