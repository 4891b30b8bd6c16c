//! Publishing, and taking back.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use engine::join::Joined;
use engine::named_views::{self, NamedViews};
use engine::pools::PoolName;
use engine::ports::IfExists;
use model::{Dataset, DatasetId, Error, Result, Version};

use super::documents::{FORMAT, FileDocument, InPlaceDocument, VersionDocument, WarningDocument};
use super::layout::{self, Layout, TEMPORARY, names};
use super::read::{read_version_document, record_of};
use super::{RECORD_SIZE, conflict, disk, mosaics};

/// How old something unfinished is when its publisher has certainly crashed.
const LEFTOVER_AGE: Duration = Duration::from_hours(24);

/// What is to be published.
#[derive(Debug, Clone, Copy)]
pub struct Publication<'a> {
    /// Id of the dataset.
    pub id: &'a DatasetId,
    /// Sources as registered.
    pub sources: &'a [String],
    /// The dataset with its references.
    pub joined: &'a Joined,
    /// Whether the id may be there already.
    pub if_exists: IfExists,
    /// Now, milliseconds since 1970.
    pub published_ms: i64,
    /// Seconds between two refreshes, 0 for none; where not said, as the version before has it.
    pub refresh_seconds: Option<u32>,
    /// Steps of the decoded view; where not said, as the version before has it.
    pub view: Option<&'a str>,
    /// Named views; those that are not among them stay as the version before has them.
    pub named_views: &'a NamedViews,
    /// The pool of workers that see its files; where not said, as the version before has it.
    pub pool: Option<&'a PoolName>,
}

/// A version in its temporary directory, which is removed again unless it becomes a version.
pub(super) struct Unpublished {
    directory: PathBuf,
}

impl Unpublished {
    /// An empty directory beside those of a dataset's versions.
    pub(super) fn begin(layout: &Layout, id: &DatasetId) -> Result<Self> {
        let directory = layout.dataset(id).join(disk::unique_name(TEMPORARY));
        disk::create_directory(&directory)?;
        Ok(Self { directory })
    }

    /// Where it is.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }
}

impl Drop for Unpublished {
    fn drop(&mut self) {
        // Gone already where it became a version.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// Writes a version beside its place. Most of a publication's time: the catalog can be changed meanwhile.
pub(super) fn write(
    layout: &Layout,
    publication: &Publication<'_>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Unpublished> {
    check(publication.joined)?;
    let unpublished = Unpublished::begin(layout, publication.id)?;
    let directory = unpublished.directory();
    let joined = publication.joined;
    write_json(&directory.join(names::VERSION), &version_document(layout, publication)?)?;
    disk::write(&directory.join(names::DATASET), &zarr::document::to_json(&joined.dataset))?;
    let files: Vec<FileDocument> = joined.files.iter().map(FileDocument::from).collect();
    write_json(&directory.join(names::FILES), &files)?;
    if joined.in_place.iter().any(Option::is_some) {
        let places: Vec<Option<InPlaceDocument>> =
            joined.in_place.iter().map(|place| place.as_ref().map(InPlaceDocument::from)).collect();
        write_json(&directory.join(names::IN_PLACE), &places)?;
    }
    write_references(directory, joined, progress)?;
    mosaics::write(directory, joined)?;
    disk::sync_directory(directory)?;
    Ok(unpublished)
}

/// Makes what was written a version and the current one.
pub(super) fn publish(
    layout: &Layout,
    id: &DatasetId,
    if_exists: IfExists,
    unpublished: Unpublished,
) -> Result<Version> {
    let version = claim(layout, id, unpublished.directory())?;
    drop(unpublished);
    disk::sync_directory(&layout.dataset(id))?;
    let current = layout.current(id);
    let number = version.to_string();
    match if_exists {
        IfExists::Replace => disk::replace(&current, number.as_bytes())?,
        IfExists::Refuse => {
            if !disk::create_new(&current, number.as_bytes())? {
                let _ = fs::remove_dir_all(layout.version(id, version));
                return Err(conflict(id));
            }
        }
    }
    // Another worker may have removed the dataset, this version with it, between the two steps.
    if !layout.version(id, version).join(names::VERSION).is_file() {
        let _ = fs::remove_file(&current);
        return Err(Error::new(
            model::ErrorKind::Conflict,
            format!("dataset '{id}' was removed while it was published: register it again"),
        ));
    }
    Ok(version)
}

/// Takes a dataset out: first its `current`, so that it is gone at once, then its versions. The last number stays.
pub(super) fn remove(layout: &Layout, id: &DatasetId) -> Result<()> {
    let versions = layout.versions(id)?;
    let Version(last) = last_version(layout, id, &versions)?;
    disk::replace(&layout.last(id), last.to_string().as_bytes())?;
    let current = layout.current(id);
    match fs::remove_file(&current) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(disk::failed("remove", &current, &error));
        }
        _ => {}
    }
    disk::sync_directory(&layout.dataset(id))?;
    // Only those that were there: another worker may be publishing the next.
    for version in versions {
        let directory = layout.version(id, version);
        if let Err(error) = fs::remove_dir_all(&directory) {
            tracing::warn!(directory = %directory.display(), %error, "removed dataset's files stay behind");
        }
    }
    Ok(())
}

