//! Which chunk of which variable a key names.

use std::collections::HashMap;

use model::{ChunkGrid, ChunkKeyEncoding};

use super::hierarchy::Array;

/// Arrays by their paths.
pub(super) struct Places {
    by_path: HashMap<String, usize>,
    arrays: Vec<(ChunkKeyEncoding, ChunkGrid)>,
}

/// What a key names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// A chunk of an array, both by number.
    Chunk(usize, u64),
    /// A chunk that its array does not have.
    Outside(usize),
    /// Nothing that is known.
    Nothing,
}

impl Places {
    pub(super) fn new(arrays: &[Array]) -> Self {
        let path = |array: &Array| array.variable.path.as_str().to_owned();
        Self {
            by_path: arrays.iter().map(path).zip(0..).collect(),
            arrays: arrays.iter().map(|array| (array.encoding, array.variable.grid.clone())).collect(),
        }
    }

    /// The place of a key such as `tas/0.0.1`, `tas/0/0/1` or `tas/c/0/0/1`.
    pub(super) fn of(&self, key: &str) -> Place {
        // The array is what stands before one of the slashes: the last, where points separate indices.
        for (slash, _) in key.rmatch_indices('/') {
            if let Some(&array) = self.by_path.get(&key[..slash]) {
                let (encoding, grid) = &self.arrays[array];
                let number = number(&key[slash + 1..], *encoding, grid);
                return number.map_or(Place::Outside(array), |number| Place::Chunk(array, number));
            }
        }
        Place::Nothing
    }
}

/// The number of the chunk that the end of a key names.
fn number(end: &str, encoding: ChunkKeyEncoding, grid: &ChunkGrid) -> Option<u64> {
    let counts = grid.counts();
    let indices = match encoding.has_prefix {
        true if end == "c" => return counts.is_empty().then_some(0),
        true => end.strip_prefix('c')?.strip_prefix(encoding.separator)?,
        false if counts.is_empty() => return (end == "0").then_some(0),
        false => end,
    };
    let (mut number, mut rank) = (0_u64, 0);
    for index in indices.split(encoding.separator) {
        let count = *counts.get(rank)?;
        // Keys are exact: no sign, no leading zero.
        let is_plain = index == "0" || !index.starts_with(['0', '+']);
        let index: u64 = index.parse().ok().filter(|index| is_plain && *index < count)?;
        number = number * count + index;
        rank += 1;
    }
    (rank == counts.len()).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_are_exact() {
        let grid = ChunkGrid::new(vec![4, 6], vec![2, 2]).unwrap();
        let scalar = ChunkGrid::new(vec![], vec![]).unwrap();
        let v2 = ChunkKeyEncoding { has_prefix: false, separator: '.' };
        let slashes = ChunkKeyEncoding { has_prefix: false, separator: '/' };
        let v3 = ChunkKeyEncoding { has_prefix: true, separator: '/' };
        for (end, encoding, expected) in [
            ("0.0", v2, Some(0)),
            ("1.2", v2, Some(5)),
            ("1/2", slashes, Some(5)),
            ("c/1/2", v3, Some(5)),
            ("2.0", v2, None),
            ("0.3", v2, None),
            ("1", v2, None),
            ("0.0.0", v2, None),
            ("01.0", v2, None),
            ("+1.0", v2, None),
            ("-1.0", v2, None),
            ("", v2, None),
            ("1/2", v3, None),
            ("c1/2", v3, None),
            ("0.99999999999999999999", v2, None),
        ] {
            assert_eq!(number(end, encoding, &grid), expected, "{end}");
        }
        assert_eq!(number("0", v2, &scalar), Some(0));
        assert_eq!(number("c", v3, &scalar), Some(0));
        assert_eq!(number("0.0", v2, &scalar), None);
    }
}
