//! Scanning all sources of a registration, some at once.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::StreamExt as _;
use futures::stream;
use model::{Error, FileScan, Result};

use super::events::Events;
use super::remote;
use super::sources::Source;
use crate::scan::{ScanPool, ScanSource};
use crate::storage::Remotes;

/// Most failures that are told; scanning stops with the last of them.
const FAILURES_MAX: usize = 10;

/// Scans sources and returns the scans in their order. Where some fail, all failures up to [`FAILURES_MAX`] are one
/// error that names them. Links in stores may lead into `roots`.
pub(super) async fn scan(
    (pool, remotes): (&ScanPool, &Remotes),
    sources: Vec<Source>,
    roots: &[PathBuf],
    at_once: usize,
    events: &Events,
) -> Result<Vec<FileScan>> {
    let total = sources.len() as u64;
    events.begin("scan", total).await;
    let done = AtomicU64::new(0);
    let one = |(place, source): (usize, Source)| {
        let done = &done;
        async move {
            let name = source.name();
            let still = |_: u64, _: u64| events.progress("scan", done.load(Ordering::Relaxed), total, &name);
            still(0, 0);
            let scan = match source.clone() {
                Source::Path(path) => {
                    let source =
                        ScanSource { path, stand_alone: total == 1, roots: roots.to_vec(), url: None };
                    let scan = pool.scan(&source, &still).await;
                    scan.and_then(|scan| remote::check_targets(remotes, &scan).map(|()| scan))
                }
                Source::Url(url) => remote::scan(remotes, pool, &url, total == 1, &still).await,
            };
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            events.progress("scan", done, total, &name);
            (place, source, scan)
        }
    };
    let mut outcomes = stream::iter(sources.into_iter().enumerate()).map(one).buffer_unordered(at_once);
    let mut scans = Vec::new();
    let mut failures = Vec::new();
    while let Some((place, source, outcome)) = outcomes.next().await {
        match outcome {
            Ok(scan) => scans.push((place, scan)),
            Err(error) => failures.push((place, source, error)),
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
fn together(mut failures: Vec<(usize, Source, Error)>, total: u64) -> Error {
    failures.sort_unstable_by_key(|(place, ..)| *place);
    let count = match failures.len() {
        FAILURES_MAX => format!("{FAILURES_MAX} or more"),
        count => count.to_string(),
    };
    let told = failures.iter().map(|(_, source, error)| {
        let name = source.name();
        // Most messages of a scan begin with the file's name.
        if error.message.contains(&name) {
            error.message.clone()
        } else {
            format!("{name}: {}", error.message)
        }
    });
    let message =
        format!("{count} of {total} files cannot be scanned: {}", told.collect::<Vec<_>>().join("; "));
    let internal = failures.iter().map(|(_, source, error)| {
        format!("{source:?}: {}", error.internal.as_deref().unwrap_or(&error.message))
    });
    let internal = internal.collect::<Vec<_>>().join("; ");
    let first = failures.first().map(|(_, _, error)| (error.kind, error.retry_after_seconds));
    let (kind, retry_after_seconds) = first.unwrap_or((model::ErrorKind::Internal, None));
    Error { kind, message, internal: Some(internal), retry_after_seconds }
}
