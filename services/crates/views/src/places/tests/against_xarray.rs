//! What xarray selects.

use cf::Calendar;
use serde_json::{Value, json};

use super::*;

fn cases(key: &str) -> Vec<Value> {
    let cases: Vec<Value> = serde_json::from_str(include_str!("../../testdata/places.json")).unwrap();
    let cases: Vec<Value> = cases.into_iter().filter(|case| case.get(key).is_some()).collect();
    assert!(cases.len() > 100, "{key}");
    cases
}

fn floats(values: &Value) -> Vec<f64> {
    values.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
}

/// As the cases say it: one place, a list, or none where it is an error.
fn said(selected: &Result<Selected, SelectError>) -> Value {
    match selected {
        Err(_) => Value::Null,
        Ok(Selected { places: Places::One(place), .. }) => json!(place),
        Ok(Selected { places, .. }) => json!(listed(places)),
    }
}

#[test]
fn numbers_are_selected_as_in_xarray() {
    for case in cases("numbers") {
        let mut values = floats(&case["numbers"]);
        if case["single"] == true {
            values = values.into_iter().map(|value| f64::from(value as f32)).collect();
        }
        let selected = of_numbers(&values, case["select"].as_str().unwrap());
        assert_eq!(said(&selected), case["places"], "{case}, {selected:?}");
    }
}

#[test]
fn ranges_of_longitudes_are_those_of_turned_and_sorted_ones() {
    for case in cases("longitudes") {
        let [first, step, count] = floats(&case["longitudes"])[..] else { panic!("{case}") };
        let values: Vec<f64> = (0..count as u32).map(|place| first + f64::from(place) * step).collect();
        let selected = of_longitudes(&values, case["select"].as_str().unwrap());
        assert_eq!(said(&selected), case["places"], "{case}, {selected:?}");
        if let Ok(selected) = selected {
            let numbers = case["values"].as_array().map(|_| floats(&case["values"]));
            assert_eq!(selected.values, numbers, "{case}");
        }
    }
}

#[test]
fn times_are_selected_as_in_xarray() {
    for case in cases("times") {
        let seconds: Vec<i64> =
            case["times"].as_array().unwrap().iter().map(|time| time.as_i64().unwrap()).collect();
        let times = times(Calendar::parse(case["calendar"].as_str().unwrap()).unwrap(), &seconds);
        let selected = of_times(&times, case["select"].as_str().unwrap());
        assert_eq!(said(&selected), case["places"], "{case}, {selected:?}");
    }
}
