//! `groupby`, `resample`, `coarsen`: places that belong together.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use cf::Instant;
use model::{Attributes, DataType};

use super::draft::{Draft, Field};
use super::elementwise::as_type;
use super::merging::merge;
use super::reduction::{Coordinates, Grouping, reduce, texts};
use super::select::known_numbers;
use super::values::{self, Values};
use super::{Known, Result, refused, related, too_large, unsupported};
use crate::array::{Array, Groups, Made, NO_GROUP};
use crate::steps::{Boundary, Coarsen, GroupBy, GroupKey, Groups as GroupsOf, Resample};
use crate::times::{self, Keys, PeriodsError, Times};

/// The most groups of a coordinate's values.
const GROUPS_MAX: usize = 1 << 24;

/// The groups of a dimension's places, and the coordinate of groups.
pub(super) struct Keyed {
    pub(super) dimension: String,
    pub(super) labels: Vec<u32>,
    pub(super) count: u32,
    /// Path of the group that the coordinate is in, with a slash behind it; the root's is empty.
    group: String,
    /// Of the dimension of groups.
    name: String,
    attributes: Attributes,
    values: Array,
}

/// `groupby`.
pub(super) fn group_by(draft: &mut Draft<'_>, step: &GroupBy, known: &Known) -> Result<()> {
    let keyed = match &step.groups {
        GroupsOf::Key(key) => by_key(draft, key, known)?,
        GroupsOf::Bins { variable, edges } => by_bins(draft, variable.as_str(), edges, known)?,
    };
    if keyed.name != keyed.dimension && draft.fields.iter().any(|field| field.has(&keyed.name)) {
        return refused(format!("there is a dimension {} already", keyed.name));
    }
    let groups = Groups::Labels { labels: keyed.labels.into(), count: keyed.count };
    let grouping = Grouping { dimension: keyed.dimension, groups, name: keyed.name.clone() };
    reduce(draft, &[grouping], &step.reduction, Coordinates::Go)?;
    let path = format!("{}{}", keyed.group, keyed.name);
    draft.put(&path, vec![keyed.name], keyed.attributes, Arc::new(keyed.values));
    Ok(())
}

/// The groups of a key.
pub(super) fn by_key(draft: &Draft<'_>, key: &GroupKey, known: &Known) -> Result<Keyed> {
    match key {
        GroupKey::Part(name, part) => {
            let (dimension, times) = times_of(draft, name.as_str(), known)?;
            let parts = times::by_part(&times, *part);
            let (count, values) = match parts.keys {
                Keys::Numbers(numbers) => (numbers.len(), whole_numbers(&numbers)),
                Keys::Seasons(seasons) => (seasons.len(), unicode(&seasons)),
            };
            let count = count_of(count)?;
            let attributes = texts(&[("long_name", &format!("{part} of {name}"))]);
            let (group, _) = split_path(name.as_str());
            let name = part.to_string();
            Ok(Keyed { dimension, labels: parts.labels, count, group, name, attributes, values })
        }
        GroupKey::Coordinate(name) => by_values(draft, name.as_str(), known),
    }
}

/// The groups of equal values of a coordinate, ascending.
fn by_values(draft: &Draft<'_>, name: &str, known: &Known) -> Result<Keyed> {
    let (dimension, values) = values::of_coordinate(draft, name, known)?;
    let field = draft.find(name).map(|place| &draft.fields[place]);
    let attributes = field.map_or_else(Attributes::new, |field| field.attributes.clone());
    let (labels, count, values) = match values {
        Values::Numbers { values, .. } => {
            // Numbers in the order of their bits are in the order of numbers, once signs are turned.
            let ordered = |value: &f64| (!value.is_nan()).then(|| order(*value));
            let (labels, keys) = labelled(values.iter().map(ordered));
            let numbers: Vec<f64> = keys.into_iter().map(unordered).collect();
            let stored = field.map_or(DataType::F64, |field| field.array.data_type);
            let is_single = matches!(stored, DataType::F16 | DataType::F32);
            let data_type = if is_single { DataType::F32 } else { DataType::F64 };
            (labels, numbers.len(), known_numbers(data_type, vec![numbers.len() as u64], &numbers))
        }
        Values::Texts(texts) => {
            let (labels, keys) = labelled(texts.iter().map(Some));
            let keys: Vec<&str> = keys.into_iter().map(String::as_str).collect();
            (labels, keys.len(), unicode(&keys))
        }
        Values::Times(times) => {
            let (labels, keys) = labelled(times.instants.iter().copied());
            let (units, values) = encoded(&times, &keys)?;
            let mut attributes = attributes;
            attributes.set("units", model::AttributeValue::Text(units));
            let (count, (group, name)) = (count_of(keys.len())?, split_path(name));
            return Ok(Keyed { dimension, labels, count, group, name, attributes, values });
        }
    };
    let mut attributes = attributes;
    unpack(&mut attributes);
    attributes.remove("bounds");
    let (group, name) = split_path(name);
    Ok(Keyed { dimension, labels, count: count_of(count)?, group, name, attributes, values })
}

