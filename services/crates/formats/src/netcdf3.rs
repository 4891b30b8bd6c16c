//! Classic netCDF files: CDF-1, CDF-2 (64-bit offset) and CDF-5.
//!
//! ```text
//! reader: bounded bytes ─▶ header: dimensions, attributes, variables ─▶ places: where bytes are, whether all are there
//!                                                              ─▶ variable: inline | contiguous | a chunk a record
//! ```
//! Everything is stored big-endian and served so. There is nothing that is not written: no chunk is missing.

mod attributes;
mod header;
mod places;
mod reader;
mod values;
mod variable;

use std::{collections::HashSet, fs::File, path::Path};

use model::{FileIdentity, FileScan, Group, NodePath, ScannedVariable, SourceFile, Warning};

use crate::{Progress, ScanFault, ScanOptions, conventions, identity};
use header::Header;
use places::Records;
use variable::{Budget, Outline};

/// Bytes of a file for each chunk that it may have, beyond `sparse_chunks_max`.
const BYTES_A_CHUNK: u64 = 4096;

/// Scans one.
pub(crate) fn scan(
    path: &Path,
    options: &ScanOptions,
    progress: Progress<'_>,
) -> Result<FileScan, ScanFault> {
    let before = identity::of(path)?;
    let scan = scan_file(path, before, options, progress);
    if identity::of(path)? != before {
        return Err(ScanFault::Changed);
    }
    scan
}

fn scan_file(
    path: &Path,
    identity: FileIdentity,
    options: &ScanOptions,
    progress: Progress<'_>,
) -> Result<FileScan, ScanFault> {
    let mut warnings = Vec::new();
    let mut header = header::read(path, identity.size_bytes, options, &mut warnings)?;
    let records = places::records(&header, identity.size_bytes)?;
    warn_of_records(records, &mut warnings);
    let root = Group { path: NodePath::root(), attributes: std::mem::take(&mut header.attributes) };
    let unlimited = header.dimensions.iter().filter(|dimension| dimension.length.is_none());
    let unlimited_dimensions = unlimited.map(|dimension| dimension.name.clone()).collect();
    let absolute = std::path::absolute(path)?;
    let file = SourceFile { path: absolute.to_string_lossy().into_owned(), identity };
    let variables =
        variables(&File::open(path)?, header, records, identity, options, progress, &mut warnings)?;
    Ok(FileScan {
        files: vec![file.clone()],
        file,
        groups: vec![root],
        variables,
        unlimited_dimensions,
        warnings,
    })
}

fn warn_of_records(records: Records, warnings: &mut Vec<Warning>) {
    let mut warn = |message| warnings.push(Warning { subject: String::new(), message });
    if records.is_cut {
        warn("the last record is not whole, and left out".to_owned());
    }
    if records.uncounted > 0 {
        let count = records.uncounted;
        warn(format!(
            "the file goes on behind its last record, by as much as {count} more: they are left out"
        ));
    }
}

fn variables(
    file: &File,
    mut header: Header,
    records: Records,
    identity: FileIdentity,
    options: &ScanOptions,
    progress: Progress<'_>,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<ScannedVariable>, ScanFault> {
    let mentioned: HashSet<String> = mentions(&header).collect();
    let size = identity.size_bytes;
    let mut budget = Budget {
        tiny_bytes: options.tiny_records_bytes_max,
        chunks: options.sparse_chunks_max.max(size / BYTES_A_CHUNK),
    };
    let (mut scanned, mut taken) = (Vec::new(), HashSet::new());
    let found = std::mem::take(&mut header.variables);
    let total = found.len() as u64;
    for (done, variable) in (0..).zip(found) {
        let place = places::place(&header, &variable, records, size)?;
        let subject = variable.name.clone();
        let dimension = |number: &usize| &header.dimensions[*number];
        let mut left_out = |why: String| {
            let message = format!("left out: {why}");
            warnings.push(Warning { subject: subject.clone(), message });
        };
        let path = match NodePath::root().join(&variable.name) {
            Ok(path) => path,
            Err(error) => {
                left_out(error.message);
                continue;
            }
        };
        if !taken.insert(path.clone()) {
            left_out("a second variable of this name".to_owned());
            continue;
        }
        let dimensions: Vec<_> =
            variable.dimensions.iter().map(|number| dimension(number).name.clone()).collect();
        let shape = variable
            .dimensions
            .iter()
            .map(|number| dimension(number).length.unwrap_or(records.count))
            .collect();
        let is_own = dimensions.len() == 1 && dimensions[0] == variable.name;
        let is_coordinate = is_own || mentioned.contains(&variable.name);
        let outline = Outline { path, dimensions, shape, is_coordinate, place };
        match variable::scan(file, variable, outline, options, &mut budget, || progress(done, total))? {
            Ok(variable) => scanned.push(variable),
            Err(why) => left_out(why),
        }
    }
    Ok(scanned)
}

/// Names of variables that attributes of others mention.
fn mentions(header: &Header) -> impl Iterator<Item = String> {
    header.variables.iter().flat_map(|variable| {
        let names = conventions::NAMING.iter().filter_map(|name| name.to_str().ok());
        names
            .filter_map(|name| variable.attributes.text(name))
            .flat_map(conventions::names_in)
            .collect::<Vec<_>>()
    })
}
