//! Grids that are one list of points: reduced ones row by row, HEALPix cell by cell.

use cdshealpix::{nested, ring};

use super::axes::Corners;

/// A row of a reduced grid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::grib) struct Row {
    pub(in crate::grib) latitude: f64,
    /// Longitude of its first point.
    pub(in crate::grib) first: f64,
    /// From point to point.
    pub(in crate::grib) step: f64,
    pub(in crate::grib) count: u32,
}

/// Rows of a reduced Gaussian grid: `lengths` of them, each round the globe or cut to the corners.
pub(super) fn gaussian_rows(
    n: u64,
    corners: Corners,
    lengths: &[u32],
    points: Option<u64>,
) -> Option<Vec<Row>> {
    let latitudes = corners.gaussian_latitudes(n, lengths.len() as u64)?;
    let whole = |length: u32| Row {
        latitude: 0.0,
        first: corners.first.1,
        step: 360.0 / f64::from(length.max(1)),
        count: length,
    };
    let sum: u64 = lengths.iter().map(|length| u64::from(*length)).sum();
    let east = if corners.last.1 < corners.first.1 { corners.last.1 + 360.0 } else { corners.last.1 };
    let is_cut = points.is_some_and(|points| points != sum);
    let row = |length: u32| {
        if !is_cut {
            return whole(length);
        }
        // A tenth of a thousandth of a degree, as corners are rounded.
        let step = 360.0 / f64::from(length.max(1));
        let begin = ((corners.first.1 - 1e-3) / step).ceil();
        let end = ((east + 1e-3) / step).floor();
        let count = (end - begin + 1.0).clamp(0.0, f64::from(length)) as u32;
        Row { latitude: 0.0, first: begin * step, step, count }
    };
    Some(lengths.iter().zip(latitudes).map(|(length, latitude)| Row { latitude, ..row(*length) }).collect())
}

/// Rows of a reduced grid at equal distances.
pub(super) fn regular_rows(corners: Corners, lengths: &[u32]) -> Option<Vec<Row>> {
    let latitudes = corners.latitudes(lengths.len() as u64)?;
    let longest = lengths.iter().copied().max().unwrap_or(0);
    let round = 360.0 / f64::from(longest.max(1));
    let all = corners.longitudes(u64::from(longest))?;
    let step = all.get(1).map_or(0.0, |second| second - all[0]);
    let is_round = longest > 1 && (step - round).abs() * f64::from(longest) < round / 2.0;
    let row = |(length, latitude): (&u32, f64)| {
        // Rows at the poles may have no points; rows round the globe are divided, others reach from end to end.
        let longitudes = if *length == 0 { Vec::new() } else { corners.longitudes(u64::from(*length))? };
        let between = longitudes.get(1).map_or(0.0, |second| second - longitudes[0]);
        let step = if is_round { 360.0 / f64::from((*length).max(1)) } else { between };
        Some(Row { latitude, first: corners.first.1, step, count: *length })
    };
    lengths.iter().zip(latitudes).map(row).collect()
}

/// Rows of a regular grid of which each second goes backwards.
pub(super) fn alternating(latitudes: &[f64], longitudes: &[f64]) -> Vec<Row> {
    let step = longitudes.get(1).map_or(0.0, |second| second - longitudes[0]);
    let (first, last) = (longitudes.first().copied(), longitudes.last().copied());
    let count = longitudes.len() as u32;
    let row = |(number, latitude): (usize, &f64)| {
        let (first, step) = if number % 2 == 0 { (first, step) } else { (last, -step) };
        Row { latitude: *latitude, first: first.unwrap_or(0.0), step, count }
    };
    latitudes.iter().enumerate().map(row).collect()
}

/// Latitudes and longitudes of rows.
pub(in crate::grib) fn of_rows(rows: &[Row]) -> (Vec<f64>, Vec<f64>) {
    let count = rows.iter().map(|row| row.count as usize).sum();
    let (mut latitudes, mut longitudes) = (Vec::with_capacity(count), Vec::with_capacity(count));
    for row in rows {
        for point in 0..row.count {
            latitudes.push(row.latitude);
            longitudes.push(row.first + row.step * f64::from(point));
        }
    }
    (latitudes, longitudes)
}

/// Latitudes and longitudes of the centres of HEALPix's cells.
pub(in crate::grib) fn of_healpix(nside: u32, is_nested: bool) -> (Vec<f64>, Vec<f64>) {
    let depth = nside.checked_ilog2().filter(|_| nside.is_power_of_two());
    let count = 12 * u64::from(nside) * u64::from(nside);
    let centre = |cell: u64| {
        let (longitude, latitude) = match (is_nested, depth) {
            (true, Some(depth)) => nested::center(depth as u8, cell),
            _ => ring::center(nside, cell),
        };
        (latitude.to_degrees(), longitude.to_degrees().rem_euclid(360.0))
    };
    (0..count).map(centre).unzip()
}
