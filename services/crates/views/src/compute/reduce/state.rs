//! What is known of each cell of the result while its elements come.

use model::{DataType, Error, Result};

use super::extremes::{Ends, Extremes};
use super::moments::{Moments, Sums, WeightedSums};
use super::row::Weight;
use super::totals::Totals;
use super::values::Values;
use crate::array::Reduced;
use crate::steps::{Reduction, Statistic};

/// The state of all cells.
pub(super) enum State {
    Sums(Sums),
    Weighted(WeightedSums),
    Moments(Moments),
    Extremes(Extremes),
    Ends(Ends),
    Values(Values),
}

impl State {
    /// That of cells which so many places go to, each.
    pub(super) fn new(reduced: &Reduced, totals: &Totals) -> Result<Self> {
        let cells = totals.cells();
        let statistic = match &reduced.reduction {
            Reduction::Quantiles(quantiles) => {
                return Ok(Self::Values(Values::new(totals, quantiles.clone())));
            }
            Reduction::Statistic(statistic) => *statistic,
        };
        if reduced.weights.is_some() {
            return match statistic {
                Statistic::Mean => Ok(Self::Weighted(WeightedSums::new(cells))),
                _ => Err(Error::internal("weights of what is no mean")),
            };
        }
        Ok(match statistic {
            Statistic::Mean | Statistic::Sum | Statistic::Count => Self::Sums(Sums::new(cells, statistic)),
            Statistic::Std => Self::Moments(Moments::new(cells, f64::sqrt)),
            Statistic::Variance => Self::Moments(Moments::new(cells, |variance| variance)),
            Statistic::Min => Self::Extremes(Extremes::new(cells, f64::min)),
            Statistic::Max => Self::Extremes(Extremes::new(cells, f64::max)),
            Statistic::First => Self::Ends(Ends::new(cells, true)),
            Statistic::Last => Self::Ends(Ends::new(cells, false)),
            Statistic::Median => Self::Values(Values::new(totals, vec![0.5])),
        })
    }

    /// Values of which each goes to the cell after that of the one before.
    pub(super) fn each(&mut self, cell: usize, values: &[f64], weight: Weight<'_>, position: u64) {
        match self {
            Self::Sums(sums) => sums.each(cell, values),
            Self::Weighted(sums) => sums.each(cell, values, weight),
            Self::Moments(moments) => moments.each(cell, values),
            Self::Extremes(extremes) => extremes.each(cell, values),
            Self::Ends(ends) => ends.each(cell, values, position),
            Self::Values(all) => all.each(cell, values),
        }
    }

    /// The same of a row of little-endian singles, where that can be done without making doubles of them first. Whether
    /// it was.
    pub(super) fn singles(&mut self, cell: usize, row: &[u8]) -> bool {
        match self {
            Self::Sums(sums) => sums.singles(cell, row),
            _ => false,
        }
    }

    /// Values that go to one cell.
    pub(super) fn same(&mut self, cell: usize, values: &[f64], weight: Weight<'_>, position: u64) {
        match self {
            Self::Sums(sums) => sums.same(cell, values),
            Self::Weighted(sums) => sums.same(cell, values, weight),
            Self::Moments(moments) => moments.same(cell, values),
            Self::Extremes(extremes) => extremes.same(cell, values),
            Self::Ends(ends) => ends.same(cell, values, position),
            Self::Values(all) => all.same(cell, values),
        }
    }

    /// What came later to the same cells.
    pub(super) fn add(&mut self, later: Self) {
        match (self, later) {
            (Self::Sums(sums), Self::Sums(later)) => sums.add(later),
            (Self::Weighted(sums), Self::Weighted(later)) => sums.add(&later),
            (Self::Moments(moments), Self::Moments(later)) => moments.add(&later),
            (Self::Extremes(extremes), Self::Extremes(later)) => extremes.add(&later),
            (Self::Ends(ends), Self::Ends(later)) => ends.add(&later),
            (Self::Values(all), Self::Values(later)) => all.add(&later),
            // Parts of one reduction are of one kind.
            _ => debug_assert!(false, "parts of other reductions"),
        }
    }

    /// Appends its bytes.
    pub(super) fn write(&self, into: &mut Vec<u8>) -> Result<()> {
        match self {
            Self::Sums(sums) => sums.write(into),
            Self::Weighted(sums) => sums.write(into),
            Self::Moments(moments) => moments.write(into),
            Self::Extremes(extremes) => extremes.write(into),
            Self::Ends(ends) => ends.write(into),
            Self::Values(_) => return Err(Error::internal("all values of a quantile do not travel")),
        }
        Ok(())
    }

    /// Takes them back, as many as its cells have.
    pub(super) fn read(&mut self, from: &mut &[u8]) -> Result<()> {
        match self {
            Self::Sums(sums) => sums.read(from),
            Self::Weighted(sums) => sums.read(from),
            Self::Moments(moments) => moments.read(from),
            Self::Extremes(extremes) => extremes.read(from),
            Self::Ends(ends) => ends.read(from),
            Self::Values(_) => Err(Error::internal("all values of a quantile do not travel")),
        }
    }

    /// The results; NaN where there is none.
    pub(super) fn finish(self, data_type: DataType, totals: &Totals) -> Result<Vec<u8>> {
        match self {
            Self::Sums(sums) => write(data_type, sums.finish(totals)),
            Self::Weighted(sums) => write(data_type, sums.finish()),
            Self::Moments(moments) => write(data_type, moments.finish()),
            Self::Extremes(extremes) => write(data_type, extremes.finish()),
            Self::Ends(ends) => write(data_type, ends.finish()),
            Self::Values(all) => write(data_type, all.finish()),
        }
    }
}

/// Numbers as little-endian elements of a type.
fn write(data_type: DataType, numbers: impl Iterator<Item = f64>) -> Result<Vec<u8>> {
    fn all<const N: usize>(numbers: impl Iterator<Item = f64>, bytes_of: impl Fn(f64) -> [u8; N]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(numbers.size_hint().0 * N);
        numbers.for_each(|number| bytes.extend_from_slice(&bytes_of(number)));
        bytes
    }
    Ok(match data_type {
        DataType::F32 => all(numbers, |number| (number as f32).to_le_bytes()),
        DataType::F64 => all(numbers, f64::to_le_bytes),
        DataType::I8 => all(numbers, |number| (number as i8).to_le_bytes()),
        DataType::I16 => all(numbers, |number| (number as i16).to_le_bytes()),
        DataType::I32 => all(numbers, |number| (number as i32).to_le_bytes()),
        DataType::I64 => all(numbers, |number| (number as i64).to_le_bytes()),
        DataType::U8 => all(numbers, |number| (number as u8).to_le_bytes()),
        DataType::U16 => all(numbers, |number| (number as u16).to_le_bytes()),
        DataType::U32 => all(numbers, |number| (number as u32).to_le_bytes()),
        DataType::U64 => all(numbers, |number| (number as u64).to_le_bytes()),
        DataType::Bool => all(numbers, |number| [u8::from(number > 0.0)]),
        other => return Err(Error::internal(format!("a reduction makes no {other:?}"))),
    })
}
