//! Times against xarray: `integration-tests/tools/make_view_cases.py` made the cases; and what xarray has no word on.

use std::collections::BTreeSet;

use cf::{Calendar, Date, DateError, Instant, TimeUnits, TimeValue};
use proptest::prelude::*;
use serde_json::Value;

use super::{Keys, Periods, PeriodsError, Times, by_part, by_period, period};
use crate::array::NO_GROUP;
use crate::keyword::Keyword;
use crate::steps::{Frequency, Step, TimePart};
use crate::{Label, Range, Steps};

const DAY: i128 = 86_400_000_000_000;

fn units(calendar: &str) -> TimeUnits {
    TimeUnits::parse("seconds since 2000-01-01", Calendar::parse(calendar).unwrap()).unwrap()
}

fn times(calendar: &str, seconds: &[i64]) -> Times {
    let units = units(calendar);
    let instant = |seconds: &i64| units.instant(TimeValue::Integer((*seconds).into()));
    Times { units, instants: seconds.iter().map(instant).collect() }
}

fn frequency(text: &str) -> Frequency {
    let steps: Steps = format!("resample=time:{text}:mean").parse().unwrap();
    let Step::Resample(resample) = &steps.as_slice()[0] else { panic!("{text}") };
    resample.frequency
}

fn numbers(case: &Value, key: &str) -> Vec<i64> {
    case[key].as_array().unwrap().iter().map(|number| number.as_i64().unwrap()).collect()
}

fn cases() -> Vec<Value> {
    serde_json::from_str(include_str!("../testdata/times.json")).unwrap()
}

/// The texts of instants, to compare and to read.
fn texts(calendar: Calendar, instants: &[Instant]) -> Vec<String> {
    instants.iter().map(|instant| calendar.text(*instant)).collect()
}

#[test]
fn parts_are_those_of_xarray() {
    let mut count = 0;
    for case in cases().iter().filter(|case| case.get("part").is_some()) {
        let times = times(case["calendar"].as_str().unwrap(), &numbers(case, "values"));
        let parts = by_part(&times, TimePart::find(case["part"].as_str().unwrap()).unwrap());
        let labels: Vec<i64> = parts.labels.iter().map(|label| i64::from(*label)).collect();
        assert_eq!(labels, numbers(case, "labels"), "{case}");
        let keys = match parts.keys {
            Keys::Numbers(keys) => serde_json::to_value(keys),
            Keys::Seasons(keys) => serde_json::to_value(keys),
        };
        assert_eq!(keys.unwrap(), case["keys"], "{case}");
        count += 1;
    }
    assert!(count > 150);
}

#[test]
fn periods_are_those_of_xarray() {
    let mut count = 0;
    for case in cases().iter().filter(|case| case.get("frequency").is_some()) {
        let times = times(case["calendar"].as_str().unwrap(), &numbers(case, "values"));
        let periods = by_period(&times, frequency(case["frequency"].as_str().unwrap())).unwrap();
        let calendar = times.units.calendar;
        let names: Vec<Instant> = numbers(case, "names")
            .into_iter()
            .map(|name| times.units.instant(TimeValue::Integer(name.into())).unwrap())
            .collect();
        assert_eq!(texts(calendar, &periods.names), texts(calendar, &names), "{case}");
        let labels: Vec<i64> = periods.labels.iter().map(|label| i64::from(*label)).collect();
        assert_eq!(labels, numbers(case, "labels"), "{case}");
        check(&times, &periods);
        count += 1;
    }
    assert!(count > 300);
}

/// What always holds: bounds follow one another, each time lies within its own, and each name within its period.
fn check(times: &Times, periods: &Periods) {
    assert_eq!(periods.names.len(), periods.bounds.len());
    assert!(periods.bounds.windows(2).all(|pair| pair[0].1 == pair[1].0));
    assert!(
        periods.bounds.iter().zip(&periods.names).all(|((start, end), name)| start <= name && name < end)
    );
    for (instant, label) in times.instants.iter().zip(&periods.labels) {
        match instant {
            Some(instant) => {
                let (start, end) = periods.bounds[*label as usize];
                assert!(start <= *instant && *instant < end);
            }
            None => assert_eq!(*label, NO_GROUP),
        }
    }
    let found: BTreeSet<_> = periods.labels.iter().filter(|label| **label != NO_GROUP).collect();
    assert_eq!(found.first(), Some(&&0));
    assert_eq!(found.last().map(|last| **last as usize + 1), Some(periods.names.len()));
}

#[test]
fn missing_times_are_in_no_group() {
    let mut some = times("standard", &[0, 40 * 86_400]);
    some.instants.insert(1, None);
    assert_eq!(by_part(&some, TimePart::Month).labels, [0, NO_GROUP, 1]);
    let periods = by_period(&some, frequency("MS")).unwrap();
    assert_eq!(periods.labels, [0, NO_GROUP, 1]);
    let none = Times { instants: vec![None], ..some };
    assert_eq!(by_part(&none, TimePart::Season).keys, Keys::Seasons(Vec::new()));
    assert_eq!(by_period(&none, frequency("MS")), Err(PeriodsError::NoTime));
}

