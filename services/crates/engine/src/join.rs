//! Joining the scans of many files into one dataset. Chunks stay what and where they are as far as the files agree;
//! others are made on demand.
//!
//! ```text
//! scans ─▶ forecasts  one a file, and overlapping?
//!       ─▶ record   which dimension grows from file to file?
//!       ─▶ axis     files in order of their times; overlaps, gaps
//!       ─▶ collection  pieces of each variable  ─▶ units  times in one unit, exactly
//!       ─▶ cover    which piece holds which times ─▶ differences  can they be joined?
//!       ─▶ form     what elements are: as stored, or unpacked where files differ
//!       ─▶ inlined · chunks · contiguous · mosaic   one manifest a variable
//! ```
//! Nothing is decoded here but coordinates, which scans bring inlined. Files that differ in dimensions, units or kinds
//! of values are refused with the names of both.

mod attributes;
mod axis;
mod chunks;
mod collection;
mod contiguous;
mod cover;
mod differences;
mod forecasts;
mod form;
mod gaps;
mod inlined;
mod mosaic;
mod numbers;
mod record;
mod sources;
#[cfg(test)]
mod tests;
mod text;
mod units;
mod variable;

use model::{ChunkManifest, Dataset, Error, FileScan, InPlace, MosaicSource, Result, SourceFile, Warning};

use crate::preview::RecordDimension;
use axis::Axis;
use collection::Collection;
use differences::Differences;

/// One dataset made of the scans of its files, ready to be published.
#[derive(Debug, Clone, PartialEq)]
pub struct Joined {
    /// Groups and variables.
    pub dataset: Dataset,
    /// References of each variable, in the order of `dataset.variables`; file ids are places in `files`.
    pub manifests: Vec<ChunkManifest>,
    /// For each variable, where its references stay, if not in `manifests`; empty where none does.
    pub in_place: Vec<Option<InPlace>>,
    /// For each variable, what its computed chunks are made of, if it has any.
    pub mosaics: Vec<Option<MosaicSource>>,
    /// The files that references point into, in the order of the sources' times.
    pub files: Vec<SourceFile>,
    /// The dimension along which files were joined; none for one file.
    pub record_dimension: Option<RecordDimension>,
    /// What was left out or looks odd.
    pub warnings: Vec<Warning>,
}

/// Joins files along their record dimension and merges their variables. The order of the scans does not matter where
/// a record coordinate orders them. Blocks for about a second where there are 10,000 files.
///
/// An `InvalidRequest` where they make no one dataset: the message names files (last part of their paths), variables
/// and times; the internal text has the whole paths.
pub fn join(mut scans: Vec<FileScan>) -> Result<Joined> {
    forecasts::separate(&mut scans)?;
    let (scans, axis) = in_order(scans)?;
    let Collection { sources, groups, mut variables, mut notes } = Collection::new(scans)?;
    if let Some(axis) = &axis {
        units::reconcile(&mut variables, axis, &sources, &mut notes)?;
        notes.warnings.extend(axis.warnings(&sources));
    }
    let mut differences = Differences::default();
    let mut used = vec![sources.files.len() == 1; sources.files.len()];
    let (mut joined, mut manifests, mut in_place) = (Vec::new(), Vec::new(), Vec::new());
    let mut mosaics = Vec::new();
    for variable in variables {
        notes.compare_attributes(&variable);
        let one = match &axis {
            Some(axis) if variable.has_dimension(&axis.dimension) => {
                match variable::join(variable, axis, &sources, &mut used, &mut differences, &mut notes)? {
                    Some(joined) => joined,
                    None => continue,
                }
            }
            _ => variable::take_once(variable, &sources, &mut used)?,
        };
        joined.push(one.variable);
        manifests.push(one.manifest);
        in_place.push(one.in_place);
        mosaics.push(one.mosaic);
    }
    differences.into_result(&sources)?;
    sources.check_used(&used, axis.as_ref())?;
    Ok(Joined {
        dataset: Dataset { groups, variables: joined },
        manifests,
        record_dimension: axis.map(|axis| axis.record_dimension()),
        warnings: notes.into_warnings(&sources),
        in_place,
        mosaics,
        files: sources.targets,
    })
}

/// Files in order of their times, and their places on the common axis.
fn in_order(scans: Vec<FileScan>) -> Result<(Vec<FileScan>, Option<Axis>)> {
    match scans.len() {
        0 => return Err(Error::invalid("no source file was given")),
        1 => return Ok((scans, None)),
        _ => {}
    }
    let Some(coordinate) = record::find(&scans)? else {
        return Ok((scans, None));
    };
    let (order, axis) = Axis::new(&scans, &coordinate)?;
    let mut slots: Vec<_> = scans.into_iter().map(Some).collect();
    let ordered = order.into_iter().filter_map(|at| slots.get_mut(at).and_then(Option::take)).collect();
    Ok((ordered, Some(axis)))
}
