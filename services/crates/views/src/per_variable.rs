//! A setting for all variables, or for each of some.

use std::fmt::{self, Display, Formatter};

use crate::error::Fault;
use crate::name::Name;
use crate::piece::{Piece, distinct};

/// A setting for all variables that it can apply to, or for each of those named; others stay as they are.
#[derive(Debug, Clone, PartialEq)]
pub enum PerVariable<T> {
    /// One for all.
    All(T),
    /// Variables and their settings, in the order given.
    Each(Vec<(Name, T)>),
}

impl<T: Display> Display for PerVariable<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(setting) => setting.fmt(f),
            Self::Each(settings) => write_pairs(f, settings),
        }
    }
}

impl<T> PerVariable<T> {
    /// Reads `setting` or `variable:setting,…`, of a setting that has `parts` parts itself.
    pub(crate) fn parse(
        arguments: Piece<'_>,
        parts: usize,
        setting: impl Fn(Piece<'_>) -> Result<T, Fault>,
    ) -> Result<Self, Fault> {
        let is_for_all = arguments.split(",").len() == 1 && arguments.split(":").len() <= parts;
        if is_for_all {
            return setting(arguments).map(Self::All);
        }
        pairs(arguments, "a variable", "its setting", setting).map(Self::Each)
    }
}

/// Reads `name:value,…`, no name twice.
pub(crate) fn pairs<'a, T>(
    arguments: Piece<'a>,
    key: &'static str,
    what: &'static str,
    value: impl Fn(Piece<'a>) -> Result<T, Fault>,
) -> Result<Vec<(Name, T)>, Fault> {
    let mut found = Vec::new();
    let mut places = Vec::new();
    for item in arguments.list(",", key)? {
        let (name, given) = item.pair(key, what)?;
        found.push((name.name(key)?, value(given)?));
        places.push(name.at);
    }
    distinct(places.into_iter().zip(found.iter().map(|(name, _)| name)))?;
    Ok(found)
}

/// Writes `name:value,…`.
pub(crate) fn write_pairs<T: Display>(f: &mut Formatter<'_>, pairs: &[(Name, T)]) -> fmt::Result {
    for (number, (name, value)) in pairs.iter().enumerate() {
        let comma = if number == 0 { "" } else { "," };
        write!(f, "{comma}{name}:{value}")?;
    }
    Ok(())
}

/// Writes items with a separator between them.
pub(crate) fn write_list<T: Display>(
    f: &mut Formatter<'_>,
    separator: &str,
    items: impl IntoIterator<Item = T>,
) -> fmt::Result {
    for (number, item) in items.into_iter().enumerate() {
        let separator = if number == 0 { "" } else { separator };
        write!(f, "{separator}{item}")?;
    }
    Ok(())
}
