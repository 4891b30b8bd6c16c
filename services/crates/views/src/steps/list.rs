//! The steps of a view, one after the other.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use crate::describe::{Description, descriptions};
use crate::error::{Fault, Reason, StepError, shortened};
use crate::escape::{Unescaped, unescape, unreserved};
use crate::keyword::unknown;
use crate::limits::{STEPS_MAX, TEXT_BYTES_MAX};
use crate::per_variable::write_list;
use crate::piece::{Piece, first_space};
use crate::steps::Step;

/// The steps of a view, at least one, in the order in which they are applied.
///
/// Its `Display` is the canonical spelling: what can be said in several ways is said in one, so that equal views have
/// equal texts. It can have a `/`, in a division or in the path of a variable: in a URL stands
/// [`unreserved`](Self::unreserved).
#[derive(Debug, Clone, PartialEq)]
pub struct Steps(Vec<Step>);

impl Steps {
    /// Reads the steps of a path segment whose percent-encoding is decoded.
    pub fn parse(raw: &str) -> Result<Self, StepError> {
        let unescaped = unescape(raw).map_err(|fault| located(fault, 0, "", |at| at))?;
        let whole = Piece { text: &unescaped.text, at: 0 };
        let place = |at| unescaped.origin(at);
        check_characters(whole).map_err(|fault| located(fault, 0, "", place))?;
        let pieces = whole.split("|");
        if pieces.len() > STEPS_MAX {
            let fault = pieces[STEPS_MAX].fault(Reason::TooMany { what: "steps", max: STEPS_MAX });
            return Err(located(fault.expected("fewer steps"), STEPS_MAX + 1, "", place));
        }
        let steps =
            pieces.iter().enumerate().map(|(index, piece)| numbered_step(&unescaped, index + 1, *piece));
        let steps = Self(steps.collect::<Result<_, _>>()?);
        if steps.to_string().len() > TEXT_BYTES_MAX {
            let reason = Reason::TooMany { what: "bytes of text", max: TEXT_BYTES_MAX };
            return Err(located(Fault::new(0, reason), 0, "", place));
        }
        Ok(steps)
    }

    /// Steps that are made by code rather than read, which answers for their being within [`limits`](crate::limits);
    /// `None` of no steps.
    pub fn new(steps: Vec<Step>) -> Option<Self> {
        if steps.is_empty() { None } else { Some(Self(steps)) }
    }

    /// The steps.
    pub fn as_slice(&self) -> &[Step] {
        &self.0
    }

    /// The canonical spelling in characters that no URL, proxy or shell changes: letters, digits and `-._~`.
    pub fn unreserved(&self) -> String {
        // The canonical spelling has one escape alone, `~~`.
        unreserved(&self.to_string().replace("~~", "~"))
    }
}

impl Display for Steps {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write_list(f, "|", &self.0)
    }
}

impl FromStr for Steps {
    type Err = StepError;

    fn from_str(text: &str) -> Result<Self, StepError> {
        Self::parse(text)
    }
}

fn numbered_step(unescaped: &Unescaped, number: usize, piece: Piece<'_>) -> Result<Step, StepError> {
    let (name, arguments) = match piece.split_once('=') {
        Some((name, arguments)) => (name, Some(arguments)),
        None => (piece, None),
    };
    step(name, arguments).map_err(|fault| located(fault, number, name.text, |at| unescaped.origin(at)))
}

fn step(name: Piece<'_>, arguments: Option<Piece<'_>>) -> Result<Step, Fault> {
    name.present("a step")
        .map_err(|fault| fault.expected("steps as name=arguments, a single | between them"))?;
    let Some(description) = descriptions().find(|description| description.name == name.text) else {
        return Err(unknown_step(name));
    };
    let example =
        || format!("{}={}, such as {}", description.name, description.arguments, description.examples[0]);
    let step = match (arguments, description.alone) {
        (None, Some(alone)) => Ok(alone()),
        (None, None) => Err(Fault::new(name.at + name.text.len(), Reason::Missing("=arguments"))),
        (Some(arguments), _) => arguments.present("an argument").and_then(description.parse),
    };
    step.map_err(|fault| if fault.expected.is_some() { fault } else { fault.expected(example()) })
}

fn unknown_step(name: Piece<'_>) -> Fault {
    let words = |description: &'static Description| {
        let synonyms = description.synonyms.iter().copied();
        std::iter::once(description.name).chain(synonyms).map(|word| (word, description.name))
    };
    let names: Vec<_> = descriptions().map(|description| description.name).collect();
    unknown(name, "step", descriptions().flat_map(words)).expected(names.join(", "))
}

/// Refuses what stands nowhere: control characters, and spaces outside of quotes.
fn check_characters(whole: Piece<'_>) -> Result<(), Fault> {
    if let Some(at) = whole.text.find(char::is_control) {
        let given = shortened(&whole.text[at..]).escape_debug().to_string();
        return Err(Fault::new(at, Reason::Unexpected(given)).expected("text without control characters"));
    }
    let Some(at) = first_space(whole.text) else { return Ok(()) };
    let right = "no space outside of 'quotes'; write ~a for a + that is decoded to a space on its way";
    Err(Fault::new(at, Reason::Unexpected(" ".to_owned())).expected(right))
}

fn located(fault: Fault, number: usize, name: &str, origin: impl Fn(usize) -> usize) -> StepError {
    StepError {
        number,
        name: shortened(name),
        offset: origin(fault.at),
        reason: fault.reason,
        expected: fault.expected.unwrap_or("a shorter text".into()),
    }
}
