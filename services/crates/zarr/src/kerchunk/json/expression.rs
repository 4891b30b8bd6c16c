//! The expressions between `{{` and `}}`: whole numbers, names, and the calls of templates.
//!
//! ```text
//! sum      product  { ("+" | "-") product }
//! product  unary    { ("*" | "//" | "%") unary }
//! unary    "-" unary | atom
//! atom     number | 'text' | name | name "(" [ name "=" sum { "," name "=" sum } ] ")" | "(" sum ")"
//! ```
//! That is what the specification's examples and kerchunk's own output need. Whatever else Jinja knows (filters,
//! attributes, conditions) is refused by name: nothing that a file says is ever run.

use super::JsonError;

/// How deep parentheses and signs may nest.
const DEPTH_MAX: usize = 32;
/// Most numbers, names and texts of one: a sum is as deep a tree as it is long, and evaluated by recursion.
const ATOMS_MAX: usize = 64;

/// One expression, taken apart once and evaluated for each reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expression {
    Integer(i64),
    Text(String),
    Name(String),
    /// A template's name and what is passed to it.
    Call(String, Vec<(String, Self)>),
    Negative(Box<Self>),
    Binary(Box<Self>, Operator, Box<Self>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    FloorDivide,
    Remainder,
}

impl Operator {
    /// The result as Python has it: division rounds down. None on overflow or division by zero.
    pub(super) fn apply(self, a: i64, b: i64) -> Option<i64> {
        match self {
            Self::Add => a.checked_add(b),
            Self::Subtract => a.checked_sub(b),
            Self::Multiply => a.checked_mul(b),
            Self::FloorDivide => {
                let quotient = a.checked_div(b)?;
                let is_between = a.checked_rem(b)? != 0 && (a < 0) != (b < 0);
                Some(if is_between { quotient - 1 } else { quotient })
            }
            Self::Remainder => {
                let remainder = a.checked_rem(b)?;
                let is_other_side = remainder != 0 && (remainder < 0) != (b < 0);
                Some(if is_other_side { remainder + b } else { remainder })
            }
        }
    }
}

impl Expression {
    /// Takes the text between two pairs of braces apart.
    pub(super) fn parse(text: &str) -> Result<Self, JsonError> {
        let mut parser = Parser { text, rest: text, depth: 0, atoms: 0 };
        let expression = parser.sum()?;
        parser.skip_blanks();
        if parser.rest.is_empty() { Ok(expression) } else { Err(parser.unsupported()) }
    }
}

struct Parser<'a> {
    text: &'a str,
    rest: &'a str,
    depth: usize,
    atoms: usize,
}

impl Parser<'_> {
    fn unsupported(&self) -> JsonError {
        JsonError::Expression(super::shortened(self.text.trim()))
    }

    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, sign: &str) -> bool {
        self.skip_blanks();
        let rest = self.rest.strip_prefix(sign);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn sum(&mut self) -> Result<Expression, JsonError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.unsupported());
        }
        let mut left = self.product()?;
        loop {
            let operator = match () {
                () if self.take("+") => Operator::Add,
                () if self.take("-") => Operator::Subtract,
                () => break,
            };
            left = Expression::Binary(Box::new(left), operator, Box::new(self.product()?));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn product(&mut self) -> Result<Expression, JsonError> {
        let mut left = self.unary()?;
        loop {
            let operator = match () {
                // Python's power, which is not multiplication twice.
                () if self.rest.trim_start().starts_with("**") => return Err(self.unsupported()),
                () if self.take("*") => Operator::Multiply,
                () if self.take("//") => Operator::FloorDivide,
                () if self.take("%") => Operator::Remainder,
                () => return Ok(left),
            };
            left = Expression::Binary(Box::new(left), operator, Box::new(self.unary()?));
        }
    }

    fn unary(&mut self) -> Result<Expression, JsonError> {
        let mut negative = false;
        while self.take("-") {
            negative = !negative;
        }
        let atom = self.atom()?;
        Ok(if negative { Expression::Negative(Box::new(atom)) } else { atom })
    }

    fn atom(&mut self) -> Result<Expression, JsonError> {
        self.atoms += 1;
        if self.atoms > ATOMS_MAX {
            return Err(self.unsupported());
        }
        self.skip_blanks();
        match self.rest.chars().next() {
            Some('0'..='9') => self.integer(),
            Some(quote @ ('\'' | '"')) => {
                let inside = &self.rest[1..];
                let end = inside.find([quote, '\\']).filter(|end| inside[*end..].starts_with(quote));
                let end = end.ok_or_else(|| self.unsupported())?;
                self.rest = &inside[end + 1..];
                Ok(Expression::Text(inside[..end].to_owned()))
            }
            Some('(') => {
                self.rest = &self.rest[1..];
                let inside = self.sum()?;
                if self.take(")") { Ok(inside) } else { Err(self.unsupported()) }
            }
            _ => {
                let name = self.name()?;
                if self.take("(") { self.call(name) } else { Ok(Expression::Name(name)) }
            }
        }
    }

    fn integer(&mut self) -> Result<Expression, JsonError> {
        let end = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at(end);
        // `1.5`, `1e3`, `0x1`, `1_000`.
        let is_whole = !rest.starts_with(|c: char| c == '.' || c == '_' || c.is_alphanumeric());
        let number = digits.parse().ok().filter(|_| is_whole).ok_or_else(|| self.unsupported())?;
        self.rest = rest;
        Ok(Expression::Integer(number))
    }

    fn name(&mut self) -> Result<String, JsonError> {
        self.skip_blanks();
        let is_inside = |c: char| c == '_' || c.is_alphanumeric();
        let end = self.rest.find(|c: char| !is_inside(c)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        if name.is_empty() || name.starts_with(|c: char| c.is_numeric()) {
            return Err(self.unsupported());
        }
        self.rest = rest;
        Ok(name.to_owned())
    }

    fn call(&mut self, name: String) -> Result<Expression, JsonError> {
        let mut arguments = Vec::new();
        while !self.take(")") {
            if !arguments.is_empty() && !self.take(",") {
                return Err(self.unsupported());
            }
            let argument = self.name()?;
            if !self.take("=") {
                return Err(self.unsupported());
            }
            arguments.push((argument, self.sum()?));
        }
        Ok(Expression::Call(name, arguments))
    }
}
