//! Several ranges of one representation in one answer: `multipart/byteranges`
//! ([RFC 9110, section 14.6](https://www.rfc-editor.org/rfc/rfc9110#section-14.6)).

use std::hash::{BuildHasher as _, RandomState};

use bytes::Bytes;
use futures::Stream;
use futures::stream::{self, StreamExt as _};
use http::HeaderValue;
use model::{ByteRange, Result};

use super::content_range;
use crate::http::zarr::pieces::Pieces;

/// Parts of a representation, and what stands between them.
#[derive(Debug)]
pub(in crate::http) struct Multipart {
    parts: Vec<ByteRange>,
    boundary: String,
    /// What stands before each part.
    heads: Vec<Bytes>,
}

impl Multipart {
    /// Parts of a representation of `total` bytes, each of this content type.
    pub(in crate::http) fn new(parts: Vec<ByteRange>, total: u64, content_type: &HeaderValue) -> Self {
        // Drawn for each answer: data that is made to hold it cannot be.
        let random = || RandomState::new().hash_one("a boundary");
        let boundary = format!("{:016x}{:016x}", random(), random());
        let head = |(number, part): (usize, &ByteRange)| {
            let line = if number == 0 { "" } else { "\r\n" };
            let mut head = format!("{line}--{boundary}\r\nContent-Type: ").into_bytes();
            head.extend_from_slice(content_type.as_bytes());
            head.extend_from_slice(b"\r\nContent-Range: ");
            head.extend_from_slice(content_range(*part, total).as_bytes());
            head.extend_from_slice(b"\r\n\r\n");
            Bytes::from(head)
        };
        let heads = parts.iter().enumerate().map(head).collect();
        Self { parts, boundary, heads }
    }

    /// `Content-Type` of the answer.
    pub(in crate::http) fn content_type(&self) -> HeaderValue {
        let text = format!("multipart/byteranges; boundary={}", self.boundary);
        HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("multipart/byteranges"))
    }

    /// Its length in bytes.
    pub(in crate::http) fn length(&self) -> u64 {
        let heads: usize = self.heads.iter().map(Bytes::len).sum();
        let parts: u64 = self.parts.iter().map(|part| part.length).sum();
        (heads + self.tail().len()) as u64 + parts
    }

    /// The parts.
    pub(in crate::http) fn parts(&self) -> &[ByteRange] {
        &self.parts
    }

    /// The body, of what each part has, which is one after another taken from `contents`.
    pub(in crate::http) fn body(
        self,
        contents: impl Stream<Item = Result<Pieces>> + Send + 'static,
    ) -> Pieces {
        let (length, tail) = (self.length(), self.tail());
        let parts = stream::iter(self.heads).zip(contents).flat_map(|(head, content)| {
            let content = match content {
                Ok(content) => content.boxed(),
                Err(error) => stream::iter([Err(error)]).boxed(),
            };
            stream::iter([Ok(head)]).chain(content)
        });
        Pieces::new(parts.chain(stream::iter([Ok(tail)])).boxed(), length)
    }

    fn tail(&self) -> Bytes {
        format!("\r\n--{}--\r\n", self.boundary).into()
    }
}
