//! Files of one archive say the same things a thousand times: what a scan has in common with earlier ones is kept
//! once. What remains for each file is its name and its references.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use model::{Attributes, ChunkManifest, ChunkRef, FileScan, NodePath, Variable};

/// Most ways of saying one thing that are remembered: months have four lengths, packing may differ in each file.
const KINDS_MAX: usize = 8;

/// What earlier scans said.
#[derive(Default)]
pub(super) struct Sharing {
    groups: HashMap<NodePath, Vec<Attributes>>,
    variables: HashMap<NodePath, Known>,
}

#[derive(Default)]
struct Known {
    attributes: Vec<Attributes>,
    variables: Vec<Arc<Variable>>,
    inlined: Vec<Bytes>,
}

impl Sharing {
    /// Replaces what is equal to what was said before by that.
    pub(super) fn share(&mut self, scan: &mut FileScan) {
        for group in &mut scan.groups {
            share_one(&mut group.attributes, self.groups.entry(group.path.clone()).or_default());
        }
        for scanned in &mut scan.variables {
            let known = self.variables.entry(scanned.variable.path.clone()).or_default();
            if !share_one(&mut scanned.variable, &mut known.variables) {
                share_one(&mut Arc::make_mut(&mut scanned.variable).attributes, &mut known.attributes);
            }
            share_inlined(&mut scanned.manifest, &mut known.inlined);
        }
    }
}

/// Replaces what is known by its first copy; remembers what is not. Whether it was known.
fn share_one<T: Clone + PartialEq>(own: &mut T, known: &mut Vec<T>) -> bool {
    if let Some(known) = known.iter().find(|known| **known == *own) {
        own.clone_from(known);
        return true;
    }
    if known.len() < KINDS_MAX {
        known.push(own.clone());
    }
    false
}

/// Inlined chunks, apart from the message that they came in: a slice of it would keep all of it.
fn share_inlined(manifest: &mut ChunkManifest, known: &mut Vec<Bytes>) {
    if manifest.inlined_count() == 0 {
        return;
    }
    let inlined = manifest.iter().filter_map(|(number, reference)| match reference {
        ChunkRef::Inline(bytes) => Some((number, bytes)),
        _ => None,
    });
    for (number, bytes) in inlined.collect::<Vec<_>>() {
        let mut own = Bytes::copy_from_slice(&bytes);
        share_one(&mut own, known);
        manifest.set(number, ChunkRef::Inline(own));
    }
}
