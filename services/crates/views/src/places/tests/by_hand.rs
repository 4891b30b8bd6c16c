//! Where selections differ from xarray's on purpose, and what errors say.

use proptest::prelude::*;

use super::*;

#[test]
fn places_are_a_slice_wherever_they_can_be() {
    let levels = [1000.0, 850.0, 500.0, 250.0];
    for (text, places) in [
        ("850", Places::One(1)),
        ("850..850", slice(1, 1, 1)),
        ("250..850", slice(1, 1, 3)),
        ("1000;500", slice(0, 2, 2)),
        ("1000;850;500;250", Places::all(4)),
        ("500;1000", list(&[2, 0])),
        ("850;850", list(&[1, 1])),
        ("1000;850;250", list(&[0, 1, 3])),
    ] {
        assert_eq!(of_numbers(&levels, text).unwrap().places, places, "{text}");
    }
}

#[test]
fn values_that_are_there_twice_are_selected_twice() {
    let values = [2.0, 1.0, f64::NAN, 2.0, 0.0];
    for (text, places) in [
        ("2", slice(0, 3, 2)),
        ("1;2", list(&[1, 0, 3])),
        ("1..", list(&[0, 1, 3])),
        ("nearest(1.9)", Places::One(0)),
        ("pad(5;0.5)", slice(0, 4, 2)),
        ("backfill(-1;1.5)", list(&[4, 0])),
    ] {
        assert_eq!(of_numbers(&values, text).unwrap().places, places, "{text}");
    }
}

#[test]
fn methods_go_by_value_whichever_way_a_coordinate_runs() {
    for values in [[100.0, 200.0, 300.0], [300.0, 200.0, 100.0], [200.0, 300.0, 100.0]] {
        for (text, value) in [("pad(250)", 200.0), ("backfill(250)", 300.0), ("nearest(250)", 300.0)] {
            let places = of_numbers(&values, text).unwrap().places;
            assert_eq!(values[places.get(0) as usize].to_bits(), f64::to_bits(value), "{text} of {values:?}");
        }
    }
}

#[test]
fn labels_are_rounded_to_single_precision_where_the_values_are() {
    let single: Vec<f64> = [52.1_f32, 52.2, 52.3].into_iter().map(f64::from).collect();
    let double = [52.1, 52.2, 52.3];
    for values in [&single[..], &double] {
        assert_eq!(of_numbers(values, "52.3").unwrap().places, Places::One(2));
        assert_eq!(of_numbers(values, "52.2..52.3").unwrap().places, slice(1, 1, 2));
        assert_eq!(of_numbers(values, "nearest(52.3;within:0)").unwrap().places, Places::One(2));
        let error = message(of_numbers(values, "52.25"));
        assert_eq!(error, "there is no 52.25: the nearest values are 52.1, 52.2, 52.3");
    }
    // What only looks like single precision is not: these are whole numbers.
    assert!(of_numbers(&[16_777_216.0], "16777217").is_err());
    assert!(
        of_numbers(&[52.3, f64::from(52.3_f32)], "52.3").is_ok_and(|found| found.places == Places::One(0))
    );
}

#[test]
fn errors_say_what_is_there() {
    let latitudes: Vec<f64> = (-90..=90).map(f64::from).collect();
    for (text, error) in [
        ("95..99", "nothing lies in 95..99: the values go from -90 to 90"),
        ("95..", "nothing lies in 95..: the values go from -90 to 90"),
        ("60..30", "nothing lies in 60..30: the values go from -90 to 90"),
        ("10.5", "there is no 10.5: the nearest values are 9, 10, 11, 12"),
        ("10;99", "there is no 99: the nearest values are 89, 90"),
        ("pad(-91)", "pad(-91) finds nothing: the values go from -90 to 90"),
        ("backfill(91)", "backfill(91) finds nothing: the values go from -90 to 90"),
        ("nearest(10;99;within:5)", "nearest(99) finds 90, which is further away than 5"),
        ("Potsdam", "Potsdam is of another kind: the values are numbers"),
        ("2000-01..", "2000-01 is of another kind: the values are numbers"),
        ("nearest(3;within:6h)", "within:6h is of another kind: the values are numbers"),
    ] {
        assert_eq!(message(of_numbers(&latitudes, text)), error);
    }
    for text in ["1", "1..", "nearest(1)"] {
        assert_eq!(message(of_numbers(&[f64::NAN], text)), "there are no values to select from");
        assert_eq!(message(of_numbers(&[], text)), "there are no values to select from");
    }
}

#[test]
fn dates_are_periods() {
    let months = months();
    for (text, places) in [
        ("2000-02", slice(1, 1, 1)),
        ("2000", slice(0, 1, 12)),
        ("2000..2001-01", slice(0, 1, 13)),
        ("2001..", slice(12, 1, 12)),
        ("..2000-02", slice(0, 1, 2)),
        ("2000-02;2000-01", list(&[1, 0])),
        ("2001;2000-06", list(&[12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 5])),
        ("2000-01;2000-03", slice(0, 2, 2)),
        ("nearest(2000-01-16T12)", Places::One(1)),
        ("nearest(2000-01-16T11)", Places::One(0)),
        ("pad(2000-03-31)", Places::One(2)),
        ("pad(2000-03-31;within:30)", Places::One(2)),
        ("backfill(2000-03-31;within:24h)", Places::One(3)),
        ("nearest(2001;2000)", list(&[12, 0])),
    ] {
        // The units are seconds: a plain tolerance is one of seconds.
        let text = text.replace("within:30", "within:2592000");
        assert_eq!(of_times(&months, &text).unwrap().places, places, "{text}");
    }
}

