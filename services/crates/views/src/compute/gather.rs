//! Elements at some places of a region, put where they go.

use model::Indices;

use super::parts::Gathered;

/// Whether the part is all of what is asked for, in its order: then nothing moves.
pub(super) fn is_all(part: &Gathered, staying: &[bool], extent: &[u64]) -> bool {
    let mut lengths = extent.iter();
    part.places.iter().zip(&part.from.extent).zip(staying).all(|((places, from), stays)| {
        let is_in_order = places.iter().zip(0..).all(|((from, to), at)| (*from, *to) == (at, at));
        let length = if *stays { lengths.next().copied() } else { Some(1) };
        is_in_order && places.len() as u64 == *from && length == Some(*from)
    })
}

/// Puts the places of a part into an array of `extent`. None where one of the two is too short.
pub(super) fn gather(
    elements: &[u8],
    part: &Gathered,
    staying: &[bool],
    into: &mut [u8],
    extent: &[u64],
    size: usize,
) -> Option<()> {
    let from_strides = strides(&part.from.extent);
    let to_strides = strides_of_staying(staying, extent);
    let Some((inner, outer)) = part.places.split_last() else {
        into.get_mut(..size)?.copy_from_slice(elements.get(..size)?);
        return Some(());
    };
    let (inner_to, runs) = (*to_strides.last()?, runs(inner));
    for index in Indices::new(outer.iter().map(|places| (0, places.len() as u64)).collect()) {
        let (mut from, mut to) = (0, 0);
        for (axis, at) in index.iter().enumerate() {
            let (place, goes) = outer[axis][*at as usize];
            from += place as usize * from_strides[axis];
            to += goes as usize * to_strides[axis];
        }
        for (place, goes, length) in &runs {
            let source = (from + place) * size;
            let target = (to + goes * inner_to) * size;
            let bytes = length * size;
            into.get_mut(target..target + bytes)?.copy_from_slice(elements.get(source..source + bytes)?);
        }
    }
    Some(())
}

/// Runs of places that lie one behind the other in both arrays: from, to, how many.
fn runs(places: &[(u64, u64)]) -> Vec<(usize, usize, usize)> {
    let mut runs: Vec<(usize, usize, usize)> = Vec::new();
    for (from, to) in places {
        let (from, to) = (*from as usize, *to as usize);
        match runs.last_mut() {
            Some((first, goes, length)) if *first + *length == from && *goes + *length == to => *length += 1,
            _ => runs.push((from, to, 1)),
        }
    }
    runs
}

/// Elements from one place to the next, by dimension, in C order.
pub(super) fn strides(shape: &[u64]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis] as usize;
    }
    strides
}

/// The same of the result, for each dimension of the source; 0 for one that goes.
fn strides_of_staying(staying: &[bool], extent: &[u64]) -> Vec<usize> {
    let mut of_result = strides(extent).into_iter();
    staying.iter().map(|stays| if *stays { of_result.next().unwrap_or(0) } else { 0 }).collect()
}
