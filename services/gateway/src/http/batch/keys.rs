//! The keys of a request.

use std::fmt::{Formatter, Result as FmtResult};

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};

use super::KEYS_MAX;

/// The keys of a request. Those beyond the most that a request may have are counted and not kept: a list of a million
/// empty ones takes as much memory as a list of ten thousand.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Keys {
    pub(super) texts: Vec<String>,
    pub(super) count: usize,
}

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(KeysVisitor)
    }
}

struct KeysVisitor;

impl<'de> Visitor<'de> for KeysVisitor {
    type Value = Keys;

    fn expecting(&self, f: &mut Formatter<'_>) -> FmtResult {
        f.write_str("a list of keys")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Keys, A::Error> {
        let mut texts = Vec::new();
        while texts.len() < KEYS_MAX {
            match list.next_element::<String>()? {
                Some(key) => texts.push(key),
                None => return Ok(Keys { count: texts.len(), texts }),
            }
        }
        let mut count = texts.len();
        while list.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok(Keys { texts, count })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_beyond_the_most_are_counted_and_not_kept() {
        for (count, kept) in [(0, 0), (3, 3), (KEYS_MAX, KEYS_MAX), (KEYS_MAX + 7, KEYS_MAX)] {
            let text = serde_json::to_string(&vec!["tas/0.0"; count]).unwrap();
            let keys: Keys = serde_json::from_str(&text).unwrap();
            assert_eq!((keys.count, keys.texts.len()), (count, kept));
        }
    }

    #[test]
    fn what_is_no_list_of_texts_is_refused() {
        for text in ["{}", "\"tas/0\"", "[1]", "[null]", "[[\"a\"]]", "[\"a\",]", "[\"\\ud800\"]"] {
            assert!(serde_json::from_str::<Keys>(text).is_err(), "{text}");
        }
    }
}
