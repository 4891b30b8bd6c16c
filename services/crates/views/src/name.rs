//! Names of variables, dimensions and coordinates, and how they are quoted.

use std::fmt::{self, Display, Formatter};

use crate::error::{Fault, Reason};
use crate::limits::NAME_BYTES_MAX;
use crate::piece::Piece;

/// A name as the dataset has it, `/` between the groups and the variable. Never empty, at most
/// [`NAME_BYTES_MAX`] bytes, without control characters.
///
/// It is spelled as it is if it begins with a letter, digit or `_` and has only those, `-`, `.` and `/`; any other stands
/// in single quotes, with `''` for a quote.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(String);

impl Name {
    /// A name, if the text can be one.
    pub fn new(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        let fits = !text.is_empty() && text.len() <= NAME_BYTES_MAX && !text.chars().any(char::is_control);
        fits.then_some(Self(text))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A name of which `-`, `.` and `/` would mean something else: quoted if it has any.
    pub(crate) fn as_word(&self) -> Word<'_> {
        Word(self)
    }
}

impl Display for Name {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if is_bare(&self.0) { f.write_str(&self.0) } else { Quoted(&self.0).fmt(f) }
    }
}

/// A [`Name`] spelled where operators or parts of times follow it.
pub(crate) struct Word<'a>(&'a Name);

impl Display for Word<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let name = self.0.as_str();
        let is_word = !name.starts_with(|c: char| c.is_numeric()) && name.chars().all(is_word_character);
        if is_word { f.write_str(name) } else { Quoted(name).fmt(f) }
    }
}

/// A text in quotes.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "'{}'", self.0.replace('\'', "''").replace('~', "~~"))
    }
}

/// Whether a name needs no quotes.
pub(crate) fn is_bare(text: &str) -> bool {
    text.starts_with(is_word_character)
        && text.chars().all(|c| is_word_character(c) || matches!(c, '-' | '.' | '/'))
}

/// What a name in an expression is made of.
pub(crate) fn is_word_character(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

impl Piece<'_> {
    /// A name, quoted or not.
    pub(crate) fn name(self, what: &'static str) -> Result<Name, Fault> {
        self.present(what)?;
        let text = match self.unquoted()? {
            Some(text) => text,
            None if is_bare(self.text) => self.text.to_owned(),
            None => {
                return Err(self
                    .is_not(what)
                    .expected("letters, digits, _, -, . and /; or any name in 'quotes'"));
            }
        };
        Name::new(text).ok_or_else(|| self.name_fault(what))
    }

    /// Names without repetition.
    pub(crate) fn names(self, what: &'static str) -> Result<Vec<Name>, Fault> {
        let pieces = self.list(",", what)?;
        let names = pieces.iter().map(|piece| piece.name(what)).collect::<Result<Vec<_>, _>>()?;
        crate::piece::distinct(pieces.iter().map(|piece| piece.at).zip(&names))?;
        Ok(names)
    }

    /// The text in the quotes that all of this stands in.
    pub(crate) fn unquoted(self) -> Result<Option<String>, Fault> {
        let Some(inside) = self.text.strip_prefix('\'') else { return Ok(None) };
        let Some(inside) = inside.strip_suffix('\'') else {
            return Err(self.fault(Reason::Unclosed("the quote")));
        };
        // Quotes within quotes come in twos.
        if inside.replace("''", "").contains('\'') {
            Err(self.fault(Reason::Unclosed("the quote")).expected("'' for a quote within quotes"))
        } else {
            Ok(Some(inside.replace("''", "'")))
        }
    }

    /// A fault of a text that is too long or empty for a name.
    pub(crate) fn name_fault(self, what: &'static str) -> Fault {
        if self.text.len() > NAME_BYTES_MAX {
            self.fault(Reason::TooMany { what: "bytes of a name", max: NAME_BYTES_MAX })
        } else {
            self.fault(Reason::Missing(what))
        }
    }
}
