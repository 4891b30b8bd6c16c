//! References that stay where a reference set has them: kerchunk's Parquet records, read one at a time.

use std::path::Path;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use engine::ports::ReferenceRecord;
use model::{ChunkManifest, Error, ErrorKind, FileIdentity, InPlace, Result, SourceFile};

use crate::storage::{Roots, read_whole};

/// Largest record that is read, in bytes as stored: a hundred thousand references are about one megabyte, unless
/// chunks are inlined.
pub(super) const RECORD_BYTES_MAX: u64 = 256 << 20;

/// Reads one record of a variable of `chunk_count` chunks whose references stay in a set on a filesystem; none where
/// they do not, or the variable has no such record.
pub(crate) fn read_in_place(
    in_place: &InPlace,
    roots: &Roots,
    chunk_count: u64,
    record: u64,
) -> Result<Option<ReferenceRecord>> {
    let InPlace::Records { directory, base, record_size, not_after_ns, .. } = in_place else {
        return Ok(None);
    };
    let (record_size, not_after_ns) = (*record_size, *not_after_ns);
    Records { directory, base, record_size, not_after_ns }.read(roots, chunk_count, record)
}

/// The records of one variable.
pub(super) struct Records<'a> {
    /// See [`InPlace::Records`](model::InPlace::Records).
    pub(super) directory: &'a str,
    /// See there.
    pub(super) base: &'a str,
    /// See there.
    pub(super) record_size: u64,
    /// See there.
    pub(super) not_after_ns: i64,
}

impl Records<'_> {
    /// Reads one record of a variable of `chunk_count` chunks; none where the variable has no such record.
    pub(super) fn read(
        &self,
        roots: &Roots,
        chunk_count: u64,
        record: u64,
    ) -> Result<Option<ReferenceRecord>> {
        let Some(span) = Span::of(record, self.record_size, chunk_count) else { return Ok(None) };
        let file = self.file(record);
        let bytes = match read_whole(roots, &file, RECORD_BYTES_MAX) {
            Ok(bytes) => bytes,
            Err(error) if error.kind == ErrorKind::NotFound => {
                self.check_absence()?;
                return Ok(Some(span.missing()));
            }
            Err(error) => return Err(error),
        };
        self.parsed(span, &file, &bytes).map(Some)
    }

    /// The file of a record.
    pub(super) fn file(&self, record: u64) -> SourceFile {
        let path = format!("{}/{}", self.directory, zarr::kerchunk::record_name(record));
        SourceFile { path, identity: FileIdentity::not_after(self.not_after_ns) }
    }

    /// The record in a file's bytes.
    pub(super) fn parsed(&self, span: Span, file: &SourceFile, bytes: &Bytes) -> Result<ReferenceRecord> {
        let Span { first, count } = span;
        let read = zarr::kerchunk::read_padded_record(first, count, bytes).map_err(|error| {
            Error::new(ErrorKind::CorruptData, "a file of references is damaged")
                .with_internal(format!("{}: {error}", file.path))
        })?;
        let target = |path: &String| {
            let path = zarr::kerchunk::resolve(self.base, path).into_owned();
            Arc::new(SourceFile { path, identity: FileIdentity::not_after(self.not_after_ns) })
        };
        Ok(ReferenceRecord { manifest: read.manifest, files: read.files.iter().map(target).collect() })
    }

    /// A record that is not there stands for chunks that are missing: kerchunk writes none for a run without chunks,
    /// and fsspec reads it so. That must have been so when the set was registered: where files went since, or the
    /// filesystem itself, chunks would silently read as fill values.
    fn check_absence(&self) -> Result<()> {
        let gone = |what: &str| gone(self.directory, what);
        let ancestors = || Path::new(self.directory).ancestors();
        let Some(set) = ancestors().map(|place| place.join(".zmetadata")).find(|place| place.is_file())
        else {
            return Err(gone("its .zmetadata is not there"));
        };
        // Of the directory that would have the record, or have the directory.
        let nearest = ancestors().find(|place| place.is_dir()).unwrap_or(Path::new("/"));
        for place in [nearest, &set] {
            let modified = std::fs::metadata(place).and_then(|metadata| metadata.modified());
            let modified = modified.map_err(|error| gone(&error.to_string()))?;
            let since_1970 = modified.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
            if since_1970 > self.not_after_ns.max(0).unsigned_abs().into() {
                return Err(gone(&format!("{} was modified later", place.display())));
            }
        }
        Ok(())
    }
}

/// Chunks of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    first: u64,
    count: u64,
}

impl Span {
    /// Those of a variable with so many chunks; none where the variable has no such record.
    pub(super) fn of(record: u64, record_size: u64, chunk_count: u64) -> Option<Self> {
        let first = record.checked_mul(record_size)?;
        let count = chunk_count.saturating_sub(first).min(record_size);
        (count > 0).then_some(Self { first, count })
    }

