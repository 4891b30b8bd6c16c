//! What a file is at a moment.

use std::{fs, io, os::unix::fs::MetadataExt, path::Path};

use model::FileIdentity;

use crate::ScanFault;

/// The identity of the file of a path.
pub(crate) fn of(path: &Path) -> Result<FileIdentity, ScanFault> {
    let metadata = fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => ScanFault::NotFound,
        _ => ScanFault::Io(error),
    })?;
    if !metadata.is_file() {
        return Err(ScanFault::NoFile);
    }
    let seconds_ns = metadata.mtime().saturating_mul(1_000_000_000);
    Ok(FileIdentity {
        size_bytes: metadata.size(),
        modified_ns: seconds_ns.saturating_add(metadata.mtime_nsec()),
        inode: metadata.ino(),
    })
}
