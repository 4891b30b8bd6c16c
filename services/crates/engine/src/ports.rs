//! What the use cases need of the world outside.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use model::{
    ByteRange, ChunkManifest, Dataset, DatasetId, Error, ErrorKind, InPlace, NodePath, Result, SourceFile,
    Version,
};

use crate::diagnostics::Diagnostic;
use crate::named_views::NamedViews;
use crate::pools::{PoolName, PoolStatus};
use crate::recall::Recall;
pub use crate::registration::{
    Amended, Amendment, CatalogSummary, Comparison, EntryOutcome, IfExists, Registration, RegistrationEvent,
    RegistrationGoal, SourcesAre,
};
use crate::sections::{LongReduction, Section, Sections};
pub use crate::stored::{ReadBytes, StoredBytes};

/// What a worker can do. Two homes: `LocalWorker` in the crate worker (the real thing), `RemoteWorker` in the
/// crate gateway (gRPC). Dropping a returned future or stream cancels the work behind it.
#[async_trait]
pub trait Worker: Send + Sync + 'static {
    /// The catalog's list; none where `known` is still its revision.
    async fn list(&self, known: Option<u64>) -> Result<Option<Listing>>;

    /// One version of a dataset, the current one where none is named.
    async fn dataset(&self, id: &DatasetId, version: Option<Version>) -> Result<PublishedDataset>;

    /// Which catalog it has, as far as it knows without looking ([`Listing::catalog_id`]).
    fn catalog_id(&self) -> String {
        String::new()
    }

    /// What making a chunk costs; nothing is made, and nothing ordered from tape.
    async fn plan(&self, chunk: &EvaluatedChunk) -> Result<ChunkPlan> {
        let EvaluatedChunk { id, variable, .. } = chunk;
        Err(Error::new(
            ErrorKind::Unsupported,
            format!("chunks of {variable} in {id} cannot be planned here"),
        ))
    }

    /// The dataset that the view of these steps, spelled canonically, makes of a version: groups and variables with the
    /// codecs and chunk grids that they are served with. Each of its chunks is evaluated, in the form [`Form::View`] of
    /// the same steps.
    async fn open_view(&self, id: &DatasetId, version: Version, steps: &str) -> Result<PublishedDataset> {
        let message = format!("views of {id}, version {version}, cannot be made here");
        Err(Error::new(ErrorKind::Unsupported, message).with_internal(steps))
    }

    /// A dataset's versions, oldest first, and which is current.
    async fn versions(&self, id: &DatasetId) -> Result<VersionList>;

    /// One record of a variable's references: chunks `record * record_size ..`.
    async fn references(
        &self,
        id: &DatasetId,
        version: Version,
        variable: &NodePath,
        record: u64,
    ) -> Result<ReferenceRecord>;

    /// Reads a range of a dataset's file as it is, if the file is still what it was at the scan; otherwise a `Conflict`.
    /// A range of length 0 only checks that.
    async fn read(&self, id: &DatasetId, file: &Arc<SourceFile>, range: ByteRange) -> Result<StoredBytes>;

    /// The same, and of which state of a remote file the bytes are.
    async fn read_to_keep(
        &self,
        id: &DatasetId,
        file: &Arc<SourceFile>,
        range: ByteRange,
    ) -> Result<ReadBytes> {
        self.read(id, file, range).await.map(ReadBytes::not_to_keep)
    }

    /// The length of a file that is served whole, in bytes. None where it is a chunk of the Zarr array of this path or
    /// URL (or of this document, see [`model::InPlace`]), which is there, and it is not: the chunk is missing. A file of no array, or whose array is gone too, is a
    /// `Conflict`.
    async fn stat(
        &self,
        _id: &DatasetId,
        file: &Arc<SourceFile>,
        _array: Option<&str>,
    ) -> Result<Option<u64>> {
        Err(Error::new(ErrorKind::Unsupported, "this worker looks at no files").with_internal(&file.path))
    }

    /// Makes a chunk that no file holds in this form: decodes what the sources have of it and encodes that. None where
    /// the sources have nothing: the chunk reads as the fill value.
    async fn evaluate(&self, chunk: &EvaluatedChunk) -> Result<Option<Bytes>> {
        let EvaluatedChunk { id, variable, .. } = chunk;
        Err(Error::new(ErrorKind::Unsupported, format!("chunks of {variable} in {id} cannot be made here")))
    }

    /// The same, and on what conditions the chunk may be kept by who asked.
    async fn evaluate_to_keep(&self, chunk: &EvaluatedChunk) -> Result<MadeChunk> {
        self.evaluate(chunk).await.map(|bytes| MadeChunk { bytes, keeping: None })
    }

    /// Long reductions that a chunk of a view is made of: several workers had better make their sections, and one of them
    /// [`assemble`](Self::assemble) the chunk. None where it is made soon, or is kept.
    async fn long_reductions(&self, _chunk: &EvaluatedChunk) -> Result<Vec<LongReduction>> {
        Ok(Vec::new())
    }

    /// Makes a section of a long reduction that a chunk is made of: bytes that workers alone understand.
    async fn section(&self, chunk: &EvaluatedChunk, _section: Section) -> Result<Bytes> {
        Err(Error::new(ErrorKind::Unsupported, format!("no section of {} can be made here", chunk.variable)))
    }

    /// As [`evaluate`](Self::evaluate), of sections that were made before: those of a block behind one another and in order.
    async fn assemble(&self, chunk: &EvaluatedChunk, _sections: Sections) -> Result<Option<Bytes>> {
        self.evaluate(chunk).await
    }

    /// Orders a file back from tape, without waiting for it: how that stands. None where it is on disk.
    async fn order_recall(&self, _id: &DatasetId, file: &Arc<SourceFile>) -> Result<Option<Recall>> {
        Err(Error::new(ErrorKind::Unsupported, "this worker orders no files").with_internal(&file.path))
    }

    /// Recalls of a dataset's files, in the order in which they were ordered, those that are done for some time too.
    async fn recalls(&self, id: &DatasetId, version: Version) -> Result<Vec<Recall>> {
        Err(Error::new(
            ErrorKind::Unsupported,
            format!("no recalls of {id}, version {version}, are known here"),
        ))
    }

    /// Scans and joins sources and publishes a version; progress comes as a stream that ends with the outcome.
    async fn register(
        &self,
        registration: Registration,
    ) -> Result<BoxStream<'static, Result<RegistrationEvent>>>;

    /// Looks at a dataset's sources again, scans those that are new or changed and publishes a version if anything is
    /// different. Events as of a registration.
    async fn refresh(&self, id: &DatasetId) -> Result<BoxStream<'static, Result<RegistrationEvent>>> {
        Err(Error::new(ErrorKind::Unsupported, format!("{id} cannot be refreshed here")))
    }

    /// Publishes a version that differs from the current one in how it is served alone; nothing is scanned. A `Conflict`
    /// where the current version is not `of`, if that is said.
    async fn amend(&self, id: &DatasetId, of: Option<Version>, _amendment: Amendment) -> Result<Amended> {
        Err(Error::new(ErrorKind::Unsupported, format!("{id} cannot be amended here"))
            .with_internal(format!("{of:?}")))
    }

    /// Takes a dataset out of the catalog.
    async fn remove(&self, id: &DatasetId) -> Result<()>;

    /// Makes an earlier version current: the one before where none is named. Returns which is current now.
    async fn roll_back(&self, id: &DatasetId, version: Option<Version>) -> Result<Version>;

    /// Whether it can answer now.
    async fn ready(&self) -> Result<()>;

    /// The pools of workers behind it; none where it is a worker itself.
    fn pools(&self) -> Vec<PoolStatus> {
        Vec::new()
    }
}

