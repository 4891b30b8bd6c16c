//! One read of an open file for reads that lie beside one another in it.

use std::io::IoSliceMut;
use std::sync::Arc;

use model::{Error, Result};

use super::buffers::{Buffer, BufferPool};
use super::open_file::{OpenFile, State};
use super::pending;

/// Most bytes of reads that become one.
const MERGED_BYTES_MAX: u64 = 4 << 20;

/// A range as it was read, and whether the file was still the same then.
pub(super) type Answer = (State, Buffer);
/// A range that has to be waited for.
pub(super) type Part = pending::Part<Answer>;
/// Reads that wait for their turn.
pub(super) type Pending = pending::Pending<ByAddress, Answer>;

/// An open file as a key: the same only as itself.
#[derive(Debug, Clone)]
pub(super) struct ByAddress(pub(super) Arc<OpenFile>);

impl PartialEq for ByAddress {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for ByAddress {}

impl std::hash::Hash for ByAddress {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).hash(state);
    }
}

/// Nobody waits yet.
pub(super) fn pending() -> Pending {
    Pending::new(MERGED_BYTES_MAX)
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
                part.answer(Ok((state, buffer)));
            }
        }
        Err(error) => {
            for part in parts {
                part.answer(Err(Error::clone(&error)));
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
        let key = ByAddress(Arc::clone(&handle));
        let (waiting, buffers) = (pending(), BufferPool::new(512 << 10, 64 << 20));
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
        let mut tickets: Vec<_> = ranges.iter().map(|(at, length)| waiting.add(&key, *at, *length)).collect();
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
        assert_eq!(waiting.count(), 0);
    }

    #[test]
    fn an_error_goes_to_each_and_a_file_that_was_cut_is_one() {
        let directory = tempfile::tempdir().unwrap();
        let handle = open(directory.path(), &[7; 3000]);
        let key = ByAddress(Arc::clone(&handle));
        let (waiting, buffers) = (pending(), BufferPool::new(512 << 10, 64 << 20));
        for cut in [false, true] {
            let mut tickets = [waiting.add(&key, 0, 1000), waiting.add(&key, 2000, 1000)];
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
