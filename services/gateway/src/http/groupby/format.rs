//! In which form an answer is wanted.

use http::HeaderMap;
use http::header::ACCEPT;
use model::{Error, Result};

use crate::http::compress::weighted;

/// A form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Html,
    Json,
    Csv,
    Netcdf,
    Zarr,
}

impl Format {
    /// Each with its name and the media types that ask for it.
    const ALL: [(&'static str, &'static [&'static str], Self); 5] = [
        ("html", &["text/html", "application/xhtml+xml", "*/*"], Self::Html),
        ("json", &["application/json", "application/*"], Self::Json),
        ("csv", &["text/csv"], Self::Csv),
        ("netcdf", &["application/netcdf", "application/x-netcdf"], Self::Netcdf),
        ("zarr", &[], Self::Zarr),
    ];

    /// What a request asks for: by name, or by what it likes best; a page if it does not say.
    pub(super) fn wanted(name: Option<&str>, headers: &HeaderMap) -> Result<Self> {
        if let Some(name) = name {
            let found = Self::ALL.iter().find(|(known, ..)| known.eq_ignore_ascii_case(name));
            let names = Self::ALL.map(|(name, ..)| name).join(", ");
            return found
                .map(|(.., format)| *format)
                .ok_or_else(|| Error::invalid(format!("there is no such format: format is one of {names}")));
        }
        let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let mut best = (Self::Html, 0.0);
        for (media, weight) in accepted.flat_map(|value| value.split(',')).map(weighted) {
            let of =
                |(_, types, _): &&(_, &[&str], _)| types.iter().any(|one| one.eq_ignore_ascii_case(media));
            if let Some((.., format)) = Self::ALL.iter().find(of)
                && weight > best.1
            {
                best = (*format, weight);
            }
        }
        Ok(best.0)
    }

    pub(super) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(.., format)| *format == self).map_or("", |(name, ..)| name)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn wanted(name: Option<&str>, accept: &str) -> Result<Format> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_str(accept).unwrap());
        Format::wanted(name, &headers)
    }

    #[test]
    fn the_form_is_the_named_one_or_the_one_that_is_liked_best() {
        assert_eq!(wanted(Some("CSV"), "text/html").unwrap(), Format::Csv);
        assert!(wanted(Some("xml"), "text/html").unwrap_err().message.contains("html, json, csv"));
        for (accept, format) in [
            ("", Format::Html),
            ("*/*", Format::Html),
            ("image/png", Format::Html),
            ("text/html,application/xhtml+xml,*/*;q=0.8", Format::Html),
            ("application/json", Format::Json),
            ("text/html;q=0.5, text/csv", Format::Csv),
            ("application/x-netcdf, */*;q=0.1", Format::Netcdf),
        ] {
            assert_eq!(wanted(None, accept).unwrap(), format, "{accept}");
        }
    }
}