/// A chunk for a worker to make.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EvaluatedChunk {
    /// The dataset.
    pub id: DatasetId,
    /// Its version.
    pub version: Version,
    /// The variable.
    pub variable: NodePath,
    /// Number of the chunk in the variable's grid, in C order.
    pub number: u64,
    /// In which form.
    pub form: Form,
}

/// A chunk that a worker made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeChunk {
    /// None where the sources have nothing of it.
    pub bytes: Option<Bytes>,
    /// On what conditions it may be kept outside of the worker; none where it may not.
    pub keeping: Option<Keeping>,
}

/// On what conditions a chunk may be kept outside of workers: it is of one state of its sources, which the version names,
/// and may be served while they are what they were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keeping {
    /// The catalog that the version is of ([`Listing::catalog_id`]).
    pub catalog_id: String,
    /// What it was made of, each file once.
    pub sources: Vec<Arc<SourceFile>>,
}

/// What making a chunk costs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChunkPlan {
    /// Chunks of sources that it is made of, each counted once.
    pub source_chunks: u64,
    /// Those of them that are missing.
    pub missing_chunks: u64,
    /// Bytes that are read, as they are stored.
    pub stored_bytes: u64,
    /// Bytes of the elements that they are decoded to.
    pub decoded_bytes: u64,
    /// Bytes of memory while it is made.
    pub memory_bytes: u64,
    /// Files that are read.
    pub files: u64,
    /// Those of them that are on tape.
    pub offline_files: u64,
    /// Most bytes of elements that one chunk may be made of; 0 where it is read as it is stored.
    pub decoded_bytes_max: u64,
    /// Whether stored bytes and files are estimated from a part of the chunks.
    pub is_estimated: bool,
}

