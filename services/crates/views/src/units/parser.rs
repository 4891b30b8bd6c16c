//! Text to unit: recursive descent, bounded in depth and size.
//!
//! ```text
//! shifted = product [ "@" number ]
//! product = power { [ "." | "*" | "·" | "-" | "/" | "per" ] power }     from the left: K/s m is K m s-1
//! power   = factor [ [ "^" | "**" ] whole number | superscripts ]       no space within
//! factor  = number | word | "(" shifted ")"
//! ```
//! That is [UDUNITS' grammar](https://docs.unidata.ucar.edu/udunits/current/udunits2lib.html#Grammar) without logarithms,
//! times, and negative factors but for the first: it reads `m -2` as twice the opposite of a metre, which nobody means.

use super::UnitsError;
use super::table;
use super::unit::Unit;
use crate::error::shortened;
use crate::limits::NAME_BYTES_MAX;

/// How deep parentheses may nest.
const DEPTH_MAX: usize = 16;
/// The highest power, up or down.
const POWER_MAX: i16 = 99;
/// Superscripts and what they are.
const SUPERSCRIPTS: [(char, char); 12] = [
    ('⁰', '0'),
    ('¹', '1'),
    ('²', '2'),
    ('³', '3'),
    ('⁴', '4'),
    ('⁵', '5'),
    ('⁶', '6'),
    ('⁷', '7'),
    ('⁸', '8'),
    ('⁹', '9'),
    ('⁻', '-'),
    ('⁺', '+'),
];

/// Reads units.
pub(super) fn parse(text: &str) -> Result<Unit, UnitsError> {
    if text.len() > NAME_BYTES_MAX || text.trim().is_empty() {
        return Err(UnitsError::Length);
    }
    let mut parser = Parser { text, rest: text.trim(), depth: 0 };
    let unit = parser.shifted()?;
    if parser.rest.is_empty() { Ok(unit) } else { Err(parser.unreadable()) }
}

struct Parser<'a> {
    text: &'a str,
    /// What is not read yet.
    rest: &'a str,
    depth: usize,
}

