//! Scanning all files of a registration, some at once.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use futures::StreamExt as _;
use futures::stream;
use model::{Error, FileScan, Result};

use super::events::Events;
use crate::scan::ScanPool;

/// Most failures that are told; scanning stops with the last of them.
const FAILURES_MAX: usize = 10;

/// Scans files and returns the scans in the order of the files. Where some fail, all failures up to
/// [`FAILURES_MAX`] are one error that names the files.
pub(super) async fn scan(
    pool: &ScanPool,
    files: Vec<PathBuf>,
    at_once: usize,
    events: &Events,
) -> Result<Vec<FileScan>> {
    let total = files.len() as u64;
    events.begin("scan", total).await;
    let done = AtomicU64::new(0);
    let one = |(place, path): (usize, PathBuf)| {
        let done = &done;
        async move {
            let name = name(&path);
            let still = |_: u64, _: u64| events.progress("scan", done.load(Ordering::Relaxed), total, &name);
            still(0, 0);
            let scan = pool.scan(&path, &still).await;
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            events.progress("scan", done, total, &name);
            (place, path, scan)
        }
    };
    let mut outcomes = stream::iter(files.into_iter().enumerate()).map(one).buffer_unordered(at_once);
    let mut scans = Vec::new();
    let mut failures = Vec::new();
    while let Some((place, path, outcome)) = outcomes.next().await {
        match outcome {
            Ok(scan) => scans.push((place, scan)),
            Err(error) => failures.push((place, path, error)),
        }
        if failures.len() == FAILURES_MAX {
            break;
        }
    }
    if !failures.is_empty() {
        return Err(together(failures, total));
    }
    scans.sort_unstable_by_key(|(place, _)| *place);
    Ok(scans.into_iter().map(|(_, scan)| scan).collect())
}

/// Several failures as one error of the first one's kind.
fn together(mut failures: Vec<(usize, PathBuf, Error)>, total: u64) -> Error {
    failures.sort_unstable_by_key(|(place, ..)| *place);
    let count = match failures.len() {
        FAILURES_MAX => format!("{FAILURES_MAX} or more"),
        count => count.to_string(),
    };
    let told = failures.iter().map(|(_, path, error)| {
        let name = name(path);
        // Most messages of a scan begin with the file's name.
        if error.message.contains(&name) {
            error.message.clone()
        } else {
            format!("{name}: {}", error.message)
        }
    });
    let message =
        format!("{count} of {total} files cannot be scanned: {}", told.collect::<Vec<_>>().join("; "));
    let internal = failures.iter().map(|(_, path, error)| {
        format!("{}: {}", path.display(), error.internal.as_deref().unwrap_or(&error.message))
    });
    let internal = internal.collect::<Vec<_>>().join("; ");
    let first = failures.first().map(|(_, _, error)| (error.kind, error.retry_after_seconds));
    let (kind, retry_after_seconds) = first.unwrap_or((model::ErrorKind::Internal, None));
    Error { kind, message, internal: Some(internal), retry_after_seconds }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
