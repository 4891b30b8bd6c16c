//! Small coordinates, decoded and inlined: joining needs their values, and clients open faster.

use std::collections::HashSet;

use bytes::Bytes;
use model::{ByteOrder, ChunkGrid, ChunkManifest, Codec, DataType, Layout, ScannedVariable, Variable};
use zarr::codecs::ChunkCodecs;

use super::{FoundArray, ReadStore};
use crate::{ScanFault, ScanOptions};

/// Most chunks of a variable that is inlined.
const CHUNKS_MAX: u64 = 4096;

/// Names of variables that readers want whole, because an attribute of another names them.
pub(super) fn wanted(arrays: &[FoundArray]) -> HashSet<String> {
    let attributes = arrays.iter().map(|array| &array.read.variable.attributes);
    let names = attributes.flat_map(|attributes| cf::named_variables(|name| attributes.text(name)));
    names.map(str::to_owned).collect()
}

/// A variable with its values inlined; none where it is too large, or no coordinate and not small. Damaged chunks are
/// told and left where they are, so that only who asks for them meets the fault.
pub(super) fn inlined(
    store: &dyn ReadStore,
    array: &FoundArray,
    wanted: &HashSet<String>,
    options: &ScanOptions,
    warn: &mut dyn FnMut(String),
) -> Result<Option<ScannedVariable>, ScanFault> {
    let variable = &array.read.variable;
    if !is_small(variable, wanted, options) {
        return Ok(None);
    }
    let Ok(codecs) = ChunkCodecs::new(variable) else { return Ok(None) };
    let element_size = variable.data_type.size().unwrap_or_default();
    let count = variable.grid.shape().iter().product::<u64>() as usize;
    let mut values = vec![0; count * element_size];
    for number in 0..variable.grid.chunk_count() {
        let index = variable.grid.index(number);
        let key = zarr::key::chunk(array.read.encoding, &index);
        let key = if array.key.is_empty() { key } else { format!("{}/{key}", array.key) };
        let chunk = match store.get(&key, options.decoded_chunk_bytes_max)? {
            Some(stored) => match codecs.decode(Bytes::from(stored)) {
                Ok(decoded) => decoded,
                Err(error) => {
                    warn(format!("chunk {key} cannot be decoded: {error}"));
                    return Ok(None);
                }
            },
            // What absent chunks read as, if anything is said of it.
            None => match filled(variable) {
                Some(chunk) => chunk,
                None => return Ok(None),
            },
        };
        if variable.data_type == DataType::Text {
            return Ok((variable.grid.shape() == variable.grid.chunk_shape()).then(|| with(variable, chunk)));
        }
        place(&mut values, variable.grid.shape(), &chunk, variable.grid.chunk_shape(), &index, element_size);
    }
    Ok(Some(with(variable, values.into())))
}

fn is_small(variable: &Variable, wanted: &HashSet<String>, options: &ScanOptions) -> bool {
    let grid = &variable.grid;
    let name = variable.path.name();
    let is_index = variable.dimensions.iter().any(|dimension| dimension == name);
    let is_coordinate = is_index || wanted.contains(name) || variable.dimensions.is_empty();
    let is_text = variable.data_type == DataType::Text;
    if !is_coordinate && (is_text || variable.dimensions.len() != 1) {
        return false;
    }
    let bytes_max = if is_coordinate { options.coordinate_bytes_max } else { options.small_bytes_max };
    let chunk = grid.chunk_shape().iter().fold(1_u64, |product, length| product.saturating_mul(*length));
    let element = variable.data_type.size().unwrap_or(16) as u64;
    let decoded = grid.shape().iter().fold(element, |product, length| product.saturating_mul(*length));
    let is_one_text = !is_text || grid.chunk_count() == 1;
    is_one_text
        && grid.chunk_count() > 0
        && grid.chunk_count() <= CHUNKS_MAX
        && decoded <= bytes_max
        && chunk.saturating_mul(element) <= options.decoded_chunk_bytes_max
}

/// A chunk of fill values; none for text, and where nothing is said.
fn filled(variable: &Variable) -> Option<Bytes> {
    let element = variable.fill_value.as_ref().filter(|_| variable.data_type.size().is_some())?;
    let count = variable.grid.chunk_shape().iter().product::<u64>() as usize;
    Some(element.repeat(count).into())
}

fn with(variable: &Variable, values: Bytes) -> ScannedVariable {
    let is_text = variable.data_type == DataType::Text;
    let shape = variable.grid.shape().to_vec();
    let grid = ChunkGrid::new(shape.clone(), shape).unwrap_or_else(|_| variable.grid.clone());
    ScannedVariable {
        variable: Variable {
            byte_order: ByteOrder::Little,
            grid,
            codecs: if is_text { vec![Codec::VlenUtf8] } else { Vec::new() },
            fill_value: None,
            ..variable.clone()
        }
        .into(),
        layout: Layout::Inline,
        manifest: ChunkManifest::inline(values),
        in_place: None,
    }
}

/// Copies a chunk's elements, as far as they are in the array, to their places.
fn place(
    values: &mut [u8],
    shape: &[u64],
    chunk: &[u8],
    chunk_shape: &[u64],
    index: &[u64],
    element_size: usize,
) {
    let Some(row_length) = chunk_shape.last() else {
        let length = values.len().min(chunk.len());
        values[..length].copy_from_slice(&chunk[..length]);
        return;
    };
    let row_bytes = *row_length as usize * element_size;
    for (row, elements) in chunk.chunks_exact(row_bytes.max(1)).enumerate() {
        let (mut rest, mut at, mut stride, mut is_inside) = (row as u64, 0, 1, true);
        for axis in (0..shape.len()).rev() {
            let within = if axis + 1 == shape.len() { 0 } else { rest % chunk_shape[axis] };
            if axis + 1 < shape.len() {
                rest /= chunk_shape[axis];
            }
            let position = index[axis] * chunk_shape[axis] + within;
            is_inside &= position < shape[axis];
            at += position * stride;
            stride *= shape[axis];
        }
        if !is_inside {
            continue;
        }
        let last = shape.len() - 1;
        let length = (*row_length).min(shape[last] - index[last] * row_length) as usize * element_size;
        let from = at as usize * element_size;
        if let (Some(to), Some(elements)) = (values.get_mut(from..from + length), elements.get(..length)) {
            to.copy_from_slice(elements);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_come_to_their_places_and_edges_are_cut() {
        let mut values = vec![0; 15];
        for (index, first) in [([0, 0], 1), ([0, 1], 11), ([1, 0], 21), ([1, 1], 31)] {
            let chunk: Vec<u8> = (first..first + 6).collect();
            place(&mut values, &[3, 5], &chunk, &[2, 3], &index, 1);
        }
        assert_eq!(values, [1, 2, 3, 11, 12, 4, 5, 6, 14, 15, 21, 22, 23, 31, 32]);
        let mut scalar = vec![0; 2];
        place(&mut scalar, &[], &[7, 8], &[], &[], 2);
        assert_eq!(scalar, [7, 8]);
    }
}
