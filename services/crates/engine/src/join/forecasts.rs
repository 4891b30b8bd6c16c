//! Forecasts that overlap: one a file, each reaching beyond the start of the next.
//!
//! A file of one forecast alone has its times of validity as `time`, with `step` and `forecast_reference_time` beside
//! it. Files of forecasts that hold the same times of validity cannot be put one behind the other along it. Then `time`
//! becomes the reference time, as where they are all in one file:
//!
//! ```text
//! time(n), step(time), forecast_reference_time(time), t(time, …)
//!     ─▶ time(1), step(n), valid_time(time, step), t(time, step, …)
//! ```
//! Chunks keep their numbers: a dimension of length one is put before the other.

use std::cmp::Ordering;
use std::sync::Arc;

use bytes::Bytes;
use cf::TimeValue;
use model::{
    AttributeValue, ChunkGrid, ChunkManifest, Error, FileScan, Layout, NodePath, Result, ScannedVariable,
    Variable, Warning,
};

use super::cover::holds;
use super::numbers::{inlined_bytes, inlined_numbers};

const TIME: &str = "time";
const STEP: &str = "step";
const REFERENCE: &str = "forecast_reference_time";
const VALID: &str = "valid_time";

/// Times of one forecast.
struct Forecast {
    reference: i128,
    first: i128,
    last: i128,
}

/// How forecasts lie to each other.
enum Relation {
    /// One behind the other, or no forecasts.
    Apart,
    /// The last time of one is the first of the next, and no variable has values of both.
    Touching,
    Overlapping,
}

/// Gives scans a dimension of reference times and one of steps, if each is one forecast and some overlap. Where they
/// only touch, variables differ in reference time where they do: the two coordinates are left out.
pub(super) fn separate(scans: &mut [FileScan]) -> Result<()> {
    match relation(scans)? {
        Relation::Apart => {}
        Relation::Touching => {
            let message = format!("{REFERENCE} and {STEP} are left out: variables differ in them");
            scans[0].warnings.push(Warning { subject: String::new(), message });
            for scan in scans {
                scan.variables.retain(|scanned| ![REFERENCE, STEP].contains(&scanned.variable.path.as_str()));
                for scanned in &mut scan.variables {
                    rename_coordinates(Arc::make_mut(&mut scanned.variable), &[]);
                }
            }
        }
        Relation::Overlapping => scans.iter_mut().try_for_each(one_of_many)?,
    }
    Ok(())
}

fn relation(scans: &[FileScan]) -> Result<Relation> {
    let mut forecasts = Vec::with_capacity(scans.len());
    for (at, scan) in scans.iter().enumerate() {
        match forecast(scan)? {
            Some(forecast) => forecasts.push((forecast, at)),
            None => return Ok(Relation::Apart),
        }
    }
    forecasts.sort_by_key(|(forecast, _)| forecast.reference);
    if forecasts.windows(2).any(|pair| pair[0].0.reference == pair[1].0.reference) {
        return Ok(Relation::Apart);
    }
    let mut relation = Relation::Apart;
    for pair in forecasts.windows(2) {
        let [(a, a_at), (b, b_at)] = pair else { continue };
        match b.first.cmp(&a.last) {
            Ordering::Greater => {}
            Ordering::Equal if !share_chunks(&scans[*a_at], &scans[*b_at]) => relation = Relation::Touching,
            _ => return Ok(Relation::Overlapping),
        }
    }
    Ok(relation)
}

/// The forecast that a file is; none where it is none, or several.
fn forecast(scan: &FileScan) -> Result<Option<Forecast>> {
    let numbers = |name: &str| -> Result<Option<Vec<i128>>> {
        let Some(scanned) = find(scan, name) else { return Ok(None) };
        if scanned.variable.dimensions != [TIME] {
            return Ok(None);
        }
        let whole = |value| if let TimeValue::Integer(value) = value { Some(value) } else { None };
        Ok(inlined_numbers(scanned)?.and_then(|values| values.into_iter().map(whole).collect()))
    };
    let (Some(references), Some(times)) = (numbers(REFERENCE)?, numbers(TIME)?) else { return Ok(None) };
    let is_one = find(scan, STEP).is_some() && references.iter().all(|time| *time == references[0]);
    Ok(match (times.first(), times.last()) {
        (Some(first), Some(last)) if is_one => {
            Some(Forecast { reference: references[0], first: *first, last: *last })
        }
        _ => None,
    })
}

