//! What the scan of one file finds.

use std::fmt;
use std::sync::Arc;

use crate::{ChunkManifest, Group, InPlace, SourceFile, Variable};

/// One source, a file or a store, as a virtual dataset.
#[derive(Debug, Clone, PartialEq)]
pub struct FileScan {
    /// The source: what messages name.
    pub file: SourceFile,
    /// The files that manifests' file ids are places in: the source itself alone, or the targets of references.
    pub files: Vec<SourceFile>,
    /// Groups, the root first.
    pub groups: Vec<Group>,
    /// Variables with their references.
    pub variables: Vec<ScannedVariable>,
    /// Names of dimensions that can grow (netCDF's unlimited), as paths.
    pub unlimited_dimensions: Vec<String>,
    /// What was left out, and why.
    pub warnings: Vec<Warning>,
}

/// A variable of one file.
#[derive(Debug, Clone, PartialEq)]
pub struct ScannedVariable {
    /// Its metadata, shared by the files of an archive that say the same.
    pub variable: Arc<Variable>,
    /// How its bytes lie.
    pub layout: Layout,
    /// References of all its chunks; empty where they stay in place.
    pub manifest: ChunkManifest,
    /// Where its references are, if not in the manifest. Only in scans that are made to stand alone.
    pub in_place: Option<InPlace>,
}

/// How a variable's bytes lie in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// In chunks: the chunk shape is given.
    Chunked,
    /// In one piece, uncompressed, and one chunk in the manifest: the chunk shape can still be chosen.
    Contiguous,
    /// Small: decoded into one inlined chunk without compression (variable-length text as `VlenUtf8`).
    Inline,
}

/// Something that a user should know of a source: never a failure.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Warning {
    /// The variable, group or attribute (`path`, `path@attribute`) it is about; empty for the whole file.
    pub subject: String,
    /// What and why.
    pub message: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.subject.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.subject, self.message)
        }
    }
}
