//! Taking away old versions, so that a dataset that is refreshed often does not grow without bound.

use std::fs;
use std::time::Duration;

use model::{DatasetId, Result, Version};

use super::disk;
use super::layout::{Layout, TEMPORARY};
use super::read::read_version_document;

/// Which versions are kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keep {
    /// So many of the newest; 0 for all.
    pub(super) count: usize,
    /// And those that were current within this time: whoever reads one finishes.
    pub(super) age: Duration,
}

/// Removes versions beyond those to keep. What cannot be removed now is removed another time.
pub(super) fn prune(layout: &Layout, id: &DatasetId, current: Version, keep: Keep) -> Result<()> {
    if keep.count == 0 {
        return Ok(());
    }
    let versions = layout.versions(id)?;
    let old = versions.len().saturating_sub(keep.count);
    let now_ms = disk::now_ns() / 1_000_000;
    for pair in versions.windows(2).take(old) {
        let &[version, next] = pair else { continue };
        // What was current went out of use when the next was published, or is current again.
        let superseded = read_version_document(&layout.version(id, next)).map(|next| next.published_ms);
        // Where that cannot be told, it stays.
        let is_in_use =
            superseded.map_or(true, |since| now_ms.saturating_sub(since) < keep.age.as_millis() as i64);
        if version == current || is_in_use {
            continue;
        }
        let directory = layout.version(id, version);
        let aside = layout.dataset(id).join(disk::unique_name(TEMPORARY));
        // Gone at once: nobody finds half a version.
        let removed = fs::rename(&directory, &aside).and_then(|()| fs::remove_dir_all(&aside));
        match removed {
            Ok(()) => tracing::info!(dataset = id.as_str(), version = version.0, "old version removed"),
            Err(error) => {
                tracing::warn!(directory = %directory.display(), %error, "an old version stays behind");
            }
        }
    }
    Ok(())
}
