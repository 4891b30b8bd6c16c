//! Which files there are, how large, and which was used last.

use std::collections::{BTreeMap, HashMap};

/// Files by name; the least recently used go where there are too many bytes.
#[derive(Debug, Default)]
pub(super) struct Index {
    files: HashMap<String, File>,
    by_use: BTreeMap<u64, String>,
    bytes: u64,
    uses: u64,
}

#[derive(Debug)]
struct File {
    bytes: u64,
    used: u64,
}

impl Index {
    /// Adds a file, or replaces it, as the one used last.
    pub(super) fn insert(&mut self, name: String, bytes: u64) {
        self.remove(&name);
        self.uses += 1;
        self.by_use.insert(self.uses, name.clone());
        self.files.insert(name, File { bytes, used: self.uses });
        self.count(self.bytes + bytes);
    }

    /// The length of a file, in bytes, if there is one; it is the one used last then.
    pub(super) fn used(&mut self, name: &str) -> Option<u64> {
        let file = self.files.get_mut(name)?;
        self.uses += 1;
        let name = self.by_use.remove(&file.used)?;
        self.by_use.insert(self.uses, name);
        file.used = self.uses;
        Some(file.bytes)
    }

    pub(super) fn remove(&mut self, name: &str) {
        if let Some(file) = self.files.remove(name) {
            self.by_use.remove(&file.used);
            self.count(self.bytes - file.bytes);
        }
    }

    /// Takes out files until there is room for so many bytes more: their names.
    pub(super) fn make_room(&mut self, bytes: u64, bytes_max: u64) -> Vec<String> {
        let mut removed = Vec::new();
        while self.bytes.saturating_add(bytes) > bytes_max
            && let Some((_, name)) = self.by_use.first_key_value()
        {
            let name = name.clone();
            self.remove(&name);
            removed.push(name);
        }
        removed
    }

    fn count(&mut self, bytes: u64) {
        self.bytes = bytes;
        telemetry::metrics().disk_cache_bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let mut index = Index::default();
        for name in ["a", "b", "c"] {
            index.insert(name.into(), 10);
        }
        assert_eq!(index.used("a"), Some(10));
        assert_eq!(index.make_room(10, 30), ["b"]);
        index.insert("d".into(), 10);
        index.insert("c".into(), 5);
        assert_eq!((index.bytes, index.used("b")), (25, None));
        assert_eq!(index.make_room(20, 30), ["a", "d"]);
        assert_eq!(index.make_room(100, 30), ["c"], "and the caller does not keep it");
        assert_eq!((index.bytes, index.by_use.len()), (0, 0));
    }
}
