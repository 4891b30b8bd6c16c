//! Walks over the rows of an input, in pieces that stay in the nearest cache.

use model::{DataType, Error, Region, Result};

use super::short;
use super::state::State;
use super::tables::{Table, tables};
use crate::array::Reduced;
use crate::compute::gather::strides;

/// Elements that are taken at once.
const PIECE: usize = 1024;

/// One input of a reduction.
pub(super) struct Walk<'a> {
    reduced: &'a Reduced,
    input: &'a Region,
    tables: Vec<Table>,
    /// Strides of weights by dimension of the input, 0 where they are the same; none without weights.
    weights: Option<Vec<usize>>,
}

/// Memory for a piece.
struct Scratch {
    values: [f64; PIECE],
    weights: [f64; PIECE],
}

/// Weights of a piece.
#[derive(Debug, Clone, Copy)]
pub(super) enum Weight<'a> {
    /// All have this one.
    Same(f64),
    /// Each has its own.
    Each(&'a [f64]),
}

impl<'a> Walk<'a> {
    pub(super) fn new(reduced: &'a Reduced, region: &Region, input: &'a Region) -> Self {
        let weights = reduced.weights.as_ref().map(|weights| {
            let of_weights = strides(&weights.region(input).extent);
            let mut by_axis = vec![0; input.extent.len()];
            for (axis, stride) in weights.axes.iter().zip(of_weights) {
                by_axis[*axis] = stride;
            }
            by_axis
        });
        Self { reduced, input, tables: tables(reduced, region, input), weights }
    }

    /// Puts all elements of the input into the state.
    pub(super) fn run(&self, elements: &[u8], weights: Option<&[u8]>, state: &mut State) -> Result<()> {
        let size = self.reduced.of.data_type.size().unwrap_or(8);
        let row = self.input.extent.last().copied().unwrap_or(1) as usize;
        if elements.len() as u64 != self.input.elements() * size as u64 {
            return Err(short());
        }
        let mut scratch = Scratch { values: [0.0; PIECE], weights: [0.0; PIECE] };
        let outer = self.input.extent.len().saturating_sub(1);
        let mut index = vec![0; outer];
        for row in elements.chunks_exact((row * size).max(1)) {
            let cell = index
                .iter()
                .zip(&self.tables)
                .try_fold(0, |cell, (at, table)| table.offset(*at as usize).map(|offset| cell + offset));
            if let Some(cell) = cell {
                let first_weight = self.weights.as_ref().map_or(0, |strides| {
                    index.iter().zip(strides).map(|(at, stride)| *at as usize * stride).sum()
                });
                let position = self.position(&index);
                self.row(row, cell, (weights, first_weight), position, &mut scratch, state)?;
            }
            self.advance(&mut index);
        }
        Ok(())
    }

    /// The index of the next row, in place: rows may be as short as an element.
    fn advance(&self, index: &mut [u64]) {
        for (at, length) in index.iter_mut().zip(&self.input.extent).rev() {
            *at += 1;
            if *at < *length {
                return;
            }
            *at = 0;
        }
    }

    /// Place of a row's first element in the whole array.
    fn position(&self, index: &[u64]) -> u64 {
        let inner = (!self.input.extent.is_empty()).then_some(0);
        let places = index.iter().copied().chain(inner).zip(&self.input.start);
        let of = places.zip(&self.reduced.of.shape);
        of.fold(0, |position, ((at, start), length)| position * length + at + start)
    }

    fn row(
        &self,
        row: &[u8],
        cell: usize,
        (weights, first_weight): (Option<&[u8]>, usize),
        position: u64,
        scratch: &mut Scratch,
        state: &mut State,
    ) -> Result<()> {
        if let Some(Table::Next { first, stride: 1 }) = self.tables.last()
            && self.reduced.of.data_type == DataType::F32
            && state.singles(cell + first, row)
        {
            return Ok(());
        }
        let Scratch { values: of_piece, weights: of_weights } = scratch;
        let size = self.reduced.of.data_type.size().unwrap_or(8);
        let inner_stride = self.weights.as_ref().and_then(|strides| strides.last().copied()).unwrap_or(0);
        for (number, piece) in row.chunks(PIECE * size).enumerate() {
            let at = number * PIECE;
            let values = load(self.reduced.of.data_type, piece, of_piece)?;
            let weight = match weights {
                None => Weight::Same(1.0),
                Some(weights) if inner_stride == 0 => {
                    let one = weights.get(first_weight * 8..first_weight * 8 + 8).ok_or_else(short)?;
                    Weight::Same(known(*load(DataType::F64, one, of_weights)?.first().ok_or_else(short)?))
                }
                Some(weights) => {
                    let begin = (first_weight + at * inner_stride) * 8;
                    let end = begin + values.len() * inner_stride * 8;
                    let part = weights.get(begin..end).ok_or_else(short)?;
                    let count = load(DataType::F64, part, of_weights)?.len();
                    for weight in &mut of_weights[..count] {
                        *weight = known(*weight);
                    }
                    Weight::Each(&of_weights[..count])
                }
            };
            self.piece(values, weight, cell, at, position + at as u64, state);
        }
        Ok(())
    }

    /// A piece that begins at place `at` of its row.
    fn piece(
        &self,
        values: &[f64],
        weight: Weight<'_>,
        cell: usize,
        at: usize,
        position: u64,
        state: &mut State,
    ) {
        match self.tables.last() {
            Some(Table::Next { first, stride: 1 }) => state.each(cell + first + at, values, weight, position),
            Some(Table::Same) | None => state.same(cell, values, weight, position),
            Some(table) => {
                for (place, value) in values.iter().enumerate() {
                    let Some(offset) = table.offset(at + place) else { continue };
                    let weight = match weight {
                        Weight::Each(weights) => Weight::Each(&weights[place..=place]),
                        same @ Weight::Same(_) => same,
                    };
                    state.same(cell + offset, std::slice::from_ref(value), weight, position + place as u64);
                }
            }
        }
    }
}

/// A weight; none where it is missing.
fn known(weight: f64) -> f64 {
    if weight.is_nan() { 0.0 } else { weight }
}

/// Elements as doubles.
fn load<'v>(data_type: DataType, bytes: &[u8], into: &'v mut [f64; PIECE]) -> Result<&'v [f64]> {
    let count = match data_type {
        DataType::F32 => {
            let elements = bytes.as_chunks().0;
            into.iter_mut()
                .zip(elements)
                .for_each(|(value, element)| *value = f64::from(f32::from_le_bytes(*element)));
            elements.len()
        }
        DataType::F64 => {
            let elements = bytes.as_chunks().0;
            into.iter_mut().zip(elements).for_each(|(value, element)| *value = f64::from_le_bytes(*element));
            elements.len()
        }
        other => return Err(Error::internal(format!("{other:?} cannot be reduced"))),
    };
    into.get(..count).ok_or_else(short)
}
