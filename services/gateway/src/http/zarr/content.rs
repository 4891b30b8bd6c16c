//! What a key of a store is, and its bytes: found out here alone, for an answer of its own and for one of many.

use std::sync::Arc;

use engine::open::{Document, Located, OpenDataset};
use engine::ports::{EvaluatedChunk, Form, StoredBytes};
use engine::{diagnostics, etag};
use model::{ByteRange, Error, ErrorKind, Result, SourceFile};
use zarr::collection::STORE as STORED;
use zarr::key::{ChunkIndex, Key, KeyError, KeyFault};

use super::pieces::exact;
use crate::http::state::GatewayState;
use crate::limits::Kind;

/// The name of decoded stores.
const DECODED: &str = "zarr";

/// A store that is asked for keys.
pub(in crate::http) struct Store<'s> {
    pub(in crate::http) state: &'s GatewayState,
    pub(in crate::http) dataset: &'s OpenDataset,
    pub(in crate::http) form: Form,
}

/// What a key of a store is.
#[derive(Debug)]
pub(in crate::http) enum Content<'s> {
    /// A metadata document.
    Metadata(&'s Document),
    /// Bytes of a source file.
    Stored {
        /// Which.
        file: Arc<SourceFile>,
        /// Which bytes of it.
        range: ByteRange,
    },
    /// A chunk that is here.
    Here(Document),
    /// A chunk that a worker makes.
    Made(Made),
}

impl Content<'_> {
    /// What a worker makes that it is like, if one makes it.
    pub(in crate::http) fn kind(&self) -> Option<Kind> {
        match self {
            Content::Made(made) => Some(Kind::of(&made.chunk)),
            _ => None,
        }
    }
}

/// A chunk that a worker makes, or finds to be missing.
#[derive(Debug)]
pub(in crate::http) struct Made {
    pub(super) chunk: EvaluatedChunk,
    /// Place of the variable in the dataset's list.
    variable: usize,
    is_of_v2: bool,
}

/// The form of what is in the store of a name: a dataset has two stores, a view by URL has one.
pub(in crate::http) fn form(dataset: &OpenDataset, store: &str) -> Result<Form> {
    match (dataset.form(), store) {
        (Form::Stored, STORED) => Ok(Form::Stored),
        (Form::Stored, DECODED) => Ok(Form::Decoded),
        (view, DECODED) => Ok(view.clone()),
        _ => Err(Error::not_found("Not Found")),
    }
}

/// The name of a store.
pub(in crate::http) fn name(form: &Form) -> &'static str {
    if *form == Form::Stored { STORED } else { DECODED }
}

/// The error of a key that names nothing. What no store can have is the request's fault; an empty segment is what clients
/// make of a trailing slash.
pub(in crate::http) fn unknown(key: &str, error: KeyError) -> Error {
    let refused = match error {
        KeyError::Malformed(fault) if fault != KeyFault::EmptySegment => {
            Error::invalid(format!("key {fault}"))
        }
        KeyError::Malformed(_) | KeyError::Unknown => Error::not_found("no such key in this dataset"),
    };
    if diagnostics::may_have_been(key) { gone(key, refused) } else { refused }
}

/// A chunk of a dataset, or of a diagnostic, that is not there is asked for by a client that opened it before it was removed.
/// Never a 404, which it would fill in; of metadata, a 404 is what says that there is none.
pub(super) fn gone(key: &str, error: Error) -> Error {
    if error.kind == ErrorKind::NotFound && zarr::key::is_chunk_like(key) {
        return Error { kind: ErrorKind::Gone, ..error };
    }
    error
}

/// What a worker does not find is a fault, as opposed to a chunk that it finds to be missing. Never a 404: a client would
/// read fill values.
pub(in crate::http) fn never_missing(error: Error) -> Error {
    if error.kind == ErrorKind::NotFound { Error { kind: ErrorKind::Conflict, ..error } } else { error }
}

