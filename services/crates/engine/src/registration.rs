//! What registrations are told, and what they tell.

use model::{DatasetId, Error, Version};

use crate::diagnostics::Diagnostic;
use crate::named_views::NamedViews;
use crate::pools::PoolName;
use crate::preview::Preview;

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
    Preview(Box<Preview>),
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
        preview: Box<Preview>,
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
