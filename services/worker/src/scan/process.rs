//! A child as its parent sees it.

use std::{
    ffi::OsString,
    io,
    os::unix::{ffi::OsStrExt, process::ExitStatusExt},
    path::Path,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use bytes::Bytes;
use cloudify_proto::{
    status::from_failure,
    v1::{ScanMessage, ScanRequest, scan_message::Message},
};
use model::{Error, ErrorKind, FileScan, Result};
use prost::Message as _;
use tokio::{
    io::AsyncReadExt,
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

use super::{ScanSource, framing, wire::from_wire};

/// How much of what a crashed child said goes into the log, in bytes.
const LAST_WORDS_MAX: u64 = 4 << 10;
/// What a Rust program exits with after a panic.
const PANIC: i32 = 101;

/// A child process, killed when dropped.
pub(super) struct ScanProcess {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
    /// The first message, until it is sent.
    hello: Option<[u8; 8]>,
}

impl ScanProcess {
    /// Starts a child whose memory is bounded, in bytes; 0 for not.
    pub(super) fn start(command: &[OsString], memory_bytes_max: u64) -> Result<Self> {
        let [program, arguments @ ..] = command else {
            return Err(Error::internal("no command for scanning processes"));
        };
        let failed =
            |error: io::Error| Error::internal(format!("cannot start {}: {error}", program.display()));
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Error::internal("a scanning process has no pipes"));
        };
        Ok(Self { child, input, output, hello: Some(memory_bytes_max.to_le_bytes()) })
    }

    /// Whether it still runs.
    pub(super) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Scans a source; the second says whether this process can scan another.
    pub(super) async fn scan(
        &mut self,
        source: &ScanSource,
        stall: Duration,
        progress: &(dyn Fn(u64, u64) + Send + Sync),
    ) -> (Result<(FileScan, Bytes)>, bool) {
        let path = &source.path;
        match self.converse(source, stall, progress).await {
            Ok((Message::Scan(scan), message)) => (from_wire(scan).map(|scan| (scan, message)), true),
            // libhdf5 loses memory on damaged files: fuzzing finds it within seconds.
            Ok((Message::Failure(failure), _)) => (Err(from_failure(failure)), false),
            Ok((Message::Progress(_), _)) => (Err(Error::internal("a scan ended with progress")), false),
            Err(Lost::Hung) => (Err(hung(path, stall)), false),
            Err(Lost::Pipe(error)) => (Err(self.crashed(path, &error).await), false),
        }
    }

    /// Sends a request and returns the message that ends its scan, read and as it came.
    async fn converse(
        &mut self,
        source: &ScanSource,
        stall: Duration,
        progress: &(dyn Fn(u64, u64) + Send + Sync),
    ) -> Result<(Message, Bytes), Lost> {
        if let Some(hello) = self.hello.take() {
            framing::write(&mut self.input, &hello).await?;
        }
        let bytes = |path: &Path| path.as_os_str().as_bytes().to_vec().into();
        let request = ScanRequest {
            path: bytes(&source.path),
            stand_alone: source.stand_alone,
            roots: source.roots.iter().map(|root| bytes(root)).collect(),
            url: source.url.clone().unwrap_or_default(),
        };
        framing::write(&mut self.input, &request.encode_to_vec()).await?;
        loop {
            let message = timeout(stall, framing::read(&mut self.output)).await.map_err(|_| Lost::Hung)??;
            let message = message.ok_or(io::ErrorKind::UnexpectedEof)?;
            match ScanMessage::decode(message.clone()).map_err(io::Error::other)?.message {
                Some(Message::Progress(told)) => progress(told.done, told.total),
                Some(ended) => return Ok((ended, message)),
                None => return Err(io::Error::other("an empty message").into()),
            }
        }
    }

    /// What became of a child whose pipe broke.
    async fn crashed(&mut self, path: &Path, pipe: &io::Error) -> Error {
        // It has ended or is about to; one that only closed its pipe is ended here.
        let status = match timeout(Duration::from_secs(1), self.child.wait()).await {
            Ok(status) => status,
            Err(_) => match self.child.kill().await {
                Ok(()) => self.child.wait().await,
                Err(error) => Err(error),
            },
        };
        let mut last_words = Vec::new();
        if let Some(errors) = &mut self.child.stderr {
            let mut errors = errors.take(LAST_WORDS_MAX);
            let read = errors.read_to_end(&mut last_words);
            // What cannot be read within a second is not worth more.
            let _ = timeout(Duration::from_secs(1), read).await;
        }
        let last_words = String::from_utf8_lossy(&last_words);
        let internal = format!("{}: {pipe}; {status:?}; {}", path.display(), last_words.trim());
        match status.as_ref().ok().copied().and_then(end) {
            Some(end) => {
                let message = format!("{}: its scan crashed ({end}): the file is damaged", name(path));
                Error::new(ErrorKind::CorruptData, message).with_internal(internal)
            }
            None => Error::internal(internal),
        }
    }
}

/// How a file ended a child; none where something else did.
fn end(status: ExitStatus) -> Option<String> {
    match (status.signal(), status.code()) {
        (Some(signal), _) => Some(format!("signal {signal}")),
        (None, Some(PANIC)) => Some("panic".to_owned()),
        _ => None,
    }
}

fn hung(path: &Path, stall: Duration) -> Error {
    let seconds = stall.as_secs();
    let message = format!("{}: its scan made no progress for {seconds} s and was ended", name(path));
    Error::new(ErrorKind::DeadlineExceeded, message).with_internal(path.display())
}

/// The part of a path that anybody may see.
fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// A conversation that did not end well.
enum Lost {
    Hung,
    Pipe(io::Error),
}

impl From<io::Error> for Lost {
    fn from(error: io::Error) -> Self {
        Self::Pipe(error)
    }
}

impl From<io::ErrorKind> for Lost {
    fn from(kind: io::ErrorKind) -> Self {
        Self::Pipe(kind.into())
    }
}
