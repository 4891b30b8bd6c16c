//! File formats: each makes metadata and chunk references of a file. The only home of C libraries.
//!
//! [`scan`] reads a file's structure and says where each stored chunk is; chunk bytes themselves are read only of
//! what is small enough to be inlined.

mod conventions;
mod error;
mod format;
pub mod grib;
mod hdf5;
mod identity;
mod kerchunk;
mod netcdf3;
mod numbers;
mod options;
mod signature;
mod zarr_store;

use std::path::Path;

use format::Format;
use model::FileScan;

pub use error::{ScanError, ScanFault};
pub use kerchunk::{is_set as is_kerchunk_set, scan_set as scan_kerchunk_set};
pub use options::ScanOptions;
pub use zarr_store::{ReadStore, StoreObject, scan_store as scan_zarr};

/// Told how far a scan is: variables done, of how many. Also called now and then while one variable takes long.
pub type Progress<'a> = &'a mut dyn FnMut(u64, u64);

/// Scans a source of any format into a virtual dataset: a file, or the directory of a store.
///
/// What the Zarr model cannot hold is left out with a warning; a file that is absent, empty, of another format,
/// truncated, damaged or being written is an error. The calling thread waits for the filesystem, and for other
/// scans of this process: libhdf5 does one thing at a time. A damaged file can crash it, so servers call this in a
/// process of its own.
pub fn scan(path: &Path, options: &ScanOptions, progress: Progress<'_>) -> Result<FileScan, ScanError> {
    let fault = |fault| ScanError { path: path.to_owned(), fault };
    match format::of(path).map_err(fault)? {
        Format::Hdf5 => scan_hdf5(path, options, progress),
        Format::NetCdf3 => netcdf3::scan(path, options, progress).map_err(fault),
        Format::Grib => grib::scan(path, options, progress).map_err(fault),
        Format::ZarrDirectory | Format::ZarrZip => zarr_store::scan(path, options, progress).map_err(fault),
        Format::KerchunkJson | Format::KerchunkParquet => {
            kerchunk::scan(path, options, progress).map_err(fault)
        }
    }
}

/// Whether a directory is a store that [`scan`] takes: Zarr or kerchunk's Parquet records. Touches the filesystem.
pub fn is_store(directory: &Path) -> bool {
    directory.is_dir() && format::of(directory).is_ok()
}

fn scan_hdf5(path: &Path, options: &ScanOptions, progress: Progress<'_>) -> Result<FileScan, ScanError> {
    let fault = |fault| ScanError { path: path.to_owned(), fault };
    let before = identity::of(path).map_err(fault)?;
    signature::check(path, before.size_bytes).map_err(fault)?;
    let scan = hdf5::scan(path, before, options, progress);
    let after = identity::of(path).map_err(fault)?;
    if before != after {
        return Err(fault(ScanFault::Changed));
    }
    scan.map_err(fault)
}
