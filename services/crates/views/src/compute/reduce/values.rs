//! Medians and quantiles: all values of each cell.

use super::totals::Totals;

/// The values of each cell that are not missing.
pub(super) struct Values {
    all: Vec<f64>,
    /// For each cell where its values begin, and how many came.
    cells: Vec<(usize, usize)>,
    quantiles: Vec<f64>,
}

impl Values {
    pub(super) fn new(totals: &Totals, quantiles: Vec<f64>) -> Self {
        let mut end = 0;
        let cell = |total: u64| {
            let begin = end;
            end += total as usize;
            (begin, 0)
        };
        let cells = totals.iter().map(cell).collect();
        Self { all: vec![0.0; end], cells, quantiles }
    }

    pub(super) fn each(&mut self, cell: usize, values: &[f64]) {
        values.iter().enumerate().for_each(|(place, value)| self.one(cell + place, *value));
    }

    pub(super) fn same(&mut self, cell: usize, values: &[f64]) {
        for value in values {
            self.one(cell, *value);
        }
    }

    fn one(&mut self, cell: usize, value: f64) {
        let Some((begin, count)) = self.cells.get_mut(cell).filter(|_| !value.is_nan()) else { return };
        if let Some(place) = self.all.get_mut(*begin + *count) {
            *place = value;
            *count += 1;
        }
    }

    pub(super) fn add(&mut self, later: &Self) {
        for (cell, (begin, count)) in later.cells.iter().enumerate() {
            self.same(cell, later.all.get(*begin..begin + count).unwrap_or_default());
        }
    }

    /// The first quantile of all cells, then the second, and so on.
    pub(super) fn finish(mut self) -> impl Iterator<Item = f64> {
        for (begin, count) in &self.cells {
            if let Some(values) = self.all.get_mut(*begin..begin + count) {
                values.sort_unstable_by(f64::total_cmp);
            }
        }
        let Self { all: values, cells, quantiles } = self;

        quantiles.into_iter().flat_map(move |quantile| {
            let of_cell = |(begin, count): &(usize, usize)| {
                values.get(*begin..begin + count).map_or(f64::NAN, |values| interpolated(values, quantile))
            };
            cells.iter().map(of_cell).collect::<Vec<_>>()
        })
    }
}

/// Between the two sorted values next to the quantile, as numpy's method `linear`.
fn interpolated(sorted: &[f64], quantile: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = quantile * last as f64;
    let below = (place.floor() as usize).min(last);
    let above = (below + 1).min(last);
    sorted[below] + (sorted[above] - sorted[below]) * (place - below as f64)
}
