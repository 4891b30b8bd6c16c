//! Times whose units, types or calendars differ from file to file.

use cf::{Calendar, TimeUnits, TimeValue};
use model::{ChunkRef, DataType, FileScan};

use super::fixtures::*;
use crate::join::Joined;
use crate::join::numbers::encode;

/// A file with times of a type.
fn times(name: &str, units: &str, data_type: DataType, values: &[f64]) -> FileScan {
    let bytes =
        values.iter().flat_map(|value| encode(TimeValue::Float(*value), data_type).unwrap()).collect();
    let time = inline("time", &[("time", values.len() as u64)], data_type, bytes);
    file(name).with(text_attribute(time, "units", units)).steps("tas", values.len() as u64)
}

/// All times of a joined dataset in words, by the type and units that it states.
fn words(joined: &Joined, name: &str) -> Vec<String> {
    let (variable, manifest) = joined_variable(joined, name);
    let (time, _) = joined_variable(joined, "time");
    let calendar = Calendar::parse(time.attributes.text("calendar").unwrap_or("standard")).unwrap();
    let units = TimeUnits::parse(time.attributes.text("units").unwrap(), calendar).unwrap();
    let ChunkRef::Inline(bytes) = manifest.get(0) else { panic!("not inlined") };
    let values: Vec<TimeValue> = if variable.data_type == DataType::F64 {
        doubles_of(joined, name).into_iter().map(TimeValue::Float).collect()
    } else {
        let size = variable.data_type.size().unwrap();
        let value = |word: &[u8]| {
            let mut wide = [if word[size - 1] >= 128 { 255 } else { 0 }; 16];
            wide[..size].copy_from_slice(word);
            TimeValue::Integer(i128::from_le_bytes(wide))
        };
        bytes.chunks_exact(size).map(value).collect()
    };
    values.into_iter().map(|value| calendar.text(units.instant(value).unwrap())).collect()
}

#[test]
fn each_file_with_its_own_reference_is_reconciled_exactly() {
    let joined = try_join(vec![
        times("b.nc", "days since 1951-01-01", DataType::F64, &[0.5, 31.25]),
        times("a.nc", "days since 1950-01-01 00:00:00", DataType::F64, &[0.5, 31.5]),
        times("c.nc", "hours since 1952-01-01", DataType::F64, &[12.0]),
    ])
    .unwrap();
    let (time, _) = joined_variable(&joined, "time");
    assert_eq!(time.attributes.text("units"), Some("days since 1950-01-01 00:00:00"));
    assert_eq!(doubles_of(&joined, "time"), [0.5, 31.5, 365.5, 396.25, 730.5]);
    assert!(warnings(&joined).iter().all(|warning| !warning.contains("units")));
}

#[test]
fn integers_stay_integers_where_that_is_exact() {
    let joined = try_join(vec![
        times("a.nc", "days since 1950-01-01", DataType::I32, &[0.0, 1.0]),
        times("b.nc", "hours since 1950-01-01", DataType::I64, &[48.0, 72.0]),
    ])
    .unwrap();
    assert_eq!(joined_variable(&joined, "time").0.data_type, DataType::I32);
    assert_eq!(words(&joined, "time")[3], "1950-01-04T00:00:00");
}

#[test]
fn a_finer_unit_is_taken_where_the_first_file_has_too_coarse_a_one() {
    let joined = try_join(vec![
        times("a.nc", "days since 1950-01-01", DataType::I32, &[0.0, 1.0]),
        times("b.nc", "hours since 1950-01-01", DataType::I32, &[49.0, 72.0]),
    ])
    .unwrap();
    let (time, _) = joined_variable(&joined, "time");
    assert_eq!(time.data_type, DataType::I64);
    assert_eq!(time.attributes.text("units"), Some("hours since 1950-01-01 00:00:00"));
    assert_eq!(words(&joined, "time")[1..3], ["1950-01-02T00:00:00", "1950-01-03T01:00:00"]);
    assert!(warnings(&joined).iter().any(|warning| warning.contains("64-bit integers")));
}

#[test]
fn floats_that_are_no_exact_sums_become_integers() {
    let joined = try_join(vec![
        times("a.nc", "days since 1850-01-01", DataType::F64, &[36_523.041_666_666_664]),
        times("b.nc", "days since 1950-01-01", DataType::F64, &[0.041_666_666_666_666_664, 1.0 / 3.0]),
    ])
    .unwrap();
    assert_eq!(joined_variable(&joined, "time").0.data_type, DataType::I64);
    assert_eq!(words(&joined, "time"), ["1949-12-31T01:00:00", "1950-01-01T01:00:00", "1950-01-01T08:00:00"]);
}

