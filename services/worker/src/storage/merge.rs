//! Reads that wait for their turn at the same time and lie beside one another in a file: one read fetches them all.

use std::collections::{BTreeMap, HashMap};
use std::io::IoSliceMut;
use std::sync::{Arc, Mutex, PoisonError};

use model::{Error, Result};
use tokio::sync::oneshot;

use super::buffers::{Buffer, BufferPool};
use super::open_file::{OpenFile, State};

/// Most bytes between two reads that are fetched, and thrown away, to save a read.
const GAP_BYTES_MAX: u64 = 64 << 10;
/// Most bytes of reads that become one.
const MERGED_BYTES_MAX: u64 = 4 << 20;
/// Most reads that become one; with the gaps between them, far fewer than the kernel takes.
const MERGED_READS_MAX: usize = 128;

/// A range of an open file that has to be waited for, and who waits.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) offset: u64,
    pub(super) length: usize,
    answer: oneshot::Sender<Result<Answer>>,
}

/// A range as it was read, and whether the file was still the same then.
pub(super) type Answer = (State, Buffer);

/// Reads that wait for their turn, by where their open file is in memory, and by place in it.
#[derive(Debug, Default)]
pub(super) struct Pending {
    files: Mutex<HashMap<usize, Waiting>>,
}

#[derive(Debug, Default)]
struct Waiting {
    parts: BTreeMap<(u64, u64), Part>,
    entered: u64,
}

/// A read's place among them; left when dropped.
#[derive(Debug)]
pub(super) struct Ticket<'p> {
    pending: &'p Pending,
    handle: Arc<OpenFile>,
    at: (u64, u64),
}

/// Where a read's answer comes.
pub(super) type Receiver = oneshot::Receiver<Result<Answer>>;

impl Part {
    pub(super) fn new(offset: u64, length: usize) -> (Self, Receiver) {
        let (answer, receiver) = oneshot::channel();
        (Self { offset, length, answer }, receiver)
    }

    fn end(&self) -> u64 {
        self.offset + self.length as u64
    }
}

impl Pending {
    /// Adds a range of a file to those that wait.
    pub(super) fn add(&self, handle: &Arc<OpenFile>, offset: u64, length: usize) -> (Ticket<'_>, Receiver) {
        let (part, answer) = Part::new(offset, length);
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = files.entry(Arc::as_ptr(handle) as usize).or_default();
        waiting.entered += 1;
        let at = (offset, waiting.entered);
        waiting.parts.insert(at, part);
        (Ticket { pending: self, handle: Arc::clone(handle), at }, answer)
    }
}

impl Pending {
    /// How many wait.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.files.lock().unwrap().values().map(|waiting| waiting.parts.len()).sum()
    }
}

impl Ticket<'_> {
    /// This read and its neighbours, in the order of the file; nothing if a neighbour has taken it along.
    pub(super) fn take(&self) -> Vec<Part> {
        let mut files = self.pending.files.lock().unwrap_or_else(PoisonError::into_inner);
        let key = Arc::as_ptr(&self.handle) as usize;
        let Some(waiting) = files.get_mut(&key) else { return Vec::new() };
        let Some(own) = waiting.parts.remove(&self.at) else { return Vec::new() };
        let mut taken = vec![own];
        waiting.take_behind(self.at, &mut taken);
        waiting.take_before(self.at, &mut taken);
        if waiting.parts.is_empty() {
            files.remove(&key);
        }
        taken
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        let mut files = self.pending.files.lock().unwrap_or_else(PoisonError::into_inner);
        let key = Arc::as_ptr(&self.handle) as usize;
        if let Some(waiting) = files.get_mut(&key) {
            waiting.parts.remove(&self.at);
            if waiting.parts.is_empty() {
                files.remove(&key);
            }
        }
    }
}

impl Waiting {
    fn take_behind(&mut self, at: (u64, u64), taken: &mut Vec<Part>) {
        let behind: Vec<_> = self.parts.range(at..).map(|(at, _)| *at).take(MERGED_READS_MAX).collect();
        for at in behind {
            let end = taken.last().map_or(0, Part::end);
            if at.0 > end + GAP_BYTES_MAX {
                break;
            }
            // What overlaps has a turn of its own: each byte goes to one buffer.
            if at.0 >= end && self.fits(at, taken) {
                taken.extend(self.parts.remove(&at));
            }
        }
    }

    fn take_before(&mut self, at: (u64, u64), taken: &mut Vec<Part>) {
        let before: Vec<_> = self.parts.range(..at).rev().map(|(at, _)| *at).take(MERGED_READS_MAX).collect();
        for at in before {
            let (start, end) = (taken.first().map_or(0, |part| part.offset), self.parts.get(&at));
            let Some(end) = end.map(Part::end) else { continue };
            if end <= start && end + GAP_BYTES_MAX >= start && self.fits(at, taken) {
                taken.splice(0..0, self.parts.remove(&at));
            }
        }
    }

    /// Whether a part can be read together with those.
    fn fits(&self, at: (u64, u64), taken: &[Part]) -> bool {
        let Some(part) = self.parts.get(&at) else { return false };
        let start = taken.first().map_or(at.0, |first| first.offset).min(at.0);
        let end = taken.last().map_or(0, Part::end).max(part.end());
        taken.len() < MERGED_READS_MAX && end - start <= MERGED_BYTES_MAX
    }
}

