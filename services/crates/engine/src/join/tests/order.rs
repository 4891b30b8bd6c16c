//! Order, merging, overlaps, gaps, attributes.

use model::{ChunkRef, DataType, FileScan, Warning};

use super::fixtures::*;

#[test]
fn one_file_is_the_dataset_itself() {
    let scan = year("a.nc", 1950, &["tas"]);
    let joined = try_join(vec![scan.clone()]).unwrap();
    assert_eq!(joined.record_dimension, None);
    assert_eq!(
        joined.dataset.variables,
        scan.variables.iter().map(|s| (*s.variable).clone()).collect::<Vec<_>>()
    );
    assert_eq!(joined.manifests, scan.variables.iter().map(|s| s.manifest.clone()).collect::<Vec<_>>());
    assert!(try_join(vec![]).is_err());
}

#[test]
fn files_are_ordered_by_time_and_not_by_name() {
    let joined = try_join(vec![
        year("a.nc", 1952, &["tas"]),
        year("b.nc", 1950, &["tas"]),
        year("c.nc", 1951, &["tas"]),
    ])
    .unwrap();
    let names: Vec<&str> = joined.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(names, ["/data/secret/b.nc", "/data/secret/c.nc", "/data/secret/a.nc"]);
    assert_eq!(doubles_of(&joined, "time"), [0.0, 180.0, 365.0, 545.0, 730.0, 910.0]);
    let (tas, manifest) = joined_variable(&joined, "tas");
    assert_eq!((tas.grid.shape(), tas.grid.chunk_shape()), (&[6, 4][..], &[1, 4][..]));
    let expected = [(0, 0), (0, 1000), (1, 0), (1, 1000), (2, 0), (2, 1000)];
    let references: Vec<_> = manifest.iter().map(|(_, reference)| reference).collect();
    assert_eq!(references, expected.map(|(file, offset)| bytes_at(file, offset, 100)));
    let record = joined.record_dimension.clone().unwrap();
    assert_eq!((record.name.as_str(), record.length), ("time", 6));
    assert_eq!(record.first.as_deref(), Some("1950-01-01T00:00:00"));
    assert_eq!(record.last.as_deref(), Some("1952-06-29T00:00:00"));
    assert_eq!(warnings(&joined), Vec::<String>::new());
}

#[test]
fn variables_of_different_files_are_merged() {
    let joined = try_join(vec![
        year("tas_1950.nc", 1950, &["tas"]),
        year("pr_1951.nc", 1951, &["pr"]),
        year("tas_1951.nc", 1951, &["tas"]),
        year("pr_1950.nc", 1950, &["pr"]),
        file("orog.nc").with(chunked("orog", &[("x", 4)], &[4])),
    ])
    .unwrap();
    let names: Vec<&str> = joined.dataset.variables.iter().map(|variable| variable.path.as_str()).collect();
    assert_eq!(names, ["time", "x", "tas", "pr", "orog"]);
    for name in ["tas", "pr"] {
        assert_eq!(joined_variable(&joined, name).0.grid.shape(), [4, 4]);
    }
    assert_eq!(joined_variable(&joined, "orog").1.get(0), bytes_at(4, 0, 100));
    assert_eq!(joined.files.len(), 5);
}

#[test]
fn one_variable_in_one_file_and_another_in_two_fit_together() {
    let both = file("tas.nc").time("days since 1950-01-01", &[0.0, 180.0, 365.0, 545.0]).steps("tas", 4);
    let joined =
        try_join(vec![year("pr_1951.nc", 1951, &["pr"]), both, year("pr_1950.nc", 1950, &["pr"])]).unwrap();
    assert_eq!(joined_variable(&joined, "pr").0.grid.shape(), [4, 4]);
    assert_eq!(doubles_of(&joined, "time"), [0.0, 180.0, 365.0, 545.0]);
}

#[test]
fn files_with_the_same_times_are_merged() {
    let joined = try_join(vec![year("tas.nc", 1950, &["tas"]), year("pr.nc", 1950, &["pr"])]).unwrap();
    assert_eq!(joined_variable(&joined, "pr").0.grid.shape(), [2, 4]);
    assert_eq!(doubles_of(&joined, "time"), [0.0, 180.0]);
}

#[test]
fn overlaps_name_both_files_and_the_times() {
    refusal(
        vec![year("a.nc", 1950, &["tas"]), year("b.nc", 1950, &["tas"])],
        &["\"a.nc\"", "\"b.nc\"", "overlap", "tas", "1950-01-01T00:00:00", "1950-06-30T00:00:00"],
    );
    let late = file("late.nc").time("days since 1950-01-01", &[180.0, 365.0]).steps("tas", 2);
    refusal(
        vec![year("a.nc", 1950, &["tas"]), late],
        &["late.nc", "a.nc", "1950-06-30T00:00:00", "1 values"],
    );
    let between = file("between.nc").time("days since 1950-01-01", &[90.0, 400.0]).steps("tas", 2);
    refusal(vec![year("a.nc", 1950, &["tas"]), between], &["between.nc", "a.nc", "order"]);
    let partly = file("partly.nc").time("days since 1950-01-01", &[90.0, 180.0]).steps("tas", 2);
    refusal(vec![year("a.nc", 1950, &["tas"]), partly], &["partly.nc", "a.nc", "overlap", "1950-06-30"]);
}