#[test]
fn bounds_go_with_their_times() {
    let scan = |name: &str, units: &str, hours: [f64; 3]| {
        let time = doubles("time", &[("time", 1)], &[hours[1]]);
        let time = text_attribute(text_attribute(time, "units", units), "bounds", "time_bnds");
        let bounds = doubles("time_bnds", &[("time", 1), ("bnds", 2)], &[hours[0], hours[2]]);
        file(name).with(bounds).with(time)
    };
    let joined = try_join(vec![
        scan("a.nc", "days since 1950-01-01", [0.0, 0.5, 1.0]),
        scan("b.nc", "hours since 1950-01-01", [24.0, 36.0, 48.0]),
    ])
    .unwrap();
    assert_eq!(doubles_of(&joined, "time_bnds"), [0.0, 1.0, 1.0, 2.0]);
    // Where only the bounds are not exact, both change, because bounds have no units of their own.
    let joined = try_join(vec![
        scan("a.nc", "days since 1950-01-01", [0.0, 0.5, 1.0]),
        scan("b.nc", "hours since 1950-01-01", [25.0, 36.0, 48.0]),
    ])
    .unwrap();
    assert_eq!(words(&joined, "time")[1], "1950-01-02T12:00:00");
    assert_eq!(words(&joined, "time_bnds")[2], "1950-01-02T01:00:00");
}

#[test]
fn another_variable_of_times_is_reconciled_too() {
    let scan = |name: &str, at: f64, units: &str| {
        let run = text_attribute(doubles("run", &[("time", 1)], &[at]), "units", units);
        file(name).time("days since 1950-01-01", &[at]).with(run)
    };
    let joined = try_join(vec![
        scan("a.nc", 1.0, "days since 1950-01-01"),
        scan("b.nc", 2.0, "days since 1949-12-31"),
    ])
    .unwrap();
    assert_eq!(doubles_of(&joined, "run"), [1.0, 1.0]);
}

#[test]
fn calendars_must_agree_on_all_times() {
    let scan = |name: &str, units: &str, calendar: &str, at: f64| {
        let mut scan = times(name, units, DataType::F64, &[at]);
        scan.variables[0] = text_attribute(scan.variables[0].clone(), "calendar", calendar);
        scan
    };
    let joined = try_join(vec![
        scan("a.nc", "days since 1950-01-01", "standard", 0.0),
        scan("b.nc", "days since 0001-01-01", "proleptic_gregorian", 712_222.0),
    ])
    .unwrap();
    assert_eq!(words(&joined, "time"), ["1950-01-01T00:00:00", "1951-01-01T00:00:00"]);
    refusal(
        vec![
            scan("a.nc", "days since 1950-01-01", "noleap", 0.0),
            scan("b.nc", "days since 1950-01-01", "standard", 365.0),
        ],
        &["a.nc", "noleap", "b.nc", "standard"],
    );
    refusal(
        vec![
            scan("a.nc", "days since 1500-01-01", "standard", 0.0),
            scan("b.nc", "days since 1950-01-01", "proleptic_gregorian", 365.0),
        ],
        &["calendar"],
    );
}

#[test]
fn units_that_cannot_be_read_are_kept_where_all_files_agree() {
    let months = "months since 1950-01-01";
    let joined = try_join(vec![
        times("b.nc", months, DataType::F64, &[1.0]),
        times("a.nc", months, DataType::F64, &[0.0]),
    ])
    .unwrap();
    assert_eq!(doubles_of(&joined, "time"), [0.0, 1.0]);
    refusal(
        vec![
            times("a.nc", months, DataType::F64, &[0.0]),
            times("b.nc", "days since 1950-01-01", DataType::F64, &[0.0]),
        ],
        &["units", "a.nc", "b.nc"],
    );
}

#[test]
fn missing_times_are_refused() {
    let scans = vec![
        times("a.nc", "days since 1950-01-01", DataType::F64, &[0.0]),
        times("b.nc", "days since 1950-01-01", DataType::F64, &[1.0, f64::NAN]),
    ];
    refusal(scans, &["time of \"b.nc\"", "missing"]);
}

#[test]
fn large_times_in_chunks_cannot_be_reconciled() {
    let scan = |name: &str, at: f64, units: &str| {
        let run = text_attribute(chunked("run", &[("time", 1)], &[1]), "units", units);
        file(name).time("days since 1950-01-01", &[at]).with(run)
    };
    refusal(
        vec![scan("a.nc", 1.0, "days since 1950-01-01"), scan("b.nc", 2.0, "days since 1949-12-31")],
        &["run", "a.nc", "b.nc", "decod"],
    );
}
