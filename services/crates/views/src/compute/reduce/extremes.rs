//! The smallest and the largest, the first and the last.

use model::Result;

use super::wire::{counts, numbers, write_counts, write_numbers};

/// The place, on the wire, of the first or last value of a cell that has none.
const NOWHERE: u64 = u64::MAX;

/// The smallest or the largest value of each cell; NaN as long as there is none.
pub(super) struct Extremes {
    cells: Vec<f64>,
    /// Of two; of one and NaN, the one.
    choose: fn(f64, f64) -> f64,
}

impl Extremes {
    pub(super) fn new(cells: usize, choose: fn(f64, f64) -> f64) -> Self {
        Self { cells: vec![f64::NAN; cells], choose }
    }

    pub(super) fn each(&mut self, cell: usize, values: &[f64]) {
        let choose = self.choose;
        let cells = self.cells.iter_mut().skip(cell);
        cells.zip(values).for_each(|(cell, value)| *cell = choose(*cell, *value));
    }

    pub(super) fn same(&mut self, cell: usize, values: &[f64]) {
        let choose = self.choose;
        if let Some(cell) = self.cells.get_mut(cell) {
            *cell = values.iter().fold(*cell, |known, value| choose(known, *value));
        }
    }

    pub(super) fn add(&mut self, later: &Self) {
        self.each(0, &later.cells);
    }

    pub(super) fn write(&self, into: &mut Vec<u8>) {
        write_numbers(self.cells.iter().copied(), into);
    }

    pub(super) fn read(&mut self, from: &mut &[u8]) -> Result<()> {
        self.cells = numbers(self.cells.len(), from)?.collect();
        Ok(())
    }

    pub(super) fn finish(self) -> impl Iterator<Item = f64> {
        self.cells.into_iter()
    }
}

/// The first or the last value of each cell that is not missing, with its place in the whole array.
pub(super) struct Ends {
    cells: Vec<Option<(u64, f64)>>,
    is_first: bool,
}

impl Ends {
    pub(super) fn new(cells: usize, is_first: bool) -> Self {
        Self { cells: vec![None; cells], is_first }
    }

    pub(super) fn each(&mut self, cell: usize, values: &[f64], position: u64) {
        for (place, value) in values.iter().enumerate() {
            self.one(cell + place, *value, position + place as u64);
        }
    }

    pub(super) fn same(&mut self, cell: usize, values: &[f64], position: u64) {
        for (place, value) in values.iter().enumerate() {
            self.one(cell, *value, position + place as u64);
        }
    }

    pub(super) fn add(&mut self, later: &Self) {
        for (cell, later) in later.cells.iter().enumerate() {
            if let Some((position, value)) = later {
                self.one(cell, *value, *position);
            }
        }
    }

    fn one(&mut self, cell: usize, value: f64, position: u64) {
        let Some(known) = self.cells.get_mut(cell).filter(|_| !value.is_nan()) else { return };
        let comes_first = known.is_none_or(|(other, _)| (position < other) == self.is_first);
        if comes_first {
            *known = Some((position, value));
        }
    }

    pub(super) fn write(&self, into: &mut Vec<u8>) {
        write_counts(self.cells.iter().map(|cell| cell.map_or(NOWHERE, |(place, _)| place)), into);
        write_numbers(self.cells.iter().map(|cell| cell.map_or(f64::NAN, |(_, value)| value)), into);
    }

    pub(super) fn read(&mut self, from: &mut &[u8]) -> Result<()> {
        let places = counts(self.cells.len(), from)?;
        let values = numbers(self.cells.len(), from)?;
        let cell = |(place, value)| (place != NOWHERE).then_some((place, value));
        self.cells = places.zip(values).map(cell).collect();
        Ok(())
    }

    pub(super) fn finish(self) -> impl Iterator<Item = f64> {
        self.cells.into_iter().map(|cell| cell.map_or(f64::NAN, |(_, value)| value))
    }
}
