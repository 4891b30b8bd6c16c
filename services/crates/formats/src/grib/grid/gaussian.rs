//! Gaussian latitudes: the roots of Legendre polynomials.

use std::f64::consts::PI;

/// Most rows between pole and equator that are believed.
const N_MAX: u64 = 10_000;

/// Latitudes of the `2 n` rows, from north to south, in degrees.
pub(in crate::grib) fn latitudes(n: u64) -> Option<Vec<f64>> {
    if n == 0 || n > N_MAX {
        return None;
    }
    let degree = 2 * n as usize;
    let mut north = Vec::with_capacity(n as usize);
    for row in 0..n as usize {
        // A first guess that Newton's method turns into all digits in a few steps.
        let mut x = (PI * (row as f64 + 0.75) / (degree as f64 + 0.5)).cos();
        for _ in 0..10 {
            let (value, derivative) = legendre(degree, x);
            let step = value / derivative;
            x -= step;
            if step.abs() < 1e-15 {
                break;
            }
        }
        north.push(x.asin().to_degrees());
    }
    let south: Vec<f64> = north.iter().rev().map(|latitude| -latitude).collect();
    north.extend(south);
    Some(north)
}

/// The Legendre polynomial of a degree and its derivative.
fn legendre(degree: usize, x: f64) -> (f64, f64) {
    let (mut before, mut value) = (1.0, x);
    for k in 2..=degree {
        let k = k as f64;
        (before, value) = (value, ((2.0 * k - 1.0) * x * value - (k - 1.0) * before) / k);
    }
    (value, degree as f64 * (before - x * value) / (1.0 - x * x))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Row 1, 2 and 32 of N32 as ECMWF lists them.
    #[test]
    fn rows_are_those_that_are_published() {
        let latitudes = latitudes(32).unwrap();
        for (row, expected) in [(0, 87.863_799), (1, 85.096_527), (31, 1.395_307), (63, -87.863_799)] {
            assert!((latitudes[row] - expected).abs() < 1e-6, "{row}: {}", latitudes[row]);
        }
        assert!(super::latitudes(1 << 40).is_none());
    }
}
