//! Positioned reads of a file through a small window: messages are looked at in order, and their data jumped over.

use std::{fs::File, io, os::unix::fs::FileExt};

/// Bytes that are read at once. Sections other than the data fit in most messages; longer ones have reads of their own.
const WINDOW: usize = 8 << 10;

/// A file, its size, and the part of it that was read last.
pub(super) struct Window {
    file: File,
    size: u64,
    start: u64,
    bytes: Vec<u8>,
}

impl Window {
    pub(super) fn new(file: File, size: u64) -> Self {
        Self { file, size, start: 0, bytes: Vec::new() }
    }

    /// Size of the file, in bytes.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Bytes from `offset` on: `length` of them, or fewer at the end of the file. The caller has bounded the length.
    pub(super) fn at(&mut self, offset: u64, length: usize) -> io::Result<&[u8]> {
        let held = offset.checked_sub(self.start).and_then(|at| {
            let at = usize::try_from(at).ok()?;
            (at.checked_add(length)? <= self.bytes.len()).then_some(at)
        });
        if held.is_none() {
            self.fill(offset, length.max(WINDOW))?;
        }
        let at = held.unwrap_or(0);
        let end = at.saturating_add(length).min(self.bytes.len());
        Ok(&self.bytes[at.min(end)..end])
    }

    fn fill(&mut self, offset: u64, length: usize) -> io::Result<()> {
        let length = self.size.saturating_sub(offset).min(length as u64) as usize;
        self.start = offset;
        self.bytes.resize(length, 0);
        let mut done = 0;
        while done < length {
            match self.file.read_at(&mut self.bytes[done..], offset + done as u64) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.bytes.truncate(done);
        Ok(())
    }
}
