//! Properties: spellings are read back, and no text does harm.

use proptest::prelude::*;

use super::strategies::steps;
use crate::{Steps, descriptions};

/// What holds of any text: an error points into it, and what is read is read back from both its spellings.
fn check(text: &str) -> Result<(), TestCaseError> {
    match Steps::parse(text) {
        Ok(steps) => {
            prop_assert_eq!(Steps::parse(&steps.to_string()), Ok(steps.clone()));
            prop_assert_eq!(Steps::parse(&steps.unreserved()), Ok(steps));
        }
        Err(error) => prop_assert!(text.is_char_boundary(error.offset), "{error} in {text:?}"),
    }
    Ok(())
}

proptest! {
    #[test]
    fn the_canonical_spelling_is_read_back(steps in steps()) {
        let text = steps.to_string();
        let read = Steps::parse(&text);
        prop_assert_eq!(read.as_ref(), Ok(&steps), "{}", text);
    }

    #[test]
    fn the_unreserved_spelling_is_read_back(steps in steps()) {
        let text = steps.unreserved();
        prop_assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)), "{}", text);
        let read = Steps::parse(&text);
        prop_assert_eq!(read.as_ref(), Ok(&steps), "{}", text);
    }

    #[test]
    fn no_text_does_harm(text in "\\PC{0,60}") {
        check(&text)?;
    }

    #[test]
    fn no_text_of_separators_does_harm(text in "(sel|isel|arith|groupby|coarsen|codec|~[a-z]|[a-c0-9=:;,.|()'~*/+ -]){1,30}") {
        check(&text)?;
    }

    #[test]
    fn changed_examples_do_no_harm(
        step in 0_usize..64, example in 0_usize..8, place in any::<prop::sample::Index>(), length in 0_usize..3,
        change in "[a-z0-9=:;,.|()'~*/+ ü-]{0,3}",
    ) {
        let all: Vec<_> = descriptions().collect();
        let examples = all[step % all.len()].examples;
        let mut characters: Vec<char> = examples[example % examples.len()].chars().collect();
        let start = place.index(characters.len());
        let end = (start + length).min(characters.len());
        characters.splice(start..end, change.chars());
        check(&characters.into_iter().collect::<String>())?;
    }
}
