//! How much memory an array that is not there yet takes as it is.

use std::collections::HashSet;

use super::{Array, Groups, Made, Places};

/// Counts what arrays hold: elements that are here, lists of places, labels. What several arrays share counts once.
#[derive(Debug, Default)]
pub struct Memory {
    counted: HashSet<usize>,
    bytes: u64,
}

impl Memory {
    /// So far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Adds an array and what it is made of.
    pub fn add(&mut self, array: &Array) {
        if !self.is_new(std::ptr::from_ref(array).addr()) {
            return;
        }
        self.bytes += size_of::<Array>() as u64 + 128;
        match &array.made {
            Made::Source { .. } => {}
            Made::Known(elements) => self.add_shared(elements.as_ptr().addr(), elements.len()),
            Made::Tiled { of, .. }
            | Made::Unpacked { of, .. }
            | Made::Arranged { of, .. }
            | Made::Merged { of, .. } => {
                self.add(of);
            }
            Made::Computed { of, .. } => of.iter().for_each(|of| self.add(of)),
            Made::Taken { of, places } => {
                for places in places {
                    if let Places::List(list) = places {
                        self.add_shared(list.as_ptr().addr(), size_of_val::<[u64]>(list));
                    }
                }
                self.add(of);
            }
            Made::Reduced(reduced) => {
                for groups in &reduced.axes {
                    if let Groups::Labels { labels, .. } = groups {
                        self.add_shared(labels.as_ptr().addr(), size_of_val::<[u32]>(labels));
                    }
                }
                if let Some(weights) = &reduced.weights {
                    self.add(&weights.of);
                }
                self.add(&reduced.of);
            }
        }
    }

    fn add_shared(&mut self, address: usize, bytes: usize) {
        if self.is_new(address) {
            self.bytes += bytes as u64;
        }
    }

    fn is_new(&mut self, address: usize) -> bool {
        self.counted.insert(address)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::DataType;

    use super::*;

    #[test]
    fn what_is_shared_counts_once() {
        let known = Made::Known(vec![0; 8_000].into());
        let known = Arc::new(Array { data_type: DataType::F64, shape: vec![1_000], made: known });
        let list: Arc<[u64]> = (0..1_000).collect();
        let taken = || {
            let made = Made::Taken { of: Arc::clone(&known), places: vec![Places::List(Arc::clone(&list))] };
            Array { data_type: DataType::F64, shape: vec![1_000], made }
        };
        let (mut memory, one, other) = (Memory::default(), taken(), taken());
        memory.add(&one);
        let bytes = memory.bytes();
        assert!((16_000..17_000).contains(&bytes), "{bytes}");
        memory.add(&other);
        assert!(memory.bytes() < bytes + 1_000);
    }
}
