//! Files on tape.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Files that may be on tape. Nothing is looked at where there are no roots.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TapeSettings {
    /// Directories whose files may be on tape.
    pub roots: Vec<PathBuf>,
    /// How a file tells that it is offline.
    pub offline: OfflineTest,
    /// For `offline = "command"`: program and arguments; the path is appended. Exit status 0: on disk, 1: offline.
    pub offline_command: Vec<String>,
    /// Brings files back: program and arguments; paths come on its standard input, one a line.
    pub recall_command: Vec<String>,
    /// Puts paths, which come on its standard input, in the order of the tape; none: as they were asked for.
    pub order_command: Vec<String>,
    /// Longest time of the two small commands, in seconds.
    pub command_timeout_seconds: u64,
    /// Longest time of a recall, in seconds.
    pub recall_timeout_seconds: u64,
    /// How long orders are collected before the first is passed on, in milliseconds.
    pub batch_ms: u64,
    /// Most files of one recall.
    pub batch_files_max: usize,
    /// Recalls at once.
    pub recalls_at_once: usize,
    /// How long a recall is thought to take before one was seen, in seconds.
    pub expected_seconds: u32,
    /// How long after a failure an order is not tried again, in seconds; doubles with each.
    pub retry_seconds: u32,
}

/// How a file tells that it is offline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OfflineTest {
    /// It has a size and no allocated block, as stubs of an HSM have.
    Blocks,
    /// A command says so.
    Command,
}

impl Default for TapeSettings {
    fn default() -> Self {
        Self {
            roots: Vec::new(),
            offline: OfflineTest::Blocks,
            offline_command: Vec::new(),
            recall_command: Vec::new(),
            order_command: Vec::new(),
            command_timeout_seconds: 10,
            recall_timeout_seconds: 21_600,
            batch_ms: 2_000,
            batch_files_max: 500,
            recalls_at_once: 2,
            expected_seconds: 600,
            retry_seconds: 60,
        }
    }
}
