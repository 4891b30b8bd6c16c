//! The circle of longitudes.

use proptest::prelude::*;

use super::*;

fn degrees(first: i32, last: i32) -> Vec<f64> {
    (first..=last).map(f64::from).collect()
}

#[test]
fn ranges_go_through_the_seam_in_their_own_numbers() {
    let grid = degrees(0, 359);
    let western = of_longitudes(&grid, "-10..40").unwrap();
    let eastern = of_longitudes(&grid, "350..40").unwrap();
    assert_eq!(western.places, eastern.places);
    assert_eq!((western.places.length(), western.places.get(0), western.places.get(50)), (Some(51), 350, 40));
    assert_eq!(western.values, Some(degrees(-10, 40)));
    assert_eq!(eastern.values, Some(degrees(350, 400)));
    assert_eq!(of_longitudes(&grid, "350..400").unwrap(), eastern);
    let other_numbers = of_longitudes(&grid, "-20..-10").unwrap();
    assert_eq!(other_numbers, Selected { places: slice(340, 1, 11), values: Some(degrees(-20, -10)) });
    let own_numbers = of_longitudes(&grid, "10..20").unwrap();
    assert_eq!(own_numbers, Selected { places: slice(10, 1, 11), values: None });
}

#[test]
fn whole_circles_have_each_meridian_once() {
    let (east, cyclic, centred) = (degrees(0, 359), degrees(0, 360), degrees(-180, 180));
    assert_eq!(of_longitudes(&east, "0..360").unwrap(), Places::all(360).into());
    assert_eq!(of_longitudes(&cyclic, "0..360").unwrap(), Places::all(361).into());
    assert_eq!(of_longitudes(&centred, "-180..180").unwrap(), Places::all(361).into());
    assert_eq!(of_longitudes(&east, "-180..180").unwrap().values, Some(degrees(-179, 180)));
    assert_eq!(of_longitudes(&cyclic, "-10..10").unwrap().values, Some(degrees(-10, 10)));
    assert_eq!(of_longitudes(&centred, "170..190").unwrap().values, Some(degrees(170, 190)));
    assert_eq!(of_longitudes(&centred, "0..360").unwrap().values, Some(degrees(0, 359)));
}

#[test]
fn labels_are_found_in_any_numbers() {
    let grid = degrees(0, 359);
    for (text, places) in [
        ("-10", Places::One(350)),
        ("370", Places::One(10)),
        ("-10;10;720", list(&[350, 10, 0])),
        ("nearest(-0.3)", Places::One(0)),
        ("nearest(359.7;within:0.4)", Places::One(0)),
        ("nearest(359.5)", Places::One(0)),
        ("nearest(-0.5)", Places::One(0)),
        ("pad(-0.3)", Places::One(359)),
        ("backfill(359.2)", Places::One(0)),
    ] {
        assert_eq!(of_longitudes(&grid, text).unwrap(), places.into(), "{text}");
    }
    assert_eq!(
        message(of_longitudes(&grid, "-9.5")),
        "there is no -9.5: the nearest values are 349, 350, 351, 352"
    );
    assert_eq!(
        message(of_longitudes(&grid, "nearest(359.5;within:0.4)")),
        "nearest(359.5) finds 0, which is further away than 0.4"
    );
    // A meridian that is there twice: the one in the label's numbers.
    assert_eq!(of_longitudes(&degrees(0, 360), "0").unwrap().places, Places::One(0));
    assert_eq!(of_longitudes(&degrees(0, 360), "360").unwrap().places, Places::One(360));
}

#[test]
fn turning_does_not_lose_the_ends_of_ranges() {
    let double: Vec<f64> = (0..3600).map(|tenth| f64::from(tenth) / 10.0).collect();
    let single: Vec<f64> = double.iter().map(|value| f64::from(*value as f32)).collect();
    for grid in [&double, &single] {
        for tenth in (1..1800).step_by(11) {
            let (west, east) = (-f64::from(tenth) / 10.0, f64::from(tenth % 7) / 10.0);
            let places = of_longitudes(grid, &format!("{west}..{east}")).unwrap().places;
            assert_eq!(places.length(), Some(tenth as u64 + tenth as u64 % 7 + 1), "{west}..{east}");
            let label = of_longitudes(grid, &format!("{west}")).unwrap().places;
            assert_eq!(label, Places::One(3600 - tenth as u64), "{west}");
        }
    }
}

