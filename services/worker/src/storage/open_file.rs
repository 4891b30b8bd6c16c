//! One open source file, known to be the one that was scanned.

use std::io::IoSliceMut;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use model::{Error, ErrorKind, FileIdentity, Result, SourceFile};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Statx, StatxFlags};
use rustix::io::{Errno, ReadWriteFlags};

use super::roots::{Roots, outside};
use crate::tape::{Look, Tape};

/// How a look at an open file turned out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It is what it was at the scan.
    Same,
    /// Its content is, but its inode was touched (linked, renamed, its mode changed): the path may name another file
    /// by now, so it must be opened anew.
    Touched,
}

/// An open file. Its identity was that of the scan when it was opened.
#[derive(Debug)]
pub(super) struct OpenFile {
    descriptor: OwnedFd,
    identity: FileIdentity,
    path: String,
    changed: (i64, u32),
    /// Where the file really lies, if it may be on tape.
    on_tape: Option<PathBuf>,
    /// Cleared where the filesystem cannot read without waiting.
    can_skip_waiting: AtomicBool,
}

impl OpenFile {
    /// Opens a file if it is what it was at the scan, lies under a root and is not on tape. Waits for the filesystem.
    pub(super) fn open(roots: &Roots, tape: &Tape, file: &SourceFile) -> Result<Self> {
        let fault = |error| match error {
            Errno::NOENT | Errno::NOTDIR if !file.identity.is_pinned() => absent(&file.path),
            error => open_fault(error, &file.path),
        };
        // A handle that can only be looked at: opening a device or FIFO has no effect, and nothing can hang.
        let place =
            rustix::fs::open(&file.path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).map_err(fault)?;
        // Where the opened file is, not where the path leads by now: no symbolic link can be swapped in between.
        let opened = PathBuf::from(format!("/proc/self/fd/{}", place.as_raw_fd()));
        let status = status(&place, AtFlags::empty()).map_err(fault)?;
        let real = std::fs::read_link(&opened).map_err(|error| {
            Error::new(ErrorKind::Unavailable, "the source cannot be opened").with_internal(error)
        })?;
        if status.stx_nlink > 0 && !roots.contain(&real) {
            return Err(outside(&file.path));
        }
        let file_type = FileType::from_raw_mode(status.stx_mode.into());
        if file_type != FileType::RegularFile {
            return Err(changed(&file.path, &format!("is now a {file_type:?}")));
        }
        let on_tape = tape.governs(&real).then_some(real);
        if let Some(real) = &on_tape {
            // Before it is opened for reading, which can be what waits for the tape.
            check_online(tape, real, file, &status)?;
        }
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let descriptor = rustix::fs::open(&opened, flags, Mode::empty()).map_err(fault)?;
        telemetry::metrics().open_files.inc();
        let open = Self {
            descriptor,
            identity: file.identity,
            path: file.path.clone(),
            changed: (status.stx_ctime.tv_sec, status.stx_ctime.tv_nsec),
            on_tape,
            can_skip_waiting: AtomicBool::new(true),
        };
        if open.identity.is_pinned() { open.compare(&status).map(|_| open) } else { open.pinned(&status) }
    }

    /// A file that no scan has seen, pinned to what it is now, if it was not modified since it was referred to.
    fn pinned(mut self, status: &Statx) -> Result<Self> {
        let latest_ns = self.identity.modified_ns;
        self.identity = identity(status);
        if self.identity.modified_ns > latest_ns {
            return Err(changed(&self.path, &format!("is {:?}, later than {latest_ns}", self.identity)));
        }
        Ok(self)
    }

    /// What it was when it was opened.
    pub(super) fn identity(&self) -> FileIdentity {
        self.identity
    }

    /// Its size when it was opened, in bytes.
    pub(super) fn size_bytes(&self) -> u64 {
        self.identity.size_bytes
    }

    /// Looks whether the file is still what it was. `wait`: ask the filesystem's server; otherwise trust what
    /// this machine knows, which on a local filesystem, or with a lock on the cached pages, is the same.
    pub(super) fn check(&self, wait: bool) -> Result<State> {
        let sync = if wait { AtFlags::empty() } else { AtFlags::STATX_DONT_SYNC };
        let status = status(&self.descriptor, sync).map_err(|error| self.read_fault(error))?;
        self.compare(&status)
    }

    /// Refuses a file that went to tape while it was open: reading it would wait for hours.
    pub(super) fn check_online(&self, tape: &Tape, file: &SourceFile) -> Result<()> {
        let Some(real) = &self.on_tape else { return Ok(()) };
        let status = status(&self.descriptor, AtFlags::empty()).map_err(|error| self.read_fault(error))?;
        check_online(tape, real, file, &status)
    }

    /// As on a filesystem that cannot read without waiting.
    #[cfg(test)]
    pub(super) fn always_wait(&self) {
        self.can_skip_waiting.store(false, Ordering::Relaxed);
    }

    /// Reads what is in the page cache from `offset` on, without waiting: how many bytes that was. Zero where
    /// none is, or where the filesystem cannot tell.
    pub(super) fn read_cached(&self, offset: u64, into: &mut [u8]) -> Result<usize> {
        if !self.can_skip_waiting.load(Ordering::Relaxed) {
            return Ok(0);
        }
        let mut slices = [IoSliceMut::new(into)];
        match rustix::io::preadv2(&self.descriptor, &mut slices, offset, ReadWriteFlags::NOWAIT) {
            Ok(count) => Ok(count),
            Err(Errno::AGAIN | Errno::INTR) => Ok(0),
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {
                self.can_skip_waiting.store(false, Ordering::Relaxed);
                Ok(0)
            }
            Err(error) => Err(self.read_fault(error)),
        }
    }

