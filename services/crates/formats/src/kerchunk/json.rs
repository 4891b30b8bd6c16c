//! References in one JSON document.

use std::path::Path;

use model::{ChunkManifest, ChunkRef, FileScan, Layout, ScannedVariable, SourceFile, Warning};
use zarr::kerchunk::json::{JsonLimits, JsonReference, JsonReferences};

use super::coordinates::Coordinates;
use super::hierarchy::{self, Hierarchy};
use super::placing::{Place, Places};
use super::targets::Targets;
use super::{around, now_ns};
use crate::{Progress, ScanFault, ScanOptions, identity};

/// How many references come between two signs of life.
const ALIVE_EVERY: u64 = 10_000;

/// Scans a document.
pub(super) fn scan(
    path: &Path,
    options: &ScanOptions,
    progress: Progress<'_>,
) -> Result<FileScan, ScanFault> {
    let identity = identity::of(path)?;
    if identity.size_bytes > options.references_bytes_max {
        return Err(ScanFault::TooLarge("the references", options.references_bytes_max));
    }
    let json = std::fs::read(path)?;
    if identity::of(path)? != identity {
        return Err(ScanFault::Changed);
    }
    let set = JsonReferences::parse(&json, JsonLimits::default())?;
    let documents = set.documents()?;
    let absolute = std::path::absolute(path)?;
    let source = SourceFile { path: absolute.to_string_lossy().into_owned(), identity };
    let Hierarchy { groups, arrays, mut warnings } = hierarchy::read(&source, &documents, options)?;
    hierarchy::check_chunk_count(&arrays, JsonLimits::default().references_max)?;
    let place = options.url.as_deref().unwrap_or(&source.path);
    let mut found = Found {
        places: Places::new(&arrays),
        manifests: arrays
            .iter()
            .map(|array| ChunkManifest::missing(0, array.variable.grid.chunk_count() as usize))
            .collect(),
        targets: Targets::new(around(place), now_ns(), options.roots.clone()),
        outside: vec![0; arrays.len()],
        unknown: 0,
    };
    let mut count = 0;
    set.chunks(&mut |key, reference| {
        found.place(key, reference);
        count += 1;
        if count % ALIVE_EVERY == 0 {
            progress(0, arrays.len() as u64);
        }
        Ok(())
    })?;
    found.warn(&arrays, &mut warnings);
    let Found { manifests, targets, .. } = found;
    let coordinates = Coordinates::new(&arrays, options);
    let mut variables = Vec::with_capacity(arrays.len());
    let total = arrays.len() as u64;
    for (array, manifest) in arrays.into_iter().zip(manifests) {
        progress(variables.len() as u64, total);
        let variable = ScannedVariable {
            variable: array.variable.into(),
            layout: Layout::Chunked,
            manifest,
            in_place: None,
        };
        variables.push(coordinates.inline(variable, &targets, &mut warnings));
    }
    Ok(FileScan {
        file: source,
        files: targets.into_files(&mut warnings)?,
        groups,
        variables,
        unlimited_dimensions: Vec::new(),
        warnings,
    })
}

/// References as they are found.
struct Found {
    places: Places,
    manifests: Vec<ChunkManifest>,
    targets: Targets,
    outside: Vec<u64>,
    unknown: u64,
}

impl Found {
    fn place(&mut self, key: &str, reference: JsonReference<'_>) {
        match self.places.of(key) {
            Place::Chunk(array, number) => {
                let reference = match reference {
                    JsonReference::Inline(bytes) => ChunkRef::Inline(bytes.into_owned().into()),
                    JsonReference::Target { url, range } => self.targets.refer(&url, range),
                };
                self.manifests[array].set(number, reference);
            }
            Place::Outside(array) => self.outside[array] += 1,
            Place::Nothing => self.unknown += 1,
        }
    }

    fn warn(&self, arrays: &[hierarchy::Array], warnings: &mut Vec<Warning>) {
        for (array, outside) in arrays.iter().zip(&self.outside).filter(|(_, outside)| **outside > 0) {
            warnings.push(Warning {
                subject: array.variable.path.to_string(),
                message: format!("{outside} references are left out: the variable has no such chunks"),
            });
        }
        if self.unknown > 0 {
            let message = format!("{} references are left out: they belong to no variable", self.unknown);
            warnings.push(Warning { subject: String::new(), message });
        }
    }
}
