//! Catalogs of others, each of whose entries becomes a dataset: intake's YAML (version 1) and STAC.
//!
//! ```text
//! file ─▶ detect ─▶ intake │ stac ─▶ entries: an id and sources, or why not ─▶ run: a registration each, some at once
//!            ▲            │
//!            └─ nested ◀──┘   below the roots, bounded in depth and number, each file once
//! ```
//! What a catalog says of how to open a dataset, and this server does otherwise, becomes a note of the entry.

mod intake;
mod read;
mod run;
mod stac;
#[cfg(test)]
mod tests;
mod url;

use std::path::Path;

use model::{Error, Result};
use serde_json::Value;

pub(super) use read::{Entry, detect, read};
pub(super) use run::run;

/// Longest catalog file that is read.
pub const FILE_BYTES_MAX: u64 = 16 << 20;
/// Deepest nesting of what is in a file.
const DEPTH_MAX: usize = 48;

/// What one file of a catalog holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CatalogFile {
    /// The name that it gives itself, a part of ids where another catalog leads to it.
    pub id: Option<String>,
    /// Its entries, in its order.
    pub entries: Vec<FileEntry>,
}

/// One entry of a catalog file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    /// Its name, part of an id.
    pub name: String,
    /// What it is.
    pub kind: EntryKind,
}

/// What an entry of a catalog is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// Data that can be registered.
    Data {
        /// Paths, globs, URLs.
        sources: Vec<String>,
        /// What of the entry is not taken over.
        notes: Vec<String>,
    },
    /// Another catalog file.
    Catalog {
        /// Its path or URL.
        place: String,
        /// Whether its entries' ids have this entry's name in them, or the one that it gives itself.
        is_named: bool,
    },
    /// Nothing that can be registered, and why.
    Skipped(String),
}

/// Reads one catalog file, of whatever kind, that lies in a directory. Does no I/O: nested catalogs are entries.
pub fn parse(text: &str, directory: &str) -> Result<CatalogFile> {
    match value(text)? {
        Value::Object(object) if object.contains_key("stac_version") || stac::is_collection(&object) => {
            Ok(stac::parse(&object, directory))
        }
        Value::Object(object) if object.get("sources").is_some_and(Value::is_object) => {
            Ok(intake::parse(&object, directory))
        }
        _ => Err(Error::invalid("this is no catalog: neither intake's YAML (version 1) nor STAC")),
    }
}

/// A document as a value: JSON, or YAML within bounds of size, nesting and repetition.
fn value(text: &str) -> Result<Value> {
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(Error::invalid(format!("the catalog is longer than {FILE_BYTES_MAX} bytes")));
    }
    if text.trim_start().starts_with('{')
        && let Ok(value) = serde_json::from_str(text)
    {
        return Ok(value);
    }
    let mut options = serde_saphyr::Options::default();
    if let Some(budget) = &mut options.budget {
        budget.max_depth = DEPTH_MAX;
        budget.max_documents = 1;
    }
    options.alias_limits.max_total_replayed_events = 100_000;
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        // The first line says what and where; then come lines of the file.
        let error = error.to_string();
        let what = error.lines().next().unwrap_or_default().to_owned();
        Error::invalid(format!("the catalog cannot be read: {what}")).with_internal(error)
    })
}

/// A path of a catalog as one that is not relative.
fn absolute(place: &str, directory: &str) -> String {
    if place.starts_with('/') || model::is_url(place) {
        return place.to_owned();
    }
    let joined = Path::new(directory).join(place.trim_start_matches("./"));
    joined.to_string_lossy().into_owned()
}
