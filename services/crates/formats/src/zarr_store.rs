//! Zarr stores, v2 and v3: directories, zip files, and whatever else gives documents by key.
//!
//! ```text
//! ReadStore ─▶ walk: documents → groups, arrays ─▶ references: in place, or each chunk's file ─▶ FileScan
//! ```
//! No chunk is decoded but those of small coordinates.

mod archive;
mod coordinates;
mod directory;
mod references;
mod walk;

use std::path::Path;

use model::{FileScan, Layout, ScannedVariable, SourceFile, Warning};

use crate::{Progress, ScanFault, ScanOptions};
use archive::Archive;
use walk::Nodes;

pub(crate) use directory::Directory;
pub(crate) use walk::FoundArray;

/// Largest metadata document, in bytes.
pub(crate) const DOCUMENT_BYTES_MAX: u64 = 256 << 20;

/// A Zarr store that can be read by key. Keys have no slash at their start or end.
pub trait ReadStore {
    /// The store itself, as messages name it.
    fn source(&self) -> SourceFile;

    /// The value of a key of at most `bytes_max` bytes; none where there is no such key. More bytes are a fault.
    fn get(&self, key: &str, bytes_max: u64) -> Result<Option<Vec<u8>>, ScanFault>;

    /// Names directly below a key that have something below them, in order; none where the store cannot be listed.
    fn children(&self, key: &str) -> Result<Option<Vec<String>>, ScanFault>;

    /// Shows each value below a key, which does not end with a slash; false where the store cannot be listed.
    fn objects(
        &self,
        _key: &str,
        _visit: &mut dyn FnMut(StoreObject<'_>) -> Result<(), ScanFault>,
    ) -> Result<bool, ScanFault> {
        Ok(false)
    }

    /// What keys are appended to with a slash to make the path or URL of a file of their own, and the latest
    /// modification that such a file may have (nanoseconds since 1970); none where values are no files.
    fn base(&self) -> Option<(String, i64)>;
}

/// A value of a store and where its bytes are.
pub struct StoreObject<'s> {
    /// Its key below the one asked for: `0.0`, `c/0/1`, `.zarray`.
    pub key: &'s str,
    /// The file that holds it.
    pub file: SourceFile,
    /// First byte in the file.
    pub offset: u64,
    /// Bytes.
    pub length: u64,
}

/// Scans a store on a filesystem.
pub(crate) fn scan(
    path: &Path,
    options: &ScanOptions,
    progress: Progress<'_>,
) -> Result<FileScan, ScanFault> {
    if path.is_dir() {
        return scan_store(&Directory::open(path, options.roots.as_deref())?, options, progress);
    }
    let before = crate::identity::of(path)?;
    let scan = scan_store(&Archive::open(path, before)?, options, progress);
    if crate::identity::of(path)? != before {
        return Err(ScanFault::Changed);
    }
    scan
}

/// The groups and arrays of a store, without their chunks.
pub(crate) fn nodes(store: &dyn ReadStore, options: &ScanOptions) -> Result<Nodes, ScanFault> {
    walk::walk(store, options)
}

/// Scans a store of any kind. With [`ScanOptions::stand_alone`], references stay in place where the store's values are
/// files of their own; else each chunk is looked up, for which the store must be listable.
pub fn scan_store(
    store: &dyn ReadStore,
    options: &ScanOptions,
    progress: Progress<'_>,
) -> Result<FileScan, ScanFault> {
    let found = walk::walk(store, options)?;
    let strays = references::of_no_array(store, &found);
    let mut warnings = found.warnings;
    warnings.extend(strays.warning("any array").map(|message| Warning { subject: String::new(), message }));
    let mut files = vec![store.source()];
    let total = found.arrays.len() as u64;
    let readers_want = coordinates::wanted(&found.arrays);
    let mut variables = Vec::with_capacity(found.arrays.len());
    for (done, array) in found.arrays.into_iter().enumerate() {
        progress(done as u64, total);
        let path = array.read.variable.path.as_str().to_owned();
        let mut warn = |message: String| warnings.push(Warning { subject: path.clone(), message });
        if let Some(inlined) = coordinates::inlined(store, &array, &readers_want, options, &mut warn)? {
            variables.push(inlined);
            continue;
        }
        if !is_sayable(&array, &mut warn) {
            continue;
        }
        let mut alive = || progress(done as u64, total);
        match references::find(store, &array, found.consolidated, options, &mut files, &mut alive) {
            Ok(references) => {
                references.strays.warning("the array").into_iter().for_each(&mut warn);
                variables.push(ScannedVariable {
                    variable: array.read.variable.into(),
                    layout: Layout::Chunked,
                    manifest: references.manifest,
                    in_place: references.in_place,
                });
            }
            Err(ScanFault::CompressedMember) => warn(
                "left out: the zip file compresses its chunks: write it with ZIP_STORED, as Zarr does"
                    .to_owned(),
            ),
            Err(fault) => return Err(fault),
        }
    }
    progress(total, total);
    Ok(FileScan {
        file: store.source(),
        files,
        groups: found.groups,
        variables,
        unlimited_dimensions: Vec::new(),
        warnings,
    })
}

/// Whether one of the two formats that clients read has words for an array.
fn is_sayable(array: &FoundArray, warn: &mut dyn FnMut(String)) -> bool {
    let variable = &array.read.variable;
    let codecs = || zarr::v2::codec_ids(&variable.codecs).join(", ");
    match (zarr::v2::can_say(variable), zarr::v3::can_say(variable)) {
        (true, true) => {}
        (true, false) => {
            warn(format!("Zarr v3 cannot say its codecs ({}): only clients of v2 see it", codecs()));
        }
        (false, true) => {
            warn(format!("Zarr v2 cannot say its codecs ({}): only clients of v3 see it", codecs()));
        }
        (false, false) => {
            warn(format!("left out: neither Zarr v2 nor v3 can say its codecs ({})", codecs()));
            return false;
        }
    }
    true
}

/// Whether a directory or zip file has a store's root document.
pub(crate) fn is_root(name: &str) -> bool {
    matches!(name, "zarr.json" | ".zmetadata" | ".zgroup" | ".zarray")
}

/// The name of a path or URL without directories and extensions.
fn stem(path: &str) -> &str {
    let name = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    name.trim_end_matches(".zip").trim_end_matches(".zarr")
}

#[cfg(test)]
mod tests;
