//! Small coordinates, decoded at the scan: so that files can be joined by their times, and clients have them at once.

use std::collections::HashSet;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use model::{
    ByteOrder, ChunkGrid, ChunkManifest, ChunkRef, DataType, Layout, ScannedVariable, Variable, Warning,
};
use zarr::codecs::ChunkCodecs;

use super::hierarchy::Array;
use super::targets::Targets;
use crate::ScanOptions;

/// Most chunks that are put together.
const CHUNKS_MAX: u64 = 100_000;

/// Which variables are coordinates.
pub(super) struct Coordinates {
    mentioned: HashSet<String>,
    options: ScanOptions,
}

impl Coordinates {
    pub(super) fn new(arrays: &[Array], options: &ScanOptions) -> Self {
        let attributes = arrays.iter().map(|array| &array.variable.attributes);
        let names = attributes.flat_map(|attributes| cf::named_variables(|name| attributes.text(name)));
        Self { mentioned: names.map(str::to_owned).collect(), options: options.clone() }
    }

    /// Whether a variable is small enough, and of a kind, to be decoded.
    pub(super) fn are_wanted(&self, variable: &Variable) -> bool {
        let name = variable.path.name();
        let is_coordinate = match variable.dimensions.as_slice() {
            [dimension] => dimension == name || self.mentioned.contains(name),
            _ => self.mentioned.contains(name),
        };
        let limit = match (is_coordinate, variable.dimensions.len()) {
            (true, _) => self.options.coordinate_bytes_max,
            (false, 0) => self.options.decoded_bytes_max,
            (false, 1) => self.options.small_bytes_max,
            (false, _) => 0,
        };
        variable.data_type != DataType::Text
            && variable.grid.chunk_count() <= CHUNKS_MAX
            && variable.decoded_size_bytes().is_some_and(|bytes| bytes > 0 && bytes <= limit)
    }

    /// The variable decoded, where it is wanted and can be; else as it was.
    pub(super) fn inline(
        &self,
        scanned: ScannedVariable,
        targets: &Targets,
        warnings: &mut Vec<Warning>,
    ) -> ScannedVariable {
        if !self.are_wanted(&scanned.variable) {
            return scanned;
        }
        let decoded = match decode(&scanned, targets, self.options.decoded_chunk_bytes_max) {
            Ok(Some(decoded)) => decoded,
            Ok(None) => return scanned,
            Err(fault) => {
                let subject = scanned.variable.path.to_string();
                warnings.push(Warning { subject, message: format!("kept as stored: {fault}") });
                return scanned;
            }
        };
        let shape = scanned.variable.grid.shape().to_vec();
        let Ok(grid) = ChunkGrid::new(shape.clone(), shape) else { return scanned };
        let variable = Variable {
            grid,
            codecs: Vec::new(),
            byte_order: ByteOrder::Little,
            ..Arc::unwrap_or_clone(scanned.variable)
        };
        let manifest = ChunkManifest::inline(decoded);
        ScannedVariable { variable: variable.into(), layout: Layout::Inline, manifest, in_place: None }
    }
}

/// The elements of a whole variable; none where some lie elsewhere, or are not there.
fn decode(
    scanned: &ScannedVariable,
    targets: &Targets,
    chunk_bytes_max: u64,
) -> Result<Option<Bytes>, String> {
    let variable = &scanned.variable;
    let (Some(size), Some(whole)) = (variable.data_type.size(), variable.decoded_size_bytes()) else {
        return Ok(None);
    };
    let chunk_shape = variable.grid.chunk_shape();
    let chunk_bytes = chunk_shape.iter().fold(size as u64, |bytes, n| bytes.saturating_mul(*n));
    // Chunks far larger than the variable are no coordinates of anybody.
    if chunk_bytes > chunk_bytes_max {
        return Ok(None);
    }
    let Ok(codecs) = ChunkCodecs::new(variable) else { return Ok(None) };
    let blank = variable.fill_value.clone().unwrap_or_else(|| vec![0; size]);
    let mut elements = blank.iter().copied().cycle().take(whole as usize).collect::<Vec<u8>>();
    let mut open = None;
    for (number, reference) in scanned.manifest.iter() {
        let stored = match reference {
            // Of what is missing without a fill value, nothing is known.
            ChunkRef::Missing if variable.fill_value.is_some() => continue,
            ChunkRef::Missing | ChunkRef::Computed | ChunkRef::File(_) => return Ok(None),
            ChunkRef::Inline(bytes) => bytes,
            ChunkRef::Bytes { file, range } => {
                let Some(target) = targets.get(file).filter(|target| target.identity.is_pinned()) else {
                    return Ok(None);
                };
                let within = range.offset.checked_add(range.length);
                // Stored chunks are hardly ever larger than decoded ones, and never by much.
                let most = chunk_bytes.saturating_mul(2).saturating_add(1 << 16);
                if within.is_none_or(|end| end > target.identity.size_bytes) || range.length > most {
                    return Ok(None);
                }
                let same = open.as_ref().is_some_and(|(path, _)| *path == target.path);
                if !same {
                    let file = File::open(&target.path).map_err(|error| error.to_string())?;
                    open = Some((target.path.clone(), file));
                }
                let Some((_, file)) = &open else { return Ok(None) };
                let mut bytes = vec![0; range.length as usize];
                file.read_exact_at(&mut bytes, range.offset).map_err(|error| error.to_string())?;
                bytes.into()
            }
        };
        let chunk = codecs.decode(stored).map_err(|error| format!("chunk {number}: {error}"))?;
        copy(&chunk, &mut elements, &variable.grid, number, size);
    }
    Ok(Some(elements.into()))
}

/// Puts a chunk's elements in their places of the whole array; a chunk at an edge reaches beyond it.
fn copy(chunk: &[u8], whole: &mut [u8], grid: &ChunkGrid, number: u64, size: usize) {
    let (shape, chunk_shape) = (grid.shape(), grid.chunk_shape());
    let index = grid.index(number);
    for (at, element) in chunk.chunks_exact(size).enumerate() {
        let (mut rest, mut place, mut stride, mut inside) = (at as u64, 0, 1, true);
        for axis in (0..shape.len()).rev() {
            let within = index[axis] * chunk_shape[axis] + rest % chunk_shape[axis];
            rest /= chunk_shape[axis];
            inside &= within < shape[axis];
            place += within * stride;
            stride *= shape[axis];
        }
        if let Some(slot) =
            whole.get_mut(place as usize * size..(place as usize + 1) * size).filter(|_| inside)
        {
            slot.copy_from_slice(element);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_put_together_and_edges_cut() {
        let grid = ChunkGrid::new(vec![3, 3], vec![2, 2]).unwrap();
        let mut whole = vec![0; 9];
        for (number, chunk) in [[1, 2, 4, 5], [3, 9, 6, 9], [7, 8, 9, 9], [9, 9, 9, 9]].iter().enumerate() {
            copy(chunk, &mut whole, &grid, number as u64, 1);
        }
        assert_eq!(whole, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }
}
