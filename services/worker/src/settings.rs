//! What can be set of a worker. Data only: the binary reads it from file, environment and flags.

mod remote;
mod tape;

use std::path::PathBuf;
use std::time::Duration;

use engine::pools::PoolName;
use serde::{Deserialize, Serialize};

pub use remote::{AccessSettings, RemoteSettings};
pub use tape::{OfflineTest, TapeSettings};

/// All settings of a worker.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "each is named by its type")]
pub struct LocalSettings<'s> {
    pub storage: &'s StorageSettings,
    pub remote: &'s RemoteSettings,
    pub scan: &'s ScanSettings,
    pub evaluate: &'s EvaluateSettings,
    pub tape: &'s TapeSettings,
    /// Keeping datasets up to date.
    pub refresh: &'s RefreshSettings,
    /// The pool whose datasets it keeps up to date; none for all.
    pub pool: Option<&'s PoolName>,
}

/// Reading files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StorageSettings {
    /// Most reads that wait for the filesystem at once.
    pub reads_max: usize,
    /// Most files kept open.
    pub open_files_max: u64,
    /// How long a file is kept open after its last use, in seconds.
    pub open_file_idle_seconds: u64,
    /// Bytes read and sent at a time of a large range.
    pub piece_bytes: usize,
    /// Most bytes of read buffers kept for use again.
    pub kept_buffer_bytes_max: usize,
}

impl Default for StorageSettings {
    fn default() -> Self {
        Self {
            reads_max: 128,
            open_files_max: 1024,
            open_file_idle_seconds: 300,
            piece_bytes: 512 << 10,
            kept_buffer_bytes_max: 64 << 20,
        }
    }
}

/// Scanning files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScanSettings {
    /// Scanning processes at once; 0 for one a core.
    pub processes: usize,
    /// Longest time without progress before a scan counts as hung, in seconds.
    pub stall_seconds: u64,
    /// Most memory of a scanning process, in bytes; 0 for no limit.
    pub memory_bytes_max: u64,
    /// Most files in one registration.
    pub files_max: usize,
}

impl Default for ScanSettings {
    fn default() -> Self {
        Self { processes: 0, stall_seconds: 120, memory_bytes_max: 4 << 30, files_max: 200_000 }
    }
}

/// Making chunks: decoding what the sources hold and encoding it anew.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EvaluateSettings {
    /// Chunks worked on at once; 0 for one a core.
    pub threads: usize,
    /// Memory for chunks under way, and for those of other processes' answers that were not taken yet, in bytes.
    pub memory_bytes_max: u64,
    /// Most bytes of memory that chunks may wait for; beyond, they are refused.
    pub queue_bytes_max: u64,
    /// Longest time that what waits may take, in seconds, as far as the pace is known; beyond, chunks are refused.
    pub queue_seconds_max: u32,
    /// Memory for chunks made, kept for the next request, in bytes.
    pub cache_bytes_max: u64,
    /// Directory on local disk for chunks that took long to make, of this worker alone; none: not kept there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_cache: Option<PathBuf>,
    /// Most bytes kept there.
    pub disk_cache_bytes_max: u64,
    /// How long a chunk must have taken to be kept there, in milliseconds.
    pub disk_cache_min_ms: u64,
}

impl Default for EvaluateSettings {
    fn default() -> Self {
        Self {
            threads: 0,
            memory_bytes_max: 512 << 20,
            queue_bytes_max: 128 << 30,
            queue_seconds_max: 60,
            cache_bytes_max: 256 << 20,
            disk_cache: None,
            disk_cache_bytes_max: 16 << 30,
            disk_cache_min_ms: 200,
        }
    }
}

/// Keeping datasets up to date, and their old versions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RefreshSettings {
    /// Whether this worker refreshes datasets that are to be refreshed by period. Of several, one does at a time.
    pub periodic: bool,
    /// Most refreshes by period at once.
    pub at_once: usize,
    /// How many of a dataset's newest versions are kept; 0 for all.
    pub versions_kept: usize,
    /// How long a version is kept at least after a newer one took its place, in seconds.
    pub versions_kept_seconds: u64,
}

impl RefreshSettings {
    /// How long a version is kept at least.
    pub fn versions_kept_for(&self) -> Duration {
        Duration::from_secs(self.versions_kept_seconds)
    }
}

impl Default for RefreshSettings {
    fn default() -> Self {
        Self { periodic: true, at_once: 2, versions_kept: 10, versions_kept_seconds: 3600 }
    }
}
