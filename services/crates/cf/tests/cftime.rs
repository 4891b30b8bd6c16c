//! Times as cftime reads them: `integration-tests/tools/make_time_cases.py` made the cases.

#![expect(clippy::unwrap_used, reason = "a test: a case that cannot be read fails it")]

use cf::{Calendar, TimeUnits, TimeValue};
use serde_json::Value;

fn cases(list: &str) -> Vec<Value> {
    let document: Value = serde_json::from_str(include_str!("time_cases.json")).unwrap();
    document[list].as_array().unwrap().clone()
}

fn units(case: &Value) -> (Calendar, Result<TimeUnits, cf::TimeUnitsError>) {
    let calendar = Calendar::parse(case[0].as_str().unwrap()).unwrap();
    (calendar, TimeUnits::parse(case[1].as_str().unwrap(), calendar))
}

#[test]
fn every_time_is_what_cftime_says() {
    let cases = cases("cases");
    assert!(cases.len() > 800, "{}", cases.len());
    for case in cases {
        let (calendar, units) = units(&case);
        let value = match case[2].as_i64() {
            Some(value) => TimeValue::Integer(value.into()),
            None => TimeValue::Float(case[2].as_f64().unwrap()),
        };
        let instant = units.unwrap().instant(value).unwrap();
        assert_eq!(calendar.text(instant), case[3].as_str().unwrap(), "{case}");
        if let TimeValue::Integer(value) = value {
            let as_float = units_again(&case).instant(TimeValue::Float(value as f64)).unwrap();
            assert!(value.abs() >= 1 << 53 || as_float == instant, "{case}");
        }
    }
}

fn units_again(case: &Value) -> TimeUnits {
    units(case).1.unwrap()
}

#[test]
fn what_cftime_refuses_is_refused() {
    for case in cases("refused") {
        assert!(units(&case).1.is_err(), "{case}");
    }
}
