//! What is computed element by element: [`Formula`].
//!
//! ```text
//! inputs, F32 or F64 ── a block of each as doubles ─▶ formula ─▶ a block of doubles ── F32 or F64 ─▶ result
//! ```
//! Blocks bound the memory to a few kibibytes for each input, number and result of a formula, and lie in the cache.

use model::DataType;

use super::program::{Program, Slots};
use crate::array::Formula;

/// Elements that are computed at a time.
const BLOCK: usize = 1024;

/// One input of a formula: elements of `F32` or `F64`.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// Their type.
    pub data_type: DataType,
    /// Little-endian.
    pub elements: &'a [u8],
}

/// Why a formula cannot be computed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FormulaError {
    /// More or fewer inputs than the formula has.
    #[error("a formula of {needed} inputs is given {given}")]
    Inputs {
        /// How many it has.
        needed: usize,
        /// How many there are.
        given: usize,
    },
    /// Elements that are no `F32` or `F64`.
    #[error("a formula has elements of F32 or F64, not {0:?}")]
    DataType(DataType),
    /// Inputs of different lengths, or with a part of an element at the end.
    #[error("an input has {found} bytes of {needed}")]
    Length {
        /// As many elements as the first input has, in bytes.
        needed: usize,
        /// How many there are.
        found: usize,
    },
}

/// The elements of a formula's result, little-endian, as `data_type` says, which is `F32` or `F64`. All inputs have the same
/// number of elements; a formula without inputs has one.
///
/// It is computed in double precision and rounded to the type of the result. Only the difference of 32-bit floats as a
/// 32-bit float is computed in single precision, as xarray does. NaN stays NaN, as IEEE 754 and numpy have it.
///
/// # Errors
/// If the inputs are not as many as the formula has, of different lengths, or no floats.
pub fn apply(formula: &Formula, inputs: &[Input<'_>], data_type: DataType) -> Result<Vec<u8>, FormulaError> {
    apply_in_blocks(formula, inputs, data_type, BLOCK)
}

fn apply_in_blocks(
    formula: &Formula,
    inputs: &[Input<'_>],
    data_type: DataType,
    block: usize,
) -> Result<Vec<u8>, FormulaError> {
    let count = checked_count(formula, inputs, data_type)?;
    if let (Formula::Difference, DataType::F32, [a, b]) = (formula, data_type, inputs)
        && a.data_type == DataType::F32
        && b.data_type == DataType::F32
    {
        return Ok(difference_of_singles(a.elements, b.elements));
    }
    let block = block.min(count).max(1);
    let mut slots = match formula {
        Formula::Expression(program) => program.slots(block),
        _ => Slots::of_inputs(inputs.len(), block),
    };
    let mut simple = vec![0.0; block];
    let mut result = vec![0; count.saturating_mul(width(data_type))];
    for (number, made) in result.chunks_mut(block * width(data_type)).enumerate() {
        for (input, slot) in inputs.iter().zip(slots.iter_mut()) {
            load(*input, number * block, slot);
        }
        store(compute(formula, &mut slots, &mut simple), data_type, made);
    }
    Ok(result)
}

/// How many elements the result has.
fn checked_count(
    formula: &Formula,
    inputs: &[Input<'_>],
    data_type: DataType,
) -> Result<usize, FormulaError> {
    let needed = match formula {
        Formula::Difference | Formula::Where => 2,
        Formula::Linear { .. } | Formula::Multiple(_) => 1,
        Formula::Expression(program) => Program::inputs(program),
    };
    if inputs.len() != needed {
        return Err(FormulaError::Inputs { needed, given: inputs.len() });
    }
    let mut types = inputs.iter().map(|input| input.data_type).chain([data_type]);
    if let Some(other) = types.find(|one| !matches!(one, DataType::F32 | DataType::F64)) {
        return Err(FormulaError::DataType(other));
    }
    let count = inputs.first().map_or(1, |first| first.elements.len() / width(first.data_type));
    for input in inputs {
        let needed = count * width(input.data_type);
        if input.elements.len() != needed {
            return Err(FormulaError::Length { needed, found: input.elements.len() });
        }
    }
    Ok(count)
}

/// A block of the formula; what is no program computes it into `simple`.
fn compute<'a>(formula: &Formula, slots: &'a mut Slots, simple: &'a mut [f64]) -> &'a [f64] {
    if let Formula::Expression(program) = formula {
        return program.run(slots);
    }
    let elements = simple.iter_mut().zip(slots.get(0));
    match formula {
        Formula::Linear { scale, offset } => elements.for_each(|(to, x)| *to = x * scale + offset),
        Formula::Multiple(step) => elements.for_each(|(to, x)| *to = multiple(*x, *step)),
        Formula::Difference => elements.zip(slots.get(1)).for_each(|((to, a), b)| *to = a - b),
        Formula::Where => {
            // NaN is no truth: what is not known to be wanted is missing.
            let is_true = |condition: f64| condition.abs() > 0.0;
            elements.zip(slots.get(1)).for_each(|((to, x), b)| *to = if is_true(*b) { *x } else { f64::NAN });
        }
        Formula::Expression(_) => {}
    }
    simple
}

/// The multiple of a step that is nearest, ties to the even one. A number that is too large to have one stays.
fn multiple(x: f64, step: f64) -> f64 {
    let nearest = (x / step).round_ties_even() * step;
    if nearest.is_finite() { nearest } else { x }
}

fn difference_of_singles(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut result = vec![0; a.len()];
    let pairs = a.as_chunks::<4>().0.iter().zip(b.as_chunks::<4>().0);
    for (made, (a, b)) in result.as_chunks_mut::<4>().0.iter_mut().zip(pairs) {
        *made = (f32::from_le_bytes(*a) - f32::from_le_bytes(*b)).to_le_bytes();
    }
    result
}

/// Elements from one on, as doubles, as many as there are and the block has.
fn load(input: Input<'_>, start: usize, block: &mut [f64]) {
    let elements = input.elements.get(start * width(input.data_type)..).unwrap_or_default();
    if input.data_type == DataType::F32 {
        for (to, bytes) in block.iter_mut().zip(elements.as_chunks::<4>().0) {
            *to = f32::from_le_bytes(*bytes).into();
        }
    } else {
        for (to, bytes) in block.iter_mut().zip(elements.as_chunks::<8>().0) {
            *to = f64::from_le_bytes(*bytes);
        }
    }
}

/// As many elements of the block as there is place for.
fn store(block: &[f64], data_type: DataType, made: &mut [u8]) {
    if data_type == DataType::F32 {
        for (bytes, x) in made.as_chunks_mut::<4>().0.iter_mut().zip(block) {
            *bytes = (*x as f32).to_le_bytes();
        }
    } else {
        for (bytes, x) in made.as_chunks_mut::<8>().0.iter_mut().zip(block) {
            *bytes = x.to_le_bytes();
        }
    }
}

/// Bytes of an element.
fn width(data_type: DataType) -> usize {
    if data_type == DataType::F32 { 4 } else { 8 }
}

#[cfg(test)]
mod tests;
