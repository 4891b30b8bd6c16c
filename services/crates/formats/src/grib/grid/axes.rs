//! Axes of regular grids.

use super::{AXIS_MAX, gaussian};

/// The corners and steps of a grid of latitudes and longitudes, in degrees, and its scanning mode.
#[derive(Debug, Clone, Copy)]
pub(super) struct Corners {
    pub(super) first: (f64, f64),
    pub(super) last: (f64, f64),
    pub(super) scanning: u8,
    /// Degrees from row to row, where they are given.
    pub(super) row_step: Option<f64>,
    /// What angles are rounded to.
    pub(super) unit: f64,
}

impl Corners {
    fn goes_west(self) -> bool {
        self.scanning & 0x80 != 0
    }

    pub(super) fn goes_north(self) -> bool {
        self.scanning & 0x40 != 0
    }

    /// Degrees from the first longitude to the last, in the direction of the rows.
    fn width(self) -> f64 {
        let width = self.last.1 - self.first.1;
        if self.goes_west() {
            if width > 0.0 { width - 360.0 } else { width }
        } else if width < 0.0 {
            width + 360.0
        } else {
            width
        }
    }

    /// Longitudes of `count` columns. Where they go round the globe the step is exact.
    pub(super) fn longitudes(self, count: u64) -> Option<Vec<f64>> {
        if count == 0 || count > AXIS_MAX {
            return None;
        }
        let mut step = self.step(self.width(), count, None);
        // Corners are rounded.
        if count > 1 && ((step * count as f64).abs() - 360.0).abs() < 4.0 * self.unit {
            step = (360.0 / count as f64).copysign(step);
        }
        let first = self.first.1;
        let last = first + step * (count - 1) as f64;
        let shift = if first.max(last) >= 360.0 + 1e-6 { -360.0 } else { 0.0 };
        Some((0..count).map(|column| first + shift + step * column as f64).collect())
    }

    /// Latitudes of `count` rows at equal distances.
    pub(super) fn latitudes(self, count: u64) -> Option<Vec<f64>> {
        if count == 0 || count > AXIS_MAX {
            return None;
        }
        let first = self.first.0;
        let step = self.step(self.last.0 - first, count, self.row_step);
        Some((0..count).map(|row| first + step * row as f64).collect())
    }

    /// From point to point of `count` that are `width` wide: corners say it best, unless they contradict the step that
    /// is given by more than its rounding. As in ecCodes, corners are believed in longitude.
    fn step(self, width: f64, count: u64, given: Option<f64>) -> f64 {
        let between = count.saturating_sub(1) as f64;
        if between == 0.0 {
            return 0.0;
        }
        let off = |given: f64| (width.abs() - given * between).abs() > self.unit * (between / 2.0 + 2.0);
        given.filter(|given| off(*given)).map_or(width / between, |given| given.copysign(width))
    }

    /// Latitudes of `count` rows of the Gaussian grid with `n` rows between pole and equator, from the first on.
    pub(super) fn gaussian_latitudes(self, n: u64, count: u64) -> Option<Vec<f64>> {
        let all = gaussian::latitudes(n)?;
        let distance = |latitude: &f64| (latitude - self.first.0).abs();
        let nearest = (0..all.len()).min_by(|a, b| distance(&all[*a]).total_cmp(&distance(&all[*b])))?;
        let count = usize::try_from(count).ok()?;
        if self.goes_north() {
            let begin = (nearest + 1).checked_sub(count)?;
            return Some(all[begin..=nearest].iter().rev().copied().collect());
        }
        all.get(nearest..nearest.checked_add(count)?).map(<[f64]>::to_vec)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn corners(first: (f64, f64), last: (f64, f64), scanning: u8) -> Corners {
        Corners { first, last, scanning, row_step: None, unit: 1e-6 }
    }

    #[test]
    fn longitudes_go_on_over_the_date_line() {
        let round = corners((90.0, 180.0), (-90.0, 179.0), 0);
        let longitudes = round.longitudes(360).unwrap();
        assert_eq!((longitudes[0], longitudes[359]), (-180.0, 179.0));
        let west = corners((0.0, 10.0), (0.0, 350.0), 0x80);
        assert_eq!(west.longitudes(3).unwrap(), [10.0, 0.0, -10.0]);
    }
}