#[test]
fn ranges_that_are_not_turned_keep_the_order_of_the_coordinate() {
    let mut grid = degrees(-180, 179);
    grid.reverse();
    assert_eq!(of_longitudes(&grid, "0..10").unwrap(), slice(169, 1, 11).into());
    let turned = of_longitudes(&grid, "175..185").unwrap();
    assert_eq!(turned.values, Some(degrees(175, 185)));
    assert_eq!(turned.places, list(&[4, 3, 2, 1, 0, 359, 358, 357, 356, 355, 354]));
}

#[test]
fn what_is_no_longitude_is_not_turned() {
    let mut grid = degrees(0, 359);
    grid[7] = 9.969_209_968_386_869e36;
    grid[8] = f64::INFINITY;
    grid[9] = f64::NAN;
    assert_eq!(of_longitudes(&grid, "-5..9").unwrap().values, Some(degrees(-5, 6)));
    assert!(of_longitudes(&grid, "1e300..1e301").is_err());
    assert!(of_longitudes(&degrees(0, 9), "1e300").is_err());
    assert_eq!(
        message(of_longitudes(&degrees(0, 9), "20..30")),
        "nothing lies in 20..30: the values go from 0 to 9"
    );
    // A range with one end is no arc.
    assert_eq!(of_longitudes(&degrees(0, 359), "350..").unwrap(), slice(350, 1, 10).into());
}

proptest! {
    #[test]
    fn nearest_goes_the_shorter_way(
        grid in proptest::collection::btree_set(-180_i32..180, 1..12),
        label in -360_i32..360,
    ) {
        let grid: Vec<i32> = grid.into_iter().collect();
        let values: Vec<f64> = grid.iter().map(|value| f64::from(*value)).collect();
        let east = |value: &i32| (value - label).rem_euclid(360);
        // Of two as near, the one to the east.
        let closest = |value: &i32| (east(value).min(360 - east(value)), east(value));
        let nearest = (0..grid.len()).min_by_key(|place| closest(&grid[*place])).unwrap();
        let before = (0..grid.len()).min_by_key(|place| (360 - east(&grid[*place])) % 360).unwrap();
        let after = (0..grid.len()).min_by_key(|place| east(&grid[*place])).unwrap();
        for (method, place) in [("nearest", nearest), ("pad", before), ("backfill", after)] {
            let found = of_longitudes(&values, &format!("{method}({label})")).unwrap();
            prop_assert_eq!(found.places, Places::One(place as u64), "{}", method);
        }
    }

    #[test]
    fn ranges_have_what_lies_east_of_west(
        mut grid in proptest::collection::vec(-180_i32..361, 1..30),
        west in -360_i32..360,
        east in -360_i32..720,
        is_sorted in any::<bool>(),
    ) {
        if is_sorted {
            grid.sort_unstable();
        }
        let values: Vec<f64> = grid.iter().map(|value| f64::from(*value)).collect();
        let width = if east < west { (east - west).rem_euclid(360) } else { east - west };
        let mut expected: Vec<i32> = grid.iter().map(|value| (value - west).rem_euclid(360)).filter(|from| *from <= width).collect();
        expected.sort_unstable();
        expected.dedup();
        let found = of_longitudes(&values, &format!("{west}..{east}"));
        prop_assert_eq!(found.is_err(), expected.is_empty());
        let Ok(found) = found else { return Ok(()) };
        let places = listed(&found.places);
        let own: Vec<i32> = places.iter().map(|place| grid[*place as usize]).collect();
        let mut meridians: Vec<i32> = own.iter().map(|value| (value - west).rem_euclid(360)).collect();
        meridians.sort_unstable();
        meridians.dedup();
        prop_assert_eq!(meridians, expected);
        match found.values {
            None => prop_assert!(own.iter().all(|value| west <= *value && *value <= west + width)),
            Some(numbers) => {
                prop_assert!(numbers.is_sorted());
                for (number, own) in numbers.iter().zip(&own) {
                    let number = *number as i32;
                    prop_assert!(west <= number && number <= west + width);
                    prop_assert_eq!((number - own) % 360, 0);
                }
            }
        }
    }
}
