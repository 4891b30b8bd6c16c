//! Where things are in the catalog's directory.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use model::{DatasetId, NodePath, Result, Version};

use super::disk;

/// How names of what is not finished begin. No id is encoded so: none begins with a dot.
pub(super) const TEMPORARY: &str = ".unfinished-";

/// Paths below the catalog's directory.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    root: PathBuf,
}

impl Layout {
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    pub(super) fn datasets(&self) -> PathBuf {
        self.root.join("datasets")
    }

    pub(super) fn generation(&self) -> PathBuf {
        self.root.join("generation")
    }

    /// What tells this catalog from all others.
    pub(super) fn id(&self) -> PathBuf {
        self.root.join("id")
    }

    pub(super) fn dataset(&self, id: &DatasetId) -> PathBuf {
        self.datasets().join(directory_name(id))
    }

    pub(super) fn current(&self, id: &DatasetId) -> PathBuf {
        self.dataset(id).join("current")
    }

    /// Holds the last number that a version had when the dataset was removed.
    pub(super) fn last(&self, id: &DatasetId) -> PathBuf {
        self.dataset(id).join("last")
    }

    /// How its last refresh went.
    pub(super) fn refresh_outcome(&self, id: &DatasetId) -> PathBuf {
        self.dataset(id).join("refresh.json")
    }

    /// Who refreshes it now.
    pub(super) fn refresh_lease(&self, id: &DatasetId) -> PathBuf {
        self.dataset(id).join("refresh.lease")
    }

    pub(super) fn version(&self, id: &DatasetId, version: Version) -> PathBuf {
        self.dataset(id).join(format!("v{version}"))
    }

    /// The number in `current`; none where the dataset is not published.
    pub(super) fn read_current(&self, id: &DatasetId) -> Result<Option<Version>> {
        read_version(&self.current(id))
    }

    /// The numbers of the versions that are there, oldest first.
    pub(super) fn versions(&self, id: &DatasetId) -> Result<Vec<Version>> {
        let directory = self.dataset(id);
        let entries = match std::fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(disk::failed("list", &directory, &error)),
        };
        let mut versions = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| disk::failed("list", &directory, &error))?;
            let number = entry.file_name().to_str().and_then(|name| name.strip_prefix('v')?.parse().ok());
            versions.extend(number.map(Version));
        }
        versions.sort_unstable();
        Ok(versions)
    }
}

/// Names inside a version's directory.
pub(super) mod names {
    pub(in super::super) const VERSION: &str = "version.json";
    pub(in super::super) const DATASET: &str = "dataset.json";
    pub(in super::super) const FILES: &str = "files.json";
    pub(in super::super) const IN_PLACE: &str = "in_place.json";
    pub(in super::super) const REFERENCES: &str = "refs.parq";
    pub(in super::super) const PIECES: &str = "pieces";
    pub(in super::super) const MOSAIC: &str = "mosaic.json";
    pub(in super::super) const ENCODINGS: &str = "encodings.json";
    pub(in super::super) const METADATA: &str = ".zmetadata";
}

/// The place of a record of references below a version's directory.
pub(super) fn record(version: &Path, variable: &NodePath, record: u64) -> PathBuf {
    version.join(names::REFERENCES).join(variable.as_str()).join(zarr::kerchunk::record_name(record))
}

/// A version number in a file of its own; none where there is no such file.
pub(super) fn read_version(path: &Path) -> Result<Option<Version>> {
    let Some(bytes) = disk::read(path)? else { return Ok(None) };
    let number = std::str::from_utf8(&bytes).ok().and_then(|text| text.trim().parse().ok());
    number.map(|number| Some(Version(number))).ok_or_else(|| disk::damaged(path, "holds no version number"))
}

/// A dataset's directory: its id with everything but lower-case letters, digits, `-`, `_` and `.` as `%xx`. So two
/// ids never share one, not even where the filesystem does not tell `A` from `a`. A name that becomes too long for
/// a file ends in a hash in place of its rest, behind a `~`, which no other name has.
pub(super) fn directory_name(id: &DatasetId) -> String {
    const LENGTH_MAX: usize = 200;
    let mut name = String::new();
    for byte in id.as_str().bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' => name.push(char::from(byte)),
            _ => {
                let _ = write!(name, "%{byte:02x}");
            }
        }
    }
    if name.len() > LENGTH_MAX {
        name.truncate(LENGTH_MAX - 33);
        name.push('~');
        name.push_str(&engine::etag::of_bytes(id.as_str().as_bytes()));
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_two_ids_share_a_directory() {
        let long = ["é", "É"].map(|letter| letter.repeat(100));
        let ids = ["a", "A", "a%2Fb", "a%2fb", "%61", "a~b", "a b", "a.b", "é", "É", &long[0], &long[1]];
        let names: HashSet<String> =
            ids.iter().map(|id| directory_name(&DatasetId::parse(id).unwrap()).to_lowercase()).collect();
        assert_eq!(names.len(), ids.len());
        assert!(names.iter().all(|name| name.len() <= 200 && name.is_ascii()));
    }
}
