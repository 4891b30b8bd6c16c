//! Reading what was published.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use engine::ports::{PublishedDataset, ReferenceRecord, RefreshReport, VersionList, VersionSummary};
use model::{ChunkManifest, DatasetId, Error, InPlace, NodePath, Result, SourceFile, Variable, Version};
use moka::sync::Cache;
use serde::de::DeserializeOwned;

use super::documents::{FORMAT, FileDocument, InPlaceDocument, VersionDocument};
use super::layout::{self, Layout, names};
use super::mosaics::{self, PublishedMosaic};
use super::records::read_in_place;
use super::remote_records::RemoteRecord;
use super::{disk, refreshing};
use crate::storage::Roots;

/// Most bytes of catalog documents and of tables of files that are kept, each.
const KEPT_BYTES_MAX: u64 = 64 << 20;

type Kept<T> = Cache<(DatasetId, Version), (u32, Arc<T>)>;
type Files = HashMap<String, Arc<SourceFile>>;

/// Reads versions and keeps some: they never change.
#[derive(Debug)]
pub(super) struct Reader {
    datasets: Kept<PublishedDataset>,
    files: Kept<Files>,
    mosaics: Cache<(DatasetId, Version, NodePath), Arc<PublishedMosaic>>,
    piece_records: Cache<(DatasetId, Version, NodePath, u64), Arc<ReferenceRecord>>,
}

impl Reader {
    pub(super) fn new() -> Self {
        let mosaics = Cache::builder().weigher(|_, mosaic: &Arc<PublishedMosaic>| mosaic.weight);
        let records = Cache::builder().weigher(|_, record: &Arc<ReferenceRecord>| mosaics::weight(record));
        Self {
            datasets: keep(),
            files: keep(),
            mosaics: mosaics.max_capacity(KEPT_BYTES_MAX).build(),
            piece_records: records.max_capacity(KEPT_BYTES_MAX).build(),
        }
    }

    /// Gives back the memory of what was kept.
    pub(super) fn forget(&self) {
        self.datasets.invalidate_all();
        self.files.invalidate_all();
        self.mosaics.invalidate_all();
        self.piece_records.invalidate_all();
    }

    /// What a variable's computed chunks are made of.
    pub(super) fn mosaic(
        &self,
        layout: &Layout,
        id: &DatasetId,
        version: Version,
        variable: &Variable,
    ) -> Result<Arc<PublishedMosaic>> {
        let key = (id.clone(), version, variable.path.clone());
        if let Some(kept) = self.mosaics.get(&key) {
            return Ok(kept);
        }
        let mosaic = Arc::new(mosaics::read(&layout.version(id, version), variable)?);
        self.mosaics.insert(key, Arc::clone(&mosaic));
        Ok(mosaic)
    }

    /// One record of the references of a mosaic's pieces.
    pub(super) fn piece_references(
        &self,
        layout: &Layout,
        id: &DatasetId,
        version: Version,
        variable: &NodePath,
        mosaic: &PublishedMosaic,
        record: u64,
    ) -> Result<Arc<ReferenceRecord>> {
        let key = (id.clone(), version, variable.clone(), record);
        if let Some(kept) = self.piece_records.get(&key) {
            return Ok(kept);
        }
        let (path, read) = mosaics::read_record(&layout.version(id, version), variable, mosaic, record)?;
        let files = self.files_of(layout, id, version, &path, &read.files)?;
        let references = Arc::new(ReferenceRecord { manifest: read.manifest, files });
        self.piece_records.insert(key, Arc::clone(&references));
        Ok(references)
    }

