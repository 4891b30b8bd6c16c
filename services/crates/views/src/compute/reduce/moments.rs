//! Sums, means, counts, variances.

use model::Result;

use super::row::Weight;
use super::totals::Totals;
use super::wire::{counts, numbers, write_counts, write_numbers};
use crate::steps::Statistic;

/// Lanes of a sum: so many are added at once.
const LANES: usize = 8;

/// Sums of values that are not missing, and how many are missing.
pub(super) struct Sums {
    statistic: Statistic,
    totals: Vec<f64>,
    /// Empty as long as none is.
    missing: Vec<u64>,
}

impl Sums {
    pub(super) fn new(cells: usize, statistic: Statistic) -> Self {
        Self { statistic, totals: vec![0.0; cells], missing: Vec::new() }
    }

    pub(super) fn each(&mut self, cell: usize, values: &[f64]) {
        let Some(sums) = self.totals.get_mut(cell..cell + values.len()) else { return };
        if !has_missing(values) {
            sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
            return;
        }
        self.missing.resize(self.totals.len(), 0);
        let cells = self.totals[cell..].iter_mut().zip(&mut self.missing[cell..]);
        for ((sum, missing), value) in cells.zip(values) {
            *sum += if value.is_nan() { 0.0 } else { *value };
            *missing += u64::from(value.is_nan());
        }
    }

    /// A row of little-endian singles, if none is missing.
    pub(super) fn singles(&mut self, cell: usize, row: &[u8]) -> bool {
        let values = row.as_chunks::<4>().0;
        let Some(sums) = self.totals.get_mut(cell..cell + values.len()) else { return false };
        if values.iter().fold(false, |missing, value| missing | f32::from_le_bytes(*value).is_nan()) {
            return false;
        }
        for (sum, value) in sums.iter_mut().zip(values) {
            *sum += f64::from(f32::from_le_bytes(*value));
        }
        true
    }

    pub(super) fn same(&mut self, cell: usize, values: &[f64]) {
        let (sum, count) = sum_and_count(values);
        let Some(of_cell) = self.totals.get_mut(cell) else { return };
        *of_cell += sum;
        if count < values.len() {
            self.missing.resize(self.totals.len(), 0);
            self.missing[cell] += (values.len() - count) as u64;
        }
    }

    pub(super) fn add(&mut self, later: Self) {
        for (sum, later) in self.totals.iter_mut().zip(later.totals) {
            *sum += later;
        }
        if self.missing.is_empty() {
            self.missing = later.missing;
        } else {
            for (missing, later) in self.missing.iter_mut().zip(later.missing) {
                *missing += later;
            }
        }
    }

    pub(super) fn write(&self, into: &mut Vec<u8>) {
        write_numbers(self.totals.iter().copied(), into);
        write_counts(self.missing.iter().copied(), into);
    }

    pub(super) fn read(&mut self, from: &mut &[u8]) -> Result<()> {
        let cells = self.totals.len();
        self.totals = numbers(cells, from)?.collect();
        self.missing = if from.is_empty() { Vec::new() } else { counts(cells, from)?.collect() };
        Ok(())
    }

    pub(super) fn finish(self, totals: &Totals) -> impl Iterator<Item = f64> {
        let Self { statistic, totals: sums, missing } = self;
        sums.into_iter().zip(totals.iter()).enumerate().map(move |(cell, (sum, total))| {
            let count = (total - missing.get(cell).copied().unwrap_or(0).min(total)) as f64;
            match statistic {
                // A group that has no places: a period, a bin.
                _ if total == 0 => f64::NAN,
                Statistic::Sum => sum,
                Statistic::Count => count,
                // 0 / 0 is NaN: the mean of none is missing.
                _ => sum / count,
            }
        })
    }
}

/// Sums of weighted values, and of the weights of those that are not missing.
pub(super) struct WeightedSums(Vec<(f64, f64)>);

impl WeightedSums {
    pub(super) fn new(cells: usize) -> Self {
        Self(vec![(0.0, 0.0); cells])
    }

    pub(super) fn each(&mut self, cell: usize, values: &[f64], weight: Weight<'_>) {
        let cells = self.0.iter_mut().skip(cell);
        for (place, (of_cell, value)) in cells.zip(values).enumerate() {
            let weight = match weight {
                Weight::Same(weight) => weight,
                Weight::Each(weights) => weights.get(place).copied().unwrap_or(0.0),
            };
            if !value.is_nan() {
                of_cell.0 += weight * value;
                of_cell.1 += weight;
            }
        }
    }

    pub(super) fn same(&mut self, cell: usize, values: &[f64], weight: Weight<'_>) {
        let (sum, weight) = match weight {
            Weight::Same(weight) => {
                let (sum, count) = sum_and_count(values);
                (weight * sum, weight * count as f64)
            }
            Weight::Each(weights) => weighted(values, weights),
        };
        if let Some(of_cell) = self.0.get_mut(cell) {
            of_cell.0 += sum;
            of_cell.1 += weight;
        }
    }

    pub(super) fn add(&mut self, later: &Self) {
        for (cell, later) in self.0.iter_mut().zip(&later.0) {
            cell.0 += later.0;
            cell.1 += later.1;
        }
    }

    pub(super) fn write(&self, into: &mut Vec<u8>) {
        write_numbers(self.0.iter().flat_map(|(sum, weight)| [*sum, *weight]), into);
    }

