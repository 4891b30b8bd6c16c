//! Reading catalog files: which are catalogs, and all that one leads to.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use engine::ports::SourcesAre;
use model::{DatasetId, Error, ErrorKind, Result};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{EntryKind, FILE_BYTES_MAX, FileEntry, parse};
use crate::storage::Roots;

/// Most catalogs within catalogs.
const NESTED_MAX: usize = 8;
/// Most files of one catalog.
const FILES_MAX: usize = 2_000;
/// Most entries of all of them.
const ENTRIES_MAX: usize = 50_000;

/// An entry that is to become a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::register) struct Entry {
    /// Its id.
    pub(in crate::register) id: String,
    /// Its sources and notes, or why it is skipped.
    pub(in crate::register) what: Result<Wanted, String>,
}

/// What is to be registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::register) struct Wanted {
    /// Paths, globs, URLs.
    pub(in crate::register) sources: Vec<String>,
    /// What of the entry is not taken over.
    pub(in crate::register) notes: Vec<String>,
}

/// The file of a catalog, if the sources of a registration are one. Touches the filesystem.
pub(in crate::register) fn detect(
    roots: &Roots,
    sources: &[String],
    sources_are: SourcesAre,
) -> Result<Option<PathBuf>> {
    let [source] = sources else {
        return match sources_are {
            SourcesAre::Catalog => Err(Error::invalid("name one catalog: a file")),
            _ => Ok(None),
        };
    };
    match sources_are {
        SourcesAre::Data => Ok(None),
        SourcesAre::Catalog => roots.resolve(source).map(Some),
        SourcesAre::Detected => {
            let ending = Path::new(source).extension().and_then(|ending| ending.to_str());
            if !ending.is_some_and(|ending| matches!(ending, "yaml" | "yml" | "json")) {
                return Ok(None);
            }
            // What cannot be read is for the registration to say.
            let Ok(path) = roots.resolve(source) else { return Ok(None) };
            Ok(text_of(&path).ok().filter(|text| looks_like_one(text)).map(|_| path))
        }
    }
}

/// Whether a document is a catalog, by the names in it. Cheap, since it may be a large set of references.
fn looks_like_one(text: &str) -> bool {
    #[derive(Deserialize)]
    struct Probe {
        stac_version: Option<IgnoredAny>,
        #[serde(default)]
        features: Vec<Feature>,
    }
    #[derive(Deserialize)]
    struct Feature {
        stac_version: Option<IgnoredAny>,
    }
    if text.trim_start().starts_with('{')
        && let Ok(found) = serde_json::from_str::<Probe>(text)
    {
        return found.stac_version.is_some() || found.features.iter().any(|item| item.stac_version.is_some());
    }
    text.lines().any(|line| line.trim_end() == "sources:" || line.starts_with("sources: "))
}

/// All entries of a catalog and of those that it leads to, their ids behind a prefix. Touches the filesystem.
pub(in crate::register) fn read(roots: &Roots, path: &Path, prefix: &str) -> Result<Vec<Entry>> {
    let mut reading = Reading { roots, seen: HashSet::new(), ids: HashSet::new(), entries: Vec::new() };
    reading.file(path, &[prefix.to_owned()], None, 0)?;
    Ok(reading.entries)
}

struct Reading<'a> {
    roots: &'a Roots,
    seen: HashSet<PathBuf>,
    ids: HashSet<String>,
    entries: Vec<Entry>,
}

impl Reading<'_> {
    /// Reads a file; `names` are what ids begin with, `called` whether the entry that led here gave it one already; none for the first file.
    fn file(&mut self, path: &Path, names: &[String], called: Option<bool>, depth: usize) -> Result<()> {
        if depth > NESTED_MAX {
            return Err(Error::invalid(format!("catalogs are nested deeper than {NESTED_MAX}")));
        }
        if !self.seen.insert(path.to_owned()) {
            return Err(Error::invalid("this catalog was read before: catalogs lead to each other"));
        }
        if self.seen.len() > FILES_MAX {
            return Err(Error::new(
                ErrorKind::TooLarge,
                format!("the catalog has more than {FILES_MAX} files"),
            ));
        }
        let directory = path.parent().and_then(Path::to_str).unwrap_or("/");
        let file = parse(&text_of(path)?, directory)?;
        let mut names = names.to_vec();
        names.extend(file.id.filter(|_| called == Some(false)));
        for FileEntry { name, kind } in file.entries {
            match kind {
                EntryKind::Data { sources, notes } => {
                    self.add(&names, &name, Ok(Wanted { sources, notes }))?;
                }
                EntryKind::Skipped(reason) => self.add(&names, &name, Err(reason))?,
                EntryKind::Catalog { place, is_named } => {
                    let mut below = names.clone();
                    below.extend(is_named.then(|| name.clone()));
                    // A catalog that cannot be read does not keep the others from it.
                    if let Err(error) = self.nested(&place, &below, is_named, depth) {
                        if error.kind == ErrorKind::TooLarge {
                            return Err(error);
                        }
                        self.add(&names, &name, Err(error.message))?;
                    }
                }
            }
        }
        Ok(())
    }

    fn nested(&mut self, place: &str, names: &[String], is_named: bool, depth: usize) -> Result<()> {
        if model::is_url(place) {
            return Err(Error::invalid("catalogs are read from files only, not over the network"));
        }
        let path = self.roots.resolve(place)?;
        self.file(&path, names, Some(is_named), depth + 1)
    }

    fn add(&mut self, names: &[String], name: &str, mut what: Result<Wanted, String>) -> Result<()> {
        let id = id(names, name);
        if what.is_ok() {
            if let Err(error) = DatasetId::parse(&id) {
                what = Err(format!("it would become an id that none can have: {}", error.message));
            } else if !self.ids.insert(id.clone()) {
                what = Err("another entry of the catalog has the same id".to_owned());
            }
        }
        self.entries.push(Entry { id, what });
        if self.entries.len() > ENTRIES_MAX {
            let message = format!("the catalog has more than {ENTRIES_MAX} entries");
            return Err(Error::new(ErrorKind::TooLarge, message));
        }
        Ok(())
    }
}

/// The id of an entry: names joined by dots, with letters, digits, `-`, `_` and `.` as they are and `_` for the rest.
fn id(names: &[String], name: &str) -> String {
    let parts = names.iter().map(String::as_str).chain([name]).filter(|part| !part.is_empty());
    let plain = |part: &str| -> String {
        let kept = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.');
        part.chars().map(|letter| if kept(letter) { letter } else { '_' }).collect()
    };
    parts.map(plain).collect::<Vec<_>>().join(".")
}

/// The text of a file, if it is not too long to be a catalog.
fn text_of(path: &Path) -> Result<String> {
    let failed = |error: &dyn std::fmt::Display| {
        Error::invalid("the catalog cannot be read").with_internal(format!("{}: {error}", path.display()))
    };
    let file = File::open(path).map_err(|error| failed(&error))?;
    if !file.metadata().map_err(|error| failed(&error))?.is_file() {
        return Err(Error::invalid("the catalog is no file"));
    }
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        let message = format!("the catalog is longer than {FILE_BYTES_MAX} bytes");
        return Err(Error::new(ErrorKind::TooLarge, message));
    }
    String::from_utf8(bytes).map_err(|error| Error::invalid("the catalog is not UTF-8").with_internal(error))
}
