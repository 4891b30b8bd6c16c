//! References as one JSON document ([specification](https://fsspec.github.io/kerchunk/spec.html)): version 0, a bare
//! object, and version 1 with templates and generators.
//!
//! Sets have millions of references and hundreds of megabytes: the text is walked and nothing is kept, first for the
//! metadata documents, then for the chunks. Duplicate keys are as in Python: the last one counts.

mod expression;
mod generator;
mod template;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use model::ByteRange;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use generator::Generator;
use template::{Budget, Template, Templates};

/// How much a set may make of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JsonLimits {
    /// Most references, those of generators included.
    pub references_max: u64,
    /// Longest text that templates may make, in bytes.
    pub text_bytes_max: usize,
    /// Most bytes of all texts that templates make.
    pub rendered_bytes_max: u64,
}

impl Default for JsonLimits {
    fn default() -> Self {
        Self { references_max: 20_000_000, text_bytes_max: 16 << 10, rendered_bytes_max: 4 << 30 }
    }
}

/// What is wrong with a set of references in JSON.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// No UTF-8.
    #[error("the references are no UTF-8")]
    Encoding(#[from] std::str::Utf8Error),
    /// No JSON, or something of another type than the specification says.
    #[error("the references are no JSON as kerchunk writes it: {0}")]
    Json(#[from] serde_json::Error),
    /// JSON, but of something else.
    #[error("the JSON document holds no kerchunk references: it has no Zarr metadata")]
    NoReferences,
    /// Of a later specification.
    #[error("kerchunk references of version {0} cannot be read: only 0 and 1 can")]
    Version(String),
    /// The value of one key is none that the specification knows.
    #[error("the reference {key:?} {fault}")]
    Reference {
        /// The key.
        key: String,
        /// What is wrong.
        fault: &'static str,
    },
    /// Something of Jinja that is not known here.
    #[error(
        "the expression {0:?} is not supported: whole numbers, names, + - * // % and calls of templates are"
    )]
    Expression(String),
    /// A name that stands for nothing.
    #[error("an expression has the name {0:?}, which is neither a template nor a dimension")]
    UnknownName(String),
    /// A template that comes to itself again.
    #[error("the template {0:?} refers to itself, or templates refer to one another too deeply")]
    Cycle(String),
    /// A number was wanted.
    #[error("{0:?} is not a whole number, as it should be")]
    NoNumber(String),
    /// An overflow or a division by zero.
    #[error("an expression divides by zero or has a result beyond 64 bits")]
    Arithmetic,
    /// A generator that is none.
    #[error("a generator cannot be run: {0}")]
    Generator(&'static str),
    /// Beyond a limit.
    #[error("{0} are more than {1}")]
    TooLarge(&'static str, u64),
}

/// What one key stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JsonReference<'a> {
    /// The bytes themselves.
    Inline(Cow<'a, [u8]>),
    /// Bytes of a file, or the file as a whole.
    Target {
        /// Path or URL.
        url: Cow<'a, str>,
        /// Which bytes; none for the whole.
        range: Option<ByteRange>,
    },
}

/// A set of references that stays as text.
#[derive(Debug)]
pub struct JsonReferences<'a> {
    references: &'a str,
    templates: Templates,
    generators: Vec<Generator>,
    limits: JsonLimits,
}

impl<'a> JsonReferences<'a> {
    /// Reads a set's frame. Any bytes are safe.
    pub fn parse(json: &'a [u8], limits: JsonLimits) -> Result<Self, JsonError> {
        let text = std::str::from_utf8(json)?;
        let frame: Frame<'_> = serde_json::from_str(text)?;
        let mut templates = Templates::default();
        let mut set = match frame.version.map(RawValue::get) {
            None | Some("null" | "0") if frame.refs.is_none() => {
                return Ok(Self { references: text, templates, generators: Vec::new(), limits });
            }
            None | Some("null" | "0" | "1") => {
                let references = frame.refs.map_or("{}", RawValue::get);
                Self { references, templates: Templates::default(), generators: Vec::new(), limits }
            }
            Some(other) => return Err(JsonError::Version(shortened(other))),
        };
        if let Some(json) = frame.templates.filter(|json| json.get() != "null") {
            let texts: BTreeMap<String, String> = serde_json::from_str(json.get())?;
            for (name, text) in texts {
                templates.insert(name, &text)?;
            }
        }
        set.templates = templates;
        if let Some(json) = frame.r#gen.filter(|json| json.get() != "null") {
            set.generators = generator::parse_all(json, &limits)?;
        }
        Ok(set)
    }

    /// The metadata documents by their keys, those in `.zmetadata` too.
    pub fn documents(&self) -> Result<BTreeMap<String, Vec<u8>>, JsonError> {
        let mut documents = BTreeMap::new();
        self.walk(&mut |key, value| {
            if is_document(key) {
                let text = match inline(key, value)? {
                    Some(bytes) => bytes.into_owned(),
                    None => return Err(fault(key, "is a document of metadata and must be inlined")),
                };
                documents.insert(key.to_owned(), text);
            }
            Ok(())
        })?;
        if documents.is_empty() { Err(JsonError::NoReferences) } else { Ok(documents) }
    }

    /// Goes through all references but those of documents: first those that are written out, then those of
    /// generators. Of two with the same key the later counts.
    pub fn chunks(
        &self,
        each: &mut dyn FnMut(&str, JsonReference<'_>) -> Result<(), JsonError>,
    ) -> Result<(), JsonError> {
        let (mut count, mut budget) = (0_u64, Budget::new(self.limits));
        let most = self.limits.references_max;
        let mut counted = || {
            count += 1;
            if count > most { Err(JsonError::TooLarge("the references", most)) } else { Ok(()) }
        };
        self.walk(&mut |key, value| {
            if is_document(key) {
                return Ok(());
            }
            counted()?;
            let reference = match inline(key, value)? {
                Some(bytes) => JsonReference::Inline(bytes),
                None => self.target(key, value, &mut budget)?,
            };
            each(key, reference)
        })?;
        for generator in &self.generators {
            generator.run(&self.templates, &mut budget, &mut |key, url, range| {
                counted()?;
                each(key, JsonReference::Target { url: url.into(), range })
            })?;
        }
        Ok(())
    }

    fn target<'v>(
        &self,
        key: &str,
        value: &'v RawValue,
        budget: &mut Budget,
    ) -> Result<JsonReference<'v>, JsonError> {
        let Ok(Target { url, range }) = serde_json::from_str(value.get()) else {
            return Err(fault(key, "is neither a text nor [url] nor [url, offset, length]"));
        };
        // As fsspec does: without templates, braces mean themselves.
        let url = if !self.templates.is_empty() && url.contains("{{") {
            Cow::Owned(self.templates.render(&Template::parse(&url)?, &[], budget)?)
        } else {
            url
        };
        if url.is_empty() {
            return Err(fault(key, "has an empty target"));
        }
        Ok(JsonReference::Target { url, range })
    }

    fn walk(&self, each: &mut dyn FnMut(&str, &RawValue) -> Result<(), JsonError>) -> Result<(), JsonError> {
        let mut failure = None;
        let mut json = serde_json::Deserializer::from_str(self.references);
        let walked = json.deserialize_map(Walk { each, failure: &mut failure });
        match failure {
            Some(failure) => Err(failure),
            None => Ok(walked?),
        }
    }
}

