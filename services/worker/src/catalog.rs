//! The catalog on disk: what is registered, as plain files on the parallel filesystem.
//!
//! ```text
//! <catalog>/generation                     changes with every change of the catalog
//! <catalog>/id                             tells it from all other catalogs
//! <catalog>/datasets/<id, encoded>/
//!     current                              the number of the current version
//!     scans.<N>                            scans of the sources of version N: a cache ([`scans`])
//!     refresh.json, refresh.lease          the last refresh, and who refreshes now ([`refreshing`])
//!     v<N>/version.json                    id, sources, times, counts, title: small
//!          dataset.json                    the catalog document (`zarr::document`)
//!          files.json                      source files and what they were when scanned
//!          in_place.json                   where references stay that are not below; only if there are any
//!          refs.parq/.zmetadata            kerchunk's Parquet layout: fsspec and xarray open this directory
//!                    <variable>/refs.<n>.parq
//!          pieces/<variable>/mosaic.json  what computed chunks are made of; only for variables that have any
//!                            encodings.json   a catalog document: one "variable" for each encoding of pieces
//!                            refs.<n>.parq    references of all pieces, one piece behind the other
//! ```
//! A version is written beside its place, synced and renamed; `current` is replaced by a rename. So readers see a
//! version whole or not at all, several workers may share the directory, and a crash leaves nothing but a
//! temporary directory, which [`Catalog::clear_leftovers`] clears away later. Numbers of versions are never used twice,
//! not even after a removal: who keeps a version by its number keeps the right one.
//!
//! **Every method blocks** on the filesystem: call them through `spawn_blocking`.

mod amend;
mod disk;
mod documents;
mod layout;
mod listing;
mod mosaics;
mod prune;
mod publish;
mod read;
mod records;
mod refreshing;
mod remote_records;
mod scans;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use engine::pools::PoolName;
use engine::ports::{
    Amended, Amendment, IfExists, LastRefresh, Listing, PublishedDataset, ReferenceRecord, VersionList,
};
use model::{DatasetId, Error, ErrorKind, NodePath, Result, SourceFile, Variable, Version};
use tokio::sync::watch;

use crate::settings::RefreshSettings;
use crate::storage::Roots;
use layout::Layout;
use listing::Listings;
use prune::Keep;
use read::Reader;

pub use listing::Fault;
pub use mosaics::PublishedMosaic;
pub use publish::Publication;
pub(crate) use records::read_in_place;
pub(crate) use refreshing::{Lease, RENEWAL};
pub(crate) use remote_records::RemoteRecord;
pub(crate) use scans::{KeptScans, ScansWriter};

/// References a record: kerchunk's own choice, about a megabyte in Parquet.
pub const RECORD_SIZE: u64 = 100_000;

/// What a refresh begins with.
#[derive(Debug)]
pub(crate) struct Refreshable {
    /// The current version.
    pub(crate) current: Version,
    /// The current version's sources as registered.
    pub(crate) sources: Vec<String>,
}

/// A dataset that is refreshed by period.
#[derive(Debug)]
pub(crate) struct Due {
    /// Its id.
    pub(crate) id: DatasetId,
    /// Seconds between two refreshes.
    pub(crate) every_seconds: u32,
    /// When it was last refreshed or published, milliseconds since 1970.
    pub(crate) since_ms: i64,
    /// How the last refresh went.
    pub(crate) last: Option<LastRefresh>,
}

/// The catalog in one directory.
#[derive(Debug)]
pub struct Catalog {
    layout: Layout,
    listings: Listings,
    reader: Reader,
    /// Held while `current` is changed, so that changes of this process come one after another.
    changes: Mutex<()>,
    keep: Keep,
    told: watch::Sender<()>,
}

impl Catalog {
    /// Opens a catalog and makes its directory where there is none. Whether it can be written to shows only when
    /// something is published.
    pub fn open(directory: &Path) -> Result<Self> {
        let layout = Layout::new(directory);
        disk::create_directory(&layout.datasets())?;
        let settings = RefreshSettings::default();
        let catalog = Self {
            layout,
            listings: Listings::default(),
            reader: Reader::new(),
            changes: Mutex::new(()),
            keep: Keep { count: settings.versions_kept, age: settings.versions_kept_for() },
            told: watch::Sender::new(()),
        };
        catalog.listings.current(&catalog.layout)?;
        Ok(catalog)
    }

    /// Clears away what crashed publishers left. Looks into every dataset: not to be waited for at the start.
    pub fn clear_leftovers(&self) {
        publish::clear_leftovers(&self.layout);
    }

    /// The same with another choice of the versions that are kept.
    #[must_use]
    pub fn keeping(mut self, settings: &RefreshSettings) -> Self {
        self.keep = Keep { count: settings.versions_kept, age: settings.versions_kept_for() };
        self
    }

