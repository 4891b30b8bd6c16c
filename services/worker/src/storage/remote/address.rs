//! URLs of remote sources, and which are allowed.

use model::{Error, ErrorKind, Result};
use object_store::path::Path;
use reqwest::Url;

/// Longest URL.
const LENGTH_MAX: usize = 4096;

/// A URL taken apart: two spellings of one place are equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) scheme: Scheme,
    /// `host:port`, or the bucket.
    pub(super) authority: String,
    /// Segments of the path, percent-decoded.
    segments: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    Http,
    Https,
    S3,
}

impl Scheme {
    fn text(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::S3 => "s3",
        }
    }
}

impl Address {
    /// Takes a URL apart. Refuses what could be read in two ways: user names, queries, fragments, `..`, slashes and
    /// dots behind percent signs, control characters. A slash at the end makes no difference.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let malformed = |why: &str| Error::invalid(format!("the source's URL {why}")).with_internal(text);
        if text.len() > LENGTH_MAX {
            return Err(malformed("is too long"));
        }
        if text.chars().any(|c| c.is_control() || c == '\\') {
            return Err(malformed("has a backslash or control character in it"));
        }
        let (scheme, rest) = text.split_once("://").ok_or_else(|| malformed("has no scheme"))?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            "s3" => Scheme::S3,
            _ => return Err(malformed("is neither http://, https:// nor s3://")),
        };
        if rest.contains(['?', '#']) {
            return Err(malformed("has a query or fragment, which sources may not have"));
        }
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        if authority.contains('@') {
            return Err(malformed("has a user name in it: credentials belong into the configuration"));
        }
        let authority = match scheme {
            Scheme::S3 => bucket(authority).ok_or_else(|| malformed("names no bucket"))?,
            _ => host(scheme, authority).ok_or_else(|| malformed("names no host"))?,
        };
        let segments = segments(path).map_err(malformed)?;
        Ok(Self { scheme, authority, segments })
    }

    /// Whether `inner` is this place or lies below it, by whole segments of the path.
    pub(super) fn contains(&self, inner: &Self) -> bool {
        self.scheme == inner.scheme
            && self.authority == inner.authority
            && inner.segments.starts_with(&self.segments)
    }

    /// How many segments its path has.
    pub(super) fn depth(&self) -> usize {
        self.segments.len()
    }

    /// The path below the server or bucket.
    pub(super) fn path(&self) -> Result<Path> {
        Path::parse(self.segments.join("/"))
            .map_err(|error| Error::invalid("the source's URL is malformed").with_internal(error))
    }

    /// The server, with a slash at the end.
    pub(super) fn origin(&self) -> String {
        format!("{}://{}/", self.scheme.text(), self.authority)
    }
}

fn bucket(text: &str) -> Option<String> {
    let is_valid = (1..=255).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
        && text.bytes().any(|b| b != b'.');
    is_valid.then(|| text.to_owned())
}

/// Host and port as a client of HTTP reads them: lower case, in punycode, numbers as an address.
fn host(scheme: Scheme, text: &str) -> Option<String> {
    let url = Url::parse(&format!("{}://{text}/", scheme.text())).ok()?;
    Some(format!("{}:{}", url.host_str()?, url.port_or_known_default()?))
}

fn segments(path: &str) -> Result<Vec<String>, &'static str> {
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.is_empty() {
        return Ok(Vec::new());
    }
    path.split('/').map(segment).collect()
}

fn segment(text: &str) -> Result<String, &'static str> {
    let decoded =
        percent_encoding::percent_decode_str(text).decode_utf8().map_err(|_| "is not UTF-8 in its path")?;
    match &*decoded {
        "" => return Err("has an empty segment in its path"),
        "." | ".." => return Err("has a dot for a segment of its path: give it without"),
        _ => {}
    }
    if decoded.chars().any(|c| c == '/' || c == '\\' || c.is_control()) {
        return Err("has a slash, backslash or control character behind a percent sign");
    }
    Ok(decoded.into_owned())
}

/// The refusal of a URL that no prefix allows.
pub(super) fn refused(url: &str) -> Error {
    let message = "the source's URL lies outside the allowed prefixes (remote.prefixes)";
    Error::new(ErrorKind::Forbidden, message).with_internal(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(prefix: &str, url: &str) -> Result<bool> {
        Ok(Address::parse(prefix).unwrap().contains(&Address::parse(url)?))
    }

    #[test]
    fn prefixes_hold_by_scheme_host_port_and_whole_segments() {
        for (prefix, url) in [
            ("https://h/data", "https://h/data"),
            ("https://h/data", "https://h/data/"),
            ("https://h/data/", "https://h/data/a/b"),
            ("https://h/data", "HTTPS://H:443/data/x"),
            ("https://h:443/data", "https://h/data/x"),
            ("https://h", "https://h/anything"),
            ("https://h/a b", "https://h/a%20b/c"),
            ("https://h/data", "https://h/%64ata/x"),
            ("http://127.0.0.1/", "http://0x7f.1/x"),
            ("s3://bucket", "s3://bucket/a/b"),
        ] {
            assert!(allows(prefix, url).unwrap(), "{prefix} {url}");
        }
        for (prefix, url) in [
            ("https://h/data", "https://h/data-secret"),
            ("https://h/data", "https://h/data-secret/x"),
            ("https://h/data", "https://h/"),
            ("https://h/data", "https://h/DATA/x"),
            ("https://h/data", "http://h/data/x"),
            ("https://h/data", "https://h:8443/data/x"),
            ("https://h/data", "https://h.evil/data/x"),
            ("https://h/data", "https://evil/h/data"),
            ("https://h/data", "s3://h/data/x"),
            ("https://h/data", "https://h/%2564ata/x"),
            ("s3://bucket", "s3://bucket2/a"),
            ("s3://bucket", "s3://Bucket/a"),
        ] {
            assert!(!allows(prefix, url).unwrap(), "{prefix} {url}");
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for url in [
            "https://h/data/../secret",
            "https://h/data/%2e%2e/secret",
            "https://h/data/%2E./secret",
            "https://h/data/./x",
            "https://h/data/..%2fsecret",
            "https://h/data/a%2f..%2f..%2fsecret",
            "https://h/data/%5c..%5c",
            "https://h/data//x",
            "https://h/data/%00",
            "https://h/data/\n",
            "https://h\\@evil/data",
            "https://h@evil/data/x",
            "https://user:password@h/data/x",
            "https://h/data/x?key=1",
            "https://h/data/x#y",
            "https:///data",
            "https://h/data/%ff",
            "https://h:99999/",
            "file:///etc/passwd",
            "gopher://h/data",
            "s3:///key",
            "s3://../key",
            "s3://a:b/key",
            "https",
            "://h",
        ] {
            let error = Address::parse(url).unwrap_err();
            assert_eq!(error.kind, ErrorKind::InvalidRequest, "{url}");
            assert!(!error.message.contains("password") && !error.message.contains("secret"), "{error}");
        }
        assert!(Address::parse(&format!("https://h/{}", "a".repeat(5000))).is_err());
    }

    #[test]
    fn paths_are_decoded_once() {
        let address = Address::parse("https://H/a%20b/at%256Dos/c").unwrap();
        assert_eq!(address.path().unwrap().as_ref(), "a b/at%6Dos/c");
        assert_eq!(address.origin(), "https://h:443/");
    }
}
