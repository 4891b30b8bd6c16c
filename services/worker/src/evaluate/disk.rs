//! Chunks that took long to make, kept on local disk: a point's whole time series, say. Each is a file of its own, named by
//! what it is of, and served only while its sources are what they were. What is damaged, foreign or gone is not there.

mod entry;
mod index;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use engine::ports::{EvaluatedChunk, Form, PublishedDataset};
use model::{ErrorKind, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Inner;
use super::made::Fresh;
use crate::local::blocking;
use crate::settings::EvaluateSettings;
use entry::Entry;
use index::Index;

/// Changes with what is made of a chunk: other releases' files are not read.
const RELEASE: &str = env!("CARGO_PKG_VERSION");
/// How names of kept chunks, and of those that are being written, end.
const CHUNK: &str = "chunk";
const PART: &str = "part";
/// Most chunks that wait to be written at once; others are not kept.
const WRITES_MAX: usize = 4;
/// How long a disk that failed is left alone.
const PAUSE: Duration = Duration::from_secs(30);

/// Files in a directory that this process has for itself.
pub(super) struct DiskCache {
    directory: PathBuf,
    bytes_max: u64,
    /// How long a chunk must have taken.
    min: Duration,
    index: Mutex<Index>,
    writes: Arc<Semaphore>,
    /// When the disk failed.
    failed: Mutex<Option<Instant>>,
}

/// What a chunk is of, and the name of its file.
struct Key {
    text: Vec<u8>,
    name: String,
}

impl DiskCache {
    /// Finds what a former process kept. None where nothing is to be kept, or where the directory cannot be used. Waits for
    /// the disk.
    pub(super) fn open(settings: &EvaluateSettings) -> Option<Arc<Self>> {
        let directory = settings.disk_cache.clone()?;
        let index = match found(&directory, settings.disk_cache_bytes_max) {
            Ok(index) => index,
            Err(error) => {
                tracing::warn!(%error, "the directory for chunks on disk cannot be used: none are kept");
                return None;
            }
        };
        Some(Arc::new(Self {
            directory,
            bytes_max: settings.disk_cache_bytes_max,
            min: Duration::from_millis(settings.disk_cache_min_ms),
            index: Mutex::new(index),
            writes: Arc::new(Semaphore::new(WRITES_MAX)),
            failed: Mutex::new(None),
        }))
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Takes out a chunk. Waits for the disk.
    fn remove(&self, name: &str) {
        self.index().remove(name);
        // One that cannot be removed is found to be the same again.
        let _ = std::fs::remove_file(self.path(name));
    }

    fn read(&self, key: &Key) -> Option<Entry> {
        let read = std::fs::read(self.path(&key.name)).ok();
        let entry = read.and_then(|file| Entry::from_bytes(file, &key.text));
        if entry.is_none() {
            count_read("damaged");
            self.remove(&key.name);
        }
        entry
    }

    fn write(&self, key: Key, entry: &Entry) -> std::io::Result<()> {
        let file = entry.to_bytes(&key.text);
        let bytes = file.len() as u64;
        if bytes > self.bytes_max {
            return Ok(());
        }
        let removed = self.index().make_room(bytes, self.bytes_max);
        for name in removed {
            let _ = std::fs::remove_file(self.path(&name));
        }
        let part = self.path(&key.name).with_extension(PART);
        let written =
            std::fs::write(&part, &file).and_then(|()| std::fs::rename(&part, self.path(&key.name)));
        if written.is_ok() {
            self.index().insert(key.name, bytes);
        } else {
            let _ = std::fs::remove_file(&part);
        }
        written
    }

    /// Whether the disk may be written to, and the turn for it.
    fn may_write(&self) -> Option<OwnedSemaphorePermit> {
        let failed = *self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let is_paused = failed.is_some_and(|failed| failed.elapsed() < PAUSE);
        let turn = (!is_paused).then(|| Arc::clone(&self.writes).try_acquire_owned().ok()).flatten();
        if turn.is_none() {
            count_write("dropped");
        }
        turn
    }

    /// Keeps a chunk that took long, beside its answer.
    fn keep(self: &Arc<Self>, key: Key, fresh: &Fresh) {
        let (Some(bytes), Some(admitted)) = (&fresh.bytes, &fresh.admitted) else { return };
        if admitted.age() < self.min {
            return;
        }
        let Some(turn) = self.may_write() else { return };
        let entry = Entry { bytes: bytes.clone(), sources: Arc::clone(&fresh.sources) };
        let disk = Arc::clone(self);
        tokio::task::spawn_blocking(move || {
            let _held = turn;
            match disk.write(key, &entry) {
                Ok(()) => count_write("kept"),
                Err(error) => {
                    count_write("failed");
                    tracing::warn!(%error, "a chunk cannot be kept on disk");
                    *disk.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
                }
            }
        });
    }
}

impl Inner {
    /// A chunk from disk, or one that is made now, which is kept there if it took long.
    pub(super) async fn kept_on_disk_or(
        self: &Arc<Self>,
        chunk: &EvaluatedChunk,
        make: impl Future<Output = Result<Fresh>>,
    ) -> Result<Fresh> {
        let make = async {
            let fresh = make.await?;
            telemetry::metrics().chunks_made_total.inc();
            Ok(fresh)
        };
        let Some(disk) = &self.disk else { return make.await };
        let (inner, of) = (Arc::clone(self), chunk.clone());
        let key = blocking(move || {
            let published = inner.catalog.dataset(&of.id, Some(of.version))?;
            Ok(Key::new(&of, &published))
        });
        let key = key.await?;
        if let Some(kept) = self.kept_on_disk(disk, &key).await? {
            return Ok(kept);
        }
        let fresh = make.await?;
        disk.keep(key, &fresh);
        Ok(fresh)
    }

    async fn kept_on_disk(&self, disk: &Arc<DiskCache>, key: &Key) -> Result<Option<Fresh>> {
        let Some(bytes) = disk.index().used(&key.name) else {
            count_read("miss");
            return Ok(None);
        };
        let admitted = self.pool.admit_bytes(bytes).await?;
        let (of, key) = (Arc::clone(disk), Key { text: key.text.clone(), name: key.name.clone() });
        let name = key.name.clone();
        let Some(entry) = blocking(move || Ok(of.read(&key))).await? else { return Ok(None) };
        let is_unchanged = self.are_unchanged(&entry.sources).await;
        let is_changed = match &is_unchanged {
            Ok(is_unchanged) => !is_unchanged,
            Err(error) => error.kind == ErrorKind::Conflict,
        };
        if is_changed {
            count_read("changed");
            let of = Arc::clone(disk);
            blocking(move || {
                of.remove(&name);
                Ok(())
            })
            .await?;
        }
        if !is_unchanged? {
            return Ok(None);
        }
        count_read("hit");
        Ok(Some(Fresh { bytes: Some(entry.bytes), sources: entry.sources, admitted: Some(admitted) }))
    }
}

impl Key {
    /// Names the version by when it was published, too: another catalog may have the same ids and numbers.
    fn new(chunk: &EvaluatedChunk, of: &PublishedDataset) -> Self {
        let form = match &chunk.form {
            Form::Stored => "stored",
            Form::Decoded => "decoded",
            Form::View(steps) => &format!("view {steps}"),
        };
        let EvaluatedChunk { id, version, variable, number, .. } = chunk;
        let (published_ms, modified_ns) = (of.published_ms, of.modified_ns);
        // Text of others comes last, and between lengths: no two chunks have one key.
        let text = format!(
            "{RELEASE}\n{published_ms} {modified_ns} {} {number}\n{}\n{}\n{}:{variable}\n{form}\n",
            version.0,
            id.as_str(),
            of.view.len(),
            variable.as_str().len(),
        );
        let name = blake3::hash(text.as_bytes()).to_hex();
        Self { name: format!("{}.{CHUNK}", &name[..32]), text: text.into_bytes() }
    }
}

/// The files of a directory, which is made if it is not there. What was being written when a process ended is removed.
fn found(directory: &Path, bytes_max: u64) -> std::io::Result<Index> {
    std::fs::create_dir_all(directory)?;
    let mut chunks = Vec::new();
    for file in std::fs::read_dir(directory)? {
        let file = file?;
        let Some(name) = file.file_name().to_str().map(str::to_owned) else { continue };
        match name.split_once('.') {
            Some((hash, CHUNK)) if is_hash(hash) => {
                let metadata = file.metadata()?;
                chunks.push((metadata.modified()?, name, metadata.len()));
            }
            Some((hash, PART)) if is_hash(hash) => std::fs::remove_file(file.path())?,
            _ => {}
        }
    }
    chunks.sort();
    let mut index = Index::default();
    for (_, name, bytes) in chunks {
        index.insert(name, bytes);
    }
    for name in index.make_room(0, bytes_max) {
        std::fs::remove_file(directory.join(name))?;
    }
    Ok(index)
}

fn is_hash(name: &str) -> bool {
    name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn count_read(outcome: &str) {
    telemetry::metrics().disk_cache_reads_total.with_label_values(&[outcome]).inc();
}

fn count_write(outcome: &str) {
    telemetry::metrics().disk_cache_writes_total.with_label_values(&[outcome]).inc();
}
