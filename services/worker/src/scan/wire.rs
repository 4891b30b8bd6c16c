//! Scans as messages.

use std::sync::Arc;

use bytes::Bytes;
use cloudify_proto::{convert, v1};
use model::{Dataset, Error, FileScan, Result, ScannedVariable, Variable};

/// A scan as a message.
pub(super) fn to_wire(scan: FileScan) -> v1::FileScan {
    let FileScan { file, files, groups, variables, unlimited_dimensions, warnings } = scan;
    let mut dataset = Dataset { groups, variables: Vec::with_capacity(variables.len()) };
    let mut references = Vec::with_capacity(variables.len());
    for ScannedVariable { variable, layout, manifest, in_place } in variables {
        dataset.variables.push(Arc::unwrap_or_clone(variable));
        references.push(v1::ScannedReferences {
            layout: convert::layout_to_wire(layout).into(),
            record: Some(convert::record_to_wire(&manifest, &[])),
            in_place: in_place.as_ref().map(|in_place| convert::in_place_to_wire(Some(in_place))),
        });
    }
    v1::FileScan {
        file: Some(convert::file_to_wire(&file)),
        document: Bytes::from(zarr::document::to_json(&dataset)),
        references,
        unlimited_dimensions,
        warnings: warnings.iter().map(convert::warning_to_wire).collect(),
        files: files.iter().map(convert::file_to_wire).collect(),
    }
}

/// A scan of a message.
pub(super) fn from_wire(scan: v1::FileScan) -> Result<FileScan> {
    let malformed = |what: &str| Error::internal(format!("malformed scan: {what}"));
    let dataset = zarr::document::from_json(&scan.document).map_err(Error::internal)?;
    if dataset.variables.len() != scan.references.len() {
        return Err(malformed("references do not match variables"));
    }
    let variable = |(variable, references): (Variable, v1::ScannedReferences)| {
        let layout = convert::layout_from_wire(references.layout())?;
        let record = references.record.ok_or_else(|| malformed("no references"))?;
        let (manifest, _) = convert::record_from_wire(record)?;
        let in_place = references.in_place.map_or(Ok(None), convert::in_place_from_wire)?;
        Ok(ScannedVariable { variable: variable.into(), layout, manifest, in_place })
    };
    Ok(FileScan {
        file: convert::file_from_wire(scan.file.ok_or_else(|| malformed("no file"))?)?,
        files: scan.files.into_iter().map(convert::file_from_wire).collect::<Result<_>>()?,
        groups: dataset.groups,
        variables: dataset.variables.into_iter().zip(scan.references).map(variable).collect::<Result<_>>()?,
        unlimited_dimensions: scan.unlimited_dimensions,
        warnings: scan.warnings.into_iter().map(convert::warning_from_wire).collect(),
    })
}
