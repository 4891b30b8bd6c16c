//! Numbers: how they are read, and their shortest spelling.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use crate::error::Fault;
use crate::piece::Piece;

/// A number in the shorter of its two shortest spellings: 1000, not 1e3; 1e300, not 301 digits.
pub(crate) struct Number(pub(crate) f64);

impl Display for Number {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (plain, scientific) = (format!("{}", self.0), format!("{:e}", self.0));
        f.write_str(if plain.len() <= scientific.len() { &plain } else { &scientific })
    }
}

/// How many bytes at the beginning of a text are a number: digits, perhaps a point and digits, perhaps an exponent.
pub(crate) fn unsigned_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digits = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut length = digits(0);
    if length == 0 {
        return 0;
    }
    if bytes.get(length) == Some(&b'.') && digits(length + 1) > 0 {
        length += 1 + digits(length + 1);
    }
    if matches!(bytes.get(length), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(length + 1), Some(b'+' | b'-')));
        let start = length + 1 + sign;
        if start < bytes.len() && digits(start) > 0 {
            length = start + digits(start);
        }
    }
    length
}

impl Piece<'_> {
    /// A finite number; a negative zero is zero.
    pub(crate) fn number(self) -> Result<f64, Fault> {
        let unsigned = self.text.strip_prefix('-').unwrap_or(self.text);
        if unsigned.is_empty() || unsigned_length(unsigned) != unsigned.len() {
            return Err(self.is_not("a number"));
        }
        let number = self.text.parse::<f64>().ok().filter(|number| number.is_finite());
        // Adding zero takes the sign of a negative zero away.
        number.map(|number| number + 0.0).ok_or_else(|| self.out_of("a double-precision number"))
    }

    /// A number that passes a test.
    pub(crate) fn number_if(self, range: &'static str, test: impl Fn(f64) -> bool) -> Result<f64, Fault> {
        let number = self.number()?;
        if test(number) { Ok(number) } else { Err(self.out_of(range)) }
    }

    /// A whole number that passes a test.
    pub(crate) fn whole<T: FromStr>(
        self,
        range: &'static str,
        test: impl Fn(&T) -> bool,
    ) -> Result<T, Fault> {
        let digits = self.text.strip_prefix('-').unwrap_or(self.text);
        if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(self.is_not("a whole number"));
        }
        self.text.parse().ok().filter(test).ok_or_else(|| self.out_of(range))
    }
}
