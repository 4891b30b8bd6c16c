//! Any text as the steps of a view: read or refused, and what is read is read back from both its spellings.
#![no_main]

use libfuzzer_sys::fuzz_target;
use views::Steps;

fuzz_target!(|text: &str| {
    match Steps::parse(text) {
        Ok(steps) => {
            assert_eq!(Steps::parse(&steps.to_string()), Ok(steps.clone()));
            assert_eq!(Steps::parse(&steps.unreserved()), Ok(steps));
        }
        Err(error) => assert!(text.is_char_boundary(error.offset)),
    }
});
