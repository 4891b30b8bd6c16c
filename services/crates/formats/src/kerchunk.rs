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

pub use parquet::{is_set, scan_set};

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

/// Where relative targets of a set begin, which is at this path or URL: what it lies in, with a slash at its end.
fn around(place: &str) -> String {
    let root = place.split_once("://").map_or(0, |(scheme, _)| scheme.len() + 3);
    match place[root..].rfind('/') {
        Some(slash) => place[..=root + slash].to_owned(),
        // A host or bucket is the set: nothing is around it.
        None => format!("{place}/"),
    }
}

/// Nanoseconds since 1970.
fn now_ns() -> i64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::around;

    #[test]
    fn targets_begin_around_the_set() {
        for (place, base) in [
            ("/data/set.parq", "/data/"),
            ("/set.json", "/"),
            ("https://host/refs/set.parq", "https://host/refs/"),
            ("https://host/set.json", "https://host/"),
            ("s3://bucket", "s3://bucket/"),
        ] {
            assert_eq!(around(place), base);
        }
    }
}
