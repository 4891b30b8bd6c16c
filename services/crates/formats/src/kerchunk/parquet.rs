//! References in a directory of Parquet records.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use model::{ChunkManifest, ChunkRef, FileScan, InPlace, Layout, ScannedVariable, SourceFile, Warning};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::coordinates::Coordinates;
use super::hierarchy::{self, Array, Hierarchy};
use super::targets::Targets;
use super::{base, now_ns};
use crate::{Progress, ScanFault, ScanOptions, identity};

/// Most bytes of one record that are read.
const RECORD_BYTES_MAX: u64 = 256 << 20;
/// Most references that are taken out of their records, where they cannot stay in place.
const REFERENCES_MAX: u64 = 20_000_000;

/// `.zmetadata`.
#[derive(Deserialize)]
struct Metadata<'a> {
    #[serde(borrow)]
    metadata: BTreeMap<String, &'a RawValue>,
    record_size: u64,
}

/// Scans a directory: its metadata, and of the records no more than coordinates need. Where the scan stands alone,
/// references stay where they are.
pub(super) fn scan(
    directory: &Path,
    options: &ScanOptions,
    progress: Progress<'_>,
) -> Result<FileScan, ScanFault> {
    let zmetadata = directory.join(".zmetadata");
    let identity = identity::of(&zmetadata)?;
    if identity.size_bytes > options.references_bytes_max {
        return Err(ScanFault::TooLarge("the metadata", options.references_bytes_max));
    }
    let json = std::fs::read(&zmetadata)?;
    let damaged = |error: serde_json::Error| ScanFault::References(format!(".zmetadata: {error}"));
    let metadata: Metadata<'_> = serde_json::from_slice(&json).map_err(damaged)?;
    let rows_max = zarr::kerchunk::ROWS_MAX as u64;
    if metadata.record_size == 0 || metadata.record_size > rows_max {
        let record_size = metadata.record_size;
        let text = format!(".zmetadata: record_size is {record_size}, not from 1 to {rows_max}");
        return Err(ScanFault::References(text));
    }
    let documents = metadata.metadata.iter().map(|(key, json)| (key.clone(), json.get().into())).collect();
    let absolute = std::path::absolute(directory)?;
    let source = SourceFile { path: absolute.to_string_lossy().into_owned(), identity };
    let Hierarchy { groups, arrays, mut warnings } = hierarchy::read(&source, &documents, options)?;
    let not_after_ns = now_ns();
    let coordinates = Coordinates::new(&arrays, options);
    let mut records = Records {
        directory,
        base: base(directory, options),
        record_size: metadata.record_size,
        targets: Targets::new(base(directory, options), not_after_ns, options.roots.clone()),
        coordinates,
        warnings: &mut warnings,
    };
    let mut variables = Vec::with_capacity(arrays.len());
    let total = arrays.len() as u64;
    let mut rest = REFERENCES_MAX;
    for array in arrays {
        progress(variables.len() as u64, total);
        records.warn_of_absent(&array)?;
        let stays = options.stand_alone && !records.coordinates.are_wanted(&array.variable);
        let mut variable = if stays {
            records.in_place(array, not_after_ns)
        } else {
            let chunks = array.variable.grid.chunk_count();
            rest = rest.checked_sub(chunks).ok_or(ScanFault::TooLarge("the references", REFERENCES_MAX))?;
            records.taken_out(array, progress)?
        };
        if !stays {
            variable = records.coordinates.inline(variable, &records.targets, records.warnings);
        }
        variables.push(variable);
    }
    let targets = records.targets;
    Ok(FileScan {
        file: source,
        files: targets.into_files(&mut warnings)?,
        groups,
        variables,
        unlimited_dimensions: Vec::new(),
        warnings,
    })
}

/// The records of a set.
struct Records<'a> {
    directory: &'a Path,
    base: String,
    record_size: u64,
    targets: Targets,
    coordinates: Coordinates,
    warnings: &'a mut Vec<Warning>,
}

impl Records<'_> {
    fn in_place(&self, array: Array, not_after_ns: i64) -> ScannedVariable {
        let directory = self.directory.join(array.variable.path.as_str());
        let in_place = InPlace::Records {
            directory: directory.to_string_lossy().into_owned(),
            base: self.base.clone(),
            record_size: self.record_size,
            not_after_ns,
        };
        ScannedVariable {
            variable: array.variable.into(),
            layout: Layout::Chunked,
            manifest: ChunkManifest::default(),
            in_place: Some(in_place),
        }
    }

    fn taken_out(&mut self, array: Array, progress: Progress<'_>) -> Result<ScannedVariable, ScanFault> {
        let chunks = array.variable.grid.chunk_count();
        let mut manifest = ChunkManifest::missing(0, chunks as usize);
        for record in 0..chunks.div_ceil(self.record_size) {
            progress(0, chunks);
            let first = record * self.record_size;
            let count = self.record_size.min(chunks - first);
            let name = format!("{}/{}", array.variable.path.as_str(), zarr::kerchunk::record_name(record));
            let path = self.directory.join(&name);
            let fault = |what: String| ScanFault::References(format!("{name}: {what}"));
            let size = match std::fs::metadata(&path) {
                Ok(metadata) => metadata.len(),
                // As fsspec does: kerchunk writes no record of chunks that are all missing.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error.into()),
            };
            if size > RECORD_BYTES_MAX {
                return Err(fault(format!("{size} bytes are too many")));
            }
            let bytes = std::fs::read(&path)?;
            let read = zarr::kerchunk::read_padded_record(first, count, bytes.into())
                .map_err(|error| fault(error.to_string()))?;
            for (number, reference) in read.manifest.iter() {
                let name = |file: model::FileId| read.files.get(file.0 as usize).map_or("", String::as_str);
                let reference = match reference {
                    ChunkRef::Bytes { file, range } => self.targets.refer(name(file), Some(range)),
                    ChunkRef::File(file) => self.targets.refer(name(file), None),
                    other => other,
                };
                manifest.set(number, reference);
            }
        }
        Ok(ScannedVariable {
            variable: array.variable.into(),
            layout: Layout::Chunked,
            manifest,
            in_place: None,
        })
    }

    /// Says how many records are not there: their chunks are missing, which may be meant or not.
    fn warn_of_absent(&mut self, array: &Array) -> Result<(), ScanFault> {
        let expected = array.variable.grid.chunk_count().div_ceil(self.record_size);
        let present = match std::fs::read_dir(self.directory.join(array.variable.path.as_str())) {
            Ok(entries) => entries
                .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
                .collect::<std::io::Result<HashSet<String>>>()?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => HashSet::new(),
            Err(error) => return Err(error.into()),
        };
        let is_record = |name: &&String| {
            let number = name.strip_prefix("refs.").and_then(|rest| rest.strip_suffix(".parq"));
            number.and_then(|number| number.parse().ok()).is_some_and(|number: u64| number < expected)
        };
        let absent = expected.saturating_sub(present.iter().filter(is_record).count() as u64);
        if absent > 0 {
            self.warnings.push(Warning {
                subject: array.variable.path.to_string(),
                message: format!(
                    "{absent} of {expected} records are not there: their chunks read as missing"
                ),
            });
        }
        Ok(())
    }
}