/// Removes what publishers left that crashed long ago.
pub(super) fn clear_leftovers(layout: &Layout) {
    let datasets = layout.datasets();
    let below = entries(&datasets).into_iter().flat_map(|dataset| entries(&dataset));
    for path in entries(&datasets).into_iter().chain(below) {
        let is_unfinished =
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(TEMPORARY));
        if !is_unfinished || age(&path).is_none_or(|age| age < LEFTOVER_AGE) {
            continue;
        }
        let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        tracing::info!(path = %path.display(), ok = removed.is_ok(), "cleared an unfinished publication");
    }
}

/// What a version holds must fit together: a mistake here would be served as wrong bytes.
fn check(joined: &Joined) -> Result<()> {
    let variables = &joined.dataset.variables;
    if variables.len() != joined.manifests.len() {
        return Err(Error::internal("a joined dataset has not one manifest a variable"));
    }
    if !joined.in_place.is_empty() && joined.in_place.len() != variables.len() {
        return Err(Error::internal("a joined dataset has not one place of references a variable"));
    }
    if !joined.mosaics.is_empty() && joined.mosaics.len() != variables.len() {
        return Err(Error::internal("a joined dataset has not one mosaic a variable"));
    }
    for (at, (variable, manifest)) in variables.iter().zip(&joined.manifests).enumerate() {
        if is_in_place(joined, at) {
            continue;
        }
        let chunks = variable.grid.chunk_count();
        if manifest.first() != 0 || manifest.len() as u64 != chunks {
            let covered = manifest.len();
            return Err(Error::internal(format!(
                "manifest of {} covers {covered} of {chunks} chunks",
                variable.path
            )));
        }
    }
    Ok(())
}

fn version_document(layout: &Layout, publication: &Publication<'_>) -> Result<VersionDocument> {
    let Publication { id, joined, .. } = publication;
    let title = joined.dataset.attributes().and_then(|attributes| attributes.text("title"));
    // A new version keeps the dataset's place in the list.
    let replaced = match layout.read_current(id)? {
        Some(version) => read_version_document(&layout.version(id, version)).ok(),
        None => None,
    };
    let refresh_seconds = publication
        .refresh_seconds
        .or_else(|| replaced.as_ref().and_then(|replaced| replaced.refresh_seconds));
    let kept = replaced.as_ref().and_then(|replaced| replaced.view.clone());
    let view = publication.view.map(str::to_owned).or(kept);
    let diagnostics = replaced.as_ref().map(|replaced| replaced.diagnostics.clone()).unwrap_or_default();
    let named = replaced.as_ref().map(|replaced| replaced.named_views.clone()).unwrap_or_default();
    let pool = match publication.pool {
        Some(pool) => Some(pool.as_str().to_owned()),
        None => replaced.as_ref().and_then(|replaced| replaced.pool.clone()),
    };
    Ok(VersionDocument {
        pool: pool.filter(|pool| pool != PoolName::default().as_str()),
        view: view.filter(|view| !view.is_empty()),
        named_views: named_views::merged(named, publication.named_views)?,
        diagnostics,
        rests: false,
        refresh_seconds: refresh_seconds.filter(|seconds| *seconds > 0),
        format: FORMAT,
        id: id.as_str().to_owned(),
        title: title.unwrap_or_default().to_owned(),
        sources: publication.sources.to_vec(),
        registered_ns: replaced.map_or_else(disk::now_ns, |replaced| replaced.registered_ns),
        published_ms: publication.published_ms,
        modified_ns: joined.files.iter().map(|file| file.identity.modified_ns).max().unwrap_or_default(),
        record_size: RECORD_SIZE,
        file_count: joined.files.len() as u64,
        warnings: joined
            .warnings
            .iter()
            .map(|warning| WarningDocument {
                subject: warning.subject.clone(),
                message: warning.message.clone(),
            })
            .collect(),
    })
}

