//! A directory as a store.

use std::{
    fs, io,
    io::Read as _,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use model::{FileIdentity, SourceFile};

use super::{ReadStore, StoreObject};
use crate::ScanFault;

/// Deepest nesting of directories below an array: one for each dimension.
const DEPTH_MAX: usize = 66;

/// One, with what links in it may lead into.
pub(crate) struct Directory<'o> {
    path: PathBuf,
    name: String,
    roots: Option<&'o [PathBuf]>,
    /// When it was opened, or when its root was last modified by a clock that is ahead, nanoseconds since 1970.
    not_after_ns: i64,
    modified_ns: i64,
}

impl<'o> Directory<'o> {
    pub(crate) fn open(path: &Path, roots: Option<&'o [PathBuf]>) -> Result<Self, ScanFault> {
        let name = path.to_str().ok_or(ScanFault::NoStore)?.trim_end_matches('/').to_owned();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        let documents = ["zarr.json", ".zmetadata", ".zgroup", ".zarray", ".zattrs"];
        let modified = documents.iter().filter_map(|name| fs::metadata(path.join(name)).ok());
        let modified_ns = modified.map(|metadata| modified_ns(&metadata)).max().unwrap_or(0);
        let not_after_ns = i64::try_from(now).unwrap_or(i64::MAX).max(modified_ns);
        Ok(Self { path: path.to_owned(), name, roots, not_after_ns, modified_ns })
    }

    /// The path of a key, if there is something and links do not lead out of the roots.
    fn resolve(&self, key: &str) -> Result<Option<PathBuf>, ScanFault> {
        let path = if key.is_empty() { self.path.clone() } else { self.path.join(key) };
        let resolved = match fs::canonicalize(&path) {
            Ok(resolved) => resolved,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let is_inside = match self.roots {
            None => true,
            Some(roots) => roots.iter().any(|root| resolved.starts_with(root)),
        };
        if is_inside { Ok(Some(resolved)) } else { Err(ScanFault::OutsideRoots(key.to_owned())) }
    }

    fn visit(
        directory: &Path,
        prefix: &str,
        depth: usize,
        visit: &mut dyn FnMut(StoreObject<'_>) -> Result<(), ScanFault>,
    ) -> Result<(), ScanFault> {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let file_name = entry.file_name();
            let Some(name) = file_name.to_str() else { continue };
            let path = entry.path();
            let Ok(metadata) = fs::metadata(&path) else { continue };
            let key = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
            if metadata.is_dir() {
                if depth < DEPTH_MAX {
                    Self::visit(&path, &key, depth + 1, visit)?;
                }
            } else if let (true, Some(path)) = (metadata.is_file(), path.to_str()) {
                let identity = FileIdentity {
                    size_bytes: metadata.size(),
                    modified_ns: modified_ns(&metadata),
                    inode: metadata.ino(),
                };
                let file = SourceFile { path: path.to_owned(), identity };
                visit(StoreObject { key: &key, file, offset: 0, length: metadata.size() })?;
            }
        }
        Ok(())
    }
}

impl ReadStore for Directory<'_> {
    fn source(&self) -> SourceFile {
        SourceFile { path: self.name.clone(), identity: FileIdentity::not_after(self.modified_ns) }
    }

    fn get(&self, key: &str, bytes_max: u64) -> Result<Option<Vec<u8>>, ScanFault> {
        let Some(path) = self.resolve(key)? else { return Ok(None) };
        let metadata = fs::metadata(&path)?;
        if !metadata.is_file() {
            return Ok(None);
        }
        if metadata.len() > bytes_max {
            return Err(ScanFault::Document {
                key: key.to_owned(),
                detail: format!("it has {} bytes", metadata.len()),
            });
        }
        let mut bytes = Vec::with_capacity(metadata.len() as usize);
        fs::File::open(&path)?.take(bytes_max).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    fn children(&self, key: &str) -> Result<Option<Vec<String>>, ScanFault> {
        let Some(path) = self.resolve(key)? else { return Ok(Some(Vec::new())) };
        let mut names = Vec::new();
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            // Links to directories are directories too.
            if let (true, Some(name)) = (entry.path().is_dir(), entry.file_name().to_str()) {
                names.push(name.to_owned());
            }
        }
        names.sort_unstable();
        Ok(Some(names))
    }

    fn objects(
        &self,
        key: &str,
        visit: &mut dyn FnMut(StoreObject<'_>) -> Result<(), ScanFault>,
    ) -> Result<bool, ScanFault> {
        let Some(path) = self.resolve(key)? else { return Ok(true) };
        Self::visit(&path, "", 0, visit)?;
        Ok(true)
    }

    fn base(&self) -> Option<(String, i64)> {
        Some((self.name.clone(), self.not_after_ns))
    }
}

fn modified_ns(metadata: &fs::Metadata) -> i64 {
    metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec())
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
