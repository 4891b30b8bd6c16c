//! Scans of a dataset's sources, kept so that a refresh scans only those that are new or changed.
//!
//! ```text
//! <catalog>/datasets/<id, encoded>/scans.<N>    those of version N; the ones of earlier versions are removed
//!     heading        who wrote it
//!     entry…         lengths, path and identity of the source, then the message of its scan, as it came over the
//!                    child's pipe, in a zstd frame with a checksum; empty where the scan is not worth keeping
//! ```
//! One file and not one a source: on a parallel filesystem ten thousand small files cost seconds. It is a cache:
//! whatever is damaged in it, or by another scanner, is scanned again.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read, Write};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use engine::ports::Comparison;
use model::{DatasetId, Error, FileIdentity, Result, SourceFile, Version};

use super::disk;
use super::layout::{Layout, TEMPORARY};

/// To be raised whenever a scan of the same file comes out otherwise than before.
const SCANNER: &str = concat!("cloudify scans 1 ", env!("CARGO_PKG_VERSION"), "\n");
/// How names of files with kept scans begin.
const PREFIX: &str = "scans.";
const LEVEL: i32 = 1;
/// Longest path that is believed.
const PATH_BYTES_MAX: u32 = 64 << 10;
/// Longest message that is unpacked, in bytes: a scan of some hundred million chunks.
const MESSAGE_BYTES_MAX: u64 = 8 << 30;
/// Threads that look at sources: what they wait for is a metadata server.
const LOOKERS: usize = 8;

/// Scans of an earlier time.
#[derive(Debug)]
pub(crate) struct KeptScans {
    file: Option<File>,
    /// The version that they made.
    pub(crate) version: Option<Version>,
    entries: HashMap<String, Entry>,
}

/// Where the scan of a source is.
#[derive(Debug, Clone, Copy)]
struct Entry {
    identity: FileIdentity,
    offset: u64,
    length: u64,
}

impl KeptScans {
    /// Those of a dataset; none where there are none, or none that can be read.
    pub(super) fn open(layout: &Layout, id: &DatasetId) -> Self {
        let found = files(&layout.dataset(id)).into_iter().max_by_key(|(version, _)| *version);
        let opened = found.and_then(|(version, path)| Some((version, read_index(&path).ok()?)));
        match opened {
            Some((version, (file, entries))) => Self { file: Some(file), version: Some(version), entries },
            None => Self { file: None, version: None, entries: HashMap::new() },
        }
    }

    /// What is new, changed, gone and as it was among sources. Looks at each of them.
    pub(crate) fn compare(&self, sources: &[String]) -> Comparison {
        let part = sources.len().div_ceil(LOOKERS).max(1);
        let counts: Vec<Comparison> = std::thread::scope(|scope| {
            let parts: Vec<_> =
                sources.chunks(part).map(|part| scope.spawn(|| self.compare_part(part))).collect();
            parts.into_iter().map(|part| part.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
        });
        let mut sum = Comparison::default();
        for counted in counts {
            sum.added += counted.added;
            sum.changed += counted.changed;
            sum.unchanged += counted.unchanged;
        }
        let still = sum.changed + sum.unchanged;
        sum.gone = (self.entries.len() as u64).saturating_sub(still);
        sum
    }

    fn compare_part(&self, sources: &[String]) -> Comparison {
        let mut counted = Comparison::default();
        for source in sources {
            match self.entries.get(source) {
                None => counted.added += 1,
                Some(entry) if entry.is_of(source) => counted.unchanged += 1,
                Some(_) => counted.changed += 1,
            }
        }
        counted
    }

    /// Whether a source is what it was, and its scan was kept. Touches the filesystem.
    pub(crate) fn knows(&self, source: &str) -> bool {
        self.entries.get(source).is_some_and(|entry| entry.is_of(source))
    }

    /// The message of a source's scan, if the source is what it was then. Touches the filesystem.
    pub(crate) fn message(&self, source: &str) -> Option<(FileIdentity, Bytes)> {
        let entry = self.entries.get(source).filter(|entry| entry.is_of(source))?;
        let packed = self.packed(entry)?;
        let unpacked = zstd::stream::read::Decoder::new(&packed[..]).ok()?;
        let mut message = Vec::new();
        unpacked.take(MESSAGE_BYTES_MAX).read_to_end(&mut message).ok()?;
        Some((entry.identity, message.into()))
    }

    fn packed(&self, entry: &Entry) -> Option<Vec<u8>> {
        let file = self.file.as_ref()?;
        // The index was checked against the file's length, so this asks for no more than there is.
        let mut packed = vec![0; usize::try_from(entry.length).ok()?];
        file.read_exact_at(&mut packed, entry.offset).ok()?;
        Some(packed)
    }
}

impl Entry {
    /// Whether a source is what it was, and its scan was kept.
    fn is_of(&self, source: &str) -> bool {
        self.length > 0 && identity(source) == Some(self.identity)
    }
}

/// Scans of this time, as they come: kept once they have made a version, else forgotten.
#[derive(Debug)]
pub(crate) struct ScansWriter {
    path: PathBuf,
    file: BufWriter<File>,
}

impl ScansWriter {
    pub(super) fn begin(layout: &Layout) -> Result<Self> {
        let path = layout.datasets().join(disk::unique_name(TEMPORARY));
        let file = File::create_new(&path).map_err(|error| disk::failed("create", &path, &error))?;
        let mut writer = Self { path, file: BufWriter::new(file) };
        writer.write(SCANNER.as_bytes())?;
        Ok(writer)
    }