    /// Fills `into` from `offset` on. Waits for the filesystem. A file that ends early has changed.
    pub(super) fn read_waiting(&self, offset: u64, into: &mut [u8]) -> Result<()> {
        self.read_scattered(offset, &mut [IoSliceMut::new(into)])
    }

    /// The same for several slices, one behind the other in the file.
    pub(super) fn read_scattered(&self, mut offset: u64, mut into: &mut [IoSliceMut<'_>]) -> Result<()> {
        // Empty slices at the end would look like the end of the file.
        IoSliceMut::advance_slices(&mut into, 0);
        while !into.is_empty() {
            match rustix::io::preadv(&self.descriptor, into, offset) {
                Ok(0) => return Err(changed(&self.path, "ends earlier")),
                Ok(count) => {
                    offset += count as u64;
                    IoSliceMut::advance_slices(&mut into, count);
                }
                Err(Errno::INTR) => {}
                Err(error) => return Err(self.read_fault(error)),
            }
        }
        Ok(())
    }

    /// Tells the kernel what will be read soon. May wait.
    pub(super) fn will_read(&self, offset: u64, length: u64) {
        let length = std::num::NonZero::new(length);
        // Only advice: a filesystem that does not take it reads later.
        let _ = rustix::fs::fadvise(&self.descriptor, offset, length, rustix::fs::Advice::WillNeed);
    }

    fn compare(&self, status: &Statx) -> Result<State> {
        let found = identity(status);
        if status.stx_nlink == 0 {
            return Err(changed(&self.path, "was removed or replaced"));
        }
        if found != self.identity {
            return Err(changed(&self.path, &format!("is {found:?}, was {:?}", self.identity)));
        }
        let same = self.changed == (status.stx_ctime.tv_sec, status.stx_ctime.tv_nsec);
        Ok(if same { State::Same } else { State::Touched })
    }

    fn read_fault(&self, error: Errno) -> Error {
        let internal = format!("{}: {error}", self.path);
        match error {
            Errno::STALE => changed(&self.path, "is gone from its server"),
            // Bad sectors and evicted clients look alike; another machine may still see the bytes.
            _ => Error::new(ErrorKind::Unavailable, "the source cannot be read now").with_internal(internal),
        }
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        telemetry::metrics().open_files.dec();
    }
}

/// Whether a file that is there, below a root, is on tape. Waits for the filesystem.
pub(super) fn is_offline(roots: &Roots, tape: &Tape, file: &SourceFile) -> Result<bool> {
    let Ok(real) = std::fs::canonicalize(&file.path) else { return Ok(false) };
    if !roots.contain(&real) || !tape.governs(&real) {
        return Ok(false);
    }
    match rustix::fs::statx(rustix::fs::CWD, &real, AtFlags::empty(), StatxFlags::BASIC_STATS) {
        Ok(status) => tape.is_offline(&real, look(&status)),
        Err(_) => Ok(false),
    }
}

/// What a file looks like to who wonders whether it is on tape.
fn look(status: &Statx) -> Look {
    Look {
        size_bytes: status.stx_size,
        blocks: status.stx_blocks,
        changed_ns: status.stx_ctime.tv_sec.saturating_mul(1_000_000_000)
            + i64::from(status.stx_ctime.tv_nsec),
    }
}

/// Orders a file that is offline and is what it was at the scan, and refuses it. A stub has size and time of its file.
fn check_online(tape: &Tape, real: &std::path::Path, file: &SourceFile, status: &Statx) -> Result<()> {
    if !tape.is_offline(real, look(status))? {
        tape.seen_online(&file.path);
        return Ok(());
    }
    let found = identity(status);
    if file.identity.is_pinned() && found != file.identity {
        return Err(changed(&file.path, &format!("is {found:?}, was {:?}", file.identity)));
    }
    Err(tape.order(&file.path))
}

fn identity(status: &Statx) -> FileIdentity {
    FileIdentity {
        size_bytes: status.stx_size,
        modified_ns: status.stx_mtime.tv_sec * 1_000_000_000 + i64::from(status.stx_mtime.tv_nsec),
        inode: status.stx_ino,
    }
}

/// The refusal of a source that is not what it was at the scan.
pub(super) fn changed(path: &str, how: &str) -> Error {
    Error::new(ErrorKind::Conflict, "source file changed since it was registered")
        .with_internal(format!("{path} {how}"))
}

/// A file that is referred to and was never seen. The caller knows whether that is a fault.
fn absent(path: &str) -> Error {
    Error::not_found("the source file is not there").with_internal(path)
}

fn status(descriptor: &OwnedFd, sync: AtFlags) -> rustix::io::Result<Statx> {
    rustix::fs::statx(descriptor, "", AtFlags::EMPTY_PATH | sync, StatxFlags::BASIC_STATS)
}

fn open_fault(error: Errno, path: &str) -> Error {
    let internal = format!("{path}: {error}");
    match error {
        Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NAMETOOLONG => changed(path, "is not there"),
        Errno::MFILE | Errno::NFILE | Errno::NOMEM => {
            Error::new(ErrorKind::Overloaded, "too many files are open")
                .with_internal(internal)
                .with_retry_after(1)
        }
        Errno::INVAL => Error::invalid("the source's path is malformed").with_internal(internal),
        _ => Error::new(ErrorKind::Unavailable, "the source cannot be opened").with_internal(internal),
    }
}
