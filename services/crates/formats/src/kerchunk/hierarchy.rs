//! Groups and variables of the metadata documents in a set of references: a Zarr store that has no chunks.

use std::collections::{BTreeMap, BTreeSet};

use model::{Group, SourceFile, Variable, Warning};

use crate::{
    ScanFault, ScanOptions,
    zarr_store::{self, FoundArray, ReadStore},
};

/// Documents by their keys: `tas/.zarray`.
pub(super) type Documents = BTreeMap<String, Vec<u8>>;

/// What the documents say.
pub(super) struct Hierarchy {
    /// The root first, parents before children.
    pub(super) groups: Vec<Group>,
    pub(super) arrays: Vec<Array>,
    pub(super) warnings: Vec<Warning>,
}

/// A variable and how its chunks are named.
pub(super) struct Array {
    pub(super) variable: Variable,
    pub(super) encoding: model::ChunkKeyEncoding,
}

/// Reads all documents. An array that cannot be served is left out with a warning.
pub(super) fn read(
    source: &SourceFile,
    documents: &Documents,
    options: &ScanOptions,
) -> Result<Hierarchy, ScanFault> {
    let found = zarr_store::nodes(&DocumentStore { source, documents }, options)?;
    let array =
        |FoundArray { read, .. }: FoundArray| Array { variable: read.variable, encoding: read.encoding };
    Ok(Hierarchy {
        groups: found.groups,
        arrays: found.arrays.into_iter().map(array).collect(),
        warnings: found.warnings,
    })
}

/// Refuses more chunks than references are allowed to be: places for all are made.
pub(super) fn check_chunk_count(arrays: &[Array], most: u64) -> Result<(), ScanFault> {
    let counts = arrays.iter().map(|array| array.variable.grid.chunk_count());
    let total = counts.fold(0, u64::saturating_add);
    if total > most { Err(ScanFault::TooLarge("the chunks of all variables", most)) } else { Ok(()) }
}

/// The documents as a store.
struct DocumentStore<'d> {
    source: &'d SourceFile,
    documents: &'d Documents,
}

impl ReadStore for DocumentStore<'_> {
    fn source(&self) -> SourceFile {
        self.source.clone()
    }

    fn get(&self, key: &str, _bytes_max: u64) -> Result<Option<Vec<u8>>, ScanFault> {
        // Some writers leave the root's out.
        let root = || (key == ".zgroup").then(|| br#"{"zarr_format": 2}"#.to_vec());
        Ok(self.documents.get(key).cloned().or_else(root))
    }

    fn children(&self, key: &str) -> Result<Option<Vec<String>>, ScanFault> {
        let prefix = if key.is_empty() { String::new() } else { format!("{key}/") };
        let below = self.documents.range(prefix.clone()..).map_while(|(key, _)| key.strip_prefix(&prefix));
        let names: BTreeSet<&str> = below.filter_map(|rest| Some(rest.split_once('/')?.0)).collect();
        Ok(Some(names.into_iter().map(str::to_owned).collect()))
    }

    fn base(&self) -> Option<(String, i64)> {
        None
    }
}
