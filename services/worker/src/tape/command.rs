//! The commands of an HSM, each bounded in time.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use model::{Error, ErrorKind, Result};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

/// How much of what a command prints is read: paths, and what it says went wrong.
const OUTPUT_BYTES_MAX: u64 = 64 << 20;
const COMPLAINT_BYTES_MAX: u64 = 2048;
/// How long after its end a command's output may come: a grandchild can hold it open for ever.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// What a command said.
pub(super) struct Said {
    pub(super) status: std::process::ExitStatus,
    pub(super) output: String,
    pub(super) complaint: String,
}

/// Whether a file is offline, by the exit status of the command: 0 is no, 1 is yes.
pub(super) async fn is_offline(argv: &[String], path: &Path, limit: Duration) -> Result<bool> {
    let mut command = prepared(argv)?;
    command.arg(path);
    let said = run(command, String::new(), limit).await?;
    match said.status.code() {
        Some(0) => Ok(false),
        Some(1) => Ok(true),
        _ => Err(unavailable(format!("{argv:?}: {}: {}", said.status, said.complaint))),
    }
}

/// Runs a command that gets paths on its standard input, one a line.
pub(super) async fn with_paths(argv: &[String], paths: &[String], limit: Duration) -> Result<Said> {
    let mut lines = paths.join("\n");
    lines.push('\n');
    run(prepared(argv)?, lines, limit).await
}

fn prepared(argv: &[String]) -> Result<Command> {
    let [program, arguments @ ..] = argv else { return Err(Error::internal("an empty command")) };
    let mut command = Command::new(program);
    // A group of its own: what it starts ends with it.
    command.args(arguments).process_group(0).kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Ok(command)
}

async fn run(mut command: Command, input: String, limit: Duration) -> Result<Said> {
    let mut child = command.spawn().map_err(unavailable)?;
    let ended = tokio::time::timeout(limit, talk(&mut child, input)).await;
    if ended.is_err() {
        end_group(&child);
        let late = format!("a tape command did not end within {} s", limit.as_secs());
        return Err(unavailable(late));
    }
    ended.map_err(Error::internal)?
}

/// Writes, reads and waits at once, since each may wait for the others.
async fn talk(child: &mut Child, input: String) -> Result<Said> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let write = async move {
        if let Some(mut stdin) = stdin {
            // A command that does not read its input is free to.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
    };
    let output = tokio::spawn(read(stdout, OUTPUT_BYTES_MAX));
    let complaint = tokio::spawn(read(stderr, COMPLAINT_BYTES_MAX));
    let (status, ()) = tokio::join!(child.wait(), write);
    let status = status.map_err(unavailable)?;
    let last_words = |task| async { tokio::time::timeout(LAST_WORDS, task).await.ok().and_then(Result::ok) };
    let (output, complaint) = tokio::join!(last_words(output), last_words(complaint));
    Ok(Said { status, output: output.unwrap_or_default(), complaint: complaint.unwrap_or_default() })
}

async fn read(pipe: Option<impl AsyncRead + Unpin>, bytes_max: u64) -> String {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        let mut bounded = pipe.take(bytes_max);
        // What came before a failure is as good as it was.
        let _ = bounded.read_to_end(&mut bytes).await;
        // The rest is read and dropped, so that the command does not hang.
        let _ = tokio::io::copy(&mut bounded.into_inner(), &mut tokio::io::sink()).await;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn end_group(child: &Child) {
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
    if let Some(group) = group {
        // It may have ended this moment.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
}

fn unavailable(cause: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Unavailable, "the tape system cannot be asked now").with_internal(cause)
}