    /// Adds the message of a scan.
    pub(crate) fn add(&mut self, source: &str, scanned: &SourceFile, message: &[u8]) -> Result<()> {
        let packed = if is_worth_keeping(source, scanned) {
            pack(message).map_err(|error| disk::failed("pack a scan for", &self.path, &error))?
        } else {
            Vec::new()
        };
        let FileIdentity { size_bytes, modified_ns, inode } = scanned.identity;
        self.write(&(source.len() as u32).to_le_bytes())?;
        self.write(&(packed.len() as u64).to_le_bytes())?;
        self.write(&size_bytes.to_le_bytes())?;
        self.write(&modified_ns.to_le_bytes())?;
        self.write(&inode.to_le_bytes())?;
        self.write(source.as_bytes())?;
        self.write(&packed)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|error| disk::failed("write", &self.path, &error))
    }

    /// Keeps them as those of a version, and forgets those of the versions before. Not synced: it is a cache.
    pub(super) fn keep(mut self, layout: &Layout, id: &DatasetId, version: Version) -> Result<()> {
        self.file.flush().map_err(|error| disk::failed("write", &self.path, &error))?;
        let directory = layout.dataset(id);
        let place = directory.join(format!("{PREFIX}{version}"));
        fs::rename(&self.path, &place).map_err(|error| disk::failed("rename to", &place, &error))?;
        for (_, earlier) in files(&directory).into_iter().filter(|(other, _)| *other < version) {
            let _ = fs::remove_file(earlier);
        }
        Ok(())
    }
}

impl Drop for ScansWriter {
    fn drop(&mut self) {
        // Gone already where it was kept.
        let _ = fs::remove_file(&self.path);
    }
}

/// Makes the scans of a version those of the next one, which has the same references. What cannot be passed on is scanned
/// again.
pub(super) fn pass_on(layout: &Layout, id: &DatasetId, version: Version, next: Version) {
    let place = |version| layout.dataset(id).join(format!("{PREFIX}{version}"));
    let _ = fs::rename(place(version), place(next));
}

/// Forgets all of a dataset.
pub(super) fn forget(layout: &Layout, id: &DatasetId) {
    for (_, path) in files(&layout.dataset(id)) {
        let _ = fs::remove_file(path);
    }
}

/// What a source is now; none where it is no file.
fn identity(source: &str) -> Option<FileIdentity> {
    let found = fs::metadata(source).ok().filter(fs::Metadata::is_file)?;
    let seconds_ns = found.mtime().saturating_mul(1_000_000_000);
    Some(FileIdentity {
        size_bytes: found.size(),
        modified_ns: seconds_ns.saturating_add(found.mtime_nsec()),
        inode: found.ino(),
    })
}

/// Whether the source's own identity tells whether a scan still holds: of a file it does, and so it does of references
/// in a file, whose targets are compared when they are read. A directory can change inside without showing it.
fn is_worth_keeping(source: &str, scanned: &SourceFile) -> bool {
    scanned.identity.is_pinned() && source == scanned.path && Path::new(source).is_file()
}

fn pack(message: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), LEVEL)?;
    encoder.include_checksum(true)?;
    encoder.write_all(message)?;
    encoder.finish()
}

/// The files of kept scans in a dataset's directory.
fn files(directory: &Path) -> Vec<(Version, PathBuf)> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let versioned = entries.filter_map(|entry| {
        let entry = entry.ok()?;
        let number = entry.file_name().to_str()?.strip_prefix(PREFIX)?.parse().ok()?;
        Some((Version(number), entry.path()))
    });
    versioned.collect()
}

/// Reads where each scan is, up to where the file is damaged.
fn read_index(path: &Path) -> Result<(File, HashMap<String, Entry>)> {
    let failed = |error: std::io::Error| Error::internal(format!("{}: {error}", path.display()));
    let file = File::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    let mut reader = BufReader::new(file.try_clone().map_err(failed)?);
    let mut heading = vec![0; SCANNER.len()];
    reader.read_exact(&mut heading).map_err(failed)?;
    if heading != SCANNER.as_bytes() {
        return Err(Error::internal("scans of another scanner"));
    }
    let mut entries = HashMap::new();
    let mut at = SCANNER.len() as u64;
    while let Ok(Some((path, entry))) = read_entry(&mut reader, at, size) {
        at = entry.offset + entry.length;
        entries.insert(path, entry);
    }
    Ok((file, entries))
}