/// Reads parts that lie one behind the other, each into a buffer of its own, and hands them out. `check` is asked before the
/// read and the file's identity after it, for all of them. Waits for the filesystem.
pub(super) fn read(
    handle: &OpenFile,
    buffers: &Arc<BufferPool>,
    parts: Vec<Part>,
    check: impl FnOnce() -> Result<()>,
) {
    let lengths: Vec<(u64, usize)> = parts.iter().map(|part| (part.offset, part.length)).collect();
    let read = check().and_then(|()| scattered(handle, buffers, &lengths));
    telemetry::metrics().reads_merged_total.inc_by(parts.len().saturating_sub(1) as u64);
    match read {
        Ok((state, filled)) => {
            for (part, buffer) in parts.into_iter().zip(filled) {
                // Whoever left does not want it.
                let _ = part.answer.send(Ok((state, buffer)));
            }
        }
        Err(error) => {
            for part in parts {
                let _ = part.answer.send(Err(Error::clone(&error)));
            }
        }
    }
}

/// One positioned read into many buffers.
fn scattered(
    handle: &OpenFile,
    buffers: &Arc<BufferPool>,
    parts: &[(u64, usize)],
) -> Result<(State, Vec<Buffer>)> {
    let start = parts.first().map_or(0, |(offset, _)| *offset);
    let (mut filled, mut gaps, mut end) = (Vec::with_capacity(parts.len()), Vec::new(), start);
    for (offset, length) in parts {
        gaps.push(offset.checked_sub(end).filter(|gap| *gap > 0).map(|gap| buffers.take(gap as usize)));
        filled.push(buffers.take(*length));
        end = offset + *length as u64;
    }
    let slices = gaps.iter_mut().zip(&mut filled).flat_map(|(gap, part)| [gap.as_mut(), Some(part)]);
    let mut slices: Vec<IoSliceMut<'_>> = slices.flatten().map(|buffer| IoSliceMut::new(buffer)).collect();
    handle.read_scattered(start, &mut slices)?;
    let state = handle.check(true)?;
    if state == State::Same {
        telemetry::metrics().reads_total.with_label_values(&["waited"]).inc();
        let bytes: usize = parts.iter().map(|(_, length)| length).sum();
        telemetry::metrics().read_bytes_total.inc_by(bytes as u64);
    }
    Ok((state, filled))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use model::{FileIdentity, SourceFile};

    use super::*;
    use crate::storage::Roots;
    use crate::tape::Tape;

    fn open(directory: &std::path::Path, content: &[u8]) -> Arc<OpenFile> {
        let path = directory.canonicalize().unwrap().join("a");
        std::fs::write(&path, content).unwrap();
        let metadata = std::fs::metadata(&path).unwrap();
        let identity = FileIdentity {
            size_bytes: metadata.len(),
            modified_ns: metadata.mtime() * 1_000_000_000 + metadata.mtime_nsec(),
            inode: metadata.ino(),
        };
        let file = SourceFile { path: path.to_str().unwrap().into(), identity };
        let roots = Roots::new(vec![directory.to_owned()]).unwrap();
        Arc::new(OpenFile::open(&roots, &Tape::off(), &file).unwrap())
    }

    fn places(parts: &[Part]) -> Vec<(u64, usize)> {
        parts.iter().map(|part| (part.offset, part.length)).collect()
    }

    #[test]
    fn neighbours_are_taken_along_within_bounds_and_get_their_own_bytes() {
        let directory = tempfile::tempdir().unwrap();
        let content: Vec<u8> = (0..9 << 20).map(|at: usize| (at * 31 + at / 251) as u8).collect();
        let handle = open(directory.path(), &content);
        let (pending, buffers) = (Pending::default(), BufferPool::new(512 << 10, 64 << 20));
        let ranges = [
            (0, 1000),          // too far before
            (100_000, 1000),    // a neighbour before, over a gap
            (150_000, 1000),    // the one that has its turn
            (150_500, 1000),    // overlaps
            (151_000, 500),     // adjacent
            (200_000, 300_000), // over a gap
            (500_000, 4 << 20), // would be too much
            (900_000, 100_000), // too far behind
        ];
        let mut tickets: Vec<_> =
            ranges.iter().map(|(at, length)| pending.add(&handle, *at, *length)).collect();
        let parts = tickets[2].0.take();
        assert_eq!(places(&parts), [(100_000, 1000), (150_000, 1000), (151_000, 500), (200_000, 300_000)]);
        read(&handle, &buffers, parts, || Ok(()));
        for (number, (at, length)) in ranges.into_iter().enumerate() {
            let answer = tickets[number].1.try_recv();
            if [1, 2, 4, 5].contains(&number) {
                let (state, buffer) = answer.unwrap().unwrap();
                assert!(state == State::Same && *buffer == content[at as usize..][..length], "{at}+{length}");
                assert!(tickets[number].0.take().is_empty(), "taken along");
            } else {
                assert!(answer.is_err());
            }
        }
        assert_eq!(places(&tickets[3].0.take()), [(150_500, 1000)]);
        drop(tickets.pop());
        assert_eq!(places(&tickets[6].0.take()), [(500_000, 4 << 20)]);
        drop(tickets);
        assert!(pending.files.lock().unwrap().is_empty());
    }

    #[test]
    fn an_error_goes_to_each_and_a_file_that_was_cut_is_one() {
        let directory = tempfile::tempdir().unwrap();
        let handle = open(directory.path(), &[7; 3000]);
        let (pending, buffers) = (Pending::default(), BufferPool::new(512 << 10, 64 << 20));
        for cut in [false, true] {
            let mut tickets = [pending.add(&handle, 0, 1000), pending.add(&handle, 2000, 1000)];
            if cut {
                let file = std::fs::OpenOptions::new().write(true).open(directory.path().join("a")).unwrap();
                file.set_len(2500).unwrap();
            }
            let check = || if cut { Ok(()) } else { Err(Error::invalid("on tape")) };
            read(&handle, &buffers, tickets[0].0.take(), check);
            for ticket in &mut tickets {
                assert!(ticket.1.try_recv().unwrap().is_err(), "{cut}");
            }
        }
    }
}