#[test]
fn a_copy_of_a_file_is_refused_though_all_of_it_is_inlined() {
    let small = |name: &str| {
        file(name).time("days since 1950-01-01", &[0.0, 1.0]).with(doubles(
            "gmst",
            &[("time", 2)],
            &[1.0, 2.0],
        ))
    };
    refusal(vec![small("a.nc"), small("copy.nc")], &["copy.nc", "would add nothing"]);
}

#[test]
fn gaps_are_warnings_that_name_files_and_times() {
    let months = |name: &str, days: &[f64]| {
        file(name).time("days since 1950-01-01", days).steps("tas", days.len() as u64)
    };
    let whole = try_join(vec![months("a.nc", &[0.0, 31.0, 59.0]), months("b.nc", &[90.0, 120.0])]).unwrap();
    assert_eq!(warnings(&whole), Vec::<String>::new());
    let joined = try_join(vec![months("a.nc", &[0.0, 31.0, 59.0]), months("b.nc", &[120.0, 151.0])]).unwrap();
    assert_eq!(
        warnings(&joined),
        ["time: gap between \"a.nc\" and \"b.nc\": nothing from 1950-03-01T00:00:00 to 1950-05-01T00:00:00"]
    );
}

#[test]
fn times_that_do_not_increase_inside_a_file_are_a_warning() {
    let odd = file("odd.nc").time("days since 1950-01-01", &[400.0, 390.0]).steps("tas", 2);
    let joined = try_join(vec![year("a.nc", 1950, &["tas"]), odd]).unwrap();
    assert!(warnings(&joined)[0].contains("do not increase inside \"odd.nc\""));
}

#[test]
fn a_variable_missing_for_some_times_is_a_warning_that_names_the_files() {
    for (first, second, without, places) in [
        (&["tas", "pr"][..], &["tas"][..], "\"b.nc\" is without it", [2, 3]),
        (&["tas"], &["tas", "pr"], "\"a.nc\" is without it", [0, 1]),
    ] {
        let joined = try_join(vec![year("a.nc", 1950, first), year("b.nc", 1951, second)]).unwrap();
        let said = warnings(&joined).join("; ");
        assert!(said.contains("pr: missing for 2 of 4 values of time") && said.contains(without), "{said}");
        let (pr, manifest) = joined_variable(&joined, "pr");
        assert_eq!((pr.grid.shape(), &pr.fill_value), (&[4, 4][..], &Some(f32::NAN.to_le_bytes().to_vec())));
        for (number, reference) in manifest.iter() {
            assert_eq!(reference == model::ChunkRef::Missing, places.contains(&number));
        }
        assert!(joined.mosaics.iter().all(Option::is_none));
    }
}

#[test]
fn a_file_without_the_record_coordinate_is_refused() {
    let timeless = file("c.nc").with(chunked("tas", &[("time", 2), ("x", 4)], &[1, 4]));
    refusal(
        vec![year("a.nc", 1950, &["tas"]), year("b.nc", 1951, &["tas"]), timeless],
        &["c.nc", "no coordinate"],
    );
}

#[test]
fn static_variables_that_differ_are_refused() {
    let other =
        file("b.nc").time("days since 1950-01-01", &[365.0]).with(doubles("x", &[("x", 4)], &[0.0; 4]));
    refusal(vec![year("a.nc", 1950, &["tas"]), other], &["x differs", "a.nc", "b.nc", "values"]);
    let longer =
        file("b.nc").time("days since 1950-01-01", &[365.0]).with(doubles("x", &[("x", 5)], &[0.0; 5]));
    refusal(vec![year("a.nc", 1950, &["tas"]), longer], &["x differs", "4 and 5"]);
}

#[test]
fn attributes_that_differ_are_told_once() {
    let scan = |n: u32| {
        let mut scan = year(&format!("{n}.nc"), 1950 + n, &["tas"]).global("history", &n.to_string());
        scan = scan.global("tracking_id", &n.to_string()).global("title", if n == 0 { "a" } else { "b" });
        scan.warnings.push(Warning { subject: "odd".into(), message: "left out".into() });
        let last = scan.variables.pop().unwrap();
        scan.with(text_attribute(last, "comment", &n.to_string()))
    };
    let joined = try_join((0..6).map(scan).collect()).unwrap();
    assert_eq!(joined.dataset.attributes().unwrap().text("title"), Some("a"));
    assert_eq!(
        warnings(&joined),
        [
            "odd: left out (in 6 files)",
            "history, tracking_id differ from file to file: \"0.nc\" kept",
            "@title: differs or is absent in \"1.nc\", \"2.nc\", \"3.nc\" and 2 more: the first file's is kept",
            "tas@comment: differs or is absent in \"1.nc\", \"2.nc\", \"3.nc\" and 2 more: the first file's is kept",
        ]
    );
}