/// One entry that begins at `at`, read up to the next one; none at the end and where it makes no sense.
fn read_entry(reader: &mut BufReader<File>, at: u64, size: u64) -> std::io::Result<Option<(String, Entry)>> {
    const FIXED: usize = 4 + 4 * 8;
    let mut fixed = [0; FIXED];
    reader.read_exact(&mut fixed)?;
    let (path_length, numbers) = fixed.split_at(4);
    let path_length = path_length.try_into().map_or(u32::MAX, u32::from_le_bytes);
    let mut numbers = numbers.chunks_exact(8).map(|number| number.try_into().map_or(0, u64::from_le_bytes));
    let mut next = || numbers.next().unwrap_or_default();
    let length = next();
    let identity = FileIdentity { size_bytes: next(), modified_ns: next() as i64, inode: next() };
    let offset = at + FIXED as u64 + u64::from(path_length);
    if path_length > PATH_BYTES_MAX || offset.checked_add(length).is_none_or(|end| end > size) {
        return Ok(None);
    }
    let mut path = vec![0; path_length as usize];
    reader.read_exact(&mut path)?;
    let Ok(path) = String::from_utf8(path) else { return Ok(None) };
    reader.seek_relative(i64::try_from(length).unwrap_or(i64::MAX))?;
    Ok(Some((path, Entry { identity, offset, length })))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A catalog's directory with three sources whose scans are kept as those of version 1.
    struct Place {
        directory: tempfile::TempDir,
        layout: Layout,
        id: DatasetId,
        sources: Vec<String>,
    }

    impl Place {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let layout = Layout::new(&directory.path().join("catalog"));
            let id = DatasetId::parse("tas").unwrap();
            fs::create_dir_all(layout.dataset(&id)).unwrap();
            let sources: Vec<String> = ["a", "b", "c"]
                .iter()
                .map(|name| directory.path().join(name).to_str().unwrap().to_owned())
                .collect();
            let place = Self { directory, layout, id, sources };
            for source in &place.sources {
                fs::write(source, source.as_bytes()).unwrap();
            }
            place.keep(Version(1));
            place
        }

        fn keep(&self, version: Version) {
            let mut writer = ScansWriter::begin(&self.layout).unwrap();
            for source in &self.sources {
                let scanned = SourceFile { path: source.clone(), identity: identity(source).unwrap() };
                writer.add(source, &scanned, source.repeat(50).as_bytes()).unwrap();
            }
            writer.keep(&self.layout, &self.id, version).unwrap();
        }

        fn open(&self) -> KeptScans {
            KeptScans::open(&self.layout, &self.id)
        }

        fn known(&self) -> usize {
            let kept = self.open();
            let messages: Vec<_> =
                self.sources.iter().filter_map(|source| Some((source, kept.message(source)?.1))).collect();
            assert!(messages.iter().all(|(source, message)| *message == source.repeat(50)));
            messages.len()
        }
    }

    #[test]
    fn scans_are_kept_for_files_that_are_what_they_were() {
        let mut place = Place::new();
        assert_eq!(place.known(), 3);
        fs::write(&place.sources[1], b"grown").unwrap();
        let gone = place.sources.remove(2);
        fs::remove_file(gone).unwrap();
        place.sources.push("/nowhere/d".to_owned());
        let compared = place.open().compare(&place.sources);
        assert_eq!(compared, Comparison { added: 1, changed: 1, gone: 1, unchanged: 1 });
        assert_eq!(place.known(), 1);
    }

    #[test]
    fn scans_of_versions_before_are_forgotten_and_none_stays_unfinished() {
        let place = Place::new();
        place.keep(Version(3));
        drop(ScansWriter::begin(&place.layout).unwrap());
        assert_eq!(place.open().version, Some(Version(3)));
        assert_eq!(files(&place.layout.dataset(&place.id)).len(), 1);
        assert_eq!(fs::read_dir(place.layout.datasets()).unwrap().count(), 1);
        forget(&place.layout, &place.id);
        assert_eq!((place.known(), place.open().version), (0, None));
    }

    #[test]
    fn a_directory_is_not_kept_but_known() {
        let place = Place::new();
        let store = place.directory.path().to_str().unwrap().to_owned();
        let mut writer = ScansWriter::begin(&place.layout).unwrap();
        let identity = FileIdentity { size_bytes: 1, modified_ns: 1, inode: 1 };
        writer.add(&store, &SourceFile { path: store.clone(), identity }, b"scan").unwrap();
        writer.keep(&place.layout, &place.id, Version(2)).unwrap();
        assert_eq!(place.open().compare(&[store]), Comparison { changed: 1, ..Comparison::default() });
    }

    #[test]
    fn damage_costs_scans_and_never_gives_wrong_ones() {
        let place = Place::new();
        let (_, path) = files(&place.layout.dataset(&place.id)).remove(0);
        let whole = fs::read(&path).unwrap();
        let mut least = 3;
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1 << (at % 8);
            fs::write(&path, &damaged).unwrap();
            least = least.min(place.known());
            if at % 7 == 0 {
                fs::write(&path, &whole[..at]).unwrap();
                assert!(place.known() <= 3);
            }
        }
        assert_eq!(least, 0, "a damaged heading forgets all");
        fs::write(&path, &whole).unwrap();
        assert_eq!(place.known(), 3);
    }
}