    pub(super) fn dataset(
        &self,
        layout: &Layout,
        id: &DatasetId,
        version: Version,
    ) -> Result<PublishedDataset> {
        let key = (id.clone(), version);
        if let Some((_, kept)) = self.datasets.get(&key) {
            return Ok((*kept).clone());
        }
        let directory = existing_version(layout, id, version)?;
        let about = read_version_document(&directory)?;
        let path = directory.join(names::DATASET);
        let json = read_present(&path)?;
        let dataset = zarr::document::from_json(&json).map_err(|error| disk::damaged(&path, error))?;
        let published = PublishedDataset {
            id: id.clone(),
            version,
            published_ms: about.published_ms,
            modified_ns: about.modified_ns,
            record_size: about.record_size,
            view: about.view.unwrap_or_default(),
            named_views: Arc::new(about.named_views),
            diagnostics: Arc::new(about.diagnostics),
            in_place: in_place(&directory, dataset.variables.len())?,
            dataset: Arc::new(dataset),
        };
        self.datasets.insert(key, (json.len() as u32, Arc::new(published.clone())));
        Ok(published)
    }

    pub(super) fn versions(layout: &Layout, id: &DatasetId, current: Version) -> Result<VersionList> {
        let mut versions = Vec::new();
        let mut every_seconds = None;
        for version in layout.versions(id)? {
            let directory = layout.version(id, version);
            let about = match read_version_document(&directory) {
                // An old one may be pruned this very moment.
                Err(_) if version != current && !directory.exists() => continue,
                about => about?,
            };
            if version == current {
                every_seconds = about.refresh_seconds;
            }
            versions.push(VersionSummary {
                version,
                published_ms: about.published_ms,
                sources: about.sources,
                file_count: about.file_count,
                warning_count: about.warnings.len() as u64,
            });
        }
        let refresh = RefreshReport { every_seconds, last: refreshing::last(layout, id) };
        Ok(VersionList { current, versions, refresh })
    }

    pub(super) fn references(
        &self,
        layout: &Layout,
        id: &DatasetId,
        version: Version,
        variable: &NodePath,
        record: u64,
        roots: &Roots,
    ) -> Result<ReferenceRecord> {
        let (published, place) = self.variable(layout, (id, version), variable, record)?;
        let PublishedDataset { dataset, record_size, in_place, .. } = published;
        let unknown = || unknown(id, variable, record);
        let grid = &dataset.variables[place].grid;
        match in_place.get(place).and_then(Option::as_ref) {
            Some(in_place @ InPlace::Records { .. }) => {
                return read_in_place(in_place, roots, grid.chunk_count(), record)?.ok_or_else(unknown);
            }
            // Each chunk is a file of its own.
            Some(InPlace::Keys { .. }) => return Err(unknown()),
            None => {}
        }
        let first = record.checked_mul(record_size).ok_or_else(unknown)?;
        let expected = grid.chunk_count().saturating_sub(first).min(record_size);
        if expected == 0 {
            return Err(unknown());
        }
        let path = layout::record(&layout.version(id, version), variable, record);
        let bytes = Bytes::from(read_present(&path)?);
        let read = zarr::kerchunk::read_record(first, &bytes).map_err(|error| disk::damaged(&path, error))?;
        let rows = read.manifest.len() as u64;
        if rows != expected {
            return Err(disk::damaged(&path, format!("has {rows} rows, not {expected}")));
        }
        let files = self.files_of(layout, id, version, &path, &read.files)?;
        Ok(ReferenceRecord { manifest: read.manifest, files })
    }

    /// A version, and the place of a variable in it.
    fn variable(
        &self,
        layout: &Layout,
        (id, version): (&DatasetId, Version),
        variable: &NodePath,
        record: u64,
    ) -> Result<(PublishedDataset, usize)> {
        let published = self.dataset(layout, id, version)?;
        let place = published.dataset.variables.iter().position(|known| known.path == *variable);
        let place = place.ok_or_else(|| unknown(id, variable, record))?;
        Ok((published, place))
    }

    pub(super) fn remote_record(
        &self,
        layout: &Layout,
        id: &DatasetId,
        version: Version,
        variable: &NodePath,
        record: u64,
    ) -> Result<Option<RemoteRecord>> {
        let (published, place) = self.variable(layout, (id, version), variable, record)?;
        let PublishedDataset { dataset, in_place, .. } = published;
        let in_place = in_place.get(place).and_then(Option::as_ref);
        Ok(in_place.and_then(|in_place| RemoteRecord::new(in_place, &dataset.variables[place], record)))
    }

