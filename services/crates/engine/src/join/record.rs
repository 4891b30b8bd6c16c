//! Which dimension grows from file to file.

use std::collections::BTreeMap;

use bytes::Bytes;
use cf::TimeUnits;
use model::{FileScan, Layout, NodePath, Result, ScannedVariable};

use super::numbers::inlined_bytes;
use super::sources::Sources;

/// The variable that orders files along the record dimension.
pub(super) struct RecordCoordinate {
    pub(super) dimension: String,
    /// The dimension's coordinate variable, or a time along it.
    pub(super) path: NodePath,
}

/// What is known of a dimension that has a coordinate variable, or a time along it.
struct Candidate<'s> {
    path: &'s NodePath,
    is_unlimited: bool,
    is_time: bool,
    differs: bool,
    first: (Bytes, Option<&'s str>, Option<&'s str>),
    files: Vec<usize>,
    not_inlined: Option<usize>,
}

/// The record dimension: the unlimited one whose coordinate differs between files; else the one whose coordinate is a
/// time (`units` with `since`) and differs; else the unlimited one along which an auxiliary time differs (NEMO's
/// `time_counter`, which may be 0 in every file, has `time_centered`); else, where nothing differs, the only time that
/// there is. None where there is no such dimension: the files are then merged as they are.
pub(super) fn find(scans: &[FileScan]) -> Result<Option<RecordCoordinate>> {
    let candidates = candidates(scans, is_coordinate)?;
    let grows = |c: &Candidate<'_>| c.differs && c.is_unlimited;
    let is_other_time = |c: &Candidate<'_>| c.differs && c.is_time;
    let rules: [&dyn Fn(&Candidate<'_>) -> bool; 2] = [&grows, &is_other_time];
    for rule in rules {
        let found: Vec<(&String, &Candidate<'_>)> = candidates.iter().filter(|(_, c)| rule(c)).collect();
        match found[..] {
            [] => {}
            [(dimension, candidate)] => return checked(dimension, candidate, scans).map(Some),
            _ => return Err(ambiguous(&found, scans)),
        }
    }
    let auxiliary = self::candidates(scans, is_auxiliary_time)?;
    if let Some((dimension, candidate)) = auxiliary.iter().find(|(_, c)| grows(c)) {
        return checked(dimension, candidate, scans).map(Some);
    }
    let mut same_times = candidates.iter().filter(|(_, c)| c.is_time && c.files.len() > 1);
    match (same_times.next(), same_times.next()) {
        (Some((dimension, candidate)), None) => checked(dimension, candidate, scans).map(Some),
        _ => Ok(None),
    }
}

/// Every dimension along which a variable is what is asked for, by name; the first of these variables, the one nearest
/// to the root where groups have some of theirs.
fn candidates(
    scans: &[FileScan],
    is_candidate: fn(&ScannedVariable) -> bool,
) -> Result<BTreeMap<String, Candidate<'_>>> {
    let mut candidates: BTreeMap<String, Candidate<'_>> = BTreeMap::new();
    for (file, scan) in scans.iter().enumerate() {
        for scanned in scan.variables.iter().filter(|scanned| is_candidate(scanned)) {
            let path = &scanned.variable.path;
            let dimension = dimension_path(scanned);
            let bytes = match scanned.layout {
                Layout::Inline => inlined_bytes(scanned)?,
                _ => Bytes::new(),
            };
            let attributes = &scanned.variable.attributes;
            let (units, calendar) = (attributes.text("units"), attributes.text("calendar"));
            let depth = |path: &NodePath| path.as_str().matches('/').count();
            let candidate =
                candidates.entry(scanned.variable.dimensions[0].clone()).or_insert_with(|| Candidate {
                    path,
                    is_unlimited: false,
                    is_time: false,
                    differs: false,
                    first: (bytes.clone(), units, calendar),
                    files: Vec::new(),
                    not_inlined: None,
                });
            if candidate.path != path {
                if depth(path) >= depth(candidate.path) {
                    continue;
                }
                candidate.path = path;
                candidate.first = (bytes.clone(), units, calendar);
                candidate.files.clear();
            }
            candidate.is_unlimited |= scan.unlimited_dimensions.contains(&dimension);
            candidate.is_time |= units.is_some_and(TimeUnits::is_time);
            candidate.differs |=
                scanned.layout != Layout::Inline || candidate.first != (bytes, units, calendar);
            candidate.files.push(file);
            if scanned.layout != Layout::Inline {
                candidate.not_inlined = Some(file);
            }
        }
    }
    Ok(candidates)
}

/// A variable of one dimension that has its name ([CF §5](https://cfconventions.org/cf-conventions/cf-conventions.html#coordinate-system)).
fn is_coordinate(scanned: &ScannedVariable) -> bool {
    matches!(&scanned.variable.dimensions[..], [dimension] if dimension == scanned.variable.path.name())
}

/// A time along a dimension that has another name.
fn is_auxiliary_time(scanned: &ScannedVariable) -> bool {
    scanned.variable.dimensions.len() == 1
        && !is_coordinate(scanned)
        && scanned.variable.attributes.text("units").is_some_and(TimeUnits::is_time)
}

/// Where the one dimension of a variable is, if it is in the variable's own group.
fn dimension_path(scanned: &ScannedVariable) -> String {
    let dimension = &scanned.variable.dimensions[0];
    match scanned.variable.path.parent() {
        Some(group) if group != NodePath::root() => format!("{group}/{dimension}"),
        _ => dimension.clone(),
    }
}

fn checked(dimension: &str, candidate: &Candidate<'_>, scans: &[FileScan]) -> Result<RecordCoordinate> {
    if let Some(file) = candidate.not_inlined {
        let sources = Sources::for_messages(scans);
        let message = format!(
            "the files are to be joined along {dimension}, but its coordinate in {} is too large to be read",
            sources.name(file)
        );
        return Err(sources.refuse(message, &[file]));
    }
    Ok(RecordCoordinate { dimension: dimension.to_owned(), path: candidate.path.clone() })
}

fn ambiguous(found: &[(&String, &Candidate<'_>)], scans: &[FileScan]) -> model::Error {
    let sources = Sources::for_messages(scans);
    let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    let files: Vec<usize> =
        found.iter().flat_map(|(_, candidate)| candidate.files.iter().copied().take(2)).collect();
    let message = format!(
        "the files differ along {} dimensions ({}), and it is not clear along which to join them: register files that \
         differ along one",
        names.len(),
        names.join(", ")
    );
    sources.refuse(message, &files)
}
