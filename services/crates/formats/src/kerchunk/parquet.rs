//! References in a directory of Parquet records.

use std::collections::BTreeMap;
use std::path::Path;

use model::{ChunkManifest, ChunkRef, FileScan, InPlace, Layout, ScannedVariable, SourceFile, Warning};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::around;
use super::coordinates::Coordinates;
use super::hierarchy::{self, Array, Hierarchy};
use super::targets::Targets;
use crate::zarr_store::{Directory, ReadStore, StoreObject};
use crate::{Progress, ScanFault, ScanOptions, identity};

/// The document that each set has.
const METADATA: &str = ".zmetadata";
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

/// Whether the `.zmetadata` of a directory is that of a set: it has `record_size`, which no Zarr store's has.
pub fn is_set(zmetadata: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Head {
        #[serde(rename = "record_size")]
        _record_size: IgnoredAny,
    }
    serde_json::from_slice::<Head>(&zarr::read::strict(zmetadata)).is_ok()
}

/// Scans a set on a filesystem.
pub(super) fn scan(
    directory: &Path,
    options: &ScanOptions,
    progress: Progress<'_>,
) -> Result<FileScan, ScanFault> {
    let identity = identity::of(&directory.join(METADATA))?;
    if identity.size_bytes > options.references_bytes_max {
        return Err(ScanFault::TooLarge("the metadata", options.references_bytes_max));
    }
    let store = Directory::open(directory, options.roots.as_deref())?;
    let scan = scan_set(&store, options, progress)?;
    Ok(FileScan { file: SourceFile { identity, ..scan.file }, ..scan })
}

/// Scans a set that can be read by key: its metadata, and of the records no more than coordinates need. Where the scan
/// stands alone, references stay where they are. Where the store cannot be listed, nothing is said of absent records.
pub fn scan_set(
    store: &dyn ReadStore,
    options: &ScanOptions,
    progress: Progress<'_>,
) -> Result<FileScan, ScanFault> {
    let json = store.get(METADATA, options.references_bytes_max)?.ok_or(ScanFault::NoStore)?;
    let json = zarr::read::strict(&json);
    let metadata = parsed(&json)?;
    let documents = metadata.metadata.iter().map(|(key, json)| (key.clone(), json.get().into())).collect();
    let source = store.source();
    let Hierarchy { groups, arrays, mut warnings } = hierarchy::read(&source, &documents, options)?;
    let (place, not_after_ns) = store.base().ok_or(ScanFault::NoStore)?;
    let base = around(&place);
    let mut records = Records {
        store,
        place,
        not_after_ns,
        record_size: metadata.record_size,
        targets: Targets::new(base.clone(), not_after_ns, options.roots.clone()),
        base,
        coordinates: Coordinates::new(&arrays, options),
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
            records.in_place(array)
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

fn parsed(json: &[u8]) -> Result<Metadata<'_>, ScanFault> {
    let damaged = |error: serde_json::Error| ScanFault::References(format!("{METADATA}: {error}"));
    let metadata: Metadata<'_> = serde_json::from_slice(json).map_err(damaged)?;
    let rows_max = zarr::kerchunk::ROWS_MAX as u64;
    let record_size = metadata.record_size;
    if record_size == 0 || record_size > rows_max {
        let text = format!("{METADATA}: record_size is {record_size}, not from 1 to {rows_max}");
        return Err(ScanFault::References(text));
    }
    Ok(metadata)
}

/// The records of a set.
struct Records<'a> {
    store: &'a dyn ReadStore,
    /// Path or URL of the set.
    place: String,
    base: String,
    record_size: u64,
    not_after_ns: i64,
    targets: Targets,
    coordinates: Coordinates,
    warnings: &'a mut Vec<Warning>,
}

impl Records<'_> {
    fn in_place(&self, array: Array) -> ScannedVariable {
        let in_place = InPlace::Records {
            directory: format!("{}/{}", self.place, array.variable.path.as_str()),
            base: self.base.clone(),
            record_size: self.record_size,
            not_after_ns: self.not_after_ns,
            absent: Vec::new(),
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
            let fault = |what: String| ScanFault::References(format!("{name}: {what}"));
            // As fsspec does: kerchunk writes no record of chunks that are all missing.
            let Some(bytes) = self.store.get(&name, RECORD_BYTES_MAX)? else { continue };
            let read = zarr::kerchunk::read_padded_record(first, count, &bytes.into())
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
        let mut present = 0;
        let mut count = |object: StoreObject<'_>| {
            let number = object.key.strip_prefix("refs.").and_then(|rest| rest.strip_suffix(".parq"));
            let number = number.and_then(|number| number.parse::<u64>().ok());
            present += u64::from(number.is_some_and(|number| number < expected));
            Ok(())
        };
        if !self.store.objects(array.variable.path.as_str(), &mut count)? {
            return Ok(());
        }
        let absent = expected.saturating_sub(present);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_size_at_the_top_tells_a_set() {
        for (text, is) in [
            (r#"{"metadata": {}, "record_size": 10}"#, true),
            (r#"{"metadata": {"x/.zarray": {"fill_value": NaN}}, "record_size": 10}"#, true),
            (r#"{"metadata": {"x/.zattrs": {"record_size": 10}}}"#, false),
            (r#"{"metadata": {}}"#, false),
            ("", false),
        ] {
            assert_eq!(is_set(text.as_bytes()), is, "{text}");
        }
    }
}