    /// All datasets in order of first registration; none where `known` is still the revision. Changes by other
    /// processes are seen at once, changes by hand within half a minute.
    pub fn list(&self, known: Option<u64>) -> Result<Option<Arc<Listing>>> {
        let listing = self.listings.current(&self.layout)?;
        Ok((known != Some(listing.revision)).then_some(listing))
    }

    /// Changes that this process makes from now on.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.told.subscribe()
    }

    /// Which catalog it was when last looked at ([`Listing::catalog_id`]).
    pub(crate) fn id(&self) -> String {
        self.listings.catalog_id()
    }

    /// Datasets that cannot be listed, and why: damaged or half-copied directories.
    pub fn faults(&self) -> Vec<Fault> {
        self.listings.faults()
    }

    /// One version of a dataset, the current one where none is named.
    pub fn dataset(&self, id: &DatasetId, version: Option<Version>) -> Result<PublishedDataset> {
        let version = self.resolve(id, version)?;
        self.reader.dataset(&self.layout, id, version)
    }

    /// A dataset's versions, oldest first.
    pub fn versions(&self, id: &DatasetId) -> Result<VersionList> {
        let current = self.current(id)?;
        Reader::versions(&self.layout, id, current)
    }

    /// One record of a variable's references: chunks `record * record_size ..`. Those that stay with their source are
    /// read there, if it lies under the roots.
    pub fn references(
        &self,
        id: &DatasetId,
        version: Version,
        variable: &NodePath,
        record: u64,
        roots: &Roots,
    ) -> Result<ReferenceRecord> {
        let version = self.resolve(id, Some(version))?;
        self.reader.references(&self.layout, id, version, variable, record, roots)
    }

    /// Where such a record is, if it is one of a remote set.
    pub(crate) fn remote_record(
        &self,
        id: &DatasetId,
        version: Version,
        variable: &NodePath,
        record: u64,
    ) -> Result<Option<RemoteRecord>> {
        let version = self.resolve(id, Some(version))?;
        self.reader.remote_record(&self.layout, id, version, variable, record)
    }

    /// Source files of a version, by their paths.
    pub fn files(&self, id: &DatasetId, version: Version) -> Result<Arc<HashMap<String, Arc<SourceFile>>>> {
        let version = self.resolve(id, Some(version))?;
        self.reader.files(&self.layout, id, version)
    }

    /// What the computed chunks of a variable are made of.
    pub fn mosaic(
        &self,
        id: &DatasetId,
        version: Version,
        variable: &Variable,
    ) -> Result<Arc<PublishedMosaic>> {
        let version = self.resolve(id, Some(version))?;
        self.reader.mosaic(&self.layout, id, version, variable)
    }

    /// One record of the references of a mosaic's pieces: rows `record * record_size ..`.
    pub fn piece_references(
        &self,
        id: &DatasetId,
        version: Version,
        variable: &NodePath,
        mosaic: &PublishedMosaic,
        record: u64,
    ) -> Result<Arc<ReferenceRecord>> {
        self.reader.piece_references(&self.layout, id, version, variable, mosaic, record)
    }

    /// Publishes a new version and makes it current. `progress` gets the number of arrays done, and of all.
    pub fn publish(
        &self,
        publication: &Publication<'_>,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Version> {
        let exists = self.layout.read_current(publication.id)?.is_some();
        if exists && publication.if_exists == IfExists::Refuse {
            return Err(conflict(publication.id));
        }
        let unpublished = publish::write(&self.layout, publication, progress)?;
        let change = self.lock_changes();
        let version = self.make_current(publication.id, publication.if_exists, unpublished);
        drop(change);
        self.changed()?;
        version
    }

    /// Publishes a version that differs from the current one in `version.json` alone, and says which is current then. A
    /// `Conflict` where that is not `of`, if it is said. Its other files are those of the version before, under one more
    /// name.
    pub(crate) fn amend(
        &self,
        id: &DatasetId,
        of: Option<Version>,
        amendment: &Amendment,
        published_ms: i64,
    ) -> Result<Amended> {
        let change = self.lock_changes();
        let current = self.current(id)?;
        if of.is_some_and(|of| of != current) {
            let message = format!("{id} was changed by another meanwhile: look at it, and try again");
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        let Some(unpublished) = amend::write(&self.layout, (id, current), amendment, published_ms)? else {
            return Ok(Amended { version: current, is_new: false });
        };
        let version = self.make_current(id, IfExists::Replace, unpublished);
        if let Ok(version) = version {
            scans::pass_on(&self.layout, id, current, version);
        }
        drop(change);
        self.changed()?;
        Ok(Amended { version: version?, is_new: true })
    }

    /// Makes what was written the current version, with the lock of changes held.
    fn make_current(
        &self,
        id: &DatasetId,
        if_exists: IfExists,
        unpublished: publish::Unpublished,
    ) -> Result<Version> {
        let version = publish::publish(&self.layout, id, if_exists, unpublished)?;
        let _ = prune::prune(&self.layout, id, version, self.keep);
        Ok(version)
    }

    /// What a refresh of a dataset begins with.
    pub(crate) fn refreshable(&self, id: &DatasetId) -> Result<Refreshable> {
        let current = self.current(id)?;
        let about = read::read_version_document(&self.layout.version(id, current))?;
        Ok(Refreshable { current, sources: about.sources })
    }

    /// Datasets that are refreshed by period, with the seconds between two refreshes.
    pub(crate) fn periodic(&self, pool: Option<&PoolName>) -> Result<Vec<(DatasetId, u32)>> {
        self.listings.periodic(&self.layout, pool)
    }

    /// How a dataset stands that is refreshed by period; none where it rests, because it is gone or was rolled back:
    /// then a call decides what is to be current.
    pub(crate) fn due(&self, id: &DatasetId, every_seconds: u32) -> Result<Option<Due>> {
        let Some(current) = self.layout.read_current(id)? else { return Ok(None) };
        if self.layout.versions(id)?.last().is_some_and(|newest| *newest > current) {
            return Ok(None);
        }
        let about = read::read_version_document(&self.layout.version(id, current))?;
        if about.rests {
            return Ok(None);
        }
        let published_ms = about.published_ms;
        let last = refreshing::last(&self.layout, id);
        let since_ms = last.as_ref().map_or(published_ms, |last| last.at_ms.max(published_ms));
        Ok(Some(Due { id: id.clone(), every_seconds, since_ms, last }))
    }

    /// Notes how a refresh went, if the dataset is still there.
    pub(crate) fn note_refresh(&self, id: &DatasetId, last: &LastRefresh) -> Result<()> {
        self.current(id)?;
        refreshing::note(&self.layout, id, last)
    }

    /// The right to refresh a dataset; a `Conflict` where another worker has it.
    pub(crate) fn lease(&self, id: &DatasetId) -> Result<Lease> {
        self.current(id)?;
        Lease::take(&self.layout, id)
    }

    /// Scans of a dataset's sources of an earlier time.
    pub(crate) fn kept_scans(&self, id: &DatasetId) -> KeptScans {
        KeptScans::open(&self.layout, id)
    }

    /// A place for the scans of a version to come.
    pub(crate) fn new_scans(&self) -> Result<ScansWriter> {
        ScansWriter::begin(&self.layout)
    }

    /// Keeps the scans of a version.
    pub(crate) fn keep_scans(&self, id: &DatasetId, version: Version, scans: ScansWriter) -> Result<()> {
        scans.keep(&self.layout, id, version)
    }

    /// Takes a dataset, with all its versions, out of the catalog.
    pub fn remove(&self, id: &DatasetId) -> Result<()> {
        let change = self.lock_changes();
        self.current(id)?;
        let removed = publish::remove(&self.layout, id);
        scans::forget(&self.layout, id);
        refreshing::forget(&self.layout, id);
        drop(change);
        self.reader.forget();
        self.changed()?;
        removed
    }

    /// Makes an earlier version current, the one before the current where none is named, and returns it.
    pub fn roll_back(&self, id: &DatasetId, version: Option<Version>) -> Result<Version> {
        let change = self.lock_changes();
        let current = self.current(id)?;
        let version = match version {
            Some(version) => version,
            None => self.layout.versions(id)?.into_iter().rfind(|earlier| *earlier < current).ok_or_else(
                || {
                    Error::not_found(format!(
                        "dataset {id:?} has no version before {current}",
                        id = id.as_str()
                    ))
                },
            )?,
        };
        // Read whole, so that nothing damaged becomes current.
        self.reader.dataset(&self.layout, id, version)?;
        disk::replace(&self.layout.current(id), version.to_string().as_bytes())?;
        drop(change);
        self.changed()?;
        Ok(version)
    }

    fn current(&self, id: &DatasetId) -> Result<Version> {
        self.layout.read_current(id)?.ok_or_else(|| Error::not_found(format!("Dataset '{id}' not found")))
    }

    /// The version asked for, or the current one. A removed dataset has none. One that is named was there once: that
    /// it is no more must not look like a chunk that is missing.
    fn resolve(&self, id: &DatasetId, version: Option<Version>) -> Result<Version> {
        let current = self.current(id)?;
        let version = version.unwrap_or(current);
        if version != current && !self.layout.version(id, version).is_dir() {
            let message =
                format!("version {version} of dataset '{id}' is no longer kept: open the dataset again");
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        Ok(version)
    }

    fn changed(&self) -> Result<()> {
        self.listings.forget();
        disk::replace(&self.layout.generation(), disk::unique_name("").as_bytes())?;
        self.told.send_replace(());
        Ok(())
    }

    fn lock_changes(&self) -> std::sync::MutexGuard<'_, ()> {
        self.changes.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn conflict(id: &DatasetId) -> Error {
    Error::new(
        ErrorKind::Conflict,
        format!("dataset '{id}' is registered already: replace it, or choose another id"),
    )
}
