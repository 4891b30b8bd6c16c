//! Keys of a Zarr store: what a request under `/datasets/{id}/kerchunk/` asks for.
//!
//! Both formats at once: `tas/0.0.1` ([Zarr v2](https://zarr-specs.readthedocs.io/en/latest/v2/v2.0.html#chunks),
//! separator `.`) and `tas/c/0/0/1` ([Zarr v3, default chunk key
//! encoding](https://zarr-specs.readthedocs.io/en/latest/v3/chunk-key-encodings/default/index.html)). Where a key
//! can be read in several ways (a variable called `c`, or in a group called `c`), the variable that exists decides.

use std::fmt::Write as _;

use model::{ChunkGrid, ChunkKeyEncoding};
use smallvec::SmallVec;

/// Longest key, in bytes.
pub const LENGTH_MAX: usize = 1024;

/// What a key names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key<'k> {
    /// A metadata document of a node, which may not exist.
    Metadata {
        /// Path of the group or variable; the root's is empty.
        node: &'k str,
        /// Which document.
        document: MetadataDocument,
    },
    /// A chunk of a variable that exists. Whether the chunk does, [`ChunkIndex::number`] tells.
    Chunk {
        /// Path of the variable.
        variable: &'k str,
        /// Which chunk.
        index: ChunkIndex,
    },
}

/// The metadata documents of the two formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MetadataDocument {
    /// `.zmetadata`
    ConsolidatedV2,
    /// `.zgroup`
    GroupV2,
    /// `.zarray`
    ArrayV2,
    /// `.zattrs`
    AttributesV2,
    /// `zarr.json`
    V3,
}

/// The chunk that a key names: its place in each dimension. Without allocation up to eight dimensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkIndex {
    format: KeyFormat,
    places: SmallVec<[u64; 8]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KeyFormat {
    V2,
    V3,
}

impl ChunkIndex {
    /// The chunk at these places, as v3 names it.
    pub fn of_v3(places: Vec<u64>) -> Self {
        Self { format: KeyFormat::V3, places: places.into() }
    }

    /// The number of the chunk in a grid; none where the grid has another rank or no such chunk. A scalar's only
    /// chunk is `0` in Zarr v2 and has an empty index in v3.
    pub fn number(&self, grid: &ChunkGrid) -> Option<u64> {
        let is_scalar_of_v2 = self.format == KeyFormat::V2 && grid.shape().is_empty();
        match (is_scalar_of_v2, self.places.as_slice()) {
            (false, places) => grid.number(places),
            (true, [0]) => grid.number(&[]),
            (true, _) => None,
        }
    }

    /// Whether the key is of v2, which knows no shards: of a sharded array it names an inner chunk.
    pub fn is_of_v2(&self) -> bool {
        self.format == KeyFormat::V2
    }

    /// The numbers as they stand in the key.
    pub fn places(&self) -> &[u64] {
        &self.places
    }
}

/// The key of a chunk below its array, as a store of this encoding has it: `0.0.1`, `0/0/1`, `c/0/0/1`. A scalar's
/// chunk is `0`, or `c` ([Zarr v3, chunk key encoding](https://zarr-specs.readthedocs.io/en/latest/v3/core/index.html#chunk-key-encoding)).
pub fn chunk(encoding: ChunkKeyEncoding, places: &[u64]) -> String {
    let mut key = String::with_capacity(2 + 4 * places.len());
    if encoding.has_prefix {
        key.push('c');
    } else if places.is_empty() {
        key.push('0');
    }
    for place in places {
        if !key.is_empty() {
            key.push(encoding.separator);
        }
        // Writing to memory cannot fail.
        let _ = write!(key, "{place}");
    }
    key
}

/// The number in a grid of the chunk that a key below its array names: the inverse of [`chunk`]. None where the key is
/// no chunk's, or the array has no such chunk.
pub fn chunk_number(end: &str, encoding: ChunkKeyEncoding, grid: &ChunkGrid) -> Option<u64> {
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

/// Why a key names nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No store can have such a key: the request is at fault.
    #[error("key {0}")]
    Malformed(KeyFault),
    /// A proper key of nothing that is here.
    #[error("no such key")]
    Unknown,
}