impl Parser<'_> {
    fn shifted(&mut self) -> Result<Unit, UnitsError> {
        let unit = self.product()?;
        if !self.takes_operator("@") {
            return Ok(unit);
        }
        if unit.dimensions.is_time() {
            return Err(UnitsError::TimeReference(shortened(self.text)));
        }
        let by = self.number().ok_or_else(|| self.unreadable())?;
        self.fitting(unit.shifted(by))
    }

    fn product(&mut self) -> Result<Unit, UnitsError> {
        let mut product = self.power()?;
        while let Some(power) = self.operator() {
            let factor = self.power()?;
            product = self.fitting(product.times(factor, power))?;
        }
        Ok(product)
    }

    /// The power of what follows: 1 for a product, -1 for a quotient, none at the end of a product.
    fn operator(&mut self) -> Option<i16> {
        if self.takes_operator("/") || self.takes_per() {
            return Some(-1);
        }
        // A hyphen before a letter multiplies (kg-m), and so does a point, but not that of a number (m .5).
        let next = self.rest.trim_start();
        let mut after = next.chars().skip(1);
        let is_product = match (next.chars().next()?, after.next()) {
            ('*' | '·' | '⋅', _) => true,
            ('.', second) => !second.is_some_and(|second| second.is_ascii_digit()),
            ('-', second) => second.is_some_and(char::is_alphabetic),
            (')' | '@', _) => return None,
            _ => {
                self.rest = next;
                return Some(1);
            }
        };
        if is_product {
            let mut characters = next.chars();
            characters.next();
            self.rest = characters.as_str().trim_start();
        }
        Some(1)
    }

    fn takes_per(&mut self) -> bool {
        let next = self.rest.trim_start();
        let is_per = next.get(..4).is_some_and(|word| word.eq_ignore_ascii_case("per "));
        if is_per {
            self.rest = next.get(4..).unwrap_or_default().trim_start();
        }
        is_per
    }

    fn power(&mut self) -> Result<Unit, UnitsError> {
        let factor = self.factor()?;
        let power = self.exponent()?;
        self.fitting(factor.power(power))
    }

    fn factor(&mut self) -> Result<Unit, UnitsError> {
        if self.takes("(") {
            return self.parenthesis();
        }
        let is_first = self.rest.len() == self.text.trim().len();
        let sign = if is_first && self.takes("-") { -1.0 } else { 1.0 };
        if self.rest.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
            let number = self.number().ok_or_else(|| self.unreadable())?;
            return self.fitting(Unit::number(sign).scaled(number));
        }
        if sign < 0.0 {
            return Err(self.unreadable());
        }
        let word = word(self.rest);
        if word.is_empty() {
            return Err(self.unreadable());
        }
        if word.eq_ignore_ascii_case("since") {
            return Err(UnitsError::TimeReference(shortened(self.text)));
        }
        let unit = table::find(word)
            .ok_or_else(|| UnitsError::Unknown { units: shortened(self.text), unit: shortened(word) })?;
        self.skip(word.len());
        Ok(unit)
    }

    fn parenthesis(&mut self) -> Result<Unit, UnitsError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.unreadable());
        }
        self.rest = self.rest.trim_start();
        let inside = self.shifted()?;
        self.depth -= 1;
        if self.takes_operator(")") { Ok(inside) } else { Err(self.unreadable()) }
    }

    /// The power that follows a factor; 1 if none does.
    fn exponent(&mut self) -> Result<i16, UnitsError> {
        let start = self.rest;
        let is_raised = self.takes("^") || self.takes("**");
        let superscripts = self.rest.chars().map_while(superscript);
        let raised: String = superscripts.collect();
        let (digits, length) = if raised.is_empty() || is_raised {
            let length = whole_length(self.rest);
            (self.rest.get(..length).unwrap_or_default().to_owned(), length)
        } else {
            let length = self.rest.find(|c| superscript(c).is_none()).unwrap_or(self.rest.len());
            (raised, length)
        };
        if digits.is_empty() && !is_raised {
            return Ok(1);
        }
        let Ok(power) = digits.parse::<i16>() else {
            self.rest = start;
            return Err(self.unreadable());
        };
        if power.abs() > POWER_MAX {
            return Err(UnitsError::OutOfRange(shortened(self.text)));
        }
        self.skip(length);
        Ok(power)
    }

    /// An unsigned number: digits, a point among them, an exponent.
    fn number(&mut self) -> Option<f64> {
        let bytes = self.rest.as_bytes();
        let digits = |from: usize| bytes.iter().skip(from).take_while(|byte| byte.is_ascii_digit()).count();
        let mut length = digits(0);
        if bytes.get(length) == Some(&b'.') {
            length += 1 + digits(length + 1);
        }
        if matches!(bytes.get(length), Some(b'e' | b'E')) {
            let start = length + 1 + usize::from(matches!(bytes.get(length + 1), Some(b'+' | b'-')));
            length = if digits(start) > 0 { start + digits(start) } else { length };
        }
        let number = self.rest.get(..length)?.parse().ok()?;
        self.skip(length);
        Some(number)
    }

    fn takes(&mut self, token: &str) -> bool {
        let rest = self.rest.strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// The same, with spaces around it.
    fn takes_operator(&mut self, token: &str) -> bool {
        let rest = self.rest.trim_start().strip_prefix(token);
        self.rest = match rest {
            // What follows a parenthesis may be its power: that has no space before it.
            Some(rest) if token == ")" => rest,
            Some(rest) => rest.trim_start(),
            None => self.rest,
        };
        rest.is_some()
    }

    fn skip(&mut self, length: usize) {
        self.rest = self.rest.get(length..).unwrap_or_default();
    }

    fn fitting(&self, unit: Option<Unit>) -> Result<Unit, UnitsError> {
        unit.ok_or_else(|| UnitsError::OutOfRange(shortened(self.text)))
    }

    fn unreadable(&self) -> UnitsError {
        UnitsError::Unreadable { units: shortened(self.text), rest: shortened(self.rest.trim_start()) }
    }
}

/// The word at the beginning. Digits are part of it before a letter (`H2O`), else a power.
fn word(text: &str) -> &str {
    let end = text.find(|c: char| !is_letter(c) && !c.is_ascii_digit()).unwrap_or(text.len());
    text.get(..end).unwrap_or_default().trim_end_matches(|c: char| c.is_ascii_digit())
}

fn is_letter(character: char) -> bool {
    character.is_alphabetic() || "_%°℃℉'\"′″".contains(character)
}

/// How long a whole number at the beginning is, with a sign.
fn whole_length(text: &str) -> usize {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let digits = unsigned.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 { 0 } else { text.len() - unsigned.len() + digits }
}

fn superscript(character: char) -> Option<char> {
    SUPERSCRIPTS.iter().find(|(raised, _)| *raised == character).map(|(_, plain)| *plain)
}
