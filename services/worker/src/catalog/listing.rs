//! The list of datasets, kept and renewed when the catalog changes.

use std::collections::HashMap;
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use engine::pools::PoolName;
use engine::ports::{ListedDataset, Listing};
use model::{DatasetId, Error, ErrorKind, Result, Version};

use super::disk;
use super::documents::VersionDocument;
use super::layout::{self, Layout, TEMPORARY, names};
use super::read::read_version_document;

/// How long `generation` is trusted: files may be changed by hand, and a publisher may crash before it says so.
const TRUSTED: Duration = Duration::from_secs(30);

/// Threads that read versions when there are many.
const READERS: usize = 16;

/// A dataset that cannot be listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Name of its directory.
    pub directory: String,
    /// What is wrong. Internal: it holds paths.
    pub message: String,
}

/// The list as last read.
#[derive(Debug, Default)]
pub(super) struct Listings {
    state: Mutex<State>,
    /// Of its own, for it is asked for with every call, and a look may have to wait for the filesystem.
    id: RwLock<String>,
}

#[derive(Debug, Default)]
struct State {
    listing: Option<Arc<Listing>>,
    generation: Vec<u8>,
    scanned: Option<Instant>,
    /// By directory. Versions never change, so only `current` has to be read again.
    entries: HashMap<String, Entry>,
    faults: Vec<Fault>,
}

#[derive(Debug, Clone)]
struct Entry {
    registered_ns: i64,
    refresh_seconds: Option<u32>,
    dataset: ListedDataset,
}

impl Listings {
    /// The list as it is now: looking costs one small read, and a gateway that has changed the catalog through one
    /// worker may ask another the next moment.
    pub(super) fn current(&self, layout: &Layout) -> Result<Arc<Listing>> {
        let mut state = self.lock();
        if let Some(listing) = &state.listing {
            // Read before the scan: a change during it is then seen by the next look.
            let generation = disk::read(&layout.generation())?.unwrap_or_default();
            if generation == state.generation && state.scanned.is_some_and(|since| since.elapsed() < TRUSTED)
            {
                return Ok(listing.clone());
            }
        }
        let listing = state.scan(layout)?;
        listing.catalog_id.clone_into(&mut self.id.write().unwrap_or_else(PoisonError::into_inner));
        Ok(listing)
    }