#[test]
fn a_last_day_belongs_to_its_month_to_the_last_nanosecond() {
    let mut last = times("standard", &[0, 31 * 86_400]);
    last.instants[1] = last.instants[1].map(|instant| Instant(instant.0 - 1));
    let periods = by_period(&last, frequency("ME")).unwrap();
    assert_eq!(periods.labels, [0, 0]);
    assert_eq!(texts(Calendar::Standard, &periods.names), ["2000-01-31T00:00:00"]);
}

#[test]
fn bounds_of_months_named_by_their_end_are_whole_days() {
    let periods = by_period(&times("noleap", &[45 * 86_400]), frequency("QE-FEB")).unwrap();
    let (start, end) = periods.bounds[0];
    assert_eq!(
        texts(Calendar::NoLeap, &[start, periods.names[0], end]),
        ["1999-12-01T00:00:00", "2000-02-28T00:00:00", "2000-03-01T00:00:00"]
    );
}

#[test]
fn months_go_on_where_there_is_no_year_zero() {
    let standard = units("standard");
    let day = Calendar::Standard.day_number(Date { year: 1, month: 1, day: 15 }).unwrap();
    let instants = [-30, 0].map(|days| Some(Instant::from_day(day + days, 0))).to_vec();
    let periods = by_period(&Times { units: standard, instants }, frequency("YS")).unwrap();
    assert_eq!(texts(Calendar::Standard, &periods.names), ["-0001-01-01T00:00:00", "0001-01-01T00:00:00"]);
}

#[test]
fn too_many_periods_and_periods_without_end_are_refused() {
    let two = times("standard", &[0, 20_000_000]);
    assert_eq!(
        by_period(&two, frequency("s")).unwrap_err().to_string(),
        "20000001 periods of 1s lie between the first and the last time, of at most 10000000"
    );
    assert!(by_period(&two, frequency("3s")).is_ok());
    for long in ["4294967295YS", "4294967295YE"] {
        assert!(matches!(by_period(&two, frequency(long)), Err(PeriodsError::Date { .. })), "{long}");
    }
    let far = Times { instants: vec![Some(Instant(359_000_000_000 * DAY - 1))], ..two };
    assert!(matches!(by_period(&far, frequency("4294967295D")), Err(PeriodsError::Date { .. })));
}

fn period_of(text: &str, calendar: Calendar) -> Result<(String, String), DateError> {
    let steps: Steps = format!("sel=time:{text}..").parse().unwrap();
    let Step::Select(select) = &steps.as_slice()[0] else { panic!("{text}") };
    let crate::steps::Selection::Range(Range::From(label)) = &select.coordinates[0].1 else {
        panic!("{text}")
    };
    let (start, end) = period(Label::date(label).unwrap(), calendar)?;
    Ok((calendar.text(start), calendar.text(end)))
}

#[test]
fn dates_last_as_long_as_they_are_precise() {
    for (text, calendar, start, end) in [
        ("2000", Calendar::Standard, "2000-01-01T00:00:00", "2001-01-01T00:00:00"),
        ("-1", Calendar::Standard, "-0001-01-01T00:00:00", "0001-01-01T00:00:00"),
        ("1582-10", Calendar::Standard, "1582-10-01T00:00:00", "1582-11-01T00:00:00"),
        ("1582-10-04", Calendar::Standard, "1582-10-04T00:00:00", "1582-10-15T00:00:00"),
        ("2000-02", Calendar::NoLeap, "2000-02-01T00:00:00", "2000-03-01T00:00:00"),
        ("2000-02-30", Calendar::Day360, "2000-02-30T00:00:00", "2000-03-01T00:00:00"),
        ("2000-12-31T23", Calendar::Julian, "2000-12-31T23:00:00", "2001-01-01T00:00:00"),
        ("2000-12-31T23:30", Calendar::Standard, "2000-12-31T23:30:00", "2000-12-31T23:31:00"),
        ("2000-12-31T23:30:05", Calendar::Standard, "2000-12-31T23:30:05", "2000-12-31T23:30:06"),
        (
            "2000-12-31T23:30:05.5",
            Calendar::Standard,
            "2000-12-31T23:30:05.5",
            "2000-12-31T23:30:05.500000001",
        ),
    ] {
        assert_eq!(period_of(text, calendar), Ok((start.to_owned(), end.to_owned())), "{text}");
    }
    for (text, calendar) in [
        ("0", Calendar::Standard),
        ("2000-02-30", Calendar::Standard),
        ("2000-02-29", Calendar::NoLeap),
        ("1582-10-10", Calendar::Standard),
        ("2000-12-31", Calendar::Day360),
    ] {
        assert!(period_of(text, calendar).is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn periods_hold_their_times(
        mut seconds in proptest::collection::vec(-3_000_000_000_i64..3_000_000_000, 1..20),
        count in 1_u32..40,
        unit in proptest::sample::select(vec!["h", "D", "MS", "ME", "QS-FEB", "QE", "YS-JUL", "YE-MAR"]),
        calendar in proptest::sample::select(vec!["standard", "noleap", "360_day", "julian"]),
    ) {
        let frequency = frequency(&format!("{count}{unit}"));
        let shuffled = times(calendar, &seconds);
        let periods = by_period(&shuffled, frequency).unwrap();
        check(&shuffled, &periods);
        seconds.sort_unstable();
        let sorted = by_period(&times(calendar, &seconds), frequency).unwrap();
        prop_assert_eq!(sorted.names, periods.names);
    }
}