    pub(super) fn read(&mut self, from: &mut &[u8]) -> Result<()> {
        let mut all = numbers(self.0.len() * 2, from)?;
        self.0.fill_with(|| (all.next().unwrap_or_default(), all.next().unwrap_or_default()));
        Ok(())
    }

    pub(super) fn finish(self) -> impl Iterator<Item = f64> {
        self.0.into_iter().map(|(sum, weight)| if weight == 0.0 { f64::NAN } else { sum / weight })
    }
}

/// Count, mean and sum of squared distances from it, as
/// [Chan, Golub and LeVeque 1983](https://doi.org/10.1080/00031305.1983.10483115) put those of parts together.
#[derive(Debug, Clone, Copy, Default)]
struct Moment {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Moment {
    fn add(&mut self, other: Self) {
        if other.count == 0.0 {
            return;
        }
        if self.count == 0.0 {
            // The square of its distance from 0 may be beyond all numbers.
            *self = other;
            return;
        }
        let count = self.count + other.count;
        let distance = other.mean - self.mean;
        self.mean += distance * other.count / count;
        self.squares += other.squares + distance * distance * self.count * other.count / count;
        self.count = count;
    }
}

/// Variances of cells, or what is made of them.
pub(super) struct Moments {
    cells: Vec<Moment>,
    finish: fn(f64) -> f64,
}

impl Moments {
    pub(super) fn new(cells: usize, finish: fn(f64) -> f64) -> Self {
        Self { cells: vec![Moment::default(); cells], finish }
    }

    pub(super) fn each(&mut self, cell: usize, values: &[f64]) {
        let known = values.iter().zip(self.cells.iter_mut().skip(cell)).filter(|(value, _)| !value.is_nan());
        // What is infinite has no distance from a mean: NaN, as numpy has it.
        known.for_each(|(value, cell)| {
            let squares = if value.is_infinite() { f64::NAN } else { 0.0 };
            cell.add(Moment { count: 1.0, mean: *value, squares });
        });
    }

    pub(super) fn same(&mut self, cell: usize, values: &[f64]) {
        let (sum, count) = sum_and_count(values);
        let (count, mean) = (count as f64, sum / (count as f64));
        let squares = values.iter().filter(|value| !value.is_nan()).map(|value| (value - mean).powi(2)).sum();
        if let Some(cell) = self.cells.get_mut(cell) {
            cell.add(Moment { count, mean, squares });
        }
    }

    pub(super) fn add(&mut self, later: &Self) {
        for (cell, later) in self.cells.iter_mut().zip(&later.cells) {
            cell.add(*later);
        }
    }

    pub(super) fn write(&self, into: &mut Vec<u8>) {
        write_numbers(self.cells.iter().flat_map(|cell| [cell.count, cell.mean, cell.squares]), into);
    }

    pub(super) fn read(&mut self, from: &mut &[u8]) -> Result<()> {
        let mut all = numbers(self.cells.len() * 3, from)?;
        let mut next = || all.next().unwrap_or_default();
        self.cells.fill_with(|| Moment { count: next(), mean: next(), squares: next() });
        Ok(())
    }

    pub(super) fn finish(self) -> impl Iterator<Item = f64> {
        let finish = self.finish;
        self.cells.into_iter().map(move |cell| finish(cell.squares / cell.count))
    }
}

fn has_missing(values: &[f64]) -> bool {
    values.iter().fold(false, |missing, value| missing | value.is_nan())
}

/// The sum of those that are not missing, in lanes, and how many they are.
fn sum_and_count(values: &[f64]) -> (f64, usize) {
    let (mut sums, mut missing) = ([0.0; LANES], [0_u32; LANES]);
    let (blocks, rest) = values.as_chunks::<LANES>();
    for block in blocks {
        for lane in 0..LANES {
            let is_missing = block[lane].is_nan();
            sums[lane] += if is_missing { 0.0 } else { block[lane] };
            missing[lane] += u32::from(is_missing);
        }
    }
    let known = rest.iter().filter(|value| !value.is_nan());
    let sum = sums.iter().chain(known).sum();
    let missing = missing.iter().sum::<u32>() as usize + rest.iter().filter(|value| value.is_nan()).count();
    (sum, values.len() - missing)
}

/// The sums of weighted values and of their weights, of those that are not missing.
fn weighted(values: &[f64], weights: &[f64]) -> (f64, f64) {
    let (mut sums, mut sums_of_weights) = ([0.0; LANES], [0.0; LANES]);
    let ((values, rest), (weights, rest_of_weights)) =
        (values.as_chunks::<LANES>(), weights.as_chunks::<LANES>());
    for (values, weights) in values.iter().zip(weights) {
        for lane in 0..LANES {
            let is_missing = values[lane].is_nan();
            let weight = if is_missing { 0.0 } else { weights[lane] };
            sums[lane] += weight * if is_missing { 0.0 } else { values[lane] };
            sums_of_weights[lane] += weight;
        }
    }
    let rest = rest.iter().zip(rest_of_weights).filter(|(value, _)| !value.is_nan());
    rest.fold(
        (sums.iter().sum(), sums_of_weights.iter().sum()),
        |(sum, total): (f64, f64), (value, weight)| (sum + value * weight, total + weight),
    )
}