#[test]
fn two_growing_dimensions_are_ambiguous() {
    let scan = |name: &str, value: f64| {
        let mut scan =
            file(name).time("days since 1950-01-01", &[value]).with(doubles("run", &[("run", 1)], &[value]));
        scan.unlimited_dimensions.push("run".into());
        scan
    };
    refusal(vec![scan("a.nc", 0.0), scan("b.nc", 1.0)], &["run, time", "not clear"]);
}

#[test]
fn a_record_dimension_without_units_is_ordered_by_its_numbers() {
    let scan = |name: &str, values: [i16; 2]| {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        file(name).with(inline("time", &[("time", 2)], DataType::I16, bytes)).steps("tas", 2)
    };
    let joined = try_join(vec![scan("b.nc", [3, 4]), scan("a.nc", [-2, 1])]).unwrap();
    assert_eq!(joined.files[0].path, "/data/secret/a.nc");
    let record = joined.record_dimension.unwrap();
    assert_eq!((record.length, record.first), (4, None));
}

#[test]
fn files_of_one_name_are_told_apart_by_their_directories() {
    let message = refusal(
        vec![year("1950/tas.nc", 1950, &["tas"]), year("1951/tas.nc", 1950, &["tas"])],
        &["\"1950/tas.nc\"", "\"1951/tas.nc\""],
    );
    assert!(!message.contains("/data"));
}

/// A day of a forecast: `t` at its first times and `tp`, an accumulation, at its last ones.
fn day(name: &str, first: f64, keep_both: bool) -> FileScan {
    let times = [first, first + 0.5, first + 1.0];
    let mut instant = chunked("t", &[("time", 3), ("x", 4)], &[1, 4]);
    let mut accumulated = chunked("tp", &[("time", 3), ("x", 4)], &[1, 4]);
    if !keep_both {
        instant.manifest.set(2, ChunkRef::Missing);
    }
    accumulated.manifest.set(0, ChunkRef::Missing);
    file(name).time("days since 1950-01-01", &times).with(instant).with(accumulated)
}

#[test]
fn files_share_a_time_at_which_each_has_other_variables() {
    let joined = try_join(vec![day("b.nc", 1.0, false), day("a.nc", 0.0, false)]).unwrap();
    assert_eq!(doubles_of(&joined, "time"), [0.0, 0.5, 1.0, 1.5, 2.0]);
    let (_, instant) = joined_variable(&joined, "t");
    let (_, accumulated) = joined_variable(&joined, "tp");
    assert_eq!(instant.get(2), bytes_at(1, 0, 100));
    assert_eq!(accumulated.get(2), bytes_at(0, 2000, 100));
    assert_eq!((instant.missing_count(), instant.get(4)), (1, ChunkRef::Missing));
    assert_eq!((accumulated.missing_count(), accumulated.get(0)), (1, ChunkRef::Missing));
    refusal(vec![day("a.nc", 0.0, true), day("b.nc", 1.0, true)], &["overlap", "both hold t"]);
}

/// A forecast of three days, alone in its file: times are those of validity.
fn forecast(name: &str, reference: i64) -> FileScan {
    let times: Vec<i64> = (reference..reference + 3).collect();
    let long = |name: &str, values: &[i64]| {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let made = inline(name, &[("time", 3)], DataType::I64, bytes);
        text_attribute(made, "units", "days since 1950-01-01")
    };
    let t = chunked("t", &[("time", 3), ("x", 4)], &[1, 4]);
    file(name)
        .with(long("time", &times))
        .with(long("forecast_reference_time", &[reference; 3]))
        .with(doubles("step", &[("time", 3)], &[0.0, 24.0, 48.0]))
        .with(text_attribute(t, "coordinates", "forecast_reference_time step"))
}

#[test]
fn overlapping_forecasts_get_a_dimension_of_steps() {
    let joined = try_join(vec![forecast("b.grib", 2), forecast("a.grib", 0)]).unwrap();
    let (t, manifest) = joined_variable(&joined, "t");
    assert_eq!((t.dimensions.join(" "), t.grid.shape()), ("time step x".to_owned(), &[2, 3, 4][..]));
    assert_eq!(t.attributes.text("coordinates"), Some("valid_time"));
    assert_eq!((manifest.get(2), manifest.get(3)), (bytes_at(0, 2000, 100), bytes_at(1, 0, 100)));
    assert_eq!(joined_variable(&joined, "valid_time").0.grid.shape(), [2, 3]);
    assert_eq!(doubles_of(&joined, "step"), [0.0, 24.0, 48.0]);
    assert!(joined.dataset.variable("forecast_reference_time").is_none());
    let apart = try_join(vec![forecast("a.grib", 0), forecast("b.grib", 3)]).unwrap();
    assert_eq!(joined_variable(&apart, "t").0.dimensions, ["time", "x"]);
}
