//! Boxes on grids that are not regular.

use proptest::prelude::*;

use crate::places::{Rectangle, cells_in_box, rectangle_in_box};
use crate::steps::BoundingBox;

fn bbox(west: f64, south: f64, east: f64, north: f64) -> BoundingBox {
    BoundingBox { west, south, east, north }
}

#[test]
fn cells_lie_in_a_box_with_its_ends_in_any_numbers() {
    let latitudes = [10.0, 20.0, 30.0, 20.0, 20.0, f64::NAN, 20.0, 20.0];
    let longitudes = [0.0, 350.0, 0.0, -10.0, 40.0, 0.0, 41.0, f64::NAN];
    assert_eq!(cells_in_box(&latitudes, &longitudes, &bbox(-10.0, 10.0, 40.0, 20.0)), [0, 1, 3, 4]);
    assert_eq!(cells_in_box(&latitudes, &longitudes, &bbox(350.0, 10.0, 40.0, 30.0)), [0, 1, 2, 3, 4]);
    assert_eq!(cells_in_box(&latitudes, &longitudes, &bbox(-180.0, -90.0, 180.0, 90.0)), [0, 1, 2, 3, 4, 6]);
    assert_eq!(cells_in_box(&latitudes, &longitudes, &bbox(170.0, -90.0, -170.0, 90.0)), [0; 0]);
    let single = [f64::from(52.3_f32)];
    assert_eq!(cells_in_box(&single, &single, &bbox(52.3, 52.3, 52.3, 52.3)), [0]);
    assert_eq!(cells_in_box(&single, &[f64::from(349.7_f32)], &bbox(-10.3, 52.3, -10.3, 52.3)), [0]);
}

#[test]
fn the_smallest_rectangle_has_all_cells_of_a_box() {
    // Three rows of four cells, the longitudes shifted by one from row to row.
    let latitudes = [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0];
    let longitudes = [0.0, 1.0, 2.0, 3.0, 1.0, 2.0, 3.0, 4.0, 2.0, 3.0, 4.0, 5.0];
    let rectangle = |bbox| rectangle_in_box(&latitudes, &longitudes, 4, &bbox);
    assert_eq!(
        rectangle(bbox(3.0, 1.0, 4.0, 2.0)),
        Some(Rectangle { rows: 1..3, columns: 1..4, is_within: vec![false, true, true, true, true, false] })
    );
    assert_eq!(
        rectangle(bbox(0.0, 0.0, 0.0, 0.0)),
        Some(Rectangle { rows: 0..1, columns: 0..1, is_within: vec![true] })
    );
    assert_eq!(rectangle(bbox(10.0, 0.0, 20.0, 2.0)), None);
    assert_eq!(rectangle_in_box(&[], &[], 0, &bbox(0.0, 0.0, 1.0, 1.0)), None);
    assert_eq!(rectangle_in_box(&[], &[], 4, &bbox(0.0, 0.0, 1.0, 1.0)), None);
}

proptest! {
    #[test]
    fn rectangles_have_the_cells_that_a_box_has(
        cells in proptest::collection::vec((-90_i32..90, -180_i32..361), 1..60),
        columns in 1_usize..9,
        (south, height) in (-90_i32..90, 0_i32..60),
        (west, width) in (-360_i32..360, 0_i32..200),
    ) {
        let cells = &cells[..cells.len() / columns * columns];
        let (latitudes, longitudes): (Vec<f64>, Vec<f64>) =
            cells.iter().map(|(latitude, longitude)| (f64::from(*latitude), f64::from(*longitude))).unzip();
        let bbox = bbox(west.into(), south.into(), (west + width).into(), (south + height).into());
        let is_within = |(latitude, longitude): &(i32, i32)| {
            (south..=south + height).contains(latitude) && (longitude - west).rem_euclid(360) <= width
        };
        let expected: Vec<u64> = (0..cells.len()).filter(|place| is_within(&cells[*place])).map(|place| place as u64).collect();
        prop_assert_eq!(&cells_in_box(&latitudes, &longitudes, &bbox), &expected);
        let Some(found) = rectangle_in_box(&latitudes, &longitudes, columns, &bbox) else {
            prop_assert!(expected.is_empty());
            return Ok(());
        };
        let width = found.columns.end - found.columns.start;
        prop_assert_eq!(found.is_within.len() as u64, width * (found.rows.end - found.rows.start));
        let mut places = Vec::new();
        for (number, is_within) in (0_u64..).zip(&found.is_within) {
            if *is_within {
                places.push((found.rows.start + number / width) * columns as u64 + found.columns.start + number % width);
            }
        }
        prop_assert_eq!(&places, &expected);
        // No smaller one has them.
        let of_places = |of: &dyn Fn(u64) -> u64| (expected.iter().map(|place| of(*place)).min(), expected.iter().map(|place| of(*place) + 1).max());
        prop_assert_eq!(of_places(&|place| place / columns as u64), (Some(found.rows.start), Some(found.rows.end)));
        prop_assert_eq!(of_places(&|place| place % columns as u64), (Some(found.columns.start), Some(found.columns.end)));
    }
}
