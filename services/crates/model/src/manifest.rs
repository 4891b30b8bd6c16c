//! Where the bytes of chunks are.

use std::collections::BTreeMap;

use bytes::Bytes;

/// A file's place in the table of files that goes with a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// Bytes of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ByteRange {
    /// First byte.
    pub offset: u64,
    /// Number of bytes.
    pub length: u64,
}

/// Where one chunk's bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChunkRef {
    /// In a file, as they are to be served.
    Bytes {
        /// Which file of the table beside the manifest.
        file: FileId,
        /// Which bytes of it.
        range: ByteRange,
    },
    /// A file as a whole, whose length nobody has looked up.
    File(FileId),
    /// Here.
    Inline(Bytes),
    /// Nowhere as it is to be served: a worker decodes what the sources hold and encodes it anew.
    Computed,
    /// Nowhere: the chunk reads as the fill value.
    Missing,
}

/// The references of a run of one variable's chunks, by chunk number in C order (VirtualiZarr's word).
/// Twenty-four bytes a chunk; inlined ones beside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChunkManifest {
    first: u64,
    entries: Vec<Entry>,
    inline: Inlined,
}

/// Inlined chunks by their numbers. Most variables that have any have one, and there are many of them: a map of one
/// would take half a kilobyte.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Inlined {
    #[default]
    None,
    One(u64, Bytes),
    Many(BTreeMap<u64, Bytes>),
}

impl Inlined {
    fn get(&self, number: u64) -> Option<&Bytes> {
        match self {
            Self::None => None,
            Self::One(at, bytes) => (*at == number).then_some(bytes),
            Self::Many(all) => all.get(&number),
        }
    }

    fn insert(&mut self, number: u64, bytes: Bytes) {
        *self = match std::mem::take(self) {
            Self::None => Self::One(number, bytes),
            Self::One(at, _) if at == number => Self::One(number, bytes),
            Self::One(at, other) => Self::Many(BTreeMap::from([(at, other), (number, bytes)])),
            Self::Many(mut all) => {
                all.insert(number, bytes);
                Self::Many(all)
            }
        };
    }

    fn remove(&mut self, number: u64) {
        match self {
            Self::One(at, _) if *at == number => *self = Self::None,
            Self::None | Self::One(..) => {}
            Self::Many(all) => {
                all.remove(&number);
                if all.len() == 1
                    && let Some((at, bytes)) = all.pop_first()
                {
                    *self = Self::One(at, bytes);
                }
            }
        }
    }