    /// The record where all of them are missing.
    pub(super) fn missing(self) -> ReferenceRecord {
        let manifest = ChunkManifest::missing(self.first, self.count as usize);
        ReferenceRecord { manifest, files: Vec::new() }
    }
}

/// References that are no longer what they were.
pub(super) fn gone(directory: &str, what: &str) -> Error {
    Error::new(ErrorKind::Conflict, "references changed since they were registered")
        .with_internal(format!("{directory}: {what}"))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use model::{ByteRange, ChunkRef, FileId};

    use super::*;

    /// A set with one variable of records of ten chunks, of which only the first is there.
    struct Set {
        _directory: tempfile::TempDir,
        root: std::path::PathBuf,
        variable: String,
        base: String,
    }

    fn set() -> Set {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        let variable = root.join("set.parq/tas");
        std::fs::create_dir_all(&variable).unwrap();
        std::fs::write(root.join("set.parq/.zmetadata"), "{}").unwrap();
        let mut manifest = ChunkManifest::missing(0, 10);
        manifest.set(3, ChunkRef::Bytes { file: FileId(0), range: ByteRange { offset: 5, length: 6 } });
        manifest.set(4, ChunkRef::File(FileId(1)));
        let files = ["../nc/a.nc", "s3://bucket/b.nc"];
        let record = zarr::kerchunk::write_record(&manifest, &files).unwrap();
        std::fs::write(variable.join("refs.0.parq"), record).unwrap();
        let (variable, base) = (variable.display().to_string(), format!("{}/", root.display()));
        Set { _directory: directory, root, variable, base }
    }

    fn now_ns() -> i64 {
        // A file's time is the kernel's last tick: what was done is before, what will be done after.
        std::thread::sleep(Duration::from_millis(20));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as i64;
        std::thread::sleep(Duration::from_millis(20));
        now
    }

    impl Set {
        fn read(&self, record: u64, not_after_ns: i64) -> Result<Option<ReferenceRecord>> {
            let roots = Roots::new(vec![self.root.clone()]).unwrap();
            let records =
                Records { directory: &self.variable, base: &self.base, record_size: 10, not_after_ns };
            records.read(&roots, 25, record)
        }

        fn kind(&self, record: u64, not_after_ns: i64) -> ErrorKind {
            self.read(record, not_after_ns).unwrap_err().kind
        }
    }

    #[test]
    fn a_record_is_read_with_its_targets_resolved() {
        let set = set();
        let not_after_ns = now_ns();
        let record = set.read(0, not_after_ns).unwrap().unwrap();
        let paths: Vec<_> = record.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, [&format!("{}../nc/a.nc", set.base), "s3://bucket/b.nc"]);
        assert!(record.files.iter().all(|file| file.identity == FileIdentity::not_after(not_after_ns)));
        assert_eq!(record.manifest.get(4), ChunkRef::File(FileId(1)));
        assert!(set.read(3, not_after_ns).unwrap().is_none());
        assert!(set.read(u64::MAX, not_after_ns).unwrap().is_none());
    }

    #[test]
    fn an_absent_record_is_missing_chunks_only_if_it_was_always_absent() {
        let set = set();
        let not_after_ns = now_ns();
        let record = set.read(2, not_after_ns).unwrap().unwrap();
        assert_eq!(
            (record.manifest.first(), record.manifest.len(), record.manifest.missing_count()),
            (20, 5, 5)
        );
        std::fs::remove_file(format!("{}/refs.0.parq", set.variable)).unwrap();
        assert_eq!(set.kind(0, not_after_ns), ErrorKind::Conflict);
        let not_after_ns = now_ns();
        std::fs::remove_dir(&set.variable).unwrap();
        assert_eq!(set.kind(2, not_after_ns), ErrorKind::Conflict);
        let not_after_ns = now_ns();
        assert!(set.read(2, not_after_ns).unwrap().is_some());
        std::fs::remove_dir_all(set.root.join("set.parq")).unwrap();
        assert_eq!(set.kind(2, now_ns()), ErrorKind::Conflict);
    }

    #[test]
    fn what_is_changed_damaged_or_outside_is_never_missing() {
        let set = set();
        let before_ns = 1_000;
        assert_eq!(set.kind(0, before_ns), ErrorKind::Conflict);
        let path = format!("{}/refs.0.parq", set.variable);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        assert_eq!(set.kind(0, now_ns()), ErrorKind::CorruptData);
        let elsewhere = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(elsewhere.path(), &whole).unwrap();
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), &path).unwrap();
        assert_eq!(set.kind(0, now_ns()), ErrorKind::Forbidden);
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert_eq!(set.kind(0, now_ns()), ErrorKind::Conflict);
    }

    #[test]
    fn fewer_rows_than_chunks_are_damage() {
        let set = set();
        let short = ChunkManifest::missing(0, 9);
        let record = zarr::kerchunk::write_record(&short, &[""; 0]).unwrap();
        std::fs::write(format!("{}/refs.0.parq", set.variable), record).unwrap();
        assert_eq!(set.kind(0, now_ns()), ErrorKind::CorruptData);
    }
}
