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
use crate::sections::{LongReduction, Section, Sections};

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

/// Bytes as they are stored, at once or in pieces.
pub enum StoredBytes {
    /// All of them: small ranges.
    Whole(Bytes),
    /// Pieces in order, together as long as the range: large ranges, so that memory stays bounded. An error ends
    /// them early; an answer begun must then be broken off.
    Pieces(BoxStream<'static, Result<Bytes>>),
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

/// What to register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// Id of the dataset.
    pub id: DatasetId,
    /// Absolute paths and globs.
    pub sources: Vec<String>,
    /// Whether it may be there already.
    pub if_exists: IfExists,
    /// How far to go.
    pub goal: RegistrationGoal,
    /// Steps of the decoded view, `/zarr`; where not said, as the version before has it.
    pub view: Option<String>,
    /// Named views, in place of those of the same names in the version before; empty steps take one away, others stay.
    pub named_views: NamedViews,
    /// Seconds between two refreshes, 0 for none; where not said, as the version before has it.
    pub refresh_seconds: Option<u32>,
    /// What the sources are.
    pub sources_are: SourcesAre,
    /// The pool of workers that see the sources; where not said, as the version before has it.
    pub pool: Option<PoolName>,
}

/// What a version is to have otherwise than the one before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Amendment {
    /// One more diagnostic.
    AddDiagnostic(Diagnostic),
    /// One diagnostic fewer, by its name.
    RemoveDiagnostic(String),
    /// Named views, in place of those of the same names; empty steps take one away, others stay.
    NameViews(NamedViews),
}

/// What came of an amendment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amended {
    /// The current version.
    pub version: Version,
    /// Whether it was published now; not where all was so already.
    pub is_new: bool,
}

/// What the sources of a registration are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SourcesAre {
    /// A catalog if it is one file that looks like one, else data.
    #[default]
    Detected,
    /// Data: one dataset is made of them.
    Data,
    /// A catalog (intake, STAC): each of its entries becomes a dataset, its id behind the given one.
    Catalog,
}

/// What to do where a dataset of that id is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfExists {
    /// Refuse with a `Conflict`.
    Refuse,
    /// Publish a new version.
    Replace,
}

/// How far a registration goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistrationGoal {
    /// Scan, join and say what would be published.
    Preview,
    /// The same, and publish it.
    Publish,
}

/// Something that happened during a registration.
#[derive(Debug, Clone, PartialEq)]
pub enum RegistrationEvent {
    /// Work goes on.
    Progress {
        /// `scan`, `join` or `publish`.
        stage: String,
        /// Files, or arrays, done.
        done: u64,
        /// Of how many.
        total: u64,
        /// The file just begun; empty where none.
        current: String,
    },
    /// What would be, or is about to be, published.
    Preview(Box<crate::preview::Preview>),
    /// Done.
    Published {
        /// The dataset.
        id: DatasetId,
        /// Its new version.
        version: Version,
    },
    /// What a refresh found its sources to be, before it scans anything.
    Compared(Comparison),
    /// Done, with nothing to publish: all is as the current version has it.
    Unchanged {
        /// The dataset.
        id: DatasetId,
        /// Its version, the current one.
        version: Version,
    },
    /// One entry of a catalog is done.
    Entry {
        /// The dataset that it becomes.
        id: String,
        /// What became of it.
        outcome: EntryOutcome,
    },
    /// Done with a catalog.
    Summary(CatalogSummary),
}

/// Sources now beside those of the last scan.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Comparison {
    /// That were not there.
    pub added: u64,
    /// That are there again, but different.
    pub changed: u64,
    /// That are no more.
    pub gone: u64,
    /// That are as they were.
    pub unchanged: u64,
}

/// What became of an entry of a catalog.
#[derive(Debug, Clone, PartialEq)]
pub enum EntryOutcome {
    /// Published.
    Published {
        /// Its version.
        version: Version,
        /// What of the entry was not taken over.
        notes: Vec<String>,
    },
    /// It would be published.
    Previewed {
        /// What would be.
        preview: Box<crate::preview::Preview>,
        /// What of the entry would not be taken over.
        notes: Vec<String>,
    },
    /// Nothing that could be registered, and why.
    Skipped(String),
    /// It could not be registered.
    Failed(Error),
}

/// How many entries of a catalog became what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CatalogSummary {
    /// Published.
    pub published: u64,
    /// Only previewed.
    pub previewed: u64,
    /// Skipped.
    pub skipped: u64,
    /// Failed.
    pub failed: u64,
}
