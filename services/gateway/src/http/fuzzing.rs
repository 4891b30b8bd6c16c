//! A door to what is private, for fuzzing alone: requests through the router would take a thousand times as long.

use http::HeaderMap;
use http::header::RANGE;

use super::compress::Coding;
use super::conditional::{Validators, Verdict};
use super::range::{self, Wanted};

/// Takes headers of a request for a representation of `total` bytes apart.
///
/// # Panics
/// Where what comes of it is wrong.
#[expect(clippy::panic, reason = "that is how fuzzing hears of it")]
pub fn headers(headers: &HeaderMap, total: u64, modified_ns: i64) {
    let validators = Validators::new("a1", modified_ns);
    let _ = (validators.etag_header(), validators.last_modified_header(), Coding::wanted(headers));
    if headers.is_empty() {
        assert!(validators.weigh(headers) == Verdict::Proceed && validators.allow_range(headers));
    }
    let _ = validators.weigh(headers);
    let Some(range) = headers.get(RANGE).filter(|_| validators.allow_range(headers)) else { return };
    let parts = match range::wanted(range, total) {
        Wanted::Part(part) => vec![part],
        Wanted::Parts(parts) => parts,
        Wanted::Whole | Wanted::Unsatisfiable => return,
    };
    for part in parts {
        let end = part.offset.checked_add(part.length);
        if part.length == 0 || end.is_none_or(|end| end > total) {
            panic!("{range:?} of {total} bytes is {part:?}");
        }
        let _ = range::content_range(part, total);
    }
}
