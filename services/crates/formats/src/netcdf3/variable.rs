//! One variable with its references.

use std::fs::File;

use model::{
    ByteOrder, ByteRange, ChunkGrid, ChunkManifest, ChunkRef, FileId, Layout, NodePath, ScannedVariable,
};

use super::{header, places::Place, values};
use crate::{ScanFault, ScanOptions, numbers::to_little_endian};

/// What a file may still cost: variables of tiny records are many chunks or many inlined bytes.
pub(super) struct Budget {
    /// Bytes of tiny records that may be inlined.
    pub(super) tiny_bytes: u64,
    /// Chunks that may be made.
    pub(super) chunks: u64,
}

/// What is known of a variable before its data.
pub(super) struct Outline {
    /// Where it is in the dataset.
    pub(super) path: NodePath,
    /// Names of its dimensions.
    pub(super) dimensions: Vec<String>,
    /// Its shape.
    pub(super) shape: Vec<u64>,
    /// Whether readers want it whole.
    pub(super) is_coordinate: bool,
    /// Where its bytes are.
    pub(super) place: Place,
}

struct Stored {
    layout: Layout,
    grid: ChunkGrid,
    manifest: ChunkManifest,
}

/// A variable, or the reason for which it is left out.
pub(super) fn scan(
    file: &File,
    variable: header::Variable,
    outline: Outline,
    options: &ScanOptions,
    budget: &mut Budget,
    mut alive: impl FnMut(),
) -> Result<Result<ScannedVariable, String>, ScanFault> {
    let stored = if is_inlined(&outline, options, budget) {
        let mut bytes = values::read(file, outline.place, &mut alive)?;
        to_little_endian(&mut bytes, variable.data_type, ByteOrder::Big);
        whole(&outline.shape).map(|grid| Stored {
            layout: Layout::Inline,
            grid,
            manifest: ChunkManifest::inline(bytes.into()),
        })
    } else if outline.place.is_one_piece() {
        contiguous(&outline)
    } else {
        records(&outline, budget)
    };
    alive();
    let is_big = variable.data_type.size().is_some_and(|size| size > 1);
    Ok(stored.map(|stored| ScannedVariable {
        variable: model::Variable {
            path: outline.path,
            dimensions: outline.dimensions,
            data_type: variable.data_type,
            byte_order: if is_big && stored.layout != Layout::Inline {
                ByteOrder::Big
            } else {
                ByteOrder::Little
            },
            grid: stored.grid,
            codecs: Vec::new(),
            fill_value: None,
            attributes: variable.attributes,
        }
        .into(),
        layout: stored.layout,
        manifest: stored.manifest,
        in_place: None,
    }))
}

/// The rules of other formats, and one more: a variable whose records are tiny would be as many tiny chunks.
fn is_inlined(outline: &Outline, options: &ScanOptions, budget: &mut Budget) -> bool {
    let (place, rank) = (&outline.place, outline.shape.len());
    let bytes = place.bytes();
    if bytes == 0 {
        return false;
    }
    if rank == 0 || bytes <= options.inlined_bytes_max(outline.is_coordinate, rank) {
        return true;
    }
    let is_tiny = !place.is_one_piece()
        && place.run <= options.tiny_record_bytes_max
        && bytes <= options.decoded_bytes_max.min(budget.tiny_bytes);
    if is_tiny {
        budget.tiny_bytes -= bytes;
    }
    is_tiny
}

fn whole(shape: &[u64]) -> Result<ChunkGrid, String> {
    let chunk_shape = shape.iter().map(|length| (*length).max(1)).collect();
    ChunkGrid::new(shape.to_vec(), chunk_shape).map_err(|error| error.to_string())
}

fn contiguous(outline: &Outline) -> Result<Stored, String> {
    let grid = whole(&outline.shape)?;
    let mut manifest = ChunkManifest::missing(0, grid.chunk_count() as usize);
    if grid.chunk_count() > 0 {
        let range = ByteRange { offset: outline.place.begin, length: outline.place.bytes() };
        manifest.set(0, ChunkRef::Bytes { file: FileId(0), range });
    }
    Ok(Stored { layout: Layout::Contiguous, grid, manifest })
}

fn records(outline: &Outline, budget: &mut Budget) -> Result<Stored, String> {
    let place = &outline.place;
    if place.count > budget.chunks {
        let (count, run) = (place.count, place.run);
        return Err(format!(
            "it has {count} records of {run} bytes, more than can be referred to one by one"
        ));
    }
    budget.chunks -= place.count;
    let mut chunk_shape = outline.shape.clone();
    if let Some(first) = chunk_shape.first_mut() {
        *first = 1;
    }
    let grid = ChunkGrid::new(outline.shape.clone(), chunk_shape).map_err(|error| error.to_string())?;
    let mut manifest = ChunkManifest::missing(0, place.count as usize);
    for number in 0..place.count {
        let range = ByteRange { offset: place.begin + number * place.stride, length: place.run };
        manifest.set(number, ChunkRef::Bytes { file: FileId(0), range });
    }
    Ok(Stored { layout: Layout::Chunked, grid, manifest })
}
