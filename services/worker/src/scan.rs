//! Scanning files in child processes.
//!
//! A damaged file can crash a C library, hang it or make it ask for all memory. So the library runs in children of
//! this process, which can be lost: a crash is an error about one file. A child scans one file after another:
//!
//! ```text
//! parent ─▶ child   Hello { memory limit }, then a ScanRequest at a time
//! child ─▶ parent   Progress…, then FileScan or Failure, for each request
//! ```
//! over its standard input and output, each message behind its length ([`framing`]).

mod child;
mod framing;
mod process;
mod wire;

use std::{
    ffi::OsString,
    num::NonZero,
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
    thread::available_parallelism,
    time::Duration,
};

use bytes::Bytes;
use cloudify_proto::v1::{ScanMessage, scan_message::Message};
use model::{Error, FileScan, Result};
use prost::Message as _;
use tokio::sync::Semaphore;

pub use child::run_child;
use process::ScanProcess;

use crate::settings::ScanSettings;

/// A source to scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanSource {
    /// The file, or the directory of a store.
    pub path: PathBuf,
    /// Whether it is the only one of its dataset, so that its references may stay where they are.
    pub stand_alone: bool,
    /// Directories that links within a store may lead into, without symbolic links.
    pub roots: Vec<PathBuf>,
    /// Where it was fetched from, if it was: what relative references in it are relative to.
    pub url: Option<String>,
}

/// The scan that a message holds, such as one that was kept. Any bytes are safe.
pub fn scan_of_message(message: Bytes) -> Result<FileScan> {
    match ScanMessage::decode(message).map_err(Error::internal)?.message {
        Some(Message::Scan(scan)) => wire::from_wire(scan),
        _ => Err(Error::internal("a message without a scan")),
    }
}

/// Processes that scan files, started when needed and kept for the next file.
pub struct ScanPool {
    command: Vec<OsString>,
    stall: Duration,
    memory_bytes_max: u64,
    permits: Semaphore,
    idle: Mutex<Vec<ScanProcess>>,
}

impl ScanPool {
    /// A pool whose children are started by `command`: a program and arguments that make it call [`run_child`].
    pub fn new(settings: &ScanSettings, command: Vec<OsString>) -> Self {
        let processes = match settings.processes {
            0 => available_parallelism().map_or(1, NonZero::get),
            processes => processes,
        };
        Self {
            command,
            stall: Duration::from_secs(settings.stall_seconds.max(1)),
            memory_bytes_max: settings.memory_bytes_max,
            permits: Semaphore::new(processes.min(Semaphore::MAX_PERMITS)),
            idle: Mutex::default(),
        }
    }

    /// Scans one source, waiting for a process where all are busy. `progress` hears of variables done and their number.
    /// Dropping the future kills the process. Fails as `formats::scan` does; with `CorruptData` where the process
    /// crashes, and `DeadlineExceeded` where it says nothing for as long as the settings allow.
    pub async fn scan(
        &self,
        source: &ScanSource,
        progress: &(dyn Fn(u64, u64) + Send + Sync),
    ) -> Result<FileScan> {
        self.scan_with_message(source, progress).await.map(|(scan, _)| scan)
    }

    /// The same, with the message that the scan came as: what [`scan_of_message`] takes.
    pub(crate) async fn scan_with_message(
        &self,
        source: &ScanSource,
        progress: &(dyn Fn(u64, u64) + Send + Sync),
    ) -> Result<(FileScan, Bytes)> {
        let _permit = self.permits.acquire().await.map_err(Error::internal)?;
        let mut process = self.process()?;
        let (outcome, reusable) = process.scan(source, self.stall, progress).await;
        if reusable {
            self.idle().push(process);
        }
        outcome
    }

    fn idle(&self) -> MutexGuard<'_, Vec<ScanProcess>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One that waits, if it lives; else a new one.
    fn process(&self) -> Result<ScanProcess> {
        loop {
            let Some(mut process) = self.idle().pop() else {
                return ScanProcess::start(&self.command, self.memory_bytes_max);
            };
            if process.is_alive() {
                return Ok(process);
            }
        }
    }
}
