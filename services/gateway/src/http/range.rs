//! Byte ranges of answers ([RFC 9110, section 14](https://www.rfc-editor.org/rfc/rfc9110#section-14)).

pub(super) mod multipart;

use http::HeaderValue;
use model::ByteRange;

/// Most ranges of a request that are answered as parts; of more the whole is sent, as the RFC allows.
const PARTS_MAX: usize = 64;

/// What a request wants of a representation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of it: no range, one that is malformed, one in another unit, or too many.
    Whole,
    /// These bytes.
    Part(ByteRange),
    /// Several, none of which touches another, in the order in which they are asked for.
    Parts(Vec<ByteRange>),
    /// Ranges that have no byte in them: 416.
    Unsatisfiable,
}

/// Reads a `Range` header for a representation of `total` bytes. Ranges without a byte are left out, and those that overlap
/// or follow one another become one.
pub(super) fn wanted(header: &HeaderValue, total: u64) -> Wanted {
    let Some((unit, set)) = header.to_str().ok().and_then(|text| text.split_once('=')) else {
        return Wanted::Whole;
    };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Wanted::Whole;
    }
    // Elements of a list may be empty (section 5.6.1.2).
    let specs = set.split(',').map(str::trim).filter(|spec| !spec.is_empty());
    let mut parts: Vec<ByteRange> = Vec::new();
    let mut count = 0;
    for spec in specs {
        count += 1;
        let Some(part) = of_spec(spec, total).filter(|_| count <= PARTS_MAX) else { return Wanted::Whole };
        if part.length > 0 {
            join(&mut parts, part);
        }
    }
    match parts.as_slice() {
        _ if count == 0 => Wanted::Whole,
        [] => Wanted::Unsatisfiable,
        [part] => Wanted::Part(*part),
        _ => Wanted::Parts(parts),
    }
}

/// The bytes of one range, cut to what there is: none where there is nothing of it. No range at all where it is malformed.
fn of_spec(spec: &str, total: u64) -> Option<ByteRange> {
    let (first, last) = spec.split_once('-')?;
    Some(match (first, last) {
        ("", suffix) => cut(total.saturating_sub(number(suffix)?), total, total),
        (first, "") => cut(number(first)?, total, total),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then(|| cut(first, last.saturating_add(1), total))?
        }
    })
}

/// Bytes `first..end` cut to what there is.
fn cut(first: u64, end: u64, total: u64) -> ByteRange {
    ByteRange { offset: first, length: end.min(total).saturating_sub(first) }
}

/// Adds a part; those that it overlaps or touches become one with it, in the place of the first of them.
fn join(parts: &mut Vec<ByteRange>, mut part: ByteRange) {
    let end = |part: &ByteRange| part.offset + part.length;
    let mut place = parts.len();
    while let Some(at) = parts.iter().position(|p| p.offset <= end(&part) && part.offset <= end(p)) {
        let other = parts.remove(at);
        let offset = other.offset.min(part.offset);
        part = ByteRange { offset, length: end(&other).max(end(&part)) - offset };
        place = place.min(at);
    }
    parts.insert(place.min(parts.len()), part);
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
            "bytes=5-2",
            "bytes=0-1,5-2",
            "bytes=0-1,a",
            "bytes=,",
            "bytes=0-1;4-5",
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

    fn several(parts: &[(u64, u64)]) -> Wanted {
        Wanted::Parts(parts.iter().map(|&(offset, length)| ByteRange { offset, length }).collect())
    }

    #[test]
    fn several_ranges_keep_their_order_and_join_where_they_touch() {
        for (header, expected) in [
            ("bytes=0-1,4-5", several(&[(0, 2), (4, 2)])),
            ("bytes= 4-5 ,, 0-1 ,", several(&[(4, 2), (0, 2)])),
            ("bytes=-2,0-0", several(&[(8, 2), (0, 1)])),
            ("bytes=0-0,20-30,2-2", several(&[(0, 1), (2, 1)])),
            ("bytes=0-1,2-3", some(0, 4)),
            ("bytes=0-4,2-9", some(0, 10)),
            ("bytes=8-9,0-1,5-8", several(&[(5, 5), (0, 2)])),
            ("bytes=0-1,4-5,8-9,1-4", several(&[(0, 6), (8, 2)])),
            ("bytes=0-0,4-4,9-9,3-3,5-8", several(&[(0, 1), (3, 7)])),
            ("bytes=3-3,20-", some(3, 1)),
            ("bytes=10-,-0", Wanted::Unsatisfiable),
        ] {
            assert_eq!(of_ten(header), expected, "{header}");
        }
    }

    #[test]
    fn of_too_many_ranges_the_whole_is_sent() {
        let header = |count: u64| {
            let specs: Vec<String> = (0..count).map(|at| format!("{0}-{0}", 2 * at)).collect();
            HeaderValue::from_str(&format!("bytes={}", specs.join(","))).unwrap()
        };
        assert!(matches!(wanted(&header(64), 1000), Wanted::Parts(parts) if parts.len() == 64));
        assert_eq!(wanted(&header(65), 1000), Wanted::Whole);
    }

    proptest! {
        /// Each byte is in a part if and only if a range has it, and no part touches another.
        #[test]
        fn parts_are_the_bytes_of_their_ranges(specs in prop::collection::vec((0_u64..60, 0_u64..9), 1..12), total in 1_u64..60) {
            let text: Vec<String> = specs.iter().map(|(first, more)| format!("{first}-{}", first + more)).collect();
            let header = HeaderValue::from_str(&format!("bytes={}", text.join(", "))).unwrap();
            let parts = match wanted(&header, total) {
                Wanted::Part(part) => vec![part],
                Wanted::Parts(parts) => { prop_assert!(parts.len() > 1); parts }
                Wanted::Unsatisfiable => vec![],
                Wanted::Whole => return Err(TestCaseError::fail("whole")),
            };
            for byte in 0..100 {
                let is_asked = byte < total && specs.iter().any(|(first, more)| (*first..=first + more).contains(&byte));
                let holders = parts.iter().filter(|p| (p.offset..p.offset + p.length).contains(&byte)).count();
                prop_assert_eq!(holders, usize::from(is_asked));
            }
            for (at, one) in parts.iter().enumerate() {
                prop_assert!(parts.iter().skip(at + 1).all(|other| one.offset + one.length < other.offset || other.offset + other.length < one.offset));
            }
        }

        #[test]
        fn any_header_is_read(header in "(bytes=)?[-0-9, =a]{0,40}", total in 0_u64..5000) {
            if let Ok(header) = HeaderValue::from_str(&header)
                && let Wanted::Parts(parts) = wanted(&header, total)
            {
                prop_assert!(parts.iter().all(|part| part.length > 0 && part.offset + part.length <= total));
            }
        }

        #[test]
        fn a_part_always_lies_inside(header in "bytes=[0-9]{0,4}-[0-9]{0,4}", total in 0_u64..5000) {
            if let Wanted::Part(part) = wanted(&HeaderValue::from_str(&header).unwrap(), total) {
                prop_assert!(part.length > 0 && part.offset + part.length <= total);
            }
        }
    }
}
