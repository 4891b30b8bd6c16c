//! Walking the groups of a file.

use std::{collections::HashSet, ffi::CString};

use model::{NodePath, Warning};

use super::native::{Fault, File, Link, LinkKind, Object, ObjectKind, Token};
use crate::{ScanFault, ScanOptions};

/// Deepest nesting of groups.
const DEPTH_MAX: usize = 256;

/// A group, with the datasets in it.
pub(super) struct FoundGroup {
    /// Where it is.
    pub(super) path: NodePath,
    /// The group around it, by its place in the list; the root's is its own.
    pub(super) parent: usize,
    /// The group.
    pub(super) object: Object,
    /// Its datasets, in the order of the file.
    pub(super) datasets: Vec<FoundDataset>,
}

/// A dataset, not kept open: a file may have very many.
pub(super) struct FoundDataset {
    /// The name of its link.
    pub(super) link: CString,
    /// The same as text.
    pub(super) name: String,
    /// Where its object is.
    pub(super) token: Token,
}

/// All groups with their datasets: parents before children, in the order of the file. Each group appears once,
/// however many links lead to it, so a loop ends; a dataset appears under each of its links.
pub(super) fn walk(
    file: &File,
    options: &ScanOptions,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<FoundGroup>, ScanFault> {
    let root = file.root()?;
    let mut walk =
        Walk { groups: Vec::new(), seen: HashSet::from([root.token]), objects: 1, options, warnings };
    walk.enter(&NodePath::root(), 0, root, 0)?;
    Ok(walk.groups)
}

struct Walk<'a> {
    groups: Vec<FoundGroup>,
    seen: HashSet<Token>,
    objects: usize,
    options: &'a ScanOptions,
    warnings: &'a mut Vec<Warning>,
}

impl Walk<'_> {
    fn warn(&mut self, subject: String, message: String) {
        self.warnings.push(Warning { subject, message });
    }

    /// Adds a group, then the groups in it.
    fn enter(
        &mut self,
        path: &NodePath,
        parent: usize,
        object: Object,
        depth: usize,
    ) -> Result<(), ScanFault> {
        let mut inner = Vec::new();
        let mut datasets = Vec::new();
        let links = match object.links() {
            Ok(links) => links,
            Err(fault) if depth > 0 => {
                self.warn(path.to_string(), format!("the members of the group are left out: {fault}"));
                Vec::new()
            }
            Err(fault) => return Err(fault.into()),
        };
        for link in links {
            let name = link.name.to_string_lossy().into_owned();
            let subject = if path.as_str().is_empty() { name.clone() } else { format!("{path}/{name}") };
            let Some(member) = self.follow(&object, &link, &subject)? else { continue };
            match member.kind {
                ObjectKind::Dataset => {
                    datasets.push(FoundDataset { link: link.name, name, token: member.token });
                }
                ObjectKind::Group => inner.push((link, name, subject, member)),
                ObjectKind::Other => {}
            }
        }
        let place = self.groups.len();
        self.groups.push(FoundGroup { path: path.clone(), parent, object, datasets });
        for (link, name, subject, group) in inner {
            if link.kind == LinkKind::Soft || !self.seen.insert(group.token) {
                self.warn(subject, "left out: a second link to a group".to_owned());
            } else if depth >= DEPTH_MAX {
                self.warn(subject, format!("left out: groups are nested more than {DEPTH_MAX} deep"));
            } else {
                match path.join(&name) {
                    Ok(path) => self.enter(&path, place, group, depth + 1)?,
                    Err(error) => self.warn(subject, format!("left out: {}", error.message)),
                }
            }
        }
        Ok(())
    }

    /// The object that a link leads to, unless it leads out of the file or nowhere.
    fn follow(&mut self, group: &Object, link: &Link, subject: &str) -> Result<Option<Object>, ScanFault> {
        self.objects += 1;
        if self.objects > self.options.objects_max {
            return Err(ScanFault::TooManyObjects(self.options.objects_max));
        }
        match link.kind {
            LinkKind::Hard | LinkKind::Soft => {}
            LinkKind::External => {
                self.warn(subject.to_owned(), "left out: a link to another file".to_owned());
                return Ok(None);
            }
            LinkKind::UserDefined => {
                self.warn(subject.to_owned(), "left out: a link that an application defined".to_owned());
                return Ok(None);
            }
        }
        match group.open(&link.name) {
            Ok(object) if object.file == group.file => Ok(Some(object)),
            Ok(_) => {
                self.warn(subject.to_owned(), "left out: a link to another file".to_owned());
                Ok(None)
            }
            Err(_) if link.kind == LinkKind::Soft => {
                let target = group.soft_target(link).unwrap_or_default();
                self.warn(
                    subject.to_owned(),
                    format!("left out: a soft link to {target:?}, which is not there"),
                );
                Ok(None)
            }
            Err(fault) => {
                self.warn(subject.to_owned(), format!("left out: it cannot be opened: {fault}"));
                Ok(None)
            }
        }
    }
}

impl From<Fault> for ScanFault {
    fn from(fault: Fault) -> Self {
        Self::Library { operation: fault.operation, detail: fault.detail }
    }
}
