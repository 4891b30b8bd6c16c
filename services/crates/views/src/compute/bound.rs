//! Rounding as coarsely as a bound of the error allows, so that numbers compress well: the encoding of `accuracy=`.
//!
//! ```text
//! bits:7, rel:1e-3 ─▶ the last bits of the significand become zeros    (Klöwer et al. 2021)
//! abs:0.01         ─▶ the nearest multiple of a power of two            (exact in binary)
//!                       └─▶ every element is checked: what breaks the bound, or becomes a mark, keeps all its bits
//! ```
//! See [Klöwer et al. 2021](https://doi.org/10.1038/s43588-021-00156-2), and for multiples of powers of two
//! [Delaunay et al. 2019](https://doi.org/10.5194/gmd-12-4099-2019), who call it granular.

use model::DataType;

use crate::steps::ErrorBound;

mod float;
#[cfg(test)]
mod tests;

use float::Float;

/// Elements that are rounded at a time: their former values are kept for that long.
const BLOCK: usize = 1024;

/// Rounded elements.
#[derive(Debug, Clone, PartialEq)]
pub struct Rounded {
    /// Little-endian, of the type that they had.
    pub elements: Vec<u8>,
    /// The largest error of any: in the units of the elements for [`ErrorBound::Absolute`], else of the element itself.
    pub error: f64,
}

/// Why elements cannot be rounded.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BoundError {
    /// They are no `F32` or `F64`.
    #[error("only elements of F32 or F64 are rounded, not {0:?}")]
    DataType(DataType),
    /// A part of an element is at the end.
    #[error("{0} bytes are no whole number of elements")]
    Length(usize),
}

/// Rounds little-endian elements, `F32` or `F64`, as coarsely as the bound allows, to nearest, ties to even:
/// * [`ErrorBound::Bits`]: to so many bits of the significand, which is an error of 2⁻⁽ᵇⁱᵗˢ⁺¹⁾ of the element at most.
/// * [`ErrorBound::Relative`]: to the fewest bits that keep it.
/// * [`ErrorBound::Absolute`]: to multiples of the largest power of two whose half keeps it; negative zero becomes zero.
///
/// Each element keeps the bound: those that would not, as subnormal numbers may, keep all their bits. So do NaN, infinities,
/// and what stands for missing values (`marks`); nothing else becomes one of these. Rounding again changes nothing.
///
/// # Errors
/// If the elements are no floats.
pub fn round(
    bound: ErrorBound,
    data_type: DataType,
    elements: &[u8],
    marks: &[f64],
) -> Result<Rounded, BoundError> {
    match data_type {
        DataType::F32 if elements.len().is_multiple_of(4) => Ok(round_all::<f32, 4>(bound, elements, marks)),
        DataType::F64 if elements.len().is_multiple_of(8) => Ok(round_all::<f64, 8>(bound, elements, marks)),
        DataType::F32 | DataType::F64 => Err(BoundError::Length(elements.len())),
        _ => Err(BoundError::DataType(data_type)),
    }
}

/// How one element is rounded, and what its error may be.
#[derive(Debug, Clone, Copy)]
enum Rounding {
    /// To so many bits of the significand.
    Bits { keep: u32, relative: f64 },
    /// To multiples of a power of two.
    Multiple { quantum: f64, absolute: f64 },
}

impl Rounding {
    fn new(bound: ErrorBound) -> Self {
        match bound {
            ErrorBound::Bits(bits) => {
                Self::Bits { keep: bits.into(), relative: 0.5_f64.powi(i32::from(bits) + 1) }
            }
            ErrorBound::Relative(relative) => {
                let mut keep = 0;
                while keep < f64::STORED_BITS && 0.5_f64.powi(keep as i32 + 1) > relative {
                    keep += 1;
                }
                Self::Bits { keep, relative }
            }
            ErrorBound::Absolute(absolute) => Self::Multiple { quantum: quantum(absolute), absolute },
        }
    }
}

/// The largest power of two whose half is no more than a number; 0 if there is none.
fn quantum(absolute: f64) -> f64 {
    if absolute.is_nan() || absolute <= 0.0 {
        return 0.0;
    }
    let bits = absolute.min(f64::MAX).to_bits();
    let fraction = bits & ((1 << f64::STORED_BITS) - 1);
    let power = if bits == fraction { 1 << fraction.ilog2() } else { bits - fraction };
    let half = f64::from_bits(power);
    // Of the largest doubles the quantum itself is no double: half of it serves as well.
    if (half * 2.0).is_finite() { half * 2.0 } else { half }
}

fn round_all<F: Float<SIZE>, const SIZE: usize>(
    bound: ErrorBound,
    elements: &[u8],
    marks: &[f64],
) -> Rounded {
    let rounding = Rounding::new(bound);
    let marks: Vec<F> = marks.iter().map(|mark| F::of_double(*mark)).collect();
    let mut rounded = elements.to_vec();
    let former = elements.as_chunks::<SIZE>().0.chunks(BLOCK);
    let mut largest = 0.0_f64;
    for (block, former) in rounded.as_chunks_mut::<SIZE>().0.chunks_mut(BLOCK).zip(former) {
        let error = match rounding {
            Rounding::Bits { keep, relative } => {
                round_block(block, former, &marks, |old| old.keep_bits(keep), relative_error, relative)
            }
            Rounding::Multiple { quantum, absolute } => {
                round_block(block, former, &marks, |old| old.multiple_of(quantum), absolute_error, absolute)
            }
        };
        largest = largest.max(error);
    }
    Rounded { elements: rounded, error: largest }
}

/// Rounds a block whose former elements are there as well, and returns its largest error.
fn round_block<F: Float<SIZE>, const SIZE: usize>(
    block: &mut [[u8; SIZE]],
    former: &[[u8; SIZE]],
    marks: &[F],
    round: impl Fn(F) -> F,
    error: impl Fn(F, F) -> f64,
    allowed: f64,
) -> f64 {
    for element in &mut *block {
        *element = round(F::read(*element)).write();
    }
    // NaN, of what is no number, is not within what is allowed.
    restore(block, former, |old, new| error(old, new) <= allowed);
    for mark in marks {
        restore(block, former, |old: F, new: F| old != *mark && new != *mark);
    }
    let errors = block.iter().zip(former).map(|(new, old)| error(F::read(*old), F::read(*new)));
    errors.fold(0.0, |largest, error| if error > largest { error } else { largest })
}

/// Gives elements that do not pass a test their former bits back. Each test in a pass of its own: so the compiler makes
/// vector code of it.
fn restore<F: Float<SIZE>, const SIZE: usize>(
    block: &mut [[u8; SIZE]],
    former: &[[u8; SIZE]],
    passes: impl Fn(F, F) -> bool,
) {
    for (element, former) in block.iter_mut().zip(former) {
        *element = if passes(F::read(*former), F::read(*element)) { *element } else { *former };
    }
}

/// Exact: the two are close, or one is 0. NaN or infinite where one is.
fn absolute_error<F: Float<SIZE>, const SIZE: usize>(old: F, new: F) -> f64 {
    (new.double() - old.double()).abs()
}

/// Of the former number; NaN for 0, which keeps its bits.
fn relative_error<F: Float<SIZE>, const SIZE: usize>(old: F, new: F) -> f64 {
    absolute_error(old, new) / old.double().abs()
}
