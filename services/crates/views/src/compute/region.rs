//! The elements of a region.

use std::sync::Arc;

use bytes::Bytes;
use model::{Error, ErrorKind, Region, Result};

use super::formula::{self, Input};
use super::parts::{Cell, Leaf, arranged, cells, gathered, grid_of, merged};
use super::{arrange, gather};
use crate::array::{Array, Made, Reduced};

/// What gives the elements of chunks and blocks.
pub trait Leaves {
    /// All elements: of a chunk with those behind the array's end, of a block without.
    fn elements(&mut self, leaf: Leaf) -> Result<Bytes>;
}

/// The elements of a region of an array, in C order. Asks for chunks and blocks in the order of
/// [`leaves`](super::leaves).
pub fn evaluate(array: &Arc<Array>, region: &Region, leaves: &mut impl Leaves) -> Result<Bytes> {
    let size = array.data_type.size().ok_or_else(|| Error::internal("a region of text"))?;
    match &array.made {
        Made::Known(elements) if region.extent == array.shape => Ok(elements.clone()),
        Made::Known(elements) => region.cut(elements, &array.shape, size).map(Bytes::from).ok_or_else(short),
        Made::Source { variable, chunk_shape } => {
            let grid = grid_of(&array.shape, chunk_shape).ok_or_else(|| Error::internal("no grid"))?;
            let leaf = |number| Leaf::Chunk { variable: *variable, number };
            assemble(cells(&grid, region, false), region, size, |number| leaves.elements(leaf(number)))
        }
        Made::Reduced(Reduced { block_shape, .. }) | Made::Tiled { tile_shape: block_shape, .. } => {
            let grid = grid_of(&array.shape, block_shape).ok_or_else(|| Error::internal("no grid"))?;
            let leaf = |number| Leaf::Block { array: Arc::clone(array), number };
            assemble(cells(&grid, region, true), region, size, |number| leaves.elements(leaf(number)))
        }
        Made::Unpacked { of, unpacking } => {
            let elements = evaluate(of, region, leaves)?;
            if unpacking.is_copy() {
                return Ok(elements);
            }
            let unpacked = unpacking.apply(&elements);
            let failed =
                |error| Error::new(ErrorKind::CorruptData, format!("values cannot be unpacked: {error}"));
            unpacked.map(Bytes::from).map_err(failed)
        }
        Made::Computed { of, formula } => {
            let inputs = of.iter().map(|of| evaluate(of, region, leaves)).collect::<Result<Vec<_>>>()?;
            let inputs: Vec<_> = of
                .iter()
                .zip(&inputs)
                .map(|(of, elements)| Input { data_type: of.data_type, elements })
                .collect();
            formula::apply(formula, &inputs, array.data_type).map(Bytes::from).map_err(Error::internal)
        }
        Made::Arranged { of, axes } => {
            let from = arranged(of, axes, region);
            let elements = evaluate(of, &from, leaves)?;
            arrange::arrange(elements, &from.extent, axes, &region.extent, size).ok_or_else(short)
        }
        Made::Merged { of, from: axis } => {
            let (from, within) = merged(of, *axis, region);
            let elements = evaluate(of, &from, leaves)?;
            if from.elements() == region.elements() {
                return Ok(elements);
            }
            let mut shape = from.extent[..*axis].to_vec();
            shape.push(from.extent[*axis..].iter().product());
            within.cut(&elements, &shape, size).map(Bytes::from).ok_or_else(short)
        }
        Made::Taken { of, places } => {
            let mut parts = gathered(of, places, region).peekable();
            let staying: Vec<bool> = places.iter().map(|places| places.length().is_some()).collect();
            if let Some(part) = parts.next_if(|part| gather::is_all(part, &staying, &region.extent)) {
                return evaluate(of, &part.from, leaves);
            }
            let mut into = vec![0; region.elements() as usize * size];
            for part in parts {
                let elements = evaluate(of, &part.from, leaves)?;
                gather::gather(&elements, &part, &staying, &mut into, &region.extent, size)
                    .ok_or_else(short)?;
            }
            Ok(into.into())
        }
    }
}

/// The elements of a region of an array that is made in blocks, made now: [`evaluate`] asks for its blocks instead.
pub fn evaluate_block(array: &Arc<Array>, region: &Region, leaves: &mut impl Leaves) -> Result<Bytes> {
    match &array.made {
        Made::Reduced(reduced) => {
            super::reduce::reduce(reduced, &reduced.groups_of(region.clone()), array.data_type, leaves)
        }
        Made::Tiled { of, .. } => evaluate(of, region, leaves),
        _ => Err(Error::internal("an array without blocks")),
    }
}

/// A region put together of cells; one cell that is all of it passes as it is.
fn assemble(
    cells: Vec<Cell>,
    region: &Region,
    size: usize,
    mut elements: impl FnMut(u64) -> Result<Bytes>,
) -> Result<Bytes> {
    if let [cell] = cells.as_slice() {
        let whole = elements(cell.number)?;
        if cell.from == Region::whole(&cell.shape) {
            return if whole.len() as u64 == region.elements() * size as u64 {
                Ok(whole)
            } else {
                Err(short())
            };
        }
        return cell.from.cut(&whole, &cell.shape, size).map(Bytes::from).ok_or_else(short);
    }
    let mut into = vec![0; region.elements() as usize * size];
    for cell in cells {
        let whole = elements(cell.number)?;
        let cut = cell.from.cut(&whole, &cell.shape, size).ok_or_else(short)?;
        cell.to.paste(&cut, &mut into, &region.extent, size).ok_or_else(short)?;
    }
    Ok(into.into())
}

fn short() -> Error {
    Error::new(ErrorKind::CorruptData, "a chunk is shorter than its shape says")
}