    /// Which catalog it was at the last look; empty where that is not known.
    pub(super) fn catalog_id(&self) -> String {
        self.id.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes the next look go to the disk.
    pub(super) fn forget(&self) {
        let mut state = self.lock();
        state.scanned = None;
    }

    /// Datasets, of a pool if one is named, that are refreshed by period, and the seconds between.
    pub(super) fn periodic(&self, layout: &Layout, pool: Option<&PoolName>) -> Result<Vec<(DatasetId, u32)>> {
        self.current(layout)?;
        let state = self.lock();
        let periodic = state
            .entries
            .values()
            .filter(|entry| pool.is_none_or(|pool| entry.dataset.pool == *pool))
            .filter_map(|entry| Some((entry.dataset.id.clone(), entry.refresh_seconds?)));
        Ok(periodic.collect())
    }

    pub(super) fn faults(&self) -> Vec<Fault> {
        self.lock().faults.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// An empty directory where a catalog was is a filesystem that is not mounted, and not a catalog of no datasets.
    fn check_is_there(&self, layout: &Layout) -> Result<()> {
        let had_id = self.listing.as_ref().is_some_and(|listing| !listing.catalog_id.is_empty());
        if had_id && disk::read(&layout.id())?.is_none() {
            let message = "the catalog is not there now";
            return Err(Error::new(ErrorKind::Unavailable, message).with_internal(layout.id().display()));
        }
        Ok(())
    }

    fn scan(&mut self, layout: &Layout) -> Result<Arc<Listing>> {
        self.check_is_there(layout)?;
        let generation = disk::read(&layout.generation())?.unwrap_or_default();
        let datasets = layout.datasets();
        let directory =
            std::fs::read_dir(&datasets).map_err(|error| disk::failed("list", &datasets, &error))?;
        let mut names = Vec::new();
        for entry in directory {
            let entry = entry.map_err(|error| disk::failed("list", &datasets, &error))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !name.starts_with(TEMPORARY) {
                names.push(name);
            }
        }
        let mut entries = HashMap::with_capacity(names.len());
        let mut faults = Vec::new();
        for (name, found) in read_entries(&datasets, &names, &self.entries) {
            match found {
                Ok(Some(found)) => {
                    entries.insert(name, found);
                }
                Ok(None) => {}
                Err(error) => faults.push(Fault { directory: name, message: error.to_string() }),
            }
        }
        faults.sort_by(|a, b| a.directory.cmp(&b.directory));
        for fault in faults.iter().filter(|fault| !self.faults.contains(fault)) {
            tracing::warn!(
                directory = fault.directory,
                fault = fault.message,
                "dataset left out of the list"
            );
        }
        let listing = Arc::new(listing_of(&entries, catalog_id(layout)));
        *self = Self {
            listing: Some(listing.clone()),
            generation,
            scanned: Some(Instant::now()),
            entries,
            faults,
        };
        Ok(listing)
    }
}

/// All datasets by their directories. Several at once: what takes time is waiting for the filesystem.
fn read_entries(
    datasets: &Path,
    names: &[String],
    known: &HashMap<String, Entry>,
) -> Vec<(String, Result<Option<Entry>>)> {
    let read = |names: &[String]| -> Vec<(String, Result<Option<Entry>>)> {
        names
            .iter()
            .map(|name| (name.clone(), read_entry(&datasets.join(name), name, known.get(name))))
            .collect()
    };
    if names.len() < 2 * READERS {
        return read(names);
    }
    std::thread::scope(|scope| {
        let parts: Vec<_> =
            names.chunks(names.len().div_ceil(READERS)).map(|part| scope.spawn(|| read(part))).collect();
        parts.into_iter().flat_map(|part| part.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    })
}

/// A dataset by its directory; none where it is not published.
fn read_entry(directory: &Path, name: &str, known: Option<&Entry>) -> Result<Option<Entry>> {
    let Some(version) = layout::read_version(&directory.join("current"))? else { return Ok(None) };
    if let Some(known) = known.filter(|known| known.dataset.version == version) {
        return Ok(Some(known.clone()));
    }
    let path = directory.join(format!("v{version}"));
    let document = read_version_document(&path)?;
    let VersionDocument { id, title, registered_ns, refresh_seconds, pool, .. } = document;
    let pool = PoolName::parse(&pool.unwrap_or_default()).map_err(|error| disk::damaged(&path, error))?;
    let id = DatasetId::parse(&id).map_err(|error| disk::damaged(&path, error))?;
    if layout::directory_name(&id) != name {
        return Err(disk::damaged(directory, format!("is not the directory of {id}")));
    }
    for file in [names::DATASET, names::FILES] {
        if !path.join(file).is_file() {
            return Err(disk::damaged(&path, format!("{file} is missing")));
        }
    }
    Ok(Some(Entry { registered_ns, refresh_seconds, dataset: ListedDataset { id, version, title, pool } }))
}

fn listing_of(entries: &HashMap<String, Entry>, catalog_id: String) -> Listing {
    let mut entries: Vec<&Entry> = entries.values().collect();
    entries.sort_by(|a, b| (a.registered_ns, &a.dataset.id).cmp(&(b.registered_ns, &b.dataset.id)));
    let datasets: Vec<ListedDataset> = entries.into_iter().map(|entry| entry.dataset.clone()).collect();
    Listing { revision: revision(&catalog_id, &datasets), catalog_id, datasets }
}

/// What tells this catalog from all others, made when it is first asked for; empty where it cannot be written.
fn catalog_id(layout: &Layout) -> String {
    let path = layout.id();
    let read = || disk::read(&path).ok().flatten().and_then(|bytes| String::from_utf8(bytes).ok());
    if let Some(id) = read() {
        return id;
    }
    if let Err(error) = disk::create_new(&path, disk::unique_name("").as_bytes()) {
        tracing::debug!(%error, "the catalog has no id: gateways keep no chunks");
    }
    read().unwrap_or_default()
}

/// The same on every worker that sees the same list; never 0, which means none.
fn revision(catalog_id: &str, datasets: &[ListedDataset]) -> u64 {
    let mut text = format!("{catalog_id}/");
    for ListedDataset { id, version: Version(version), .. } in datasets {
        text.push_str(id.as_str());
        text.push('/');
        text.push_str(&version.to_string());
        text.push('/');
    }
    let hash = engine::etag::of_bytes(text.as_bytes());
    u64::from_str_radix(&hash[..16], 16).unwrap_or(1).max(1)
}
