//! Reads that wait for their turn at the same time and lie beside one another in a file, so that one fetches them all.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use model::Result;
use tokio::sync::oneshot;

/// Most bytes between two reads that are fetched, and thrown away, to save a read.
const GAP_BYTES_MAX: u64 = 64 << 10;
/// Most reads that become one; with the gaps between them, far fewer than the kernel takes.
const MERGED_READS_MAX: usize = 128;

/// A range of a file that has to be waited for, and who waits for an answer `A`.
#[derive(Debug)]
pub(super) struct Part<A> {
    pub(super) offset: u64,
    pub(super) length: usize,
    answer: oneshot::Sender<Result<A>>,
}

/// Reads that wait for their turn, by file `K` and by place in it.
#[derive(Debug)]
pub(super) struct Pending<K, A> {
    files: Mutex<HashMap<K, Waiting<A>>>,
    /// Most bytes of reads that become one.
    bytes_max: u64,
}

#[derive(Debug)]
struct Waiting<A> {
    parts: BTreeMap<(u64, u64), Part<A>>,
    entered: u64,
}

/// A read's place among them; left when dropped.
#[derive(Debug)]
pub(super) struct Ticket<'p, K: Eq + Hash, A> {
    pending: &'p Pending<K, A>,
    file: K,
    at: (u64, u64),
}

/// Where a read's answer comes; an error where whoever took it along has left.
pub(super) type Receiver<A> = oneshot::Receiver<Result<A>>;

impl<A> Part<A> {
    pub(super) fn new(offset: u64, length: usize) -> (Self, Receiver<A>) {
        let (answer, receiver) = oneshot::channel();
        (Self { offset, length, answer }, receiver)
    }

    pub(super) fn end(&self) -> u64 {
        self.offset + self.length as u64
    }

    /// Tells who waits; whoever left does not want it.
    pub(super) fn answer(self, answer: Result<A>) {
        let _ = self.answer.send(answer);
    }
}

impl<K: Eq + Hash + Clone, A> Pending<K, A> {
    /// Nobody waits yet; reads of at most so many bytes become one.
    pub(super) fn new(bytes_max: u64) -> Self {
        Self { files: Mutex::new(HashMap::new()), bytes_max }
    }

    /// Adds a range of a file to those that wait.
    pub(super) fn add(&self, file: &K, offset: u64, length: usize) -> (Ticket<'_, K, A>, Receiver<A>) {
        let (part, answer) = Part::new(offset, length);
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting =
            files.entry(file.clone()).or_insert_with(|| Waiting { parts: BTreeMap::new(), entered: 0 });
        waiting.entered += 1;
        let at = (offset, waiting.entered);
        waiting.parts.insert(at, part);
        (Ticket { pending: self, file: file.clone(), at }, answer)
    }

    /// How many wait.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.files.lock().unwrap().values().map(|waiting| waiting.parts.len()).sum()
    }
}

impl<K: Eq + Hash, A> Ticket<'_, K, A> {
    /// This read and its neighbours, in the order of the file; nothing if a neighbour has taken it along.
    pub(super) fn take(&self) -> Vec<Part<A>> {
        let mut files = self.pending.files.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(waiting) = files.get_mut(&self.file) else { return Vec::new() };
        let Some(own) = waiting.parts.remove(&self.at) else { return Vec::new() };
        let mut taken = Taken { parts: vec![own], bytes_max: self.pending.bytes_max };
        waiting.give_behind(self.at, &mut taken);
        waiting.give_before(self.at, &mut taken);
        if waiting.parts.is_empty() {
            files.remove(&self.file);
        }
        taken.parts
    }
}

impl<K: Eq + Hash, A> Drop for Ticket<'_, K, A> {
    fn drop(&mut self) {
        let mut files = self.pending.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waiting) = files.get_mut(&self.file) {
            waiting.parts.remove(&self.at);
            if waiting.parts.is_empty() {
                files.remove(&self.file);
            }
        }
    }
}

/// Reads that become one, in the order of the file.
struct Taken<A> {
    parts: Vec<Part<A>>,
    bytes_max: u64,
}

impl<A> Taken<A> {
    fn start(&self) -> u64 {
        self.parts.first().map_or(0, |part| part.offset)
    }

    fn end(&self) -> u64 {
        self.parts.last().map_or(0, Part::end)
    }

    /// Whether a part can be read together with these.
    fn has_room_for(&self, part: &Part<A>) -> bool {
        let (start, end) = (self.start().min(part.offset), self.end().max(part.end()));
        self.parts.len() < MERGED_READS_MAX && end - start <= self.bytes_max
    }
}

impl<A> Waiting<A> {
    fn give_behind(&mut self, at: (u64, u64), taken: &mut Taken<A>) {
        let behind: Vec<_> = self.parts.range(at..).map(|(at, _)| *at).take(MERGED_READS_MAX).collect();
        for at in behind {
            if at.0 > taken.end() + GAP_BYTES_MAX {
                break;
            }
            // What overlaps has a turn of its own: each byte goes to one buffer.
            if at.0 >= taken.end() && self.parts.get(&at).is_some_and(|part| taken.has_room_for(part)) {
                taken.parts.extend(self.parts.remove(&at));
            }
        }
    }

    fn give_before(&mut self, at: (u64, u64), taken: &mut Taken<A>) {
        let before: Vec<_> = self.parts.range(..at).rev().map(|(at, _)| *at).take(MERGED_READS_MAX).collect();
        for at in before {
            let is_near =
                |part: &Part<A>| part.end() <= taken.start() && part.end() + GAP_BYTES_MAX >= taken.start();
            if self.parts.get(&at).is_some_and(|part| is_near(part) && taken.has_room_for(part)) {
                taken.parts.splice(0..0, self.parts.remove(&at));
            }
        }
    }
}
