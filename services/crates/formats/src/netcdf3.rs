//! Classic netCDF files: CDF-1, CDF-2 (64-bit offset) and CDF-5.

use std::path::Path;

use model::FileScan;

use crate::{Progress, ScanFault, ScanOptions};

/// Scans one.
pub(crate) fn scan(
    _path: &Path,
    _options: &ScanOptions,
    _progress: Progress<'_>,
) -> Result<FileScan, ScanFault> {
    Err(ScanFault::OtherFormat("a classic netCDF file"))
}
