//! Files that are whole or not there: written beside their place, synced, renamed.

use std::fs::{self, File};
use std::io::{ErrorKind as IoErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use model::{Error, ErrorKind, Result};

/// A failure of the filesystem: the public learns only that the catalog cannot be used.
pub(super) fn failed(action: &str, path: &Path, error: &std::io::Error) -> Error {
    let (kind, message) = match error.kind() {
        IoErrorKind::StorageFull | IoErrorKind::QuotaExceeded => {
            (ErrorKind::Internal, "the catalog's filesystem is full")
        }
        IoErrorKind::PermissionDenied | IoErrorKind::ReadOnlyFilesystem => {
            (ErrorKind::Internal, "the catalog cannot be written or read by this worker")
        }
        _ => (ErrorKind::Unavailable, "the catalog cannot be reached now"),
    };
    Error::new(kind, message).with_internal(format!("{action} {}: {error}", path.display()))
}

/// A file of a published version that is not what was written.
pub(super) fn damaged(path: &Path, cause: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::CorruptData, "the dataset's entry in the catalog is damaged: register it again")
        .with_internal(format!("{}: {cause}", path.display()))
}

/// Makes a directory and those above it.
pub(super) fn create_directory(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(|error| failed("create directory", path, &error))
}

/// Reads a file; none where it is not there.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if matches!(error.kind(), IoErrorKind::NotFound | IoErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(failed("read", path, &error)),
    }
}

/// Writes a new file and syncs it.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let attempt = || -> std::io::Result<()> {
        let mut file = File::create_new(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    attempt().map_err(|error| failed("write", path, &error))
}

/// Puts a file in the place of another, or of none, at once.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let temporary = write_beside(path, bytes)?;
    fs::rename(&temporary, path).map_err(|error| {
        let _ = fs::remove_file(&temporary);
        failed("replace", path, &error)
    })?;
    sync_parent(path)
}

/// Makes a file, at once, if there is none; says whether there was none.
pub(super) fn create_new(path: &Path, bytes: &[u8]) -> Result<bool> {
    let temporary = write_beside(path, bytes)?;
    // A link, unlike a rename, never takes another's place.
    let linked = fs::hard_link(&temporary, path);
    let _ = fs::remove_file(&temporary);
    match linked {
        Ok(()) => sync_parent(path).map(|()| true),
        Err(error) if error.kind() == IoErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(failed("create", path, &error)),
    }
}

/// Syncs a directory: what was renamed in it stays renamed.
pub(super) fn sync_directory(path: &Path) -> Result<()> {
    File::open(path).and_then(|directory| directory.sync_all()).map_err(|error| failed("sync", path, &error))
}

/// A name that no other process or thread takes, beginning with `prefix`.
pub(super) fn unique_name(prefix: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    // Workers of several machines share the directory: process ids alone would meet.
    format!("{prefix}{}-{}-{count}", now_ns(), std::process::id())
}

/// Nanoseconds since 1970.
pub(super) fn now_ns() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as i64)
}

fn write_beside(path: &Path, bytes: &[u8]) -> Result<PathBuf> {
    let temporary = path.with_file_name(unique_name(super::layout::TEMPORARY));
    write(&temporary, bytes)?;
    Ok(temporary)
}

fn sync_parent(path: &Path) -> Result<()> {
    path.parent().map_or(Ok(()), sync_directory)
}
