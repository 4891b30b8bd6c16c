//! The second spelling of characters: `~` and a letter, of URL-unreserved characters alone
//! ([RFC 3986 §2.3](https://www.rfc-editor.org/rfc/rfc3986#section-2.3)).

use crate::error::{Fault, Reason};
use crate::limits::{RAW_BYTES_MAX, TEXT_BYTES_MAX};

/// Each character that has a spelling of its own, and the letter after `~` that means it. `~x` and two hexadecimal
/// digits mean any byte of UTF-8.
pub const ESCAPES: &[(char, char)] = &[
    ('|', 'p'),
    ('=', 'e'),
    (',', 'c'),
    (':', 'd'),
    (';', 'l'),
    ('(', 'o'),
    (')', 'k'),
    ('\'', 'q'),
    ('+', 'a'),
    ('*', 'm'),
    ('/', 's'),
    (' ', 'b'),
    ('~', '~'),
];

/// A text without escapes, and where each of its bytes came from.
pub(crate) struct Unescaped {
    pub(crate) text: String,
    /// As many as the text has bytes, and one more for its end.
    origins: Vec<usize>,
}

impl Unescaped {
    /// The byte of the text as it was given, of a byte of the text without escapes.
    pub(crate) fn origin(&self, at: usize) -> usize {
        self.origins.get(at).or(self.origins.last()).copied().unwrap_or(0)
    }
}

/// Reads escapes. Offsets of faults are those of the text as it is given.
pub(crate) fn unescape(raw: &str) -> Result<Unescaped, Fault> {
    if raw.len() > RAW_BYTES_MAX {
        return Err(Fault::new(0, Reason::TooMany { what: "bytes of text", max: RAW_BYTES_MAX }));
    }
    let mut bytes = Vec::with_capacity(raw.len());
    let mut origins = Vec::with_capacity(raw.len() + 1);
    let mut at = 0;
    while let Some(character) = raw[at..].chars().next() {
        let read = if character == '~' { one_escape(&raw[at..], at)? } else { One::plain(character) };
        let start = bytes.len();
        bytes.extend_from_slice(read.bytes());
        let step = usize::from(character != '~');
        origins.extend((0..bytes.len() - start).map(|i| at + i * step));
        at += read.length;
    }
    origins.push(raw.len());
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = origins[error.utf8_error().valid_up_to()];
        Fault::new(at, Reason::Escape(crate::error::shortened(&raw[at..])))
            .expected("~x of the bytes of UTF-8")
    })?;
    if text.len() > TEXT_BYTES_MAX {
        return Err(Fault::new(0, Reason::TooMany { what: "bytes of text", max: TEXT_BYTES_MAX }));
    }
    Ok(Unescaped { text, origins })
}

/// One character or byte, and how long it is in the text as it was given.
struct One {
    utf8: [u8; 4],
    count: usize,
    length: usize,
}

impl One {
    fn plain(character: char) -> Self {
        let mut utf8 = [0; 4];
        let count = character.encode_utf8(&mut utf8).len();
        Self { utf8, count, length: count }
    }

    fn bytes(&self) -> &[u8] {
        &self.utf8[..self.count]
    }
}

fn one_escape(rest: &str, at: usize) -> Result<One, Fault> {
    let letter = rest.chars().nth(1);
    if letter == Some('x') {
        let digits = rest.get(2..4).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        if let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            return Ok(One { utf8: [byte, 0, 0, 0], count: 1, length: 4 });
        }
    }
    if let Some((character, _)) = ESCAPES.iter().find(|(_, escape)| Some(*escape) == letter) {
        return Ok(One { length: 2, ..One::plain(*character) });
    }
    let given = rest.chars().take(if letter == Some('x') { 4 } else { 2 }).collect();
    let known = ESCAPES.iter().map(|(character, letter)| format!("~{letter} for {character}"));
    let known = known.chain(["~x and two hexadecimal digits for a byte".to_owned()]).collect::<Vec<_>>();
    Err(Fault::new(at, Reason::Escape(given)).expected(known.join(", ")))
}

/// A text without escapes in unreserved characters alone.
pub(crate) fn unreserved(text: &str) -> String {
    let mut spelled = String::with_capacity(text.len() * 2);
    for character in text.chars() {
        if character.is_ascii_alphanumeric() || "-._".contains(character) {
            spelled.push(character);
        } else if let Some((_, letter)) = ESCAPES.iter().find(|(known, _)| *known == character) {
            spelled.extend(['~', *letter]);
        } else {
            let bytes = One::plain(character);
            spelled.extend(bytes.bytes().iter().map(|byte| format!("~x{byte:02X}")));
        }
    }
    spelled
}