/// Whether a key is that of a metadata document, in Zarr v2 or v3.
pub fn is_document(key: &str) -> bool {
    let name = key.rsplit('/').next().unwrap_or_default();
    matches!(name, ".zgroup" | ".zarray" | ".zattrs" | ".zmetadata" | "zarr.json")
}

/// The bytes of a value that is given itself: a text, in base64 where it says so, or a document as an object.
fn inline<'v>(key: &str, value: &'v RawValue) -> Result<Option<Cow<'v, [u8]>>, JsonError> {
    let json = value.get();
    match json.as_bytes().first() {
        Some(b'"') => {
            let Text(text) = serde_json::from_str(json)?;
            let Some(encoded) = text.strip_prefix("base64:") else {
                return Ok(Some(match text {
                    Cow::Borrowed(text) => text.as_bytes().into(),
                    Cow::Owned(text) => text.into_bytes().into(),
                }));
            };
            let bytes =
                STANDARD.decode(encoded).map_err(|_| fault(key, "is no base64, though it says so"))?;
            Ok(Some(bytes.into()))
        }
        Some(b'{') => Ok(Some(json.as_bytes().into())),
        _ => Ok(None),
    }
}

fn fault(key: &str, fault: &'static str) -> JsonError {
    JsonError::Reference { key: shortened(key), fault }
}

/// The beginning of what a file says, for messages.
fn shortened(text: &str) -> String {
    const LENGTH_MAX: usize = 120;
    match text.char_indices().nth(LENGTH_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The outermost object, as far as it is a frame.
#[derive(Default)]
struct Frame<'a> {
    version: Option<&'a RawValue>,
    templates: Option<&'a RawValue>,
    r#gen: Option<&'a RawValue>,
    refs: Option<&'a RawValue>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Frame<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Frame<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Frame<'de>, M::Error> {
                let mut frame = Frame::default();
                while let Some(Text(key)) = map.next_key()? {
                    match &*key {
                        "version" => frame.version = Some(map.next_value()?),
                        "templates" => frame.templates = Some(map.next_value()?),
                        "gen" => frame.r#gen = Some(map.next_value()?),
                        "refs" => frame.refs = Some(map.next_value()?),
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                Ok(frame)
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

/// A text that is borrowed where it has no escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Goes through an object.
struct Walk<'w> {
    each: &'w mut dyn FnMut(&str, &RawValue) -> Result<(), JsonError>,
    failure: &'w mut Option<JsonError>,
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of references")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(Text(key)) = map.next_key()? {
            let value: &RawValue = map.next_value()?;
            if let Err(error) = (self.each)(&key, value) {
                *self.failure = Some(error);
                return Err(M::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}

/// `[url]` or `[url, offset, length]`.
struct Target<'a> {
    url: Cow<'a, str>,
    range: Option<ByteRange>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Target<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Elements;
        impl<'de> Visitor<'de> for Elements {
            type Value = Target<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("[url] or [url, offset, length]")
            }

            fn visit_seq<S: SeqAccess<'de>>(self, mut elements: S) -> Result<Target<'de>, S::Error> {
                let missing = || S::Error::custom("too few elements");
                let Text(url) = elements.next_element()?.ok_or_else(missing)?;
                let Some(offset) = elements.next_element()? else {
                    return Ok(Target { url, range: None });
                };
                let length = elements.next_element()?.ok_or_else(missing)?;
                match elements.next_element::<IgnoredAny>()? {
                    Some(_) => Err(S::Error::custom("too many elements")),
                    None => Ok(Target { url, range: Some(ByteRange { offset, length }) }),
                }
            }
        }
        deserializer.deserialize_seq(Elements)
    }
}
