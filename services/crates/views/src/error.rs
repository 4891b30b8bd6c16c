//! Why a text is no view: which step, which byte, what is wrong, and what would be right.

use std::borrow::Cow;

/// The longest piece of somebody's text that is repeated in an error.
const GIVEN_CHARS_MAX: usize = 60;

/// A text that is no view.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{}byte {offset}: {reason}; right would be: {expected}", self.step())]
pub struct StepError {
    /// The step's place, from 1; 0 where the text as a whole is at fault.
    pub number: usize,
    /// The step's name as it was given.
    pub name: String,
    /// The byte of the text as it was given, escapes unread, at which the fault begins.
    pub offset: usize,
    /// What is wrong.
    pub reason: Reason,
    /// What would be right, in words or as an example.
    pub expected: Cow<'static, str>,
}

impl StepError {
    fn step(&self) -> String {
        if self.number == 0 { String::new() } else { format!("step {} ({:?}), ", self.number, self.name) }
    }
}

/// What is wrong with a step.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// Nothing stands where something must.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// Something else stands there.
    #[error("{given:?} is not {what}")]
    Not {
        /// What must stand there.
        what: &'static str,
        /// What does.
        given: String,
    },
    /// A name that is not in a fixed list.
    #[error("there is no {what} {given:?}{}", nearest.map(|name| format!(", did you mean {name:?}?")).unwrap_or_default())]
    Unknown {
        /// What the list is of.
        what: &'static str,
        /// The name.
        given: String,
        /// The name that was probably meant.
        nearest: Option<&'static str>,
    },
    /// A dimension, variable or value a second time.
    #[error("{0:?} stands there twice")]
    Twice(String),
    /// A number or date beyond what it may be.
    #[error("{given} is out of range: {range}")]
    OutOfRange {
        /// The number.
        given: String,
        /// What it may be.
        range: &'static str,
    },
    /// A range that ends before it begins, or has nothing in it.
    #[error("{0:?} selects nothing")]
    Nothing(String),
    /// A range without ends.
    #[error("{0:?} selects everything")]
    Everything(String),
    /// More than a limit allows.
    #[error("more than {max} {what}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        max: usize,
    },
    /// Characters that cannot stand there.
    #[error("{0:?} cannot stand here")]
    Unexpected(String),
    /// A `~` with something after it that is no escape.
    #[error("{0:?} is no escape")]
    Escape(String),
    /// A quote or parenthesis that is opened and not closed.
    #[error("{0} is not closed")]
    Unclosed(&'static str),
}

/// A reason and where it is, before the step is known.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fault {
    /// In the text whose escapes are read.
    pub(crate) at: usize,
    pub(crate) reason: Reason,
    /// An example of the step is taken where nothing better is known.
    pub(crate) expected: Option<Cow<'static, str>>,
}

impl Fault {
    pub(crate) fn new(at: usize, reason: Reason) -> Self {
        Self { at, reason, expected: None }
    }

    pub(crate) fn expected(self, expected: impl Into<Cow<'static, str>>) -> Self {
        Self { expected: Some(expected.into()), ..self }
    }
}

/// Somebody's text, short enough to repeat.
pub(crate) fn shortened(text: &str) -> String {
    match text.char_indices().nth(GIVEN_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
