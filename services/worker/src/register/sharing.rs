//! Files of one archive say the same things a thousand times: what a scan has in common with the first one of its
//! kind is kept once. What remains for each file are its references.

use std::collections::HashMap;

use bytes::Bytes;
use model::{Attributes, ChunkManifest, ChunkRef, FileScan, NodePath};

/// What earlier scans said.
#[derive(Default)]
pub(super) struct Sharing {
    groups: HashMap<NodePath, Attributes>,
    variables: HashMap<NodePath, Known>,
}

struct Known {
    attributes: Attributes,
    /// The first inlined chunk.
    inlined: Option<Bytes>,
}

impl Sharing {
    /// Replaces what is equal to what was said before by that.
    pub(super) fn share(&mut self, scan: &mut FileScan) {
        for group in &mut scan.groups {
            match self.groups.get(&group.path) {
                Some(known) if *known == group.attributes => group.attributes = known.clone(),
                Some(_) => {}
                None => {
                    self.groups.insert(group.path.clone(), group.attributes.clone());
                }
            }
        }
        for scanned in &mut scan.variables {
            let known = self
                .variables
                .entry(scanned.variable.path.clone())
                .or_insert_with(|| Known { attributes: scanned.variable.attributes.clone(), inlined: None });
            if known.attributes == scanned.variable.attributes {
                scanned.variable.attributes = known.attributes.clone();
            }
            share_inlined(&mut scanned.manifest, &mut known.inlined);
        }
    }
}

/// Inlined chunks, apart from the message that they came in: a slice of it would keep all of it.
fn share_inlined(manifest: &mut ChunkManifest, known: &mut Option<Bytes>) {
    if manifest.inlined_count() == 0 {
        return;
    }
    let inlined = manifest.iter().filter_map(|(number, reference)| match reference {
        ChunkRef::Inline(bytes) => Some((number, bytes)),
        _ => None,
    });
    for (number, bytes) in inlined.collect::<Vec<_>>() {
        let own = match known {
            Some(known) if *known == bytes => known.clone(),
            _ => Bytes::copy_from_slice(&bytes),
        };
        known.get_or_insert_with(|| own.clone());
        manifest.set(number, ChunkRef::Inline(own));
    }
}
