//! Where the chunks of an array are.

use std::collections::HashSet;

use model::{ByteRange, ChunkManifest, ChunkRef, FileId, InPlace, SourceFile};

use super::walk::Nodes;
use super::{DOCUMENT_BYTES_MAX, FoundArray, ReadStore, StoreObject};
use crate::{ScanFault, ScanOptions};

/// Chunks between two signs of life.
const ALIVE_EVERY: u64 = 1000;

/// References of an array: in a manifest, or in place.
pub(super) struct References {
    pub(super) manifest: ChunkManifest,
    pub(super) in_place: Option<InPlace>,
    /// What lies with its chunks and is none.
    pub(super) strays: Strays,
}

/// Values that are no chunks: a name that was damaged makes a chunk missing.
#[derive(Default)]
pub(super) struct Strays {
    count: u64,
    first: String,
}

impl Strays {
    pub(super) fn add(&mut self, key: &str) {
        if self.count == 0 {
            key.clone_into(&mut self.first);
        }
        self.count += 1;
    }

    /// What is said of them.
    pub(super) fn warning(&self, of: &str) -> Option<String> {
        let Self { count, first } = self;
        (*count > 0).then(|| {
            format!("{count} values are no chunks of {of}, the first is {first:?}: should they be, those read as missing")
        })
    }
}

/// Leaves references in place where that may be, else lists the store. Files are added to `files`. `consolidated` is the
/// document that tells of all arrays, if there is one, and the name of an array's own.
pub(super) fn find(
    store: &dyn ReadStore,
    array: &FoundArray,
    consolidated: Option<(&str, &str)>,
    options: &ScanOptions,
    files: &mut Vec<SourceFile>,
    alive: &mut dyn FnMut(),
) -> Result<References, ScanFault> {
    let encoding = array.read.encoding;
    if let (true, Some((base, not_after_ns))) = (options.stand_alone, store.base()) {
        let witness = match consolidated {
            Some((all, own)) if !has_document(store, array, own)? => Some(format!("{base}/{all}")),
            _ => None,
        };
        let array = if array.key.is_empty() { base } else { format!("{base}/{}", array.key) };
        let in_place = Some(InPlace::Keys { array, encoding, not_after_ns, witness });
        return Ok(References { manifest: ChunkManifest::default(), in_place, strays: Strays::default() });
    }
    let grid = &array.read.variable.grid;
    let count = grid.chunk_count();
    if count > options.sparse_chunks_max {
        let variable = array.read.variable.path.to_string();
        return Err(ScanFault::TooManyChunks { variable, count, most: options.sparse_chunks_max });
    }
    let mut manifest = ChunkManifest::missing(0, count as usize);
    let mut strays = Strays::default();
    let mut seen = 0_u64;
    let mut visit = |object: StoreObject<'_>| {
        seen += 1;
        if seen.is_multiple_of(ALIVE_EVERY) {
            alive();
        }
        let Some(number) = zarr::key::chunk_number(object.key, encoding, grid) else {
            strays.add(object.key);
            return Ok(());
        };
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
    Ok(References { manifest, in_place: None, strays })
}

/// What lies outside of all arrays of a store whose values are no files of their own: such a store, a zip file, is listed
/// at once. Of an array that is left out there is a warning.
pub(super) fn of_no_array(store: &dyn ReadStore, nodes: &Nodes) -> Strays {
    let mut strays = Strays::default();
    if store.base().is_some() {
        return strays;
    }
    let left_out = nodes.warnings.iter().map(|warning| warning.subject.as_str());
    let known: HashSet<&str> = nodes.arrays.iter().map(|array| array.key.as_str()).chain(left_out).collect();
    let mut visit = |object: StoreObject<'_>| {
        let ends = object.key.rmatch_indices('/').map(|(end, _)| end).chain([0]);
        if !ends.into_iter().any(|end| known.contains(&object.key[..end])) {
            strays.add(object.key);
        }
        Ok(())
    };
    // Members that are compressed are told of with their arrays.
    let _ = store.objects("", &mut visit);
    strays
}

/// Whether an array has a document of its own, which it need not where the store's tells of all: some servers give out
/// no other.
fn has_document(store: &dyn ReadStore, array: &FoundArray, name: &str) -> Result<bool, ScanFault> {
    let key = if array.key.is_empty() { name.to_owned() } else { format!("{}/{name}", array.key) };
    Ok(store.get(&key, DOCUMENT_BYTES_MAX)?.is_some())
}
