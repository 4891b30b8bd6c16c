//! Conditional requests ([RFC 9110, section 13](https://www.rfc-editor.org/rfc/rfc9110#section-13)).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::{IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE};
use http::{HeaderMap, HeaderName, HeaderValue};

/// What tells one state of a representation from another.
#[derive(Debug, Clone)]
pub(super) struct Validators {
    /// Strong entity tag with its quotes.
    pub(super) etag: String,
    /// Last modification, seconds since 1970.
    pub(super) modified_seconds: i64,
}

/// What the conditions of a request come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Answer.
    Proceed,
    /// The client has it: 304.
    NotModified,
    /// The client wants another state than there is: 412.
    Failed,
}

impl Validators {
    /// Validators from a tag without quotes and nanoseconds since 1970.
    pub(super) fn new(etag: &str, modified_ns: i64) -> Self {
        Self { etag: format!("\"{etag}\""), modified_seconds: modified_ns.div_euclid(1_000_000_000) }
    }

    /// Weighs the conditions of a GET or HEAD in the order of section 13.2.2.
    pub(super) fn weigh(&self, headers: &HeaderMap) -> Verdict {
        if headers.contains_key(IF_MATCH) {
            if !self.any_matches(headers, &IF_MATCH, Comparison::Strong) {
                return Verdict::Failed;
            }
        } else if let Some(since) = date(headers, &IF_UNMODIFIED_SINCE)
            && self.modified_seconds > since
        {
            return Verdict::Failed;
        }
        if headers.contains_key(IF_NONE_MATCH) {
            if self.any_matches(headers, &IF_NONE_MATCH, Comparison::Weak) {
                return Verdict::NotModified;
            }
        } else if let Some(since) = date(headers, &IF_MODIFIED_SINCE)
            && self.modified_seconds <= since
        {
            return Verdict::NotModified;
        }
        Verdict::Proceed
    }

    /// Whether a range may be cut: no `If-Range`, or one that names this very state.
    pub(super) fn allow_range(&self, headers: &HeaderMap) -> bool {
        let Some(value) = headers.get(IF_RANGE) else { return true };
        let is_tag = value.as_bytes().ends_with(b"\"");
        if is_tag {
            value.as_bytes() == self.etag.as_bytes()
        } else {
            date(headers, &IF_RANGE) == Some(self.modified_seconds)
        }
    }

    /// `ETag`.
    pub(super) fn etag_header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.etag).unwrap_or(HeaderValue::from_static("\"\""))
    }

    /// `Last-Modified`; none for a time that HTTP cannot write.
    pub(super) fn last_modified_header(&self) -> Option<HeaderValue> {
        // HTTP dates end with the year 9999.
        let seconds =
            u64::try_from(self.modified_seconds).ok().filter(|seconds| *seconds < 253_402_300_800)?;
        HeaderValue::from_str(&httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds))).ok()
    }

    fn any_matches(&self, headers: &HeaderMap, name: &HeaderName, comparison: Comparison) -> bool {
        let mut values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        values.any(|value| value.trim() == "*" || tags(value).any(|tag| comparison.matches(tag, &self.etag)))
    }
}

#[derive(Debug, Clone, Copy)]
enum Comparison {
    Strong,
    Weak,
}

impl Comparison {
    fn matches(self, theirs: (bool, &str), ours: &str) -> bool {
        let (weak, tag) = theirs;
        tag == ours && (matches!(self, Self::Weak) || !weak)
    }
}

/// The entity tags of a list, with quotes, and whether each is weak. What is no tag is skipped.
fn tags(list: &str) -> impl Iterator<Item = (bool, &str)> {
    let mut rest = list;
    std::iter::from_fn(move || {
        let open = rest.find('"')?;
        let weak = rest[..open].ends_with("W/");
        let close = open + 1 + rest[open + 1..].find('"')?;
        let tag = &rest[open..=close];
        rest = &rest[close + 1..];
        Some((weak, tag))
    })
}

fn date(headers: &HeaderMap, name: &HeaderName) -> Option<i64> {
    let time = httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok()?;
    let since = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";

    fn ours() -> Validators {
        Validators::new("abc", 784_111_777_500_000_000)
    }

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn conditions_are_weighed_as_the_rfc_says() {
        use Verdict::{Failed, NotModified, Proceed};
        for (pairs, expected) in [
            (vec![], Proceed),
            (vec![(IF_NONE_MATCH, "\"abc\"")], NotModified),
            (vec![(IF_NONE_MATCH, "\"x,y\", W/\"abc\"")], NotModified),
            (vec![(IF_NONE_MATCH, "*")], NotModified),
            (vec![(IF_NONE_MATCH, "\"abcd\", abc, \"")], Proceed),
            (vec![(IF_NONE_MATCH, "\"other\""), (IF_MODIFIED_SINCE, DAY)], Proceed),
            (vec![(IF_MODIFIED_SINCE, DAY)], NotModified),
            (vec![(IF_MODIFIED_SINCE, BEFORE)], Proceed),
            (vec![(IF_MODIFIED_SINCE, "yesterday")], Proceed),
            (vec![(IF_MATCH, "\"abc\"")], Proceed),
            (vec![(IF_MATCH, "W/\"abc\"")], Failed),
            (vec![(IF_MATCH, "\"old\"")], Failed),
            (vec![(IF_MATCH, "*")], Proceed),
            (vec![(IF_UNMODIFIED_SINCE, BEFORE)], Failed),
            (vec![(IF_UNMODIFIED_SINCE, DAY)], Proceed),
        ] {
            assert_eq!(ours().weigh(&headers(&pairs)), expected, "{pairs:?}");
        }
    }

    #[test]
    fn if_range_lets_a_range_through_for_the_same_state_only() {
        for (value, allowed) in [
            ("\"abc\"", true),
            ("W/\"abc\"", false),
            ("\"old\"", false),
            (DAY, true),
            (BEFORE, false),
            ("x", false),
        ] {
            assert_eq!(ours().allow_range(&headers(&[(IF_RANGE, value)])), allowed, "{value}");
        }
        assert!(ours().allow_range(&HeaderMap::new()));
    }

    #[test]
    fn last_modified_is_an_http_date_or_nothing() {
        assert_eq!(ours().last_modified_header().unwrap(), DAY);
        for impossible in [-1, i64::MAX] {
            let validators = Validators { etag: String::new(), modified_seconds: impossible };
            assert_eq!(validators.last_modified_header(), None);
        }
    }
}
