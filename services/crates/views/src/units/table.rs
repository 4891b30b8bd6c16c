//! The units that are known, and their prefixes: those of
//! [UDUNITS' database](https://docs.unidata.ucar.edu/udunits/current/udunits2lib.html#Database) that data of the Earth system
//! come in, with its numbers.
//!
//! Names are read in any case and in the plural; symbols as they are. A word is looked up as a whole first: `min` is a
//! minute, not a milli-inch.

use super::parser;
use super::unit::{BASES, Dimensions, Unit};

mod entries;

use entries::{PREFIXES, UNITS};

/// Names, symbols, and what it is in other units of the table; nothing for base units.
struct Entry {
    names: &'static [&'static str],
    symbols: &'static [&'static str],
    definition: &'static str,
}

/// The unit of a word, with a prefix or without.
pub(super) fn find(word: &str) -> Option<Unit> {
    if let Some(unit) = find_whole(word) {
        return Some(unit);
    }
    PREFIXES.iter().find_map(|(name, symbol, factor)| {
        // UDUNITS has names of prefixes before symbols of units as well, and the other way round.
        [strip_any_case(word, name), word.strip_prefix(symbol)]
            .into_iter()
            .flatten()
            .find_map(|rest| find_whole(rest)?.scaled(*factor))
    })
}

fn find_whole(word: &str) -> Option<Unit> {
    if let Some(base) = BASES.iter().position(|base| *base == word) {
        return Some(Unit { factor: 1.0, offset: 0.0, dimensions: Dimensions::base(base) });
    }
    let by_name = UNITS.iter().find(|entry| entry.names.iter().any(|name| is_name(word, name)));
    let entry = by_name.or_else(|| UNITS.iter().find(|entry| entry.symbols.contains(&word)))?;
    // No entry comes back to itself: a test reads them all.
    parser::parse(entry.definition).ok()
}

/// Whether a word is a name or its plural.
fn is_name(word: &str, name: &str) -> bool {
    let Some(ending) = strip_any_case(word, name) else {
        // henry, henries
        return name
            .strip_suffix('y')
            .and_then(|stem| strip_any_case(word, stem))
            .is_some_and(|ending| ending.eq_ignore_ascii_case("ies"));
    };
    // inch, inches; lux, luxes
    let is_sibilant = name.ends_with(['s', 'x', 'z']) || name.ends_with("ch") || name.ends_with("sh");
    ending.is_empty() || ending.eq_ignore_ascii_case(if is_sibilant { "es" } else { "s" })
}

fn strip_any_case<'a>(word: &'a str, start: &str) -> Option<&'a str> {
    let is_start = word.get(..start.len())?.eq_ignore_ascii_case(start);
    word.get(start.len()..).filter(|_| is_start)
}

#[cfg(test)]
pub(super) fn all_words() -> impl Iterator<Item = &'static str> {
    UNITS.iter().flat_map(|entry| entry.names.iter().chain(entry.symbols)).copied()
}