#[test]
fn periods_are_found_in_any_order_of_times() {
    let sorted = months();
    let mut reversed = sorted.clone();
    reversed.instants.reverse();
    assert_eq!(of_times(&reversed, "2000-01;2001-12").unwrap().places, list(&[23, 0]));
    assert_eq!(of_times(&reversed, "2000;2001-12").unwrap().places.length(), Some(13));
    assert_eq!(of_times(&reversed, "2000;2001-12").unwrap().places.get(0), 12);
    let mut gaps = sorted;
    gaps.instants[0] = None;
    gaps.instants.swap(3, 7);
    assert_eq!(of_times(&gaps, "2000-04;2000-08").unwrap().places, list(&[7, 3]));
    assert_eq!(of_times(&gaps, "2000").unwrap().places, slice(1, 1, 11));
}

#[test]
fn errors_of_times_say_what_is_there() {
    let months = months();
    for (text, error) in [
        (
            "2000-01-15",
            "nothing lies in 2000-01-15: the values go from 2000-01-01T00:00:00 to 2001-12-01T00:00:00",
        ),
        (
            "1990..1995",
            "nothing lies in 1990..1995: the values go from 2000-01-01T00:00:00 to 2001-12-01T00:00:00",
        ),
        (
            "2000-01;2002-01",
            "there is no 2002-01: the nearest values are 2001-11-01T00:00:00, 2001-12-01T00:00:00",
        ),
        (
            "pad(1999-01-01)",
            "pad(1999-01-01) finds nothing: the values go from 2000-01-01T00:00:00 to 2001-12-01T00:00:00",
        ),
        (
            "pad(2000-01-31;within:12h)",
            "pad(2000-01-31) finds 2000-01-01T00:00:00, which is further away than 12h",
        ),
        ("850.5", "850.5 is of another kind: the values are times"),
        ("Potsdam", "Potsdam is of another kind: the values are times"),
    ] {
        assert_eq!(message(of_times(&months, text)), error);
    }
    assert_eq!(message(of_times(&months, "2000-02-30")), "there is no 2000-02-30 in calendar standard");
    assert_eq!(message(of_times(&months, "0..2000")), "there is no 0000 in calendar standard");
}

#[test]
fn names_are_selected_as_they_are() {
    let names = ["Zürich Fluntern", "Potsdam", "850", "Potsdam"].map(str::to_owned);
    let of_names = |text: &str| select(&Coordinate::Texts(&names), &selection(text));
    for (text, places) in [
        ("'Zürich Fluntern'", Places::One(0)),
        ("'850'", Places::One(2)),
        ("Potsdam", slice(1, 2, 2)),
        ("'850';Potsdam", list(&[2, 1, 3])),
        ("A..Q", slice(1, 2, 2)),
        ("P..", list(&[0, 1, 3])),
    ] {
        assert_eq!(of_names(text).unwrap().places, places, "{text}");
    }
    let quotes = "850 is of another kind: the values are names, which stand in 'quotes' where they look like \
                  numbers or dates";
    for (text, error) in [
        ("Posdam", "there is no Posdam: the nearest values are '850', Potsdam"),
        ("850", quotes),
        ("a..z", "nothing lies in a..z: the values go from '850' to 'Zürich Fluntern'"),
        ("nearest(Potsdam)", "nearest needs values with distances: names are selected as they are"),
    ] {
        assert_eq!(message(of_names(text)), error);
    }
}

#[test]
fn a_list_of_whole_coordinates_is_refused() {
    let times = times(Calendar::Standard, &vec![0; 3_000_000]);
    assert_eq!(of_times(&times, "2000;2000;2000").unwrap().places.length(), Some(9_000_000));
    assert_eq!(of_times(&times, "2000;2000;2000;2000"), Err(SelectError::TooMany));
}

proptest! {
    #[test]
    fn the_way_a_coordinate_runs_does_not_matter(
        numbers in proptest::collection::btree_set(-50_i32..50, 1..20),
        labels in proptest::collection::vec(-60_i32..60, 2..4),
        form in 0..6,
        seed in any::<u64>(),
    ) {
        let sorted: Vec<f64> = numbers.into_iter().map(f64::from).collect();
        let reversed: Vec<f64> = sorted.iter().rev().copied().collect();
        let mut mixed = sorted.clone();
        mixed.sort_by_key(|value| (value.to_bits() ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let (a, b) = (labels[0], labels[1]);
        let text = match form {
            0 => format!("{}..{}", a.min(b), a.max(b)),
            1 => format!("{a}.."),
            2 => format!("{a};{b}"),
            3 => format!("nearest({a};{b};within:7)"),
            4 => format!("pad({a};{b})"),
            _ => format!("backfill({a})"),
        };
        let values = |coordinate: &[f64]| {
            let places = of_numbers(coordinate, &text).map(|found| listed(&found.places));
            let mut values: Vec<i64> =
                places.map_err(|_| ()).ok()?.into_iter().map(|place| coordinate[place as usize] as i64).collect();
            if form < 2 {
                values.sort_unstable();
            }
            Some(values)
        };
        prop_assert_eq!(values(&sorted), values(&reversed));
        prop_assert_eq!(values(&sorted), values(&mixed));
    }
}