fn write_references(directory: &Path, joined: &Joined, progress: &mut dyn FnMut(u64, u64)) -> Result<()> {
    let references = directory.join(names::REFERENCES);
    disk::create_directory(&references)?;
    let metadata = zarr::kerchunk::metadata(&readable_without_us(joined), RECORD_SIZE);
    write_json(&references.join(names::METADATA), &metadata)?;
    let paths: Vec<&str> = joined.files.iter().map(|file| file.path.as_str()).collect();
    let total = joined.manifests.len() as u64;
    for (done, (variable, manifest)) in joined.dataset.variables.iter().zip(&joined.manifests).enumerate() {
        progress(done as u64, total);
        if is_in_place(joined, done) {
            continue;
        }
        let place = references.join(variable.path.as_str());
        disk::create_directory(&place)?;
        let chunks = manifest.len() as u64;
        for record in 0..chunks.div_ceil(RECORD_SIZE) {
            let first = record * RECORD_SIZE;
            let run = record_of(manifest, first, RECORD_SIZE.min(chunks - first));
            let parquet = zarr::kerchunk::write_record(&run, &paths).map_err(Error::internal)?;
            disk::write(&layout::record(directory, &variable.path, record), &parquet)?;
        }
        disk::sync_directory(&place)?;
    }
    progress(total, total);
    disk::sync_directory(&references)
}

/// Whether a variable's references stay with its source.
fn is_in_place(joined: &Joined, variable: usize) -> bool {
    joined.in_place.get(variable).is_some_and(Option::is_some)
}

/// The dataset without what its references alone do not give: whoever reads them without us would take chunks that a
/// worker makes, or that are not listed here, for missing ones.
fn readable_without_us(joined: &Joined) -> Dataset {
    let variables = joined.dataset.variables.iter().zip(&joined.manifests).enumerate();
    let readable =
        variables.filter(|(at, (_, manifest))| !is_in_place(joined, *at) && manifest.computed_count() == 0);
    Dataset {
        groups: joined.dataset.groups.clone(),
        variables: readable.map(|(_, (variable, _))| variable.clone()).collect(),
    }
}

/// Renames a directory to the next version. Directories that are not empty are never replaced by a rename, so of
/// two publishers one gets the number and the other the next.
fn claim(layout: &Layout, id: &DatasetId, directory: &Path) -> Result<Version> {
    const ATTEMPTS: u32 = 1000;
    let Version(last) = last_version(layout, id, &layout.versions(id)?)?;
    for version in (last..last.saturating_add(ATTEMPTS)).map(|before| Version(before.saturating_add(1))) {
        let place = layout.version(id, version);
        match fs::rename(directory, &place) {
            Ok(()) => return Ok(version),
            Err(_) if place.exists() => {}
            Err(error) => return Err(disk::failed("rename to", &place, &error)),
        }
    }
    Err(Error::internal(format!("no free version number for {id}")))
}

/// The highest number that a version has or had; 0 for none.
fn last_version(layout: &Layout, id: &DatasetId, versions: &[Version]) -> Result<Version> {
    let removed = layout::read_version(&layout.last(id))?;
    Ok(versions.last().copied().max(removed).unwrap_or(Version(0)))
}

/// Writes a JSON document.
pub(super) fn write_json(path: &Path, document: &impl serde::Serialize) -> Result<()> {
    disk::write(path, &serde_json::to_vec(document).map_err(Error::internal)?)
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
}

fn age(path: &Path) -> Option<Duration> {
    SystemTime::now().duration_since(fs::symlink_metadata(path).ok()?.modified().ok()?).ok()
}
