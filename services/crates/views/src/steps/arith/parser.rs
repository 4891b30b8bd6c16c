//! Text to tree: recursive descent, bounded in depth and size.
//!
//! ```text
//! sum     = product { ("+" | "-") product }
//! product = factor { ("*" | "/") factor }
//! factor  = "-" factor | number | variable | function "(" sum { "," sum } ")" | "(" sum ")"
//! ```

use super::expression::{Expression, Function, Operator};
use crate::error::{Fault, Reason, shortened};
use crate::keyword::Keyword;
use crate::limits::{EXPRESSION_DEPTH_MAX, EXPRESSION_NODES_MAX};
use crate::name::is_word_character;
use crate::number::unsigned_length;
use crate::piece::Piece;

/// Reads an expression.
pub(super) fn parse(piece: Piece<'_>) -> Result<Expression, Fault> {
    let mut parser = Parser { piece, position: 0, depth: 0, nodes: 0 };
    let expression = parser.sum()?;
    if parser.rest().is_empty() {
        Ok(expression)
    } else {
        Err(parser.unexpected("+, -, *, / or the end of the expression"))
    }
}

struct Parser<'a> {
    piece: Piece<'a>,
    /// In the text of the piece.
    position: usize,
    depth: usize,
    nodes: usize,
}

impl<'a> Parser<'a> {
    fn sum(&mut self) -> Result<Expression, Fault> {
        let mut left = self.product()?;
        while let Some(operator) = self.operator(|operator| !operator.is_product()) {
            left = self.binary(operator, left, Self::product)?;
        }
        Ok(left)
    }

    fn product(&mut self) -> Result<Expression, Fault> {
        let mut left = self.factor()?;
        while let Some(operator) = self.operator(Operator::is_product) {
            left = self.binary(operator, left, Self::factor)?;
        }
        Ok(left)
    }

    fn binary(
        &mut self,
        operator: Operator,
        left: Expression,
        next: fn(&mut Self) -> Result<Expression, Fault>,
    ) -> Result<Expression, Fault> {
        self.count()?;
        let right = next(self)?;
        Ok(Expression::Binary(operator, Box::new(left), Box::new(right)))
    }

    fn factor(&mut self) -> Result<Expression, Fault> {
        self.depth += 1;
        if self.depth > EXPRESSION_DEPTH_MAX {
            return Err(self.too_many("levels of an expression", EXPRESSION_DEPTH_MAX));
        }
        let factor = self.bounded_factor();
        self.depth -= 1;
        factor
    }

    fn bounded_factor(&mut self) -> Result<Expression, Fault> {
        if self.takes('-') {
            self.count()?;
            return self.factor().map(|inner| Expression::Negate(Box::new(inner)));
        }
        if self.takes('(') {
            let inner = self.sum()?;
            self.closes()?;
            return Ok(inner);
        }
        self.count()?;
        let rest = self.rest();
        if rest.starts_with('\'') {
            return self.take(quoted_length(rest)).name("a variable").map(Expression::Variable);
        }
        if rest.starts_with(|first: char| first.is_ascii_digit()) {
            return self.take(unsigned_length(rest)).number().map(Expression::Number);
        }
        let is_word = rest.starts_with(|first: char| is_word_character(first) && !first.is_numeric());
        if !is_word {
            return Err(self.unexpected("a number, a variable, a function, - or ("));
        }
        let word = self.take(rest.find(|c| !is_word_character(c)).unwrap_or(rest.len()));
        if self.takes('(') { self.call(word) } else { word.name("a variable").map(Expression::Variable) }
    }

    /// The arguments of a function whose parenthesis is open.
    fn call(&mut self, word: Piece<'a>) -> Result<Expression, Fault> {
        let function = Function::read(word)?;
        let (least, most) = function.arity();
        let mut arguments = vec![self.sum()?];
        while self.takes(',') {
            arguments.push(self.sum()?);
        }
        if !(least..=most).contains(&arguments.len()) {
            let right = if least == most { format!("{least}") } else { format!("{least} to {most}") };
            let given = format!("{function} of {}", arguments.len());
            let reason = Reason::OutOfRange { given, range: "a function takes its number of arguments" };
            return Err(word.fault(reason).expected(format!("{right} arguments of {function}")));
        }
        self.closes()?;
        Ok(Expression::Call(function, arguments))
    }

    fn operator(&mut self, is_wanted: fn(Operator) -> bool) -> Option<Operator> {
        let operator = Operator::find(self.rest().get(..1)?).filter(|operator| is_wanted(*operator))?;
        self.position += 1;
        Some(operator)
    }

    fn takes(&mut self, character: char) -> bool {
        let is_next = self.rest().starts_with(character);
        self.position += if is_next { character.len_utf8() } else { 0 };
        is_next
    }

    fn closes(&mut self) -> Result<(), Fault> {
        if self.takes(')') {
            return Ok(());
        }
        if self.rest().is_empty() {
            return Err(self.here().fault(Reason::Unclosed("the parenthesis")).expected(")"));
        }
        Err(self.unexpected("+, -, *, /, a comma between arguments, or )"))
    }

    fn take(&mut self, length: usize) -> Piece<'a> {
        let taken = Piece { text: &self.rest()[..length], at: self.here().at };
        self.position += length;
        taken
    }

    fn rest(&self) -> &'a str {
        &self.piece.text[self.position..]
    }

    fn here(&self) -> Piece<'a> {
        Piece { text: self.rest(), at: self.piece.at + self.position }
    }

    fn count(&mut self) -> Result<(), Fault> {
        self.nodes += 1;
        if self.nodes > EXPRESSION_NODES_MAX {
            Err(self.too_many("parts of an expression", EXPRESSION_NODES_MAX))
        } else {
            Ok(())
        }
    }

    fn too_many(&self, what: &'static str, max: usize) -> Fault {
        self.here().fault(Reason::TooMany { what, max }).expected("several arith= steps")
    }

    fn unexpected(&self, right: &'static str) -> Fault {
        let here = self.here();
        let reason = if here.is_empty() {
            Reason::Missing("the rest of the expression")
        } else {
            Reason::Unexpected(shortened(here.text))
        };
        here.fault(reason).expected(right)
    }
}

/// How long a quoted name at the beginning is, with its quotes; all of it if it is not closed.
fn quoted_length(rest: &str) -> usize {
    let mut from = 1;
    while let Some(quote) = rest[from..].find('\'') {
        let after = from + quote + 1;
        if !rest[after..].starts_with('\'') {
            return after;
        }
        from = after + 1;
    }
    rest.len()
}
