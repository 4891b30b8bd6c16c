//! Where the chunks of an array are.

use model::{ByteRange, ChunkKeyEncoding, ChunkManifest, ChunkRef, FileId, InPlace, SourceFile};

use super::{FoundArray, ReadStore, StoreObject};
use crate::{ScanFault, ScanOptions};

/// Chunks between two signs of life.
const ALIVE_EVERY: u64 = 1000;

/// References of an array: in a manifest, or in place.
pub(super) struct References {
    pub(super) manifest: ChunkManifest,
    pub(super) in_place: Option<InPlace>,
}

/// Leaves references in place where that may be, else lists the store. Files are added to `files`.
pub(super) fn find(
    store: &dyn ReadStore,
    array: &FoundArray,
    options: &ScanOptions,
    files: &mut Vec<SourceFile>,
    alive: &mut dyn FnMut(),
) -> Result<References, ScanFault> {
    let encoding = array.read.encoding;
    if let (true, Some((base, not_after_ns))) = (options.stand_alone, store.base()) {
        let array = if array.key.is_empty() { base } else { format!("{base}/{}", array.key) };
        let in_place = Some(InPlace::Keys { array, encoding, not_after_ns });
        return Ok(References { manifest: ChunkManifest::default(), in_place });
    }
    let grid = &array.read.variable.grid;
    let count = grid.chunk_count();
    if count > options.sparse_chunks_max {
        let variable = array.read.variable.path.to_string();
        return Err(ScanFault::TooManyChunks { variable, count, most: options.sparse_chunks_max });
    }
    let mut manifest = ChunkManifest::missing(0, count as usize);
    let mut seen = 0_u64;
    let mut visit = |object: StoreObject<'_>| {
        seen += 1;
        if seen.is_multiple_of(ALIVE_EVERY) {
            alive();
        }
        let index = index_of(object.key, encoding, grid.shape().len());
        let Some(number) = index.and_then(|index| grid.number(&index)) else { return Ok(()) };
        let range = ByteRange { offset: object.offset, length: object.length };
        // Of a zip file all chunks are in the one file.
        let file = match files.first() {
            Some(first) if *first == object.file => 0,
            _ => {
                files.push(object.file);
                files.len() - 1
            }
        };
        let file = FileId(u32::try_from(file).map_err(|_| ScanFault::TooManyObjects(u32::MAX as usize))?);
        manifest.set(number, ChunkRef::Bytes { file, range });
        Ok(())
    };
    if !store.objects(&array.key, &mut visit)? {
        return Err(ScanFault::CannotList);
    }
    Ok(References { manifest, in_place: None })
}

/// The index that a key below an array names: the inverse of `zarr::key::chunk`.
fn index_of(key: &str, encoding: ChunkKeyEncoding, rank: usize) -> Option<Vec<u64>> {
    let places = if encoding.has_prefix {
        let rest = key.strip_prefix('c')?;
        if rest.is_empty() {
            return (rank == 0).then(Vec::new);
        }
        rest.strip_prefix(encoding.separator)?
    } else if rank == 0 {
        return (key == "0").then(Vec::new);
    } else {
        key
    };
    let place = |text: &str| {
        let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        is_plain.then(|| text.parse().ok()).flatten()
    };
    let index: Vec<u64> = places.split(encoding.separator).map(place).collect::<Option<_>>()?;
    (index.len() == rank).then_some(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_they_are_written() {
        for (has_prefix, separator) in [(true, '/'), (true, '.'), (false, '.'), (false, '/')] {
            let encoding = ChunkKeyEncoding { has_prefix, separator };
            for index in [vec![], vec![7], vec![0, 12, 3]] {
                let key = zarr::key::chunk(encoding, &index);
                assert_eq!(index_of(&key, encoding, index.len()), Some(index.clone()), "{key}");
                // `0` is a scalar's chunk, and the first of one dimension.
                let longer = index_of(&key, encoding, index.len() + 1);
                assert_eq!(longer, (key == "0").then(|| vec![0]), "{key}");
            }
            for key in [".zarray", "zarr.json", "c", "0.0x", "c/+1", "", "c/0/0.tmp"] {
                assert_eq!(index_of(key, encoding, 2), None, "{key}");
            }
        }
    }
}
