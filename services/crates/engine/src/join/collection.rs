//! Scans taken apart: each variable with its pieces, one for each file that has it.

use std::collections::HashMap;

use model::{FileScan, Group, NodePath, Result, ScannedVariable};

use super::attributes::Notes;
use super::sources::Sources;

/// All scans, by variable.
pub(super) struct Collection {
    pub(super) sources: Sources,
    pub(super) groups: Vec<Group>,
    pub(super) variables: Vec<Collected>,
    pub(super) notes: Notes,
}

/// One variable in all files that have it, in the order of the files.
pub(super) struct Collected {
    pub(super) path: NodePath,
    pub(super) pieces: Vec<Piece>,
}

/// A variable in one file.
pub(super) struct Piece {
    /// Place of the file in the join's order.
    pub(super) file: usize,
    pub(super) scanned: ScannedVariable,
}

impl Collection {
    /// Takes scans apart, in the order given.
    pub(super) fn new(scans: Vec<FileScan>) -> Result<Self> {
        let mut sources = Sources::with_capacity(scans.len());
        let mut variables: Vec<Collected> = Vec::new();
        let mut groups: Vec<Group> = Vec::new();
        let mut variable_places: HashMap<NodePath, usize> = HashMap::new();
        let mut group_places: HashMap<NodePath, usize> = HashMap::new();
        let mut notes = Notes::default();
        for (file, scan) in scans.into_iter().enumerate() {
            sources.add(scan.file, scan.files);
            notes.add_scan_warnings(scan.warnings);
            for group in scan.groups {
                if let Some(at) = group_places.get(&group.path) {
                    notes.compare_group(&groups[*at], &group, file);
                } else {
                    group_places.insert(group.path.clone(), groups.len());
                    groups.push(group);
                }
            }
            for scanned in scan.variables {
                let path = scanned.variable.path.clone();
                let at = *variable_places.entry(path).or_insert_with_key(|path| {
                    variables.push(Collected { path: path.clone(), pieces: Vec::new() });
                    variables.len() - 1
                });
                variables[at].pieces.push(Piece { file, scanned });
            }
        }
        if let Some(clash) = variables.iter().find(|variable| group_places.contains_key(&variable.path)) {
            let files: Vec<usize> = clash.pieces.iter().map(|piece| piece.file).take(2).collect();
            let message = format!("{} is a variable in one file and a group in another", clash.path);
            return Err(sources.refuse(message, &files));
        }
        // Parents before children, as a dataset has them.
        groups.sort_by_key(|group| group.path.as_str().split('/').filter(|part| !part.is_empty()).count());
        Ok(Self { sources, groups, variables, notes })
    }
}

impl Collected {
    /// Whether it lies along a dimension, in the first file.
    pub(super) fn has_dimension(&self, dimension: &str) -> bool {
        self.pieces
            .first()
            .is_some_and(|piece| piece.scanned.variable.dimensions.iter().any(|name| name == dimension))
    }
}
