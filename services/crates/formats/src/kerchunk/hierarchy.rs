//! Groups and variables of the metadata documents in a set of references.

use std::collections::{BTreeMap, BTreeSet};

use model::{Attributes, ChunkKeyEncoding, Group, NodePath, Variable, Warning};
use serde_json::value::RawValue;
use zarr::read::{ReadArray, ReadError};

use crate::{ScanFault, ScanOptions};

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
    pub(super) encoding: ChunkKeyEncoding,
}

/// Reads all documents. An array that cannot be served is left out with a warning.
pub(super) fn read(documents: &Documents, options: &ScanOptions) -> Result<Hierarchy, ScanFault> {
    let consolidated = consolidated(documents)?;
    let document = |key: &str| documents.get(key).or_else(|| consolidated.get(key)).map(Vec::as_slice);
    let keys: BTreeSet<&str> = documents.keys().chain(consolidated.keys()).map(String::as_str).collect();
    if keys.len() > options.objects_max {
        return Err(ScanFault::TooManyObjects(options.objects_max));
    }
    let mut found = Found::default();
    for key in keys {
        let (node, name) = key.rsplit_once('/').unwrap_or(("", key));
        let json = document(key).unwrap_or_default();
        let beside =
            |name: &str| document(&if node.is_empty() { name.to_owned() } else { format!("{node}/{name}") });
        match name {
            ".zarray" => {
                found.array(node, |path| zarr::v2::read::array_of_texts(&path, json, beside(".zattrs")));
            }
            ".zgroup" => found.group(node, beside(".zattrs")),
            // A group without a `.zgroup`, as some writers leave it.
            ".zattrs" if node.is_empty() => found.group(node, Some(json)),
            _ => {}
        }
    }
    Ok(found.into_hierarchy())
}

/// Refuses more chunks than references are allowed to be: places for all are made.
pub(super) fn check_chunk_count(arrays: &[Array], most: u64) -> Result<(), ScanFault> {
    let counts = arrays.iter().map(|array| array.variable.grid.chunk_count());
    let total = counts.fold(0, u64::saturating_add);
    if total > most { Err(ScanFault::TooLarge("the chunks of all variables", most)) } else { Ok(()) }
}

/// The documents inside `.zmetadata`, if there is one.
fn consolidated(documents: &Documents) -> Result<Documents, ScanFault> {
    #[derive(serde::Deserialize)]
    struct Consolidated<'a> {
        #[serde(borrow)]
        metadata: BTreeMap<String, &'a RawValue>,
    }
    let Some(json) = documents.get(".zmetadata") else { return Ok(Documents::new()) };
    // Bare NaN in one document would keep the others from being read; each has its own copy then.
    let consolidated: Consolidated<'_> = match serde_json::from_slice(json) {
        Ok(consolidated) => consolidated,
        Err(_) if documents.len() > 1 => return Ok(Documents::new()),
        Err(error) => return Err(ScanFault::References(format!(".zmetadata: {error}"))),
    };
    Ok(consolidated.metadata.into_iter().map(|(key, json)| (key, json.get().into())).collect())
}

/// Nodes as they are found.
#[derive(Default)]
struct Found {
    groups: BTreeMap<NodePath, Attributes>,
    arrays: Vec<Array>,
    warnings: Vec<Warning>,
}

impl Found {
    fn warn(&mut self, node: &str, fault: &impl std::fmt::Display) {
        self.warnings.push(Warning { subject: node.to_owned(), message: format!("left out: {fault}") });
    }

    fn group(&mut self, node: &str, zattrs: Option<&[u8]>) {
        match zarr::v2::read::attributes_of_text(zattrs) {
            Ok(attributes) => self.add_group(node, attributes),
            Err(fault) => self.warn(node, &fault),
        }
    }

    fn add_group(&mut self, node: &str, attributes: Attributes) {
        match NodePath::parse(node) {
            Ok(path) => {
                self.groups.insert(path, attributes);
            }
            Err(fault) => self.warn(node, &fault.message),
        }
    }

    fn array(&mut self, node: &str, read: impl FnOnce(NodePath) -> Result<ReadArray, ReadError>) {
        let path = match NodePath::parse(node) {
            Ok(path) if !node.is_empty() => path,
            Ok(_) => return self.warn(node, &"an array at the root has no name"),
            Err(fault) => return self.warn(node, &fault.message),
        };
        match read(path) {
            Ok(ReadArray { variable, encoding, warnings }) => {
                for message in warnings {
                    self.warnings.push(Warning { subject: node.to_owned(), message });
                }
                self.arrays.push(Array { variable, encoding });
            }
            Err(fault) => self.warn(node, &fault),
        }
    }

    fn into_hierarchy(mut self) -> Hierarchy {
        let parents =
            self.arrays.iter().map(|array| array.variable.path.clone()).chain(self.groups.keys().cloned());
        let mut missing: BTreeSet<NodePath> = BTreeSet::from([NodePath::root()]);
        for path in parents {
            missing.extend(std::iter::successors(path.parent(), NodePath::parent));
        }
        for path in missing {
            self.groups.entry(path).or_default();
        }
        // An array cannot be a group too.
        for array in &self.arrays {
            self.groups.remove(&array.variable.path);
        }
        let groups = self.groups.into_iter().map(|(path, attributes)| Group { path, attributes }).collect();
        Hierarchy { groups, arrays: self.arrays, warnings: self.warnings }
    }
}