/// Whether a variable has chunks both at the last time of one file and at the first of another.
fn share_chunks(a: &FileScan, b: &FileScan) -> bool {
    let last = find(a, TIME).map_or(0, |time| time.variable.grid.shape()[0].saturating_sub(1));
    let both = |of_a: &&ScannedVariable| {
        let of_b = find(b, of_a.variable.path.as_str());
        of_b.is_some_and(|of_b| holds(of_a, last, TIME) && holds(of_b, 0, TIME))
    };
    let chunked = |scanned: &&ScannedVariable| {
        scanned.layout == Layout::Chunked && scanned.variable.dimensions.iter().any(|name| name == TIME)
    };
    a.variables.iter().filter(chunked).any(|scanned| both(&scanned))
}

fn find<'s>(scan: &'s FileScan, path: &str) -> Option<&'s ScannedVariable> {
    scan.variables.iter().find(|scanned| scanned.variable.path.as_str() == path)
}

fn one_of_many(scan: &mut FileScan) -> Result<()> {
    let (Some(time), Some(reference)) = (find(scan, TIME), find(scan, REFERENCE)) else { return Ok(()) };
    let (valid, reference) = (time.clone(), reference.clone());
    let bytes = inlined_bytes(&reference)?;
    let size = reference.variable.data_type.size().unwrap_or(bytes.len()).min(bytes.len());
    scan.variables.retain(|scanned| scanned.variable.path.as_str() != REFERENCE);
    for scanned in &mut scan.variables {
        let path = scanned.variable.path.clone();
        match path.as_str() {
            TIME => *scanned = alone(&reference, bytes.slice(..size), path)?,
            STEP => Arc::make_mut(&mut scanned.variable).dimensions = vec![STEP.to_owned()],
            _ => stretch(Arc::make_mut(&mut scanned.variable))?,
        }
    }
    let mut valid = valid;
    let variable = Arc::make_mut(&mut valid.variable);
    variable.path = NodePath::parse(VALID)?;
    stretch(variable)?;
    scan.variables.push(valid);
    Ok(())
}

/// A coordinate of one value.
fn alone(of: &ScannedVariable, value: Bytes, path: NodePath) -> Result<ScannedVariable> {
    let grid = ChunkGrid::new(vec![1], vec![1]).map_err(Error::internal)?;
    let variable = Variable { path, grid, ..(*of.variable).clone() };
    Ok(ScannedVariable {
        variable: variable.into(),
        layout: Layout::Inline,
        manifest: ChunkManifest::inline(value),
        in_place: None,
    })
}

/// `time(n)` becomes `time(1), step(n)`.
fn stretch(variable: &mut Variable) -> Result<()> {
    rename_coordinates(variable, &[VALID]);
    let Some(at) = variable.dimensions.iter().position(|name| name == TIME) else { return Ok(()) };
    variable.dimensions.insert(at + 1, STEP.to_owned());
    let (mut shape, mut chunks) = (variable.grid.shape().to_vec(), variable.grid.chunk_shape().to_vec());
    shape.insert(at, 1);
    chunks.insert(at, 1);
    variable.grid = ChunkGrid::new(shape, chunks).map_err(Error::internal)?;
    Ok(())
}

/// Puts others in the place of reference time and step in the attribute `coordinates`.
fn rename_coordinates(variable: &mut Variable, new: &[&str]) {
    let Some(AttributeValue::Text(names)) = variable.attributes.get("coordinates") else { return };
    let others = names.split_whitespace().filter(|name| ![REFERENCE, STEP].contains(name));
    let names: Vec<&str> = new.iter().copied().chain(others).collect();
    let names = names.join(" ");
    if names.is_empty() {
        variable.attributes.remove("coordinates");
    } else {
        variable.attributes.set("coordinates", AttributeValue::Text(names));
    }
}