/// What makes a key malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// Beyond [`LENGTH_MAX`].
    #[error("is longer than {LENGTH_MAX} bytes")]
    TooLong,
    /// NUL or backslash.
    #[error("has a NUL or backslash")]
    Character,
    /// `//`, or a slash first or last.
    #[error("has an empty segment")]
    EmptySegment,
    /// `.` or `..`.
    #[error("has a segment '.' or '..'")]
    DotSegment,
}

/// Reads a key. `is_variable` says whether a path is a variable's.
pub fn parse(key: &str, is_variable: impl Fn(&str) -> bool) -> Result<Key<'_>, KeyError> {
    if key.is_empty() {
        return Err(KeyError::Unknown);
    }
    check(key).map_err(KeyError::Malformed)?;
    let (node, last) = key.rsplit_once('/').unwrap_or(("", key));
    if let Some(document) = metadata_document(last) {
        return Ok(Key::Metadata { node, document });
    }
    chunk_of_v2(node, last)
        .filter(|(variable, _)| is_variable(variable))
        .or_else(|| chunk_of_v3(key).filter(|(variable, _)| is_variable(variable)))
        .map(|(variable, index)| Key::Chunk { variable, index })
        .ok_or(KeyError::Unknown)
}

fn check(key: &str) -> Result<(), KeyFault> {
    if key.len() > LENGTH_MAX {
        return Err(KeyFault::TooLong);
    }
    if key.bytes().any(|byte| byte == 0 || byte == b'\\') {
        return Err(KeyFault::Character);
    }
    for segment in key.split('/') {
        match segment {
            "" => return Err(KeyFault::EmptySegment),
            "." | ".." => return Err(KeyFault::DotSegment),
            _ => {}
        }
    }
    Ok(())
}

/// Whether a key has the shape of a chunk's, whatever arrays there are.
pub fn is_chunk_like(key: &str) -> bool {
    let of_v2 = || key.rsplit_once('/').and_then(|(node, last)| chunk_of_v2(node, last));
    chunk_of_v3(key).or_else(of_v2).is_some()
}

fn metadata_document(name: &str) -> Option<MetadataDocument> {
    Some(match name {
        ".zmetadata" => MetadataDocument::ConsolidatedV2,
        ".zgroup" => MetadataDocument::GroupV2,
        ".zarray" => MetadataDocument::ArrayV2,
        ".zattrs" => MetadataDocument::AttributesV2,
        "zarr.json" => MetadataDocument::V3,
        _ => return None,
    })
}

/// `tas` and `0.0.1`.
fn chunk_of_v2<'k>(node: &'k str, last: &str) -> Option<(&'k str, ChunkIndex)> {
    let places = last.split('.').map(place).collect::<Option<_>>()?;
    (!node.is_empty()).then_some((node, ChunkIndex { format: KeyFormat::V2, places }))
}

/// `tas/c/0/0/1`: numbers from the end back to the first segment that is none, which must be `c`.
fn chunk_of_v3(key: &str) -> Option<(&str, ChunkIndex)> {
    let mut rest = key;
    let mut places = SmallVec::new();
    loop {
        let (before, segment) = rest.rsplit_once('/')?;
        if segment == "c" {
            places.reverse();
            return Some((before, ChunkIndex { format: KeyFormat::V3, places }));
        }
        places.push(place(segment)?);
        rest = before;
    }
}

