//! The groups and arrays of a store, from consolidated metadata or by walking it.

use std::collections::{BTreeMap, HashSet};

use model::{Attributes, Group, NodePath, Warning};
use serde_json::{Map, Value};
use zarr::read::{ReadArray, ReadError, attributes, parse};
use zarr::{v2, v3};

use super::{DOCUMENT_BYTES_MAX, ReadStore, stem};
use crate::{ScanFault, ScanOptions};

/// Deepest nesting of groups.
const DEPTH_MAX: usize = 64;

/// What a store has.
pub(crate) struct Nodes {
    pub(crate) groups: Vec<Group>,
    pub(crate) arrays: Vec<FoundArray>,
    pub(crate) warnings: Vec<Warning>,
    /// The document that told of all of them, and what an array has beside it in a store that is whole.
    pub(super) consolidated: Option<(&'static str, &'static str)>,
}

/// An array.
pub(crate) struct FoundArray {
    /// Its key in the store, empty for the root's.
    pub(super) key: String,
    pub(crate) read: ReadArray,
}

/// All groups and arrays of a store. Where it is of both formats, those of v3.
pub(super) fn walk(store: &dyn ReadStore, options: &ScanOptions) -> Result<Nodes, ScanFault> {
    let mut walk =
        Walk { store, options, groups: BTreeMap::new(), arrays: Vec::new(), warnings: Vec::new(), seen: 0 };
    let mut consolidated = None;
    if let Some(root) = walk.document("zarr.json")? {
        match of_document("zarr.json", v3::read::kind(&root))? {
            v3::read::NodeKind::Array => walk.root_array(|path| v3::read::array(path, &root))?,
            v3::read::NodeKind::Group => match v3::read::consolidated(&root) {
                Some(nodes) => {
                    consolidated = Some(("zarr.json", "zarr.json"));
                    walk.consolidated_v3(&root, nodes)?;
                }
                None => walk.group_v3("", &root, 0)?,
            },
        }
    } else if let Some(document) = walk.document(".zmetadata")? {
        let nodes = document.get("metadata").and_then(Value::as_object);
        let detail = || ScanFault::Document { key: ".zmetadata".into(), detail: "it has no metadata".into() };
        consolidated = Some((".zmetadata", ".zarray"));
        walk.consolidated_v2(nodes.ok_or_else(detail)?)?;
    } else if let Some(zarray) = walk.document(".zarray")? {
        let zattrs = walk.document(".zattrs")?;
        walk.root_array(|path| v2::read::array(path, &zarray, zattrs.as_ref()))?;
    } else {
        let zgroup = walk.document(".zgroup")?.ok_or(ScanFault::NoStore)?;
        of_document(".zgroup", v2::read::check_group(&zgroup))?;
        walk.group_v2("", 0)?;
    }
    Ok(Nodes { consolidated, ..walk.done() })
}

struct Walk<'s> {
    store: &'s dyn ReadStore,
    options: &'s ScanOptions,
    /// By path, so that parents come before children.
    groups: BTreeMap<NodePath, Attributes>,
    arrays: Vec<FoundArray>,
    warnings: Vec<Warning>,
    seen: usize,
}

