//! Scanning all sources of a registration, some at once.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream;
use model::{Error, FileScan, Result};

use super::events::Events;
use super::sharing::Sharing;
use super::sources::Source;
use super::{remote, sampled};
use crate::catalog::{KeptScans, ScansWriter};
use crate::scan::{ScanPool, ScanSource, scan_of_message};
use crate::storage::{Remotes, Roots};

/// Most failures that are told; scanning stops with the last of them.
const FAILURES_MAX: usize = 10;

/// Where scans of before are taken from, and those of now are kept.
#[derive(Default)]
pub(super) struct Keeping {
    /// Scans of before.
    pub(super) before: Option<KeptScans>,
    /// Scans of now; none where nothing is to be kept.
    pub(super) now: Option<ScansWriter>,
}

impl Keeping {
    /// Whether the scan of a source is known, and need not be made.
    pub(super) fn knows(&self, source: &Source) -> bool {
        let known = |before: &KeptScans| source.key().is_some_and(|key| before.knows(key));
        self.before.as_ref().is_some_and(known)
    }
}

/// Scans sources and returns the scans in their order; what is known of a file that has not changed is not scanned
/// again. Where some fail, all failures up to [`FAILURES_MAX`] are one error that names them. Links in stores may lead
/// into `roots`.
pub(super) async fn scan(
    (pool, roots, remotes): (&ScanPool, &Arc<Roots>, &Remotes),
    sources: Vec<Source>,
    at_once: usize,
    keeping: Keeping,
    events: &Events,
) -> Result<(Vec<FileScan>, Option<ScansWriter>)> {
    let total = sources.len() as u64;
    events.begin("scan", total).await;
    let done = AtomicU64::new(0);
    let Keeping { before, mut now } = keeping;
    let before = before.map(Arc::new);
    let one = |(place, source): (usize, Source)| {
        let (done, before) = (&done, before.clone());
        async move {
            let name = source.name();
            let still = |_: u64, _: u64| events.progress("scan", done.load(Ordering::Relaxed), total, &name);
            still(0, 0);
            let scan = match kept(before, &source, total == 1).await {
                Some(kept) => Ok(kept),
                None => scan_one((pool, remotes), &source, total == 1, roots.directories(), &still).await,
            };
            let scan = match scan {
                Ok(scanned) => checked((roots, remotes), scanned).await,
                failed => failed,
            };
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            events.progress("scan", done, total, &name);
            (place, source, scan)
        }
    };
    let mut outcomes = stream::iter(sources.into_iter().enumerate()).map(one).buffer_unordered(at_once);
    let mut sharing = Sharing::default();
    let mut scans = Vec::new();
    let mut failures = Vec::new();
    while let Some((place, source, outcome)) = outcomes.next().await {
        match outcome {
            Ok((mut scan, message)) => {
                now = keep(now, &source, &scan, message).await?;
                sharing.share(&mut scan);
                scans.push((place, scan));
            }
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
    Ok((scans.into_iter().map(|(_, scan)| scan).collect(), now))
}

/// A scan whose references lead only where it is allowed.
async fn checked(
    (roots, remotes): (&Arc<Roots>, &Remotes),
    (mut scan, message): (FileScan, Bytes),
) -> Result<(FileScan, Bytes)> {
    remote::check_targets(remotes, &scan)?;
    sampled::check((roots, remotes), &mut scan).await?;
    Ok((scan, message))
}

async fn scan_one(
    (pool, remotes): (&ScanPool, &Remotes),
    source: &Source,
    stand_alone: bool,
    roots: &[PathBuf],
    still: &(dyn Fn(u64, u64) + Send + Sync),
) -> Result<(FileScan, Bytes)> {
    match source {
        Source::Path(path) => {
            let source = ScanSource { path: path.clone(), stand_alone, roots: roots.to_vec(), url: None };
            pool.scan_with_message(&source, still).await
        }
        // Not kept: only a look over the network would tell whether it still holds.
        Source::Url(url) => {
            let scan = remote::scan(remotes, pool, url, stand_alone, still).await?;
            Ok((scan, Bytes::new()))
        }
    }
}

/// The scan of before, if the file is what it was and what was kept is not damaged.
async fn kept(
    before: Option<Arc<KeptScans>>,
    source: &Source,
    stand_alone: bool,
) -> Option<(FileScan, Bytes)> {
    let (before, key) = (before?, source.key()?.to_owned());
    let look = move || {
        let (identity, message) = before.message(&key)?;
        let scan = scan_of_message(message.clone()).ok()?;
        let is_of_file = scan.file.identity == identity && scan.file.path == key;
        let fits = stand_alone || scan.variables.iter().all(|scanned| scanned.in_place.is_none());
        (is_of_file && fits).then_some((scan, message))
    };
    tokio::task::spawn_blocking(look).await.ok().flatten()
}

async fn keep(
    now: Option<ScansWriter>,
    source: &Source,
    scan: &FileScan,
    message: Bytes,
) -> Result<Option<ScansWriter>> {
    let (Some(mut now), Some(key)) = (now, source.key()) else { return Ok(None) };
    let (key, file) = (key.to_owned(), scan.file.clone());
    super::blocking(move || now.add(&key, &file, &message).map(|()| Some(now))).await
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
