//! `var`, `isel`, `sel`: which variables and places stay.

use model::DataType;

use super::draft::Draft;
use super::values::{self, Values};
use super::{Known, Result, refused, related};
use crate::array::{Array, Made, Places};
use crate::places;
use crate::steps::{Indexes, Select, SelectIndexes, SelectVariables};

/// `var`: keeps variables and what they name.
pub(super) fn variables(draft: &mut Draft<'_>, step: &SelectVariables) -> Result<()> {
    let mut kept: Vec<usize> = Vec::new();
    for name in &step.names {
        kept.push(draft.named(name.as_str())?);
    }
    let mut at = 0;
    while let Some(place) = kept.get(at) {
        for other in related::related(draft, &draft.fields[*place]) {
            if !kept.contains(&other) {
                kept.push(other);
            }
        }
        at += 1;
    }
    let mut places = 0..;
    draft.fields.retain(|_| places.next().is_some_and(|place| kept.contains(&place)));
    let is_used = |group: &model::Group| {
        let path = group.path.as_str();
        path.is_empty()
            || draft.fields.iter().any(|field| field.path.as_str().starts_with(&format!("{path}/")))
    };
    draft.groups.retain(is_used);
    Ok(())
}

/// `isel`: keeps places by their numbers.
pub(super) fn indexes(draft: &mut Draft<'_>, step: &SelectIndexes) -> Result<()> {
    for (dimension, indexes) in &step.dimensions {
        let length = draft.length(dimension.as_str())?;
        let places = of_indexes(indexes, length).or_else(|reason| {
            refused(format!("{dimension} has {length} places, 0 to {}: {reason}", length.saturating_sub(1)))
        })?;
        draft.take(dimension.as_str(), &places);
    }
    Ok(())
}

/// Places of a dimension of a length; else what is wrong.
fn of_indexes(indexes: &Indexes, length: u64) -> Result<Places, String> {
    let place = |index: i64| {
        let place = if index < 0 { length.checked_sub(index.unsigned_abs()) } else { Some(index as u64) };
        place.filter(|place| *place < length).ok_or_else(|| format!("there is no place {index}"))
    };
    match indexes {
        Indexes::One(index) => place(*index).map(Places::One),
        Indexes::Many(indexes) => {
            let places: Vec<u64> = indexes.iter().map(|index| place(*index)).collect::<Result<_, _>>()?;
            Ok(Places::List(places.into()))
        }
        Indexes::Slice { start, stop, stride } => {
            // As Python: ends beyond the dimension's are its ends.
            let end = |index: Option<i64>, other: u64| match index {
                None => other,
                Some(index) if index < 0 => length.saturating_sub(index.unsigned_abs()),
                Some(index) => (index as u64).min(length),
            };
            let (start, stop) = (end(*start, 0), end(*stop, length));
            if start >= stop {
                return Err("nothing is selected".to_owned());
            }
            let length = (stop - start).div_ceil(stride.get());
            Ok(Places::Slice { start, stride: if length > 1 { stride.get() } else { 1 }, length })
        }
    }
}

/// `sel`: keeps places by the values of coordinates.
pub(super) fn labels(draft: &mut Draft<'_>, step: &Select, known: &Known) -> Result<()> {
    for (name, selection) in &step.coordinates {
        let name = name.as_str();
        let (dimension, values) = values::of_coordinate(draft, name, known)?;
        let selected = places::select(&values.coordinate(), selection);
        let selected = selected.or_else(|error| refused(format!("{name}: {error}")))?;
        let shift = match (&selected.values, &values) {
            (Some(new), Values::Numbers { values, .. }) => {
                Some(shifts(&selected.places, new, values.as_slice()))
            }
            _ => None,
        };
        draft.take(&dimension, &selected.places);
        if let Some(shift) = shift {
            renumber(draft, name, &shift, known)?;
        }
    }
    Ok(())
}

/// By how much each place's value is renumbered.
fn shifts(places: &Places, new: &[f64], old: &[f64]) -> Vec<f64> {
    let old_of = |number: u64| old.get(places.get(number) as usize).copied().unwrap_or_default();
    new.iter().zip(0..).map(|(new, number)| new - old_of(number)).collect()
}

/// Adds to the values of a coordinate, and to those of its bounds.
fn renumber(draft: &mut Draft<'_>, name: &str, shift: &[f64], known: &Known) -> Result<()> {
    let Some(place) = draft.find(name) else { return Ok(()) };
    let bounds = draft.fields[place].attributes.text("bounds").map(str::to_owned);
    let bounds = bounds.and_then(|bounds| related::resolve(draft, &draft.fields[place], &bounds));
    for place in std::iter::once(place).chain(bounds) {
        let field = &draft.fields[place];
        let mut numbers = values::numbers(draft, field, known)?;
        let width = (numbers.len() / shift.len().max(1)).max(1);
        for (numbers, shift) in numbers.chunks_mut(width).zip(shift) {
            for number in numbers {
                *number += shift;
            }
        }
        let shape = field.array.shape.clone();
        draft.fields[place].set_values(known_numbers(DataType::F64, shape, &numbers));
    }
    Ok(())
}

/// An array of numbers that are here.
pub(super) fn known_numbers(data_type: DataType, shape: Vec<u64>, numbers: &[f64]) -> Array {
    let bytes: Vec<u8> = match data_type {
        DataType::F32 => numbers.iter().flat_map(|number| (*number as f32).to_le_bytes()).collect(),
        DataType::I64 => numbers.iter().flat_map(|number| (*number as i64).to_le_bytes()).collect(),
        _ => numbers.iter().flat_map(|number| number.to_le_bytes()).collect(),
    };
    Array { data_type, shape, made: Made::Known(bytes.into()) }
}
