//! Reading a small file at once: references that stay where they are.

use std::time::Duration;

use bytes::Bytes;
use model::{Error, ErrorKind, Result, SourceFile};

use super::open_file::{OpenFile, State};
use super::roots::Roots;
use crate::tape::Tape;

/// Reads a file whole, if it lies under the roots and was not modified after the time of its identity. A `NotFound`
/// where there is no such file. Waits for the filesystem; references are metadata, so never on tape.
pub(crate) fn read_whole(roots: &Roots, file: &SourceFile, bytes_max: u64) -> Result<Bytes> {
    const ATTEMPTS: u32 = 3;
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            std::thread::sleep(Duration::from_millis(10));
        }
        let open = OpenFile::open(roots, &Tape::off(), file)?;
        let size = open.size_bytes();
        if size > bytes_max {
            return Err(Error::new(ErrorKind::TooLarge, "a file of references is too large")
                .with_internal(format!("{}: {size} bytes", file.path)));
        }
        let mut bytes = vec![0; size as usize];
        open.read_waiting(0, &mut bytes)?;
        if open.check(true)? == State::Same {
            return Ok(bytes.into());
        }
    }
    Err(Error::new(ErrorKind::Conflict, "references are being changed all the time")
        .with_internal(&file.path))
}
