//! Files on tape: whether a file is offline, and bringing it back.
//!
//! ```text
//! open a file ─▶ offline? (blocks, or a command) ─▶ order, once a file ─▶ 503 with the time that is left
//!                                                      └▶ batches: collect, put in tape order, run the recall command
//! ```
//! Orders live in the memory of this process. Placement sends one file to one worker, so a file is ordered twice only
//! where a worker was lost: recall commands must bear that.

mod batches;
mod command;
mod orders;

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use engine::recall::{Recall, RecallState};
use model::{Error, ErrorKind, Result};
use tokio::sync::Notify;

use crate::settings::{OfflineTest, TapeSettings};
use orders::Orders;

/// How long a command's word about a file counts.
const WORD_COUNTS: Duration = Duration::from_secs(5);
/// How many files' states are kept.
const STATES_MAX: u64 = 100_000;

/// What a file looks like.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    /// Its size, in bytes.
    pub(crate) size_bytes: u64,
    /// Blocks allocated for it.
    pub(crate) blocks: u64,
    /// When its inode changed, nanoseconds since 1970: a command's word about it before counts no more.
    pub(crate) changed_ns: i64,
}

impl From<&std::fs::Metadata> for Look {
    fn from(status: &std::fs::Metadata) -> Self {
        let changed_ns = status.ctime().saturating_mul(1_000_000_000).saturating_add(status.ctime_nsec());
        Self { size_bytes: status.len(), blocks: status.blocks(), changed_ns }
    }
}

/// What is known of files on tape; nothing where it is off.
#[derive(Debug, Clone, Default)]
pub struct Tape(Option<Arc<Inner>>);

#[derive(Debug)]
struct Inner {
    settings: TapeSettings,
    roots: Vec<PathBuf>,
    runtime: tokio::runtime::Handle,
    /// What the command said of files lately.
    said: moka::sync::Cache<(PathBuf, i64), bool>,
    orders: Mutex<Orders>,
    ordered: Arc<Notify>,
}

impl Tape {
    /// No file is on tape.
    pub fn off() -> Self {
        Self(None)
    }

    /// As the settings say; off where they name no roots. Begins to wait for orders. Touches the filesystem; must be
    /// called within a tokio runtime.
    pub fn new(settings: &TapeSettings) -> Result<Self> {
        if settings.roots.is_empty() {
            return Ok(Self::off());
        }
        if settings.offline == OfflineTest::Command && settings.offline_command.is_empty() {
            return Err(Error::invalid("tape.offline is \"command\", but tape.offline_command names none"));
        }
        let real = |root: &PathBuf| {
            let named = |error| {
                Error::invalid(format!("the tape root {} cannot be reached", root.display()))
                    .with_internal(error)
            };
            std::fs::canonicalize(root).map_err(named)
        };
        let inner = Arc::new(Inner {
            roots: settings.roots.iter().map(real).collect::<Result<_>>()?,
            runtime: tokio::runtime::Handle::try_current().map_err(Error::internal)?,
            said: moka::sync::Cache::builder().max_capacity(STATES_MAX).time_to_live(WORD_COUNTS).build(),
            orders: Mutex::new(Orders::new(settings)),
            ordered: Arc::default(),
            settings: settings.clone(),
        });
        inner.runtime.spawn(batches::run(Arc::downgrade(&inner), Arc::clone(&inner.ordered)));
        Ok(Self(Some(inner)))
    }

    /// Whether any file may be on tape.
    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Whether files there may be on tape: the others are never looked at.
    pub(crate) fn governs(&self, real: &Path) -> bool {
        self.0.as_ref().is_some_and(|inner| inner.roots.iter().any(|root| real.starts_with(root)))
    }

    /// Whether a file that it governs is offline, by what it looks like or by the command's word. May wait: not for
    /// the async runtime.
    pub(crate) fn is_offline(&self, real: &Path, look: Look) -> Result<bool> {
        match &self.0 {
            Some(inner) => inner.is_offline(real, look),
            None => Ok(false),
        }
    }

    /// Orders an offline file, unless that is done already, and says so in the refusal of its bytes.
    pub(crate) fn order(&self, path: &str) -> Error {
        match &self.0 {
            Some(inner) => inner.order(path),
            None => Error::internal("a file is on tape, and there is none"),
        }
    }

    /// Notes that a file is here.
    pub(crate) fn seen_online(&self, path: &str) {
        if let Some(inner) = &self.0 {
            inner.lock().done(path, true, now_ms());
        }
    }

    /// How the recall of a file stands; none where nobody ordered it.
    pub(crate) fn recall(&self, path: &str) -> Option<Recall> {
        self.0.as_ref().and_then(|inner| inner.lock().recall(path, now_ms()))
    }

    /// All recalls whose paths are wanted, in order.
    pub(crate) fn recalls(&self, wanted: impl Fn(&str) -> bool) -> Vec<Recall> {
        self.0.as_ref().map_or_else(Vec::new, |inner| inner.lock().recalls(wanted, now_ms()))
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_offline(&self, real: &Path, look: Look) -> Result<bool> {
        match self.settings.offline {
            OfflineTest::Blocks => Ok(look.blocks == 0 && look.size_bytes > 0),
            OfflineTest::Command => {
                let (settings, path) = (self.settings.clone(), real.to_path_buf());
                let asked = async move {
                    let limit = Duration::from_secs(settings.command_timeout_seconds.max(1));
                    command::is_offline(&settings.offline_command, &path, limit).await
                };
                // Started in the runtime: of a thread for bulk it would have the priority, and be late.
                let ask = || self.runtime.block_on(self.runtime.spawn(asked)).map_err(Error::internal)?;
                self.said
                    .try_get_with((real.to_path_buf(), look.changed_ns), ask)
                    .map_err(|error: Arc<Error>| Error::clone(&error))
            }
        }
    }

    fn order(&self, path: &str) -> Error {
        let name = name_of(path);
        if self.settings.recall_command.is_empty() {
            let message = format!("{name} is on tape, and this server is not set up to order it");
            return offline(message, self.settings.expected_seconds);
        }
        let now_ms = now_ms();
        let mut orders = self.lock();
        match orders.order(path, now_ms) {
            Err(error) => return error,
            Ok(true) => {
                telemetry::metrics().recalls_total.with_label_values(&["ordered"]).inc();
                self.ordered.notify_one();
            }
            Ok(false) => {}
        }
        match orders.recall(path, now_ms) {
            Some(recall) => refusal(&recall),
            None => offline(format!("{name} is on tape"), self.settings.expected_seconds),
        }
    }
}

/// The refusal of bytes that are being recalled.
fn refusal(recall: &Recall) -> Error {
    let (file, seconds) = (&recall.file, recall.expected_seconds);
    let how = match recall.state {
        RecallState::Ordered => {
            format!(
                "its recall is ordered, place {} in the queue, and expected in {seconds} s",
                recall.position
            )
        }
        RecallState::Running => format!("its recall runs, and is expected to take {seconds} s more"),
        RecallState::Failed => format!("its recall failed: it can be ordered again in {seconds} s"),
        RecallState::Online => "it has just been recalled".to_owned(),
    };
    offline(format!("{file} is on tape: {how}"), seconds)
}

fn offline(message: String, seconds: u32) -> Error {
    Error::new(ErrorKind::Offline, message).with_retry_after(seconds.clamp(1, 3600))
}

/// What anybody may see of a path.
fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn now_ms() -> i64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX)
}
