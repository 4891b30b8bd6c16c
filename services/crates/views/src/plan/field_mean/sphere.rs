//! Areas on the sphere.

use std::f64::consts::FRAC_PI_2;

/// A place on the unit sphere.
pub(super) type Point = [f64; 3];

/// The place of a latitude and a longitude in radians. NaN where one of them is, or where the latitude is beyond a pole:
/// a missing value.
pub(super) fn point(latitude: f64, longitude: f64) -> Point {
    // Single precision has poles that are a little too far.
    if latitude.abs() > FRAC_PI_2 + 1e-6 {
        return [f64::NAN; 3];
    }
    let ((sine, cosine), (sine_of_longitude, cosine_of_longitude)) =
        (latitude.sin_cos(), longitude.sin_cos());
    [cosine * cosine_of_longitude, cosine * sine_of_longitude, sine]
}

/// The area of a cell whose sides are great circles, in steradians: of the triangles that the others of its corners make
/// with the first, or all with a `centre`. All count as positive, as in CDO: the corners may go round either way, a corner
/// may be there several times, and the cell may hold a pole.
pub(super) fn cell(corners: &[Point], centre: Option<Point>) -> f64 {
    let sides = corners.windows(2).map(|side| (side[0], side[1]));
    match (centre, corners) {
        (_, [] | [_] | [_, _]) => 0.0,
        (None, [first, ..]) => sides.map(|(from, to)| triangle(*first, from, to)).sum(),
        (Some(centre), [first, .., last]) => {
            sides.chain([(*last, *first)]).map(|(from, to)| triangle(centre, from, to)).sum()
        }
    }
}

/// The area of a triangle, in steradians
/// ([Van Oosterom and Strackee 1983](https://doi.org/10.1109/TBME.1983.325207)).
fn triangle(a: Point, b: Point, c: Point) -> f64 {
    // Of the distances between corners, not of the corners: cells of a kilometre have few digits in common with the sphere.
    let volume = dot(a, cross(difference(b, a), difference(c, a))).abs();
    2.0 * volume.atan2(1.0 + dot(a, b) + dot(b, c) + dot(c, a))
}

fn dot(a: Point, b: Point) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn difference(a: Point, b: Point) -> Point {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

fn cross(a: Point, b: Point) -> Point {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

#[cfg(test)]
mod tests {
    use std::f64::consts::{FRAC_PI_2, PI};

    use super::*;

    fn corners(of: &[(f64, f64)]) -> Vec<Point> {
        of.iter().map(|(latitude, longitude)| point(latitude.to_radians(), longitude.to_radians())).collect()
    }

    #[test]
    fn an_octant_is_an_eighth_of_the_sphere() {
        for sides in [
            [(0.0, 0.0), (0.0, 90.0), (90.0, 0.0)],
            [(90.0, 17.0), (0.0, -10.0), (0.0, 80.0)],
            [(0.0, 80.0), (0.0, 350.0), (-90.0, 0.0)],
        ] {
            assert!((cell(&corners(&sides), None) - FRAC_PI_2).abs() < 1e-14);
        }
    }

    #[test]
    fn cells_may_hold_a_pole_and_repeat_corners() {
        // Four corners at 45 degrees: the face of a cube, a sixth of the sphere whose edges are at another latitude.
        let latitude = (1.0 / 3.0_f64.sqrt()).asin().to_degrees();
        let face = corners(&[(latitude, 45.0), (latitude, 135.0), (latitude, -135.0), (latitude, -45.0)]);
        let sixth = 4.0 * PI / 6.0;
        assert!((cell(&face, None) - sixth).abs() < 1e-14);
        assert!((cell(&face, Some([0.0, 0.0, 1.0])) - sixth).abs() < 1e-14);
        let mut repeated = face.clone();
        repeated.extend([face[3]; 4]);
        assert!((cell(&repeated, Some([0.0, 0.0, 1.0])) - sixth).abs() < 1e-14);
        let reversed: Vec<Point> = face.into_iter().rev().collect();
        assert!((cell(&reversed, None) - sixth).abs() < 1e-14);
        assert!(cell(&reversed[..2], None).abs() < f64::MIN_POSITIVE);
    }

    #[test]
    fn small_cells_keep_their_digits() {
        // On a sphere so large a triangle of a metre is flat.
        let side = 1.0 / 6_371_000.0_f64;
        let (latitude, longitude) = (0.7_f64, 2.0_f64);
        let small = [
            point(latitude, longitude),
            point(latitude, longitude + side / latitude.cos()),
            point(latitude + side, longitude),
        ];
        assert!((cell(&small, None) / (side * side / 2.0) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn missing_corners_have_no_area() {
        assert!(cell(&corners(&[(0.0, 0.0), (0.0, 90.0), (f64::NAN, 0.0)]), None).is_nan());
        assert!(cell(&corners(&[(0.0, 0.0), (0.0, 90.0), (1e20, 0.0)]), None).is_nan());
    }
}
