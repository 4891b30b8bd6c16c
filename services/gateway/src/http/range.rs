//! Byte ranges of answers ([RFC 9110, section 14](https://www.rfc-editor.org/rfc/rfc9110#section-14)).

use http::HeaderValue;
use model::ByteRange;

/// What a request wants of a representation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of it: no range, one that is malformed, one in another unit, or several.
    Whole,
    /// These bytes.
    Part(ByteRange),
    /// A range that has no byte in it: 416.
    Unsatisfiable,
}

/// Reads a `Range` header for a representation of `total` bytes. Several ranges are answered whole, as the RFC
/// allows: no client of Zarr asks for them in one request.
pub(super) fn wanted(header: &HeaderValue, total: u64) -> Wanted {
    let Some((unit, set)) = header.to_str().ok().and_then(|text| text.split_once('=')) else {
        return Wanted::Whole;
    };
    let Some((first, last)) = set.trim().split_once('-') else { return Wanted::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Wanted::Whole;
    }
    match (first, last) {
        ("", suffix) => {
            number(suffix).map_or(Wanted::Whole, |length| part(total.saturating_sub(length), total, total))
        }
        (first, "") => number(first).map_or(Wanted::Whole, |first| part(first, total, total)),
        (first, last) => match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => part(first, last.saturating_add(1), total),
            _ => Wanted::Whole,
        },
    }
}

/// Bytes `first..end` cut to what there is.
fn part(first: u64, end: u64, total: u64) -> Wanted {
    let end = end.min(total);
    if first >= end {
        return Wanted::Unsatisfiable;
    }
    Wanted::Part(ByteRange { offset: first, length: end - first })
}

/// Digits as a number; one too large to be held is larger than any file.
fn number(digits: &str) -> Option<u64> {
    let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    all_digits.then(|| digits.parse().unwrap_or(u64::MAX))
}

/// `Content-Range` of a part.
pub(super) fn content_range(part: ByteRange, total: u64) -> HeaderValue {
    let text = format!("bytes {}-{}/{total}", part.offset, part.offset + part.length - 1);
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("bytes */*"))
}

/// `Content-Range` of an answer that no range could be cut from.
pub(super) fn content_range_none(total: u64) -> HeaderValue {
    HeaderValue::from_str(&format!("bytes */{total}")).unwrap_or(HeaderValue::from_static("bytes */*"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of_ten(header: &str) -> Wanted {
        wanted(&HeaderValue::from_str(header).unwrap(), 10)
    }

    fn some(offset: u64, length: u64) -> Wanted {
        Wanted::Part(ByteRange { offset, length })
    }

    #[test]
    fn single_ranges_are_cut_to_what_there_is() {
        for (header, expected) in [
            ("bytes=0-3", some(0, 4)),
            ("bytes=9-9", some(9, 1)),
            ("bytes=4-", some(4, 6)),
            ("bytes=4-99", some(4, 6)),
            ("bytes=4-99999999999999999999999", some(4, 6)),
            ("bytes=-3", some(7, 3)),
            ("bytes=-99", some(0, 10)),
            ("Bytes=0-0", some(0, 1)),
        ] {
            assert_eq!(of_ten(header), expected, "{header}");
        }
    }

    #[test]
    fn ranges_without_a_byte_are_unsatisfiable() {
        for header in ["bytes=10-", "bytes=10-11", "bytes=-0", "bytes=99999999999999999999999-"] {
            assert_eq!(of_ten(header), Wanted::Unsatisfiable, "{header}");
        }
        assert_eq!(wanted(&HeaderValue::from_static("bytes=0-"), 0), Wanted::Unsatisfiable);
    }

    #[test]
    fn what_is_no_single_range_is_ignored() {
        for header in [
            "bytes=0-1,4-5",
            "bytes=5-2",
            "bytes=a-b",
            "items=0-1",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=+1-2",
        ] {
            assert_eq!(of_ten(header), Wanted::Whole, "{header}");
        }
    }

    proptest! {
        #[test]
        fn a_part_always_lies_inside(header in "bytes=[0-9]{0,4}-[0-9]{0,4}", total in 0_u64..5000) {
            if let Wanted::Part(part) = wanted(&HeaderValue::from_str(&header).unwrap(), total) {
                prop_assert!(part.length > 0 && part.offset + part.length <= total);
            }
        }
    }
}
