//! Versions that differ from another in `version.json` alone: all else is the same files under one more name.

use std::fs;
use std::path::Path;

use engine::ports::Amendment;
use engine::{diagnostics, named_views};
use model::{DatasetId, Result, Version};

use super::disk;
use super::documents::VersionDocument;
use super::layout::{Layout, names};
use super::publish::{Unpublished, write_json};
use super::read::read_version_document;

/// Writes a version as another one is but for an amendment; none where the amendment changes nothing.
pub(super) fn write(
    layout: &Layout,
    (id, current): (&DatasetId, Version),
    amendment: &Amendment,
    published_ms: i64,
) -> Result<Option<Unpublished>> {
    let from = layout.version(id, current);
    let before = read_version_document(&from)?;
    let amended = amended(&before, amendment)?;
    if amended == before {
        return Ok(None);
    }
    // Who has gone back to a version does not want its sources as they are now.
    let rests = before.rests || layout.versions(id)?.last().is_some_and(|newest| *newest > current);
    let unpublished = Unpublished::begin(layout, id)?;
    let to = unpublished.directory();
    link(&from, to, true)?;
    write_json(&to.join(names::VERSION), &VersionDocument { published_ms, rests, ..amended })?;
    disk::sync_directory(to)?;
    Ok(Some(unpublished))
}

fn amended(before: &VersionDocument, amendment: &Amendment) -> Result<VersionDocument> {
    let mut amended = before.clone();
    match amendment {
        Amendment::AddDiagnostic(new) => amended.diagnostics = diagnostics::added(&before.diagnostics, new)?,
        Amendment::RemoveDiagnostic(name) => {
            amended.diagnostics = diagnostics::removed(&before.diagnostics, name)?;
        }
        Amendment::NameViews(given) => {
            named_views::check(given)?;
            amended.named_views = named_views::merged(amended.named_views, given)?;
        }
    }
    Ok(amended)
}

/// Gives the files of a directory one more name each in another, without `version.json`. They are never written to again.
fn link(from: &Path, to: &Path, is_version: bool) -> Result<()> {
    let failed = |path: &Path, error: &std::io::Error| disk::failed("link", path, error);
    for entry in fs::read_dir(from).map_err(|error| failed(from, &error))? {
        let entry = entry.map_err(|error| failed(from, &error))?;
        let (path, place) = (entry.path(), to.join(entry.file_name()));
        if is_version && entry.file_name() == names::VERSION {
            continue;
        }
        if entry.file_type().map_err(|error| failed(&path, &error))?.is_dir() {
            disk::create_directory(&place)?;
            link(&path, &place, false)?;
            disk::sync_directory(&place)?;
        } else if let Err(error) = fs::hard_link(&path, &place) {
            // Some filesystems bound how many names a file has.
            tracing::debug!(%error, "a file of a version is copied");
            let bytes = disk::read(&path)?.ok_or_else(|| disk::damaged(&path, "is missing"))?;
            disk::write(&place, &bytes)?;
        }
    }
    Ok(())
}