impl Walk<'_> {
    fn document(&self, key: &str) -> Result<Option<Value>, ScanFault> {
        let Some(bytes) = self.store.get(key, DOCUMENT_BYTES_MAX)? else { return Ok(None) };
        of_document(key, parse(&bytes)).map(Some)
    }

    fn warn(&mut self, subject: &str, message: String) {
        self.warnings.push(Warning { subject: subject.to_owned(), message });
    }

    fn count(&mut self) -> Result<(), ScanFault> {
        self.seen += 1;
        if self.seen > self.options.objects_max {
            return Err(ScanFault::TooManyObjects(self.options.objects_max));
        }
        Ok(())
    }

    /// A key as a path; none, with a warning, where it can be no path of ours.
    fn path(&mut self, key: &str) -> Option<NodePath> {
        match NodePath::parse(key) {
            Ok(path) => Some(path),
            Err(error) => {
                self.warn(key, format!("left out: {}", error.message));
                None
            }
        }
    }

    fn add_array(
        &mut self,
        key: &str,
        read: impl FnOnce(&NodePath) -> Result<ReadArray, ReadError>,
    ) -> Result<(), ScanFault> {
        self.count()?;
        let Some(path) = self.path(key) else { return Ok(()) };
        self.add_array_at(key, &path, read)
    }

    fn add_array_at(
        &mut self,
        key: &str,
        path: &NodePath,
        read: impl FnOnce(&NodePath) -> Result<ReadArray, ReadError>,
    ) -> Result<(), ScanFault> {
        match read(path) {
            Ok(mut read) => {
                for message in std::mem::take(&mut read.warnings) {
                    self.warn(path.as_str(), message);
                }
                self.arrays.push(FoundArray { key: key.to_owned(), read });
                Ok(())
            }
            Err(ReadError::Unsupported(why)) => {
                self.warn(path.as_str(), format!("left out: {why}"));
                Ok(())
            }
            Err(ReadError::Malformed(detail)) => Err(ScanFault::Document { key: key.to_owned(), detail }),
        }
    }

    /// A store that is one array: called by the store's name, in a group.
    fn root_array(
        &mut self,
        read: impl FnOnce(&NodePath) -> Result<ReadArray, ReadError>,
    ) -> Result<(), ScanFault> {
        let source = self.store.source();
        let named =
            NodePath::parse(stem(&source.path)).ok().filter(|path| path.parent() == Some(NodePath::root()));
        let path = match named {
            Some(path) => path,
            None => NodePath::parse("data").map_err(|_| ScanFault::NoStore)?,
        };
        self.warn(
            path.as_str(),
            "the store is one array without a group, here called by the store's name".to_owned(),
        );
        self.add_array_at("", &path, read)
    }

    fn add_group(&mut self, key: &str, attributes: Attributes) -> Result<(), ScanFault> {
        self.count()?;
        if let Some(path) = self.path(key) {
            self.groups.insert(path, attributes);
        }
        Ok(())
    }

    fn consolidated_v3(&mut self, root: &Value, nodes: &Map<String, Value>) -> Result<(), ScanFault> {
        self.add_group("", v3::read::attributes_of_group(root))?;
        for (key, document) in nodes {
            match of_document(key, v3::read::kind(document))? {
                v3::read::NodeKind::Array => self.add_array(key, |path| v3::read::array(path, document))?,
                v3::read::NodeKind::Group => self.add_group(key, v3::read::attributes_of_group(document))?,
            }
        }
        Ok(())
    }

    fn consolidated_v2(&mut self, nodes: &Map<String, Value>) -> Result<(), ScanFault> {
        let attributes_of = |key: &str| nodes.get(&below(key, ".zattrs"));
        for (name, document) in nodes {
            let (key, kind) = name.rsplit_once('/').unwrap_or(("", name));
            match kind {
                ".zarray" if key.is_empty() => {
                    self.root_array(|path| v2::read::array(path, document, attributes_of(key)))?;
                }
                ".zarray" => {
                    self.add_array(key, |path| v2::read::array(path, document, attributes_of(key)))?;
                }
                ".zgroup" => self.add_group(key, attributes_or_none(attributes_of(key)))?,
                _ => {}
            }
        }
        Ok(())
    }

    fn children(&self, key: &str, depth: usize) -> Result<Vec<String>, ScanFault> {
        if depth > DEPTH_MAX {
            return Err(ScanFault::Document {
                key: key.to_owned(),
                detail: format!("groups are nested more than {DEPTH_MAX} deep"),
            });
        }
        let names = self.store.children(key)?.ok_or(ScanFault::CannotList)?;
        Ok(names.into_iter().filter(|name| !name.starts_with('.')).map(|name| below(key, &name)).collect())
    }

    fn group_v3(&mut self, key: &str, document: &Value, depth: usize) -> Result<(), ScanFault> {
        self.add_group(key, v3::read::attributes_of_group(document))?;
        for child in self.children(key, depth)? {
            let name = below(&child, "zarr.json");
            let Some(document) = self.document(&name)? else { continue };
            match of_document(&name, v3::read::kind(&document))? {
                v3::read::NodeKind::Array => {
                    self.add_array(&child, |path| v3::read::array(path, &document))?;
                }
                v3::read::NodeKind::Group => self.group_v3(&child, &document, depth + 1)?,
            }
        }
        Ok(())
    }

    fn group_v2(&mut self, key: &str, depth: usize) -> Result<(), ScanFault> {
        let zattrs = self.document(&below(key, ".zattrs"))?;
        self.add_group(key, attributes_or_none(zattrs.as_ref()))?;
        for child in self.children(key, depth)? {
            if let Some(zarray) = self.document(&below(&child, ".zarray"))? {
                let zattrs = self.document(&below(&child, ".zattrs"))?;
                self.add_array(&child, |path| v2::read::array(path, &zarray, zattrs.as_ref()))?;
            } else if self.document(&below(&child, ".zgroup"))?.is_some() {
                self.group_v2(&child, depth + 1)?;
            }
        }
        Ok(())
    }

    /// Groups that only their members tell of are added; a node that is there twice counts once.
    fn done(mut self) -> Nodes {
        let mut known = HashSet::new();
        self.arrays.retain(|array| known.insert(array.read.variable.path.clone()));
        let mut groups = self.groups;
        groups.retain(|path, _| !known.contains(path));
        groups.entry(NodePath::root()).or_default();
        let inner: Vec<NodePath> = known.iter().chain(groups.keys()).cloned().collect();
        for mut path in inner {
            while let Some(parent) = path.parent() {
                groups.entry(parent.clone()).or_default();
                path = parent;
            }
        }
        let groups = groups.into_iter().map(|(path, attributes)| Group { path, attributes }).collect();
        Nodes { groups, arrays: self.arrays, warnings: self.warnings, consolidated: None }
    }
}

fn attributes_or_none(zattrs: Option<&Value>) -> Attributes {
    zattrs.and_then(Value::as_object).map(attributes).unwrap_or_default()
}

fn below(key: &str, name: &str) -> String {
    if key.is_empty() { name.to_owned() } else { format!("{key}/{name}") }
}

fn of_document<T>(key: &str, read: Result<T, ReadError>) -> Result<T, ScanFault> {
    read.map_err(|error| ScanFault::Document { key: key.to_owned(), detail: error.to_string() })
}