/// The group of a path, with a slash behind it, and the name in it.
fn split_path(path: &str) -> (String, String) {
    match path.rsplit_once('/') {
        Some((group, name)) => (format!("{group}/"), name.to_owned()),
        None => (String::new(), path.to_owned()),
    }
}

/// For each value its place among the sorted different ones, and those.
fn labelled<T: Ord + Clone>(values: impl Iterator<Item = Option<T>> + Clone) -> (Vec<u32>, Vec<T>) {
    let mut keys: BTreeMap<T, u32> = values.clone().flatten().map(|value| (value, 0)).collect();
    for (label, number) in keys.values_mut().zip(0..) {
        *label = number;
    }
    let label = |value: Option<T>| value.and_then(|value| keys.get(&value).copied()).unwrap_or(NO_GROUP);
    (values.map(label).collect(), keys.into_keys().collect())
}

fn order(value: f64) -> u64 {
    let bits = (value + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

fn unordered(bits: u64) -> f64 {
    f64::from_bits(if bits >> 63 == 1 { bits & !(1 << 63) } else { !bits })
}

/// The groups of values between edges, open on the left and closed on the right.
///
/// Of a variable of several dimensions these become one first.
fn by_bins(draft: &mut Draft<'_>, name: &str, edges: &[f64], known: &Known) -> Result<Keyed> {
    let of_several = draft.find(name).filter(|place| draft.fields[*place].dimensions.len() > 1);
    let (dimension, values) = match of_several {
        Some(place) if is_of_numbers(&draft.fields[place]) => {
            let field = &draft.fields[place];
            let (values, dimensions) = (values::numbers(draft, field, known)?, field.dimensions.clone());
            (merge(draft, &dimensions)?, values)
        }
        Some(_) => return no_numbers(name),
        None => match values::of_coordinate(draft, name, known)? {
            (dimension, Values::Numbers { values, .. }) => (dimension, values),
            _ => return no_numbers(name),
        },
    };
    let last = edges.len().saturating_sub(1);
    let label = |value: &f64| match edges.partition_point(|edge| edge < value) {
        0 => NO_GROUP,
        bin if bin > last || value.is_nan() => NO_GROUP,
        bin => (bin - 1) as u32,
    };
    let middles: Vec<f64> = edges.windows(2).map(|edges| f64::midpoint(edges[0], edges[1])).collect();
    Ok(Keyed {
        dimension,
        labels: values.iter().map(label).collect(),
        count: count_of(middles.len())?,
        group: split_path(name).0,
        name: format!("{}_bins", split_path(name).1),
        attributes: texts(&[("long_name", &format!("middle of bins of {name}"))]),
        values: known_numbers(DataType::F64, vec![middles.len() as u64], &middles),
    })
}

fn is_of_numbers(field: &Field) -> bool {
    field.array.data_type.is_numeric() && !values::is_time(field)
}

fn no_numbers<T>(name: &str) -> Result<T> {
    refused(format!("{name} has no numbers to put into bins"))
}

/// `resample`.
pub(super) fn resample(draft: &mut Draft<'_>, step: &Resample, known: &Known) -> Result<()> {
    let name = step.dimension.as_str();
    let (dimension, times) = times_of(draft, name, known)?;
    let periods = times::by_period(&times, step.frequency).or_else(|error| match error {
        PeriodsError::TooMany { .. } => too_large(error.to_string()),
        other => refused(other.to_string()),
    })?;
    let bounds: Vec<Instant> = periods.bounds.iter().flat_map(|(start, end)| [*start, *end]).collect();
    let all: Vec<Instant> = periods.names.iter().chain(&bounds).copied().collect();
    let (units, values) = encoded(&times, &all)?;
    let count = count_of(periods.names.len())?;
    let attributes = draft.find(name).map(|place| draft.fields[place].attributes.clone());
    let groups = Groups::Labels { labels: periods.labels.into(), count };
    let grouping = Grouping { dimension: dimension.clone(), groups, name: dimension.clone() };
    reduce(draft, &[grouping], &step.reduction, Coordinates::Go)?;
    let mut attributes = attributes.unwrap_or_default();
    unpack(&mut attributes);
    attributes.remove("climatology");
    attributes.set("units", model::AttributeValue::Text(units));
    let of_bounds = format!("{name}_bnds");
    attributes.set("bounds", model::AttributeValue::Text(split_path(&of_bounds).1));
    let (names, bounds) = split(&values, u64::from(count));
    draft.put(name, vec![dimension.clone()], attributes, Arc::new(names));
    // Another name where the dataset has a dimension of this one that is longer.
    let is_taken =
        draft.fields.iter().any(|field| field.axis("bnds").is_some_and(|axis| field.array.shape[axis] != 2));
    let ends = if is_taken { format!("{dimension}_ends") } else { "bnds".to_owned() };
    draft.put(&of_bounds, vec![dimension, ends], Attributes::new(), Arc::new(bounds));
    Ok(())
}

/// The first so many numbers, and the others as pairs.
fn split(values: &Array, count: u64) -> (Array, Array) {
    let Made::Known(bytes) = &values.made else { return (empty(), empty()) };
    let (data_type, at) = (values.data_type, (count * 8) as usize);
    let part = |shape, bytes: Bytes| Array { data_type, shape, made: Made::Known(bytes) };
    (part(vec![count], bytes.slice(..at)), part(vec![count, 2], bytes.slice(at..)))
}

fn empty() -> Array {
    Array { data_type: DataType::I64, shape: vec![0], made: Made::Known(Bytes::new()) }
}

/// Times as whole numbers in the units of a coordinate, or in finer ones where they need them.
fn encoded(times: &Times, instants: &[Instant]) -> Result<(String, Array)> {
    let Some(unit) = times.units.unit_for(instants) else {
        return unsupported("these times cannot be written as whole numbers");
    };
    let units = times.units.in_unit(unit);
    let value = |instant: &Instant| units.integer_at(*instant).and_then(|value| i64::try_from(value).ok());
    let numbers: Vec<i64> = instants.iter().map(|instant| value(instant).unwrap_or(i64::MIN)).collect();
    Ok((units.to_string(), whole_numbers(&numbers)))
}

/// `coarsen`.
pub(super) fn coarsen(draft: &mut Draft<'_>, step: &Coarsen) -> Result<()> {
    let (mut groupings, mut padded) = (Vec::new(), Vec::new());
    for (dimension, window) in &step.windows {
        let (length, window) = (draft.length(dimension.as_str())?, u64::from(window.get()));
        let (full, rest) = (length / window, length % window);
        if rest > 0 && step.boundary == Boundary::Exact {
            return refused(format!(
                "{dimension} has {length} places, which is no multiple of {window}: add :trim or :pad"
            ));
        }
        let is_padded = rest > 0 && step.boundary == Boundary::Pad;
        padded.extend(is_padded.then(|| dimension.as_str().to_owned()));
        let count = full + u64::from(is_padded);
        if count == 0 {
            return refused(format!("{dimension} has {length} places, fewer than one block of {window}"));
        }
        let count = count_of(usize::try_from(count).unwrap_or(usize::MAX))?;
        let label = |place: u64| u32::try_from(place / window).ok().filter(|label| *label < count);
        let labels = (0..length).map(|place| label(place).unwrap_or(NO_GROUP)).collect();
        let dimension = dimension.as_str().to_owned();
        let groups = Groups::Labels { labels, count };
        groupings.push(Grouping { name: dimension.clone(), dimension, groups });
    }
    pad(draft, &padded)?;
    reduce(draft, &groupings, &step.reduction, Coordinates::Average)
}

/// Makes floats of the numbers that have one of some dimensions, as xarray does where it puts NaN behind them.
fn pad(draft: &mut Draft<'_>, padded: &[String]) -> Result<()> {
    for place in related::data(draft) {
        let field = &draft.fields[place];
        if !padded.iter().any(|dimension| field.has(dimension)) {
            continue;
        }
        let of = field.unpacked()?;
        let natural = field.natural_type().and_then(cf::with_missing);
        let is_single = matches!(natural, Some(DataType::F16 | DataType::F32));
        let array = as_type(of, if is_single { DataType::F32 } else { DataType::F64 });
        draft.fields[place].set_values(array);
    }
    Ok(())
}

/// Takes away what says how numbers are packed.
pub(super) fn unpack(attributes: &mut Attributes) {
    for name in cf::PACKING {
        attributes.remove(name);
    }
}

fn times_of(draft: &Draft<'_>, name: &str, known: &Known) -> Result<(String, Times)> {
    match values::of_coordinate(draft, name, known)? {
        (dimension, Values::Times(times)) => Ok((dimension, times)),
        _ => refused(format!("{name} is no coordinate of time: its units are no \"… since …\"")),
    }
}

fn count_of(count: usize) -> Result<u32> {
    match u32::try_from(count) {
        Ok(0) => refused("there is no group"),
        Ok(count) if (count as usize) <= GROUPS_MAX => Ok(count),
        _ => too_large(format!("there are {count} groups, more than {GROUPS_MAX}")),
    }
}

fn whole_numbers(numbers: &[i64]) -> Array {
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    Array { data_type: DataType::I64, shape: vec![numbers.len() as u64], made: Made::Known(bytes.into()) }
}

/// Texts as UTF-32 of equal length, which Zarr v2 and v3 have.
fn unicode(texts: &[&str]) -> Array {
    let longest = texts.iter().map(|text| text.chars().count()).max().unwrap_or(0).max(1);
    let mut bytes = Vec::with_capacity(texts.len() * longest * 4);
    for text in texts {
        let end = bytes.len() + longest * 4;
        text.chars().for_each(|point| bytes.extend_from_slice(&u32::from(point).to_le_bytes()));
        bytes.resize(end, 0);
    }
    let data_type = DataType::FixedUnicode(u32::try_from(longest).unwrap_or(u32::MAX));
    Array { data_type, shape: vec![texts.len() as u64], made: Made::Known(bytes.into()) }
}
