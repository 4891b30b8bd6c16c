//! A piece of the text that knows where it stands, and how it is cut at separators.

use crate::error::{Fault, Reason, shortened};
use crate::limits::LIST_MAX;

/// A piece of the text without escapes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Piece<'a> {
    pub(crate) text: &'a str,
    /// The byte of the whole text at which it begins.
    pub(crate) at: usize,
}

impl Piece<'_> {
    pub(crate) fn is_empty(self) -> bool {
        self.text.is_empty()
    }

    /// Cuts at each separator outside of quotes and parentheses.
    pub(crate) fn split(self, separator: &str) -> Vec<Self> {
        let mut pieces = Vec::new();
        let mut start = 0;
        for at in outermost(self.text) {
            if at >= start && self.text[at..].starts_with(separator) {
                pieces.push(self.part(start, at));
                start = at + separator.len();
            }
        }
        pieces.push(self.part(start, self.text.len()));
        pieces
    }

    /// Cuts at the first separator outside of quotes and parentheses.
    pub(crate) fn split_once(self, separator: char) -> Option<(Self, Self)> {
        let at = outermost(self.text).find(|at| self.text[*at..].starts_with(separator))?;
        Some((self.part(0, at), self.part(at + separator.len_utf8(), self.text.len())))
    }

    /// The two parts of `first:second`.
    pub(crate) fn pair(self, first: &'static str, second: &'static str) -> Result<(Self, Self), Fault> {
        let (before, after) =
            self.split_once(':').unwrap_or((self, self.part(self.text.len(), self.text.len())));
        Ok((before.present(first)?, after.present(second)?))
    }

    /// The items of a list, none of them empty.
    pub(crate) fn list(self, separator: &str, what: &'static str) -> Result<Vec<Self>, Fault> {
        let items = self.split(separator);
        if items.len() > LIST_MAX {
            return Err(self.fault(Reason::TooMany { what: "items of a list", max: LIST_MAX }));
        }
        items.into_iter().map(|item| item.present(what)).collect()
    }

    /// Itself, unless it is empty.
    pub(crate) fn present(self, what: &'static str) -> Result<Self, Fault> {
        if self.is_empty() { Err(self.fault(Reason::Missing(what))) } else { Ok(self) }
    }

    /// What stands before and within the parentheses of `function(inside)`.
    pub(crate) fn call(self) -> Result<Option<(Self, Self)>, Fault> {
        let is_word = |before: &str| before.chars().all(|c| c.is_alphanumeric() || c == '_');
        let Some(open) = self.text.find('(').filter(|open| is_word(&self.text[..*open])) else {
            return Ok(None);
        };
        if !self.text.ends_with(')') {
            return Err(Fault::new(self.at + open, Reason::Unclosed("the parenthesis")));
        }
        Ok(Some((self.part(0, open), self.part(open + 1, self.text.len() - 1))))
    }

    pub(crate) fn fault(self, reason: Reason) -> Fault {
        Fault::new(self.at, reason)
    }

    /// A fault that says that this is not what must stand here; nothing at all is missing.
    pub(crate) fn is_not(self, what: &'static str) -> Fault {
        if self.is_empty() {
            self.fault(Reason::Missing(what))
        } else {
            self.fault(Reason::Not { what, given: shortened(self.text) })
        }
    }

    /// A fault that says that this is too small, too large or otherwise not what it may be.
    pub(crate) fn out_of(self, range: &'static str) -> Fault {
        self.fault(Reason::OutOfRange { given: shortened(self.text), range })
    }

    fn part(self, start: usize, end: usize) -> Self {
        Piece { text: &self.text[start..end], at: self.at + start }
    }
}

/// Where the characters outside of quotes and parentheses stand.
fn outermost(text: &str) -> impl Iterator<Item = usize> + '_ {
    let mut quoted = false;
    let mut depth = 0_usize;
    text.char_indices().filter_map(move |(at, character)| {
        match character {
            '\'' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth = depth.saturating_sub(1),
            _ => return (!quoted && depth == 0).then_some(at),
        }
        None
    })
}

/// The first space outside of quotes.
pub(crate) fn first_space(text: &str) -> Option<usize> {
    let mut quoted = false;
    text.char_indices().find_map(|(at, character)| {
        quoted ^= character == '\'';
        (!quoted && character.is_whitespace()).then_some(at)
    })
}

/// Refuses a second item of the same key.
pub(crate) fn distinct<K: PartialEq + ToString>(
    items: impl IntoIterator<Item = (usize, K)>,
) -> Result<(), Fault> {
    let mut seen: Vec<K> = Vec::new();
    for (at, key) in items {
        if seen.contains(&key) {
            return Err(Fault::new(at, Reason::Twice(shortened(&key.to_string()))));
        }
        seen.push(key);
    }
    Ok(())
}
