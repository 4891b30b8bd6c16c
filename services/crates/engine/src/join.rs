//! Joining the scans of many files into one dataset.

use model::{ChunkManifest, Dataset, SourceFile, Warning};

use crate::preview::RecordDimension;

/// One dataset made of the scans of its files, ready to be published.
#[derive(Debug, Clone, PartialEq)]
pub struct Joined {
    /// Groups and variables.
    pub dataset: Dataset,
    /// References of each variable, in the order of `dataset.variables`; file ids are places in `files`.
    pub manifests: Vec<ChunkManifest>,
    /// The source files.
    pub files: Vec<SourceFile>,
    /// The dimension along which files were joined; none for one file.
    pub record_dimension: Option<RecordDimension>,
    /// What was left out or looks odd.
    pub warnings: Vec<Warning>,
}
