//! kerchunk references: JSON and Parquet.

use std::path::Path;

use model::FileScan;

use crate::{Progress, ScanFault, ScanOptions};

/// Scans one.
pub(crate) fn scan(
    _path: &Path,
    _options: &ScanOptions,
    _progress: Progress<'_>,
) -> Result<FileScan, ScanFault> {
    Err(ScanFault::OtherFormat("a set of kerchunk references"))
}
