//! From the steps of a view to a dataset of lazy arrays.
//!
//! ```text
//! Dataset ─▶ Draft: a field for each variable ── step ─▶ Draft ── step ─▶ Draft ─▶ Plan: Dataset + an Array for each variable
//!                                                 │ needs the values of a coordinate that nobody has read
//!                                                 └─▶ Stop::Needs: the caller reads them and plans again
//! ```
//! Planning reads nothing and asks nobody: the values of coordinates, which selections, groups and weights depend on, come in
//! [`Known`]. What cannot be done is refused with the step and the reason.

mod bounding_box;
mod chunking;
mod draft;
mod elementwise;
mod field_mean;
mod grouping;
mod merging;
mod reduction;
mod related;
mod select;
mod tiling;
mod values;

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use model::{Dataset, Error, ErrorKind};

use crate::array::Array;
use crate::steps::{Step, Steps};
use draft::Draft;

/// A dataset that is made of another one by steps.
#[derive(Debug)]
pub struct Plan {
    /// Groups and variables, without codecs but for shards: chunks are elements, little-endian.
    pub dataset: Dataset,
    /// How each variable of it is made.
    pub arrays: Vec<Arc<Array>>,
}

/// Elements of variables that planning asked for, whole, little-endian, by their place in the dataset.
pub type Known = HashMap<usize, Bytes>;

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unplanned {
    /// The elements of this variable are needed, by its place in the dataset.
    Needs(usize),
    /// It cannot be done.
    Refused(Refusal),
}

/// A step that cannot be applied to a dataset.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("step {number}, {step}: {reason}")]
pub struct Refusal {
    /// Its number, from 1.
    pub number: usize,
    /// Its spelling.
    pub step: String,
    /// Whose fault that is: `InvalidRequest`, `TooLarge` or `Unsupported`.
    pub kind: ErrorKind,
    /// Why, and what would be right.
    pub reason: String,
}

/// Why a step stops.
#[derive(Debug)]
enum Stop {
    Needs(usize),
    Refused(ErrorKind, String),
}

type Result<T, E = Stop> = std::result::Result<T, E>;

/// What a request did wrong.
fn refused<T>(reason: impl Into<String>) -> Result<T> {
    Err(Stop::Refused(ErrorKind::InvalidRequest, reason.into()))
}

fn unsupported<T>(reason: impl Into<String>) -> Result<T> {
    Err(Stop::Refused(ErrorKind::Unsupported, reason.into()))
}

fn too_large<T>(reason: impl Into<String>) -> Result<T> {
    Err(Stop::Refused(ErrorKind::TooLarge, reason.into()))
}

/// The plan of a view of a dataset.
///
/// The dataset is as readers see it decoded: GRIB messages are floats. Steps that change how the result is encoded
/// (`codec`, `bitround`, `accuracy`) change nothing here.
pub fn plan(dataset: &Dataset, steps: &Steps, known: &Known) -> Result<Plan, Unplanned> {
    let mut draft = Draft::new(dataset);
    for (step, number) in steps.as_slice().iter().zip(1..) {
        apply(&mut draft, step, known).map_err(|stop| unplanned(stop, step.to_string(), number))?;
    }
    // What is wrong with the result is said of the last step.
    let last = steps.as_slice().last().map(ToString::to_string).unwrap_or_default();
    draft.finish(steps).map_err(|stop| unplanned(stop, last, steps.as_slice().len()))
}

fn unplanned(why: Stop, step: String, number: usize) -> Unplanned {
    match why {
        Stop::Needs(variable) => Unplanned::Needs(variable),
        Stop::Refused(kind, reason) => Unplanned::Refused(Refusal { number, step, kind, reason }),
    }
}

fn apply(draft: &mut Draft<'_>, step: &Step, known: &Known) -> Result<()> {
    match step {
        Step::SelectVariables(step) => select::variables(draft, step),
        Step::SelectIndexes(step) => select::indexes(draft, step),
        Step::Select(step) => select::labels(draft, step, known),
        Step::Reduce(step) => reduction::over_dimensions(draft, step),
        Step::GroupBy(step) => grouping::group_by(draft, step, known),
        Step::Resample(step) => grouping::resample(draft, step, known),
        Step::Coarsen(step) => grouping::coarsen(draft, step),
        Step::BoundingBox(step) => bounding_box::bounding_box(draft, step, known),
        Step::Chunks(step) => chunking::set(draft, step),
        Step::FieldMean(step) => field_mean::field_mean(draft, step, known),
        Step::Anomaly(step) => elementwise::anomaly(draft, step, known),
        Step::Convert(step) => elementwise::convert(draft, step),
        Step::Quantize(step) => elementwise::quantize(draft, step),
        Step::Arithmetic(step) => elementwise::arithmetic(draft, step),
        Step::Shards(step) => chunking::set_shards(draft, step),
        // How the result is encoded is its business who encodes it.
        Step::Compression(_) | Step::BitRound(_) | Step::Accuracy(_) => Ok(()),
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.kind, refusal.to_string())
    }
}

#[cfg(test)]
mod tests;
