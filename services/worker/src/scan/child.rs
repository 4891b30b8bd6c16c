//! The child: reads requests, scans, writes what it found.

use std::{
    ffi::OsStr,
    io::{self, Write},
    os::unix::ffi::OsStrExt,
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

use cloudify_proto::{
    status::to_failure,
    v1::{ScanMessage, ScanProgress, ScanRequest, scan_message::Message},
};
use formats::{ScanOptions, scan};
use prost::Message as _;
use rustix::process::{Resource, Rlimit, setrlimit};

use super::{framing, wire::to_wire};

/// Shortest time between two messages of progress.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// Scans the files that standard input names until it ends. The binary calls this in the processes that the command
/// of [`ScanPool::new`](super::ScanPool::new) starts.
pub fn run_child() -> ExitCode {
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    match serve(&mut input, &mut output) {
        Ok(()) => ExitCode::SUCCESS,
        // The parent is gone, or has killed the conversation: nobody to tell.
        Err(_) => ExitCode::FAILURE,
    }
}

fn serve(input: &mut impl io::Read, output: &mut impl Write) -> io::Result<()> {
    let Some(hello) = framing::read_blocking(input)? else { return Ok(()) };
    let hello: [u8; 8] = hello.as_ref().try_into().map_err(|_| io::ErrorKind::InvalidData)?;
    limit(u64::from_le_bytes(hello))?;
    while let Some(request) = framing::read_blocking(input)? {
        let request = ScanRequest::decode(request).map_err(io::Error::other)?;
        let message = scan_one(&request, output);
        send(output, message)?;
    }
    Ok(())
}

/// Bounds memory, in bytes, 0 for not; and leaves no core files of crashes, which would be as large as the bound.
fn limit(memory_bytes_max: u64) -> io::Result<()> {
    let both = |value| Rlimit { current: Some(value), maximum: Some(value) };
    setrlimit(Resource::Core, both(0))?;
    if memory_bytes_max > 0 {
        setrlimit(Resource::As, both(memory_bytes_max))?;
    }
    Ok(())
}

fn scan_one(request: &ScanRequest, output: &mut impl Write) -> Message {
    let mut last = Instant::now();
    let mut progress = |done, total| {
        if last.elapsed() >= PROGRESS_EVERY {
            last = Instant::now();
            // A pipe that is closed is noticed by the answer itself.
            let _ = send(output, Message::Progress(ScanProgress { done, total }));
        }
    };
    let path = |bytes| Path::new(OsStr::from_bytes(bytes));
    let roots = request.roots.iter().map(|root| path(root).to_owned()).collect();
    let url = Some(request.url.clone()).filter(|url| !url.is_empty());
    let options =
        ScanOptions { stand_alone: request.stand_alone, roots: Some(roots), url, ..ScanOptions::default() };
    match scan(path(&request.path), &options, &mut progress) {
        Ok(found) => Message::Scan(to_wire(found)),
        Err(error) => Message::Failure(to_failure(error.into())),
    }
}

fn send(output: &mut impl Write, message: Message) -> io::Result<()> {
    framing::write_blocking(output, &ScanMessage { message: Some(message) }.encode_to_vec())
}