/// The form of a chunk.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Form {
    /// As the dataset's own metadata say: `/kerchunk`.
    Stored,
    /// As the metadata of its decoded view say: `/zarr`.
    Decoded,
    /// As the metadata say of the view of these steps, spelled canonically: `/view/{steps}/zarr`.
    View(Arc<str>),
}

/// The catalog's list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// Changes with every change of the catalog.
    pub revision: u64,
    /// Which catalog it is: another where one was made anew in the place of one that was removed; empty where it cannot be
    /// told apart. Its versions and this name one state of a dataset for all time.
    pub catalog_id: String,
    /// Every dataset, in order of first registration.
    pub datasets: Vec<ListedDataset>,
}

/// One dataset of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedDataset {
    /// Its id.
    pub id: DatasetId,
    /// Its current version.
    pub version: Version,
    /// Its `title` attribute; empty where it has none.
    pub title: String,
    /// The pool of workers that see its files.
    pub pool: PoolName,
}

/// One version of a dataset, without references.
#[derive(Debug, Clone, PartialEq)]
pub struct PublishedDataset {
    /// Its id.
    pub id: DatasetId,
    /// The version.
    pub version: Version,
    /// When it was published, milliseconds since 1970.
    pub published_ms: i64,
    /// Newest modification of its source files, nanoseconds since 1970.
    pub modified_ns: i64,
    /// References a record.
    pub record_size: u64,
    /// Groups and variables.
    pub dataset: Arc<Dataset>,
    /// For each variable, where its references stay; empty where all are in the catalog.
    pub in_place: Vec<Option<InPlace>>,
    /// Steps of its decoded view, `/zarr`, as its administrator wrote them; empty for the default.
    pub view: String,
    /// Its named views; none of what is a view itself.
    pub named_views: Arc<NamedViews>,
    /// Its diagnostics, in the order in which they were added; none of what is a view itself.
    pub diagnostics: Arc<Vec<Diagnostic>>,
}

/// A run of one variable's references with the files that they point into.
#[derive(Debug, Clone, PartialEq)]
pub struct ReferenceRecord {
    /// The references; their `FileId`s are places in `files`.
    pub manifest: ChunkManifest,
    /// The files.
    pub files: Vec<Arc<SourceFile>>,
}

/// A dataset's versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionList {
    /// The current one.
    pub current: Version,
    /// All, oldest first.
    pub versions: Vec<VersionSummary>,
    /// How it is kept up to date.
    pub refresh: RefreshReport,
}

/// How a dataset is kept up to date with its sources.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RefreshReport {
    /// Seconds between two refreshes; none where only a call refreshes it.
    pub every_seconds: Option<u32>,
    /// The last one; none where there was none.
    pub last: Option<LastRefresh>,
}

/// How the last refresh went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastRefresh {
    /// When it ended, milliseconds since 1970.
    pub at_ms: i64,
    /// `published`, `unchanged` or `failed`.
    pub outcome: String,
    /// What it published, or why it failed.
    pub message: String,
}

/// One version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionSummary {
    /// Its number.
    pub version: Version,
    /// When it was published, milliseconds since 1970.
    pub published_ms: i64,
    /// Sources as registered.
    pub sources: Vec<String>,
    /// How many source files it has.
    pub file_count: u64,
    /// How many warnings its scan gave.
    pub warning_count: u64,
}
