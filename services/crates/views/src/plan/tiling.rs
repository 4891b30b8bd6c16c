//! Places taken of an array: what is taken of what was taken is taken at once, and few places of a large chunk are made of
//! tiles.

use std::sync::Arc;

use crate::array::{Array, Made, Places};
use crate::compute::input_bytes;

/// A dimension of which fewer places are taken is tiled.
const FEW: u64 = 16;
/// Places of a tile, in all dimensions that are tiled together.
const TILE_ELEMENTS: u64 = 256;
/// A tile is worth while if a chunk has so many times its elements.
const WORTH: u64 = 16;
/// Decoded bytes that a tile may be made of.
const INPUT_BYTES: u64 = 64 << 20;
/// Most elements of a tile.
const ELEMENTS_MAX: u64 = 1 << 16;

/// Some places of a dimension of an array.
pub(super) fn take(array: &Arc<Array>, axis: usize, places: &Places) -> Array {
    let (base, mut all) = if let Made::Taken { of, places } = &array.made {
        (untiled(of), places.clone())
    } else {
        (Arc::clone(array), array.shape.iter().map(|length| Places::all(*length)).collect())
    };
    let staying = (0..all.len()).filter(|at| all[*at].length().is_some()).nth(axis);
    if let Some(at) = staying {
        all[at] = composed(&all[at], places);
    }
    let shape = all.iter().filter_map(Places::length).collect();
    let made = Made::Taken { of: tiled(base, &all), places: all };
    Array { data_type: array.data_type, shape, made }
}

fn untiled(array: &Arc<Array>) -> Arc<Array> {
    match &array.made {
        Made::Tiled { of, .. } => Arc::clone(of),
        _ => Arc::clone(array),
    }
}

/// Places among places.
fn composed(old: &Places, new: &Places) -> Places {
    match (old, new) {
        (Places::Slice { stride, .. }, Places::Slice { start: first, stride: step, length }) => {
            // A stride of one place is of no matter, and may be beyond all numbers.
            let stride = if *length > 1 { stride.saturating_mul(*step) } else { 1 };
            Places::Slice { start: old.get(*first), stride, length: *length }
        }
        (_, Places::One(place)) => Places::One(old.get(*place)),
        _ => Places::List((0..new.length().unwrap_or(0)).map(|number| old.get(new.get(number))).collect()),
    }
}

/// A variable in tiles, if few places of large chunks are wanted of it.
fn tiled(array: Arc<Array>, places: &[Places]) -> Arc<Array> {
    let Made::Source { chunk_shape, .. } = &array.made else { return array };
    let few: Vec<bool> =
        places.iter().zip(chunk_shape).map(|(places, chunk)| is_few(places, *chunk)).collect();
    let count = few.iter().filter(|is_few| **is_few).count();
    if count == 0 {
        return array;
    }
    let side = (TILE_ELEMENTS as f64).powf(1.0 / count as f64).max(1.0) as u64;
    let lengths = few.iter().zip(chunk_shape);
    let mut tile_shape: Vec<u64> =
        lengths.map(|(is_few, chunk)| if *is_few { side.min(*chunk) } else { *chunk }).collect();
    let elements =
        |shape: &[u64]| shape.iter().fold(1_u64, |product, length| product.saturating_mul(*length));
    if elements(&tile_shape).saturating_mul(WORTH) > elements(chunk_shape) {
        return array;
    }
    // Longer in the other dimensions, as long as that is cheap.
    for axis in (0..few.len()).filter(|axis| !few[*axis]) {
        while tile_shape[axis] < array.shape[axis] {
            let mut longer = tile_shape.clone();
            longer[axis] *= 2;
            if elements(&longer) > ELEMENTS_MAX || input_bytes(&array, &longer) > INPUT_BYTES {
                break;
            }
            tile_shape = longer;
        }
    }
    let (data_type, shape) = (array.data_type, array.shape.clone());
    Arc::new(Array { data_type, shape, made: Made::Tiled { of: array, tile_shape } })
}

/// Whether few places are taken, of a chunk that has many more.
fn is_few(places: &Places, chunk: u64) -> bool {
    let span = match places {
        Places::One(_) => 1,
        Places::Slice { stride, length, .. } => stride.saturating_mul(*length),
        Places::List(_) => u64::MAX,
    };
    span <= FEW && chunk > FEW
}