    fn values(&self) -> impl Iterator<Item = &Bytes> {
        let (one, many) = match self {
            Self::None => (None, None),
            Self::One(_, bytes) => (Some(bytes), None),
            Self::Many(all) => (None, Some(all.values())),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    offset: u64,
    length: u64,
    file: u32,
}

impl Entry {
    /// No file: missing, unless there are inlined bytes.
    const NONE: Self = Self { offset: 0, length: 0, file: u32::MAX };
    /// Made on demand.
    const COMPUTED: Self = Self { offset: 0, length: 0, file: u32::MAX - 1 };
    /// Length that stands for the whole of a file.
    const WHOLE: u64 = u64::MAX;
}

impl ChunkManifest {
    /// References of `count` chunks from number `first` on, all missing.
    pub fn missing(first: u64, count: usize) -> Self {
        Self { first, entries: vec![Entry::NONE; count], inline: Inlined::None }
    }

    /// None yet, with room for so many to be pushed.
    pub fn with_capacity(first: u64, count: usize) -> Self {
        Self { first, entries: Vec::with_capacity(count), inline: Inlined::None }
    }

    /// Adds the reference of the chunk after the last.
    pub fn push(&mut self, reference: ChunkRef) {
        let entry = self.entry(self.first + self.entries.len() as u64, reference);
        self.entries.push(entry);
    }

    /// A manifest of one inlined chunk, number 0.
    pub fn inline(bytes: Bytes) -> Self {
        let mut manifest = Self::missing(0, 1);
        manifest.set(0, ChunkRef::Inline(bytes));
        manifest
    }

    /// Number of the first chunk.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// How many chunks it covers.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it covers none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Sets the reference of a chunk. Numbers outside are ignored.
    pub fn set(&mut self, number: u64, reference: ChunkRef) {
        let at = number.checked_sub(self.first).filter(|at| *at < self.entries.len() as u64);
        let Some(at) = at else {
            debug_assert!(false, "chunk number outside the manifest");
            return;
        };
        self.inline.remove(number);
        let place = at as usize;
        self.entries[place] = self.entry(number, reference);
    }

    /// The entry of a reference; inlined bytes are kept beside.
    fn entry(&mut self, number: u64, reference: ChunkRef) -> Entry {
        match reference {
            ChunkRef::Bytes { file, range } => {
                Entry { offset: range.offset, length: range.length, file: file.0 }
            }
            ChunkRef::File(file) => Entry { offset: 0, length: Entry::WHOLE, file: file.0 },
            ChunkRef::Inline(bytes) => {
                self.inline.insert(number, bytes);
                Entry::NONE
            }
            ChunkRef::Computed => Entry::COMPUTED,
            ChunkRef::Missing => Entry::NONE,
        }
    }

    /// The reference of a chunk; outside the manifest, missing.
    pub fn get(&self, number: u64) -> ChunkRef {
        let entry = number.checked_sub(self.first).and_then(|at| self.entries.get(at as usize));
        match entry {
            Some(&Entry::COMPUTED) => ChunkRef::Computed,
            Some(&Entry { length: Entry::WHOLE, file, .. }) => ChunkRef::File(FileId(file)),
            Some(&Entry { offset, length, file }) if file != u32::MAX => {
                ChunkRef::Bytes { file: FileId(file), range: ByteRange { offset, length } }
            }
            _ => self.inline.get(number).cloned().map_or(ChunkRef::Missing, ChunkRef::Inline),
        }
    }

    /// All references in order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (u64, ChunkRef)> {
        (self.first..self.first + self.entries.len() as u64).map(|number| (number, self.get(number)))
    }

    /// How many chunks are missing.
    pub fn missing_count(&self) -> u64 {
        let stored = self.entries.iter().filter(|entry| entry.file != u32::MAX).count();
        (self.entries.len() - stored - self.inline.values().count()) as u64
    }

    /// How many chunks are inlined.
    pub fn inlined_count(&self) -> u64 {
        self.inline.values().count() as u64
    }

    /// How many chunks are made on demand.
    pub fn computed_count(&self) -> u64 {
        self.entries.iter().filter(|entry| **entry == Entry::COMPUTED).count() as u64
    }

    /// Bytes of all chunks as stored, inlined ones included; files of unknown length count nothing.
    pub fn stored_size_bytes(&self) -> u64 {
        let known = self.entries.iter().filter(|entry| entry.length != Entry::WHOLE);
        let in_files = known.fold(0_u64, |sum, entry| sum.saturating_add(entry.length));
        in_files + self.inline.values().map(|bytes| bytes.len() as u64).sum::<u64>()
    }

    /// Bytes of memory that it holds, roughly: what a cache counts.
    pub fn memory_bytes(&self) -> usize {
        self.entries.len() * size_of::<Entry>()
            + self.inline.values().map(|bytes| bytes.len() + 64).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_gives_back_what_was_set() {
        let mut manifest = ChunkManifest::missing(10, 3);
        let stored = ChunkRef::Bytes { file: FileId(7), range: ByteRange { offset: 5, length: 6 } };
        manifest.set(10, stored.clone());
        manifest.set(12, ChunkRef::Inline(Bytes::from_static(b"abc")));
        assert_eq!(manifest.get(10), stored);
        assert_eq!(manifest.get(11), ChunkRef::Missing);
        for reference in [ChunkRef::Computed, ChunkRef::File(FileId(3)), ChunkRef::Missing] {
            manifest.set(11, reference.clone());
            assert_eq!(manifest.get(11), reference);
        }
        assert_eq!(manifest.get(12), ChunkRef::Inline(Bytes::from_static(b"abc")));
        assert_eq!(manifest.get(9), ChunkRef::Missing);
        assert_eq!((manifest.missing_count(), manifest.stored_size_bytes()), (1, 9));
    }
}