    /// What the files of a record were when scanned.
    fn files_of(
        &self,
        layout: &Layout,
        id: &DatasetId,
        version: Version,
        record: &Path,
        paths: &[String],
    ) -> Result<Vec<Arc<SourceFile>>> {
        if paths.is_empty() {
            return Ok(Vec::new());
        }
        let files = self.files(layout, id, version)?;
        paths
            .iter()
            .map(|path| {
                let known = files.get(path).cloned();
                known.ok_or_else(|| disk::damaged(record, format!("{path} is not in files.json")))
            })
            .collect()
    }

    pub(super) fn files(
        &self,
        layout: &Layout,
        id: &DatasetId,
        version: Version,
    ) -> Result<Arc<HashMap<String, Arc<SourceFile>>>> {
        let key = (id.clone(), version);
        if let Some((_, kept)) = self.files.get(&key) {
            return Ok(kept);
        }
        let path = layout.version(id, version).join(names::FILES);
        let json = read_present(&path)?;
        let documents: Vec<FileDocument> = parse(&path, &json)?;
        let named = |document| Arc::new(SourceFile::from(document));
        let files: Files = documents.into_iter().map(named).map(|file| (file.path.clone(), file)).collect();
        let files = Arc::new(files);
        self.files.insert(key, (json.len() as u32, files.clone()));
        Ok(files)
    }
}

fn unknown(id: &DatasetId, variable: &NodePath, record: u64) -> Error {
    Error::not_found(format!("dataset '{id}' has no references {record} of '{variable}'"))
}

/// `in_place.json` of a version's directory, if it has one.
fn in_place(directory: &Path, variables: usize) -> Result<Vec<Option<InPlace>>> {
    let path = directory.join(names::IN_PLACE);
    let Some(json) = disk::read(&path)? else { return Ok(Vec::new()) };
    let documents: Vec<Option<InPlaceDocument>> = parse(&path, &json)?;
    if documents.len() != variables {
        return Err(disk::damaged(&path, "has not one entry a variable"));
    }
    Ok(documents.into_iter().map(|document| document.map(InPlace::from)).collect())
}

/// `version.json` of a version's directory.
pub(super) fn read_version_document(directory: &Path) -> Result<VersionDocument> {
    let path = directory.join(names::VERSION);
    let document: VersionDocument = parse(&path, &read_present(&path)?)?;
    if document.format != FORMAT || document.record_size == 0 {
        return Err(disk::damaged(&path, format!("format {} is not {FORMAT}", document.format)));
    }
    Ok(document)
}

fn existing_version(layout: &Layout, id: &DatasetId, version: Version) -> Result<std::path::PathBuf> {
    let directory = layout.version(id, version);
    if directory.is_dir() {
        return Ok(directory);
    }
    Err(Error::not_found(format!("dataset '{id}' has no version {version}")))
}

fn keep<T: Send + Sync + 'static>() -> Kept<T> {
    Cache::builder()
        // In memory about three times as large as in JSON.
        .weigher(|_, (json_bytes, _): &(u32, Arc<T>)| json_bytes.saturating_mul(3).saturating_add(1024))
        .max_capacity(KEPT_BYTES_MAX)
        .build()
}

fn read_present(path: &Path) -> Result<Vec<u8>> {
    disk::read(path)?.ok_or_else(|| disk::damaged(path, "is missing"))
}

fn parse<T: DeserializeOwned>(path: &Path, json: &[u8]) -> Result<T> {
    serde_json::from_slice(json).map_err(|error| disk::damaged(path, error))
}

/// The references of one record out of a variable's.
pub(super) fn record_of(manifest: &ChunkManifest, first: u64, count: u64) -> ChunkManifest {
    let mut record = ChunkManifest::missing(first, count as usize);
    for number in first..first + count {
        record.set(number, manifest.get(number));
    }
    record
}