/// A decimal number as the specifications write it: no sign, no leading zero.
fn place(digits: &str) -> Option<u64> {
    let is_plain = !digits.is_empty()
        && digits.len() <= 20
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits == "0" || !digits.starts_with('0'));
    if is_plain { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn chunk(key: &str, variables: &[&str]) -> Option<(String, Vec<u64>)> {
        match parse(key, |path| variables.contains(&path)) {
            Ok(Key::Chunk { variable, index }) => Some((variable.to_owned(), index.places().to_vec())),
            _ => None,
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "what `chunk` gives")]
    fn found(variable: &str, places: &[u64]) -> Option<(String, Vec<u64>)> {
        Some((variable.to_owned(), places.to_vec()))
    }

    #[test]
    fn chunks_of_both_formats_are_found() {
        assert_eq!(chunk("tas/0.1.22", &["tas"]), found("tas", &[0, 1, 22]));
        assert_eq!(chunk("tas/c/0/1/22", &["tas"]), found("tas", &[0, 1, 22]));
        assert_eq!(chunk("forecast/tas/7", &["forecast/tas"]), found("forecast/tas", &[7]));
        assert_eq!(chunk("forecast/tas/c/7", &["forecast/tas"]), found("forecast/tas", &[7]));
        assert_eq!(chunk("x/c", &["x"]), found("x", &[]));
    }

    #[test]
    fn chunks_look_like_chunks() {
        for key in ["tas/0", "tas/0.1", "a/b/10", "tas/c", "tas/c/0/1", "a/b/c/2"] {
            assert!(is_chunk_like(key), "{key}");
        }
        for key in ["", "tas", "0", "tas/.zarray", "tas/zarr.json", ".zmetadata", "tas/01", "tas/"] {
            assert!(!is_chunk_like(key), "{key}");
        }
    }

    #[test]
    fn the_variable_that_exists_decides() {
        assert_eq!(chunk("c/0", &["c"]), found("c", &[0]));
        assert_eq!(chunk("c/c/0", &["c"]), found("c", &[0]));
        assert_eq!(chunk("c/c/0", &["c/c"]), found("c/c", &[0]));
        assert_eq!(chunk("c/c/c/0", &["c/c"]), found("c/c", &[0]));
        assert_eq!(chunk("c/c/c", &["c/c"]), found("c/c", &[]));
        assert_eq!(chunk("a/c/1/2", &["a/c/1"]), found("a/c/1", &[2]));
        assert_eq!(chunk("a/c/1/2", &["a"]), found("a", &[1, 2]));
        assert_eq!(chunk("2000/c/0", &["2000"]), found("2000", &[0]));
        assert_eq!(chunk("a/c/2000/5", &["a/c/2000"]), found("a/c/2000", &[5]));
    }

    #[test]
    fn a_scalar_has_its_chunk_in_each_format_and_no_other() {
        let scalar = ChunkGrid::new(vec![], vec![]).unwrap();
        let line = ChunkGrid::new(vec![4], vec![2]).unwrap();
        let number = |key: &str, grid: &ChunkGrid| match parse(key, |path| path == "x") {
            Ok(Key::Chunk { index, .. }) => index.number(grid),
            other => panic!("{other:?}"),
        };
        assert_eq!(number("x/0", &scalar), Some(0));
        assert_eq!(number("x/c", &scalar), Some(0));
        for beside in ["x/1", "x/0.0", "x/c/0"] {
            assert_eq!(number(beside, &scalar), None, "{beside}");
        }
        assert_eq!(number("x/1", &line), Some(1));
        assert_eq!(number("x/c/1", &line), Some(1));
        for beside in ["x/2", "x/c", "x/0.0", "x/18446744073709551615"] {
            assert_eq!(number(beside, &line), None, "{beside}");
        }
    }

    #[test]
    fn metadata_documents_have_their_node() {
        let metadata = |key| match parse(key, |_| false) {
            Ok(Key::Metadata { node, document }) => (node, document),
            other => panic!("{other:?}"),
        };
        assert_eq!(metadata(".zmetadata"), ("", MetadataDocument::ConsolidatedV2));
        assert_eq!(metadata("zarr.json"), ("", MetadataDocument::V3));
        assert_eq!(metadata("tas/.zarray"), ("tas", MetadataDocument::ArrayV2));
        assert_eq!(metadata("a/b/.zattrs"), ("a/b", MetadataDocument::AttributesV2));
        assert_eq!(metadata("a/.zgroup"), ("a", MetadataDocument::GroupV2));
        assert_eq!(metadata("a/b/zarr.json"), ("a/b", MetadataDocument::V3));
    }

    #[test]
    fn numbers_are_strict() {
        for bad in [
            "-1.0.0",
            "+1.0",
            "01.0",
            "00",
            "1.",
            ".1",
            "1..2",
            "0x1",
            " 1",
            "1 ",
            "1e0",
            "٣",
            "0/0/0",
            "18446744073709551616",
            "100000000000000000000000",
        ] {
            assert_eq!(parse(&format!("tas/{bad}"), |path| path == "tas"), Err(KeyError::Unknown), "{bad}");
        }
    }

    #[test]
    fn malformed_keys_are_told_from_unknown_ones() {
        let long = "x".repeat(LENGTH_MAX + 1);
        for (bad, fault) in [
            ("../atmos.json", KeyFault::DotSegment),
            ("a/./0", KeyFault::DotSegment),
            ("a/..", KeyFault::DotSegment),
            ("/a/0", KeyFault::EmptySegment),
            ("a//0", KeyFault::EmptySegment),
            ("a/", KeyFault::EmptySegment),
            ("a\0/0", KeyFault::Character),
            ("a\\..\\b", KeyFault::Character),
            (&long, KeyFault::TooLong),
        ] {
            assert_eq!(parse(bad, |_| true), Err(KeyError::Malformed(fault)), "{bad:?}");
        }
        for unknown in ["", "tas", "pr/0.0", "0", "c", "0.0", "c/0/0", "tas/.zfoo"] {
            assert_eq!(parse(unknown, |path| path == "tas"), Err(KeyError::Unknown), "{unknown:?}");
        }
    }

    #[test]
    fn keys_of_other_stores_are_exact() {
        let grid = ChunkGrid::new(vec![4, 6], vec![2, 2]).unwrap();
        let scalar = ChunkGrid::new(vec![], vec![]).unwrap();
        let v2 = ChunkKeyEncoding { has_prefix: false, separator: '.' };
        let slashes = ChunkKeyEncoding { has_prefix: false, separator: '/' };
        let v3 = ChunkKeyEncoding { has_prefix: true, separator: '/' };
        for (has_prefix, separator) in [(true, '/'), (true, '.'), (false, '.'), (false, '/')] {
            let encoding = ChunkKeyEncoding { has_prefix, separator };
            for number in 0..grid.chunk_count() {
                let key = super::chunk(encoding, &grid.index(number));
                assert_eq!(chunk_number(&key, encoding, &grid), Some(number), "{key}");
            }
        }
        for (end, encoding, expected) in [
            (".zarray", slashes, None),
            ("zarr.json", v3, None),
            ("c", v3, None),
            ("c/+1/0", v3, None),
            ("c/0/0.tmp", v3, None),
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
            assert_eq!(chunk_number(end, encoding, &grid), expected, "{end}");
        }
        assert_eq!(chunk_number("0", v2, &scalar), Some(0));
        assert_eq!(chunk_number("c", v3, &scalar), Some(0));
        assert_eq!(chunk_number("0.0", v2, &scalar), None);
    }

    proptest! {
        #[test]
        fn any_text_is_answered(key in any::<String>()) {
            let _ = parse(&key, |_| true);
        }

        #[test]
        fn any_sequence_of_telling_segments_is_answered(
            segments in prop::collection::vec(prop::sample::select(vec![
                "c", "0", "1.2", "..", ".", "", "zarr.json", ".zarray", "tas", "18446744073709551615", "é",
            ]), 0..8),
            existing in any::<bool>(),
        ) {
            let key = segments.join("/");
            if let Ok(Key::Chunk { variable, .. }) = parse(&key, |_| existing) {
                prop_assert!(existing && key.starts_with(variable) && !variable.is_empty());
            }
        }

        #[test]
        fn every_chunk_is_found_by_its_keys(places in prop::collection::vec(any::<u64>(), 1..12)) {
            let text: Vec<String> = places.iter().map(u64::to_string).collect();
            prop_assert_eq!(chunk(&format!("g/c/{}", text.join(".")), &["g/c"]), found("g/c", &places));
            prop_assert_eq!(chunk(&format!("g/c/c/{}", text.join("/")), &["g/c"]), found("g/c", &places));
        }
    }
}
