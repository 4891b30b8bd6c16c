//! Several dimensions become one, as with xarray's `stack`: what is grouped by a variable of several dimensions.

use std::sync::Arc;

use super::draft::{Draft, Field};
use super::{Result, related};
use crate::array::{Array, Made};

/// Makes one dimension of several, the last, in all fields that have one of them; along those that a field does not have,
/// it is the same everywhere. Coordinates of these dimensions go. Gives the dimension's name, which no other has: as CF
/// names several dimensions in `cell_methods` (§7.3), `y: x`.
pub(super) fn merge(draft: &mut Draft<'_>, dimensions: &[String]) -> Result<String> {
    let lengths = dimensions.iter().map(|name| draft.length(name)).collect::<Result<Vec<_>>>()?;
    let coordinates = related::coordinates(draft);
    let name = dimensions.join(": ");
    let fields = std::mem::take(&mut draft.fields).into_iter().enumerate();
    let merged = |(place, field): (usize, Field)| {
        if !dimensions.iter().any(|dimension| field.has(dimension)) {
            return Some(field);
        }
        let goes = coordinates.contains(&place) || field.size().is_none();
        (!goes).then(|| of_field(field, dimensions, &lengths, &name))
    };
    draft.fields = fields.filter_map(merged).collect();
    Ok(name)
}

fn of_field(mut field: Field, dimensions: &[String], lengths: &[u64], name: &str) -> Field {
    let stay: Vec<usize> =
        (0..field.dimensions.len()).filter(|axis| !dimensions.contains(&field.dimensions[*axis])).collect();
    let (data_type, from) = (field.array.data_type, stay.len());
    let mut shape: Vec<u64> = stay.iter().map(|axis| field.array.shape[*axis]).collect();
    let mut names: Vec<String> = stay.iter().map(|axis| field.dimensions[*axis].clone()).collect();
    let merging = dimensions.iter().map(|dimension| field.axis(dimension));
    let axes: Vec<Option<usize>> = stay.iter().map(|axis| Some(*axis)).chain(merging).collect();
    let mut of = Arc::clone(&field.array);
    let is_there = axes.iter().enumerate().all(|(at, axis)| *axis == Some(at));
    if !is_there {
        let shape = shape.iter().chain(lengths).copied().collect();
        of = Arc::new(Array { data_type, shape, made: Made::Arranged { of, axes } });
    }
    shape.push(lengths.iter().product());
    names.push(name.to_owned());
    field.dimensions = names;
    field.array = Arc::new(Array { data_type, shape, made: Made::Merged { of, from } });
    field
}