impl<'s> Store<'s> {
    /// What a key names, whether there is such a document or chunk or not.
    pub(in crate::http) fn parse<'k>(&self, key: &'k str) -> Result<Key<'k>, KeyError> {
        zarr::key::parse(key, |path| self.dataset.variable(path).is_some())
    }

    /// Finds out what a key is, as [`parse`](Self::parse) took it apart. A missing chunk is `NotFound`.
    pub(in crate::http) async fn find(&self, key: &str, parsed: &Key<'_>) -> Result<Content<'s>> {
        match parsed {
            Key::Metadata { .. } => {
                let document = self.dataset.document_in(&self.form, key);
                document.map(Content::Metadata).ok_or_else(|| Error::not_found("no such key in this dataset"))
            }
            Key::Chunk { variable, index } => self.find_chunk(variable, index).await,
        }
    }

    async fn find_chunk(&self, variable: &str, index: &ChunkIndex) -> Result<Content<'s>> {
        let found = self.dataset.variable(variable);
        let (variable, _) = found.ok_or_else(|| Error::not_found("no such variable"))?;
        let is_of_v2 = index.is_of_v2();
        let datasets = &self.state.datasets;
        match datasets.locate_in(&self.form, self.dataset, variable, index).await? {
            Located::Stored { file, range } => Ok(Content::Stored { file, range }),
            Located::File { file, array } => {
                match datasets.length(&self.dataset.published().id, &file, array.as_deref()).await? {
                    Some(length) => Ok(Content::Stored { file, range: ByteRange { offset: 0, length } }),
                    None => self.absent(variable, is_of_v2).await.map(Content::Here),
                }
            }
            Located::Inline(bytes) => Ok(Content::Here(Document::new(bytes))),
            Located::Computed(chunk) => Ok(Content::Made(Made { chunk, variable, is_of_v2 })),
            Located::Missing => self.absent(variable, is_of_v2).await.map(Content::Here),
            Located::Outside => Err(Error::not_found("the array has no such chunk")),
        }
    }

    /// What a chunk is that the source lacks: `NotFound`, or, where v2's document does not say what it reads as, that.
    async fn absent(&self, variable: usize, is_of_v2: bool) -> Result<Document> {
        if is_of_v2
            && let Some(chunk) = self.state.datasets.absent_chunk(&self.form, self.dataset, variable).await?
        {
            return Ok(chunk);
        }
        Err(Error::not_found("the chunk is absent in the source: it reads as the fill value"))
    }

    /// How many bytes a chunk has before it is encoded, at most: where elements have no fixed size, those of a reference.
    pub(super) fn decoded_bytes(&self, made: &Made) -> u64 {
        let Some(variable) = self.dataset.dataset_in(&self.form).variables.get(made.variable) else {
            return 0;
        };
        let elements = variable.grid.chunk_shape().iter().fold(1_u64, |all, size| all.saturating_mul(*size));
        elements.saturating_mul(variable.data_type.size().unwrap_or(16) as u64)
    }

    /// Has a chunk made.
    pub(super) async fn make(&self, made: &Made) -> Result<Document> {
        match self.state.evaluate(&made.chunk).await.map_err(never_missing)? {
            Some(bytes) => Ok(Document { bytes, etag: etag::of_evaluated(&made.chunk) }),
            None => self.absent(made.variable, made.is_of_v2).await,
        }
    }

    /// All bytes of what a key is, and how many.
    pub(in crate::http) async fn read(&self, content: Content<'s>) -> Result<(StoredBytes, u64)> {
        let bytes = match content {
            Content::Stored { file, range } => {
                match self.state.read(&self.dataset.published().id, &file, range).await? {
                    StoredBytes::Whole(bytes) => exact(bytes, range.length)?,
                    pieces @ StoredBytes::Pieces(_) => return Ok((pieces, range.length)),
                }
            }
            Content::Metadata(document) => document.bytes.clone(),
            Content::Here(document) => document.bytes,
            Content::Made(made) => self.make(&made).await?.bytes,
        };
        let length = bytes.len() as u64;
        Ok((StoredBytes::Whole(bytes), length))
    }

    /// Memory that these bytes take while they wait to be sent: at most `pieces_bytes` where they come in pieces; what
    /// is yet to be made is taken for as long as its elements, which compressing makes shorter.
    pub(in crate::http) fn memory_bytes(&self, content: &Content<'_>, pieces_bytes: u64) -> u64 {
        match content {
            Content::Metadata(_) | Content::Here(_) => 0,
            Content::Stored { range, .. } => range.length.min(pieces_bytes),
            Content::Made(made) => self.decoded_bytes(made),
        }
    }
}
