//! Files that are brought back from tape, as clients see them.

/// How the recall of one file stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recall {
    /// The file's name, without its directories.
    pub file: String,
    /// How far it is.
    pub state: RecallState,
    /// When it was ordered, milliseconds since 1970.
    pub ordered_ms: i64,
    /// When the command that brings it began; none before.
    pub started_ms: Option<i64>,
    /// When it ended; none before.
    pub finished_ms: Option<i64>,
    /// In how many seconds the file is expected; after a failure, when an order is possible again; 0 when it is here.
    pub expected_seconds: u32,
    /// Its place among the files that wait, from 1; 0 where it does not wait any more.
    pub position: u64,
}

/// How far a recall is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecallState {
    /// It waits for its turn.
    Ordered,
    /// The command that brings it runs.
    Running,
    /// The file is here.
    Online,
    /// The command failed, or did not bring it.
    Failed,
}

impl RecallState {
    /// Its name for clients.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ordered => "ordered",
            Self::Running => "running",
            Self::Online => "online",
            Self::Failed => "failed",
        }
    }
}
