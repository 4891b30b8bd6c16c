//! Compressed metadata: which coding a client wants, and the coded variants, made once and kept. Chunks are never
//! compressed: they are as compressed as their file has them.

use std::io::Write as _;

use bytes::Bytes;
use engine::open::Document;
use http::header::ACCEPT_ENCODING;
use http::{HeaderMap, HeaderValue};
use model::{Error, Result};
use moka::future::Cache;

/// A content coding, best first where a client likes them equally.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Coding {
    Brotli,
    Zstd,
    Gzip,
}

/// Documents shorter than this fit a packet or two as they are.
pub(super) const WORTH_IT_BYTES: usize = 512;

/// Documents longer than this are compressed off the async runtime.
const INLINE_BYTES_MAX: usize = 16 << 10;

/// Memory for compressed variants.
const KEPT_BYTES_MAX: u64 = 64 << 20;

impl Coding {
    const ALL: [Self; 3] = [Self::Brotli, Self::Zstd, Self::Gzip];

    /// Its name in `Content-Encoding`; also what its entity tags end with.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    pub(super) fn header(self) -> HeaderValue {
        HeaderValue::from_static(self.name())
    }

    /// The coding that a request likes best; none for the document as it is
    /// ([RFC 9110, section 12.5.3](https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3)).
    pub(super) fn wanted(headers: &HeaderMap) -> Option<Self> {
        let listed: Vec<(&str, f32)> = headers
            .get_all(ACCEPT_ENCODING)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(weighted)
            .collect();
        let weight = |name: &str| {
            let of =
                |wanted: &str| listed.iter().find(|(n, _)| n.eq_ignore_ascii_case(wanted)).map(|(_, q)| *q);
            of(name).or_else(|| of("*"))
        };
        // Without a word of it, the document as it is is welcome, but less than any coding that is named.
        let as_it_is = weight("identity").unwrap_or(0.0);
        let mut best: Option<(Self, f32)> = None;
        for coding in Self::ALL {
            let q = weight(coding.name()).unwrap_or(0.0);
            if q > 0.0 && q >= as_it_is && best.is_none_or(|(_, best)| q > best) {
                best = Some((coding, q));
            }
        }
        best.map(|(coding, _)| coding)
    }

    fn compress(self, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
        match self {
            Self::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
                encoder.write_all(bytes)?;
                encoder.finish()
            }
            Self::Zstd => zstd::bulk::compress(bytes, 6),
            Self::Brotli => {
                let mut coded = Vec::new();
                let settings = brotli::enc::BrotliEncoderParams { quality: 5, ..Default::default() };
                brotli::BrotliCompress(&mut &*bytes, &mut coded, &settings)?;
                Ok(coded)
            }
        }
    }
}

/// One element of `Accept-Encoding` or `Accept`: a name and its weight, 1 where none is given.
pub(super) fn weighted(element: &str) -> (&str, f32) {
    let (name, parameters) = element.split_once(';').unwrap_or((element, ""));
    let q = parameters.trim().strip_prefix("q=").or_else(|| parameters.trim().strip_prefix("Q="));
    let q =
        q.map_or(1.0, |q| q.trim().parse::<f32>().ok().filter(|q| (0.0..=1.0).contains(q)).unwrap_or(0.0));
    (name.trim(), q)
}

/// Compressed variants of documents, by their tags.
pub(super) struct Variants(Cache<(String, Coding), Bytes>);

impl Variants {
    pub(super) fn new() -> Self {
        let weigher =
            |_: &(String, Coding), bytes: &Bytes| u32::try_from(bytes.len() + 128).unwrap_or(u32::MAX);
        Self(Cache::builder().weigher(weigher).max_capacity(KEPT_BYTES_MAX).build())
    }

    /// A document in a coding.
    pub(super) async fn get(&self, document: &Document, coding: Coding) -> Result<Bytes> {
        let key = (document.etag.clone(), coding);
        if let Some(bytes) = self.0.get(&key).await {
            return Ok(bytes);
        }
        let bytes = document.bytes.clone();
        let make = async move {
            if bytes.len() <= INLINE_BYTES_MAX {
                return coding.compress(&bytes).map(Bytes::from).map_err(Error::internal);
            }
            let made = tokio::task::spawn_blocking(move || coding.compress(&bytes))
                .await
                .map_err(Error::internal)?;
            made.map(Bytes::from).map_err(Error::internal)
        };
        self.0.try_get_with(key, make).await.map_err(|error| Error::clone(&error))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn wanted(accept: &str) -> Option<Coding> {
        Coding::wanted(&[(ACCEPT_ENCODING, HeaderValue::from_str(accept).unwrap())].into_iter().collect())
    }

    #[test]
    fn the_coding_follows_the_weights() {
        for (accept, expected) in [
            ("gzip", Some(Coding::Gzip)),
            ("gzip, deflate, br, zstd", Some(Coding::Brotli)),
            ("gzip;q=1.0, br;q=0.5", Some(Coding::Gzip)),
            ("br;q=0, zstd", Some(Coding::Zstd)),
            ("*", Some(Coding::Brotli)),
            ("*;q=0.1, gzip", Some(Coding::Gzip)),
            ("identity, gzip;q=0.5", None),
            ("identity;q=0, GZIP", Some(Coding::Gzip)),
            ("gzip;q=0", None),
            ("gzip;q=nonsense", None),
            ("deflate", None),
            ("", None),
        ] {
            assert_eq!(wanted(accept), expected, "{accept:?}");
        }
        assert_eq!(Coding::wanted(&HeaderMap::new()), None);
    }

    #[tokio::test]
    async fn every_coding_gives_the_document_back() {
        for text in ["short".repeat(9), "a long document ".repeat(9000)] {
            let document = Document::new(text.clone());
            for coding in Coding::ALL {
                let coded = Variants::new().get(&document, coding).await.unwrap();
                assert!(coded.len() < text.len());
                let mut plain = Vec::new();
                match coding {
                    Coding::Gzip => {
                        flate2::read::GzDecoder::new(&*coded).read_to_end(&mut plain).map(drop).unwrap();
                    }
                    Coding::Zstd => plain = zstd::decode_all(&*coded).unwrap(),
                    Coding::Brotli => brotli::BrotliDecompress(&mut &*coded, &mut plain).unwrap(),
                }
                assert_eq!(plain, text.as_bytes(), "{coding:?}");
            }
        }
    }
}
