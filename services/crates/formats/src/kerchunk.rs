//! kerchunk references: a JSON document, or a directory of Parquet records.
//!
//! ```text
//! json       one document ─▶ documents ─▶ hierarchy: variables ─▶ chunks: their references ─┐
//! parquet    .zmetadata ──────────────────┘                       records, or left in place ─┴▶ FileScan
//!                                              targets: paths resolved and looked at ────────┘
//! ```
//! Relative targets begin at the directory that the set lies in.

mod coordinates;
mod hierarchy;
mod json;
mod parquet;
mod placing;
mod targets;

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use model::FileScan;

use crate::{Progress, ScanFault, ScanOptions};

/// Scans a set of references.
pub(crate) fn scan(
    path: &Path,
    options: &ScanOptions,
    progress: Progress<'_>,
) -> Result<FileScan, ScanFault> {
    let absolute = std::path::absolute(path)?;
    if absolute.is_dir() {
        parquet::scan(&absolute, options, progress)
    } else {
        json::scan(&absolute, options, progress)
    }
}

/// Where relative targets of a set begin: its directory, with a slash at its end.
fn base(set: &Path, options: &ScanOptions) -> String {
    if let Some((directory, _)) = options.url.as_deref().and_then(|url| url.rsplit_once('/')) {
        return format!("{directory}/");
    }
    let directory = set.parent().unwrap_or(Path::new("/")).to_string_lossy();
    format!("{}/", directory.trim_end_matches('/'))
}

/// Nanoseconds since 1970.
fn now_ns() -> i64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.as_nanos()).unwrap_or(i64::MAX)
}
