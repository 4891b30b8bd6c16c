//! The list of datasets, kept and renewed when the catalog changes.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use engine::ports::{ListedDataset, Listing};
use model::{DatasetId, Result, Version};

use super::disk;
use super::documents::VersionDocument;
use super::layout::{self, Layout, TEMPORARY, names};
use super::read::read_version_document;

/// How long `generation` is trusted: files may be changed by hand, and a publisher may crash before it says so.
const TRUSTED: Duration = Duration::from_secs(30);

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
        state.scan(layout)
    }

    /// Makes the next look go to the disk.
    pub(super) fn forget(&self) {
        let mut state = self.lock();
        state.scanned = None;
    }

    pub(super) fn faults(&self) -> Vec<Fault> {
        self.lock().faults.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn scan(&mut self, layout: &Layout) -> Result<Arc<Listing>> {
        let generation = disk::read(&layout.generation())?.unwrap_or_default();
        let datasets = layout.datasets();
        let directory =
            std::fs::read_dir(&datasets).map_err(|error| disk::failed("list", &datasets, &error))?;
        let mut entries = HashMap::new();
        let mut faults = Vec::new();
        for entry in directory {
            let entry = entry.map_err(|error| disk::failed("list", &datasets, &error))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(TEMPORARY) {
                continue;
            }
            match read_entry(&entry.path(), &name, self.entries.get(&name)) {
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
        let listing = Arc::new(listing_of(&entries));
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

/// A dataset by its directory; none where it is not published.
fn read_entry(directory: &Path, name: &str, known: Option<&Entry>) -> Result<Option<Entry>> {
    let Some(version) = layout::read_version(&directory.join("current"))? else { return Ok(None) };
    if let Some(known) = known.filter(|known| known.dataset.version == version) {
        return Ok(Some(known.clone()));
    }
    let path = directory.join(format!("v{version}"));
    let VersionDocument { id, title, registered_ns, .. } = read_version_document(&path)?;
    let id = DatasetId::parse(&id).map_err(|error| disk::damaged(&path, error))?;
    if layout::directory_name(&id) != name {
        return Err(disk::damaged(directory, format!("is not the directory of {id}")));
    }
    for file in [names::DATASET, names::FILES] {
        if !path.join(file).is_file() {
            return Err(disk::damaged(&path, format!("{file} is missing")));
        }
    }
    Ok(Some(Entry { registered_ns, dataset: ListedDataset { id, version, title } }))
}

fn listing_of(entries: &HashMap<String, Entry>) -> Listing {
    let mut entries: Vec<&Entry> = entries.values().collect();
    entries.sort_by(|a, b| (a.registered_ns, &a.dataset.id).cmp(&(b.registered_ns, &b.dataset.id)));
    let datasets: Vec<ListedDataset> = entries.into_iter().map(|entry| entry.dataset.clone()).collect();
    Listing { revision: revision(&datasets), datasets }
}

/// The same on every worker that sees the same list; never 0, which means none.
fn revision(datasets: &[ListedDataset]) -> u64 {
    let mut text = String::new();
    for ListedDataset { id, version: Version(version), .. } in datasets {
        text.push_str(id.as_str());
        text.push('/');
        text.push_str(&version.to_string());
        text.push('/');
    }
    let hash = engine::etag::of_bytes(text.as_bytes());
    u64::from_str_radix(&hash[..16], 16).unwrap_or(1).max(1)
}
