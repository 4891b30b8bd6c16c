//! The files that references point into: each once, looked at where it lies on a filesystem.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use model::{ByteRange, ChunkRef, FileId, FileIdentity, SourceFile, Warning, is_url};

use crate::{ScanFault, identity};

/// Most names in one warning.
const NAMES_MAX: usize = 3;

/// Targets by what references call them.
pub(super) struct Targets {
    base: String,
    not_after_ns: i64,
    files: Vec<SourceFile>,
    by_name: HashMap<String, FileId>,
    by_path: HashMap<String, FileId>,
    last: Option<(String, FileId)>,
    roots: Option<Vec<PathBuf>>,
    absent: Noted,
    beyond: Noted,
    outside: Noted,
}

/// How often something is so, and the first names.
#[derive(Default)]
struct Noted {
    count: u64,
    names: Vec<String>,
}

impl Noted {
    fn add(&mut self, name: &str) {
        self.count += 1;
        if self.names.len() < NAMES_MAX && !self.names.iter().any(|known| known == name) {
            self.names.push(name.to_owned());
        }
    }

    fn warning(&self, message: &str) -> Option<Warning> {
        let more = if self.count > self.names.len() as u64 { ", …" } else { "" };
        let names = self.names.join(", ");
        let message = format!("{} {message}: {names}{more}", self.count);
        (self.count > 0).then(|| Warning { subject: String::new(), message })
    }
}

impl Targets {
    /// None yet. Those outside of `roots` are refused in the end.
    pub(super) fn new(base: String, not_after_ns: i64, roots: Option<Vec<PathBuf>>) -> Self {
        Self {
            base,
            not_after_ns,
            files: Vec::new(),
            by_name: HashMap::new(),
            by_path: HashMap::new(),
            last: None,
            roots,
            outside: Noted::default(),
            absent: Noted::default(),
            beyond: Noted::default(),
        }
    }

    /// The file of a place.
    pub(super) fn get(&self, FileId(file): FileId) -> Option<&SourceFile> {
        self.files.get(file as usize)
    }

    /// A reference to a target, as its writer names it; a range of none is the whole of it.
    pub(super) fn refer(&mut self, name: &str, range: Option<ByteRange>) -> ChunkRef {
        let id = self.file(name);
        let file = &self.files[id.0 as usize];
        let size = file.identity.is_pinned().then_some(file.identity.size_bytes);
        match (range, size) {
            (None, None) => ChunkRef::File(id),
            (None, Some(length)) => ChunkRef::Bytes { file: id, range: ByteRange { offset: 0, length } },
            (Some(range), size) => {
                let end = range.offset.checked_add(range.length);
                if size.is_some_and(|size| end.is_none_or(|end| end > size)) {
                    self.beyond.add(last_part(&file.path));
                }
                ChunkRef::Bytes { file: id, range }
            }
        }
    }

    fn file(&mut self, name: &str) -> FileId {
        if let Some((last, id)) = &self.last
            && last == name
        {
            return *id;
        }
        let id = match self.by_name.get(name) {
            Some(id) => *id,
            None => self.add(name),
        };
        self.last = Some((name.to_owned(), id));
        id
    }

    fn add(&mut self, name: &str) -> FileId {
        let path = zarr::kerchunk::resolve(&self.base, name).into_owned();
        let path = if is_url(&path) { path } else { without_dots(&path) };
        let id = if let Some(id) = self.by_path.get(&path) {
            *id
        } else {
            let id = FileId(self.files.len() as u32);
            let identity = self.look_at(&path);
            self.files.push(SourceFile { path: path.clone(), identity });
            self.by_path.insert(path, id);
            id
        };
        self.by_name.insert(name.to_owned(), id);
        id
    }

    /// What a file is now. One that is not there, or far away, is served if it comes unmodified since now.
    fn look_at(&mut self, path: &str) -> FileIdentity {
        let unseen = FileIdentity::not_after(self.not_after_ns);
        if is_url(path) {
            return unseen;
        }
        if !self.is_inside(path) {
            self.outside.add(last_part(path));
            return unseen;
        }
        identity::of(Path::new(path)).unwrap_or_else(|_| {
            self.absent.add(last_part(path));
            unseen
        })
    }

    /// Whether a path, or where it would be, lies under the roots.
    fn is_inside(&self, path: &str) -> bool {
        let Some(roots) = &self.roots else { return true };
        let nearest = Path::new(path).ancestors().find_map(|ancestor| ancestor.canonicalize().ok());
        nearest.is_some_and(|nearest| roots.iter().any(|root| nearest.starts_with(root)))
    }

    /// The files, and what is odd about them; a refusal where some lie outside the roots.
    pub(super) fn into_files(self, warnings: &mut Vec<Warning>) -> Result<Vec<SourceFile>, ScanFault> {
        if self.outside.count > 0 {
            return Err(ScanFault::TargetsOutside {
                count: self.outside.count,
                names: self.outside.names.join(", "),
            });
        }
        warnings.extend(
            self.absent.warning(
                "files that references point into cannot be reached: reading their chunks is an error",
            ),
        );
        warnings.extend(
            self.beyond
                .warning("references point past the end of their files: reading these chunks is an error"),
        );
        Ok(self.files)
    }
}

fn last_part(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// A path without `..`, where the directories before it are what they seem: then a file is named in one way only.
/// Where a symbolic link stands before `..`, the filesystem decides and the path stays.
fn without_dots(path: &str) -> String {
    let path_is = Path::new(path);
    let parent_and_name = path_is.parent().zip(path_is.file_name());
    let resolved = parent_and_name.and_then(|(parent, name)| {
        let parent = parent.canonicalize().ok()?;
        parent.join(name).to_str().map(str::to_owned)
    });
    resolved.unwrap_or_else(|| path.to_owned())
}
