//! The JSON documents of a version, beside the catalog document.

use engine::diagnostics::Diagnostic;
use engine::named_views::NamedViews;
use model::{ChunkKeyEncoding, FileIdentity, InPlace, SourceFile};
use serde::{Deserialize, Serialize};

/// `version.json`: what lists need, so that they read no large file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VersionDocument {
    /// The layout of the directory that this is in.
    pub(super) format: u32,
    /// Id of the dataset.
    pub(super) id: String,
    /// The `title` attribute; empty where there is none.
    pub(super) title: String,
    /// Sources as registered.
    pub(super) sources: Vec<String>,
    /// When the dataset was first registered, nanoseconds since 1970: its place in the list.
    pub(super) registered_ns: i64,
    /// When this version was published, milliseconds since 1970.
    pub(super) published_ms: i64,
    /// Newest modification of a source file, nanoseconds since 1970.
    pub(super) modified_ns: i64,
    /// References a record.
    pub(super) record_size: u64,
    /// How many source files there are.
    pub(super) file_count: u64,
    /// Seconds between two refreshes; none where only a call refreshes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) refresh_seconds: Option<u32>,
    /// Steps of the decoded view; none for the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) view: Option<String>,
    /// Named views.
    #[serde(default, skip_serializing_if = "NamedViews::is_empty")]
    pub(super) named_views: NamedViews,
    /// Diagnostics that are variables of the decoded store.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) diagnostics: Vec<Diagnostic>,
    /// The pool of workers that see its files; none for the default one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) pool: Option<String>,
    /// Whether it was made of a version that was gone back to, and no period refreshes it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) rests: bool,
    /// What the scan left out, and why.
    pub(super) warnings: Vec<WarningDocument>,
}

/// The layout that is written; others are refused.
pub(super) const FORMAT: u32 = 1;

/// One warning of the scan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WarningDocument {
    pub(super) subject: String,
    pub(super) message: String,
}

/// One file of `files.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileDocument {
    path: String,
    size_bytes: u64,
    modified_ns: i64,
    inode: u64,
}

impl From<&SourceFile> for FileDocument {
    fn from(file: &SourceFile) -> Self {
        let FileIdentity { size_bytes, modified_ns, inode } = file.identity;
        Self { path: file.path.clone(), size_bytes, modified_ns, inode }
    }
}

impl From<FileDocument> for SourceFile {
    fn from(document: FileDocument) -> Self {
        let FileDocument { path, size_bytes, modified_ns, inode } = document;
        Self { path, identity: FileIdentity { size_bytes, modified_ns, inode } }
    }
}

/// One variable of `in_place.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum InPlaceDocument {
    Keys {
        array: String,
        has_prefix: bool,
        separator: char,
        not_after_ns: i64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        witness: Option<String>,
    },
    Records {
        directory: String,
        base: String,
        record_size: u64,
        not_after_ns: i64,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        absent: Vec<u64>,
    },
}

impl From<&InPlace> for InPlaceDocument {
    fn from(in_place: &InPlace) -> Self {
        match in_place.clone() {
            InPlace::Keys { array, encoding, not_after_ns, witness } => {
                let ChunkKeyEncoding { has_prefix, separator } = encoding;
                Self::Keys { array, has_prefix, separator, not_after_ns, witness }
            }
            InPlace::Records { directory, base, record_size, not_after_ns, absent } => {
                Self::Records { directory, base, record_size, not_after_ns, absent }
            }
        }
    }
}

impl From<InPlaceDocument> for InPlace {
    fn from(document: InPlaceDocument) -> Self {
        match document {
            InPlaceDocument::Keys { array, has_prefix, separator, not_after_ns, witness } => {
                let encoding = ChunkKeyEncoding { has_prefix, separator };
                Self::Keys { array, encoding, not_after_ns, witness }
            }
            InPlaceDocument::Records { directory, base, record_size, not_after_ns, absent } => {
                Self::Records { directory, base, record_size, not_after_ns, absent }
            }
        }
    }
}
