//! Times as coordinates.

use std::collections::BTreeMap;

use model::{Attributes, ScannedVariable};

use super::{
    coordinates::{floats, integers, texts},
    cube::Clock,
    fields::Group,
};

const HOUR: f64 = 3600.0;

fn instant(standard_name: &str, long_name: &str) -> Attributes {
    texts(&[
        ("units", "seconds since 1970-01-01T00:00:00"),
        ("calendar", "proleptic_gregorian"),
        ("standard_name", standard_name),
        ("long_name", long_name),
    ])
}

fn period() -> Attributes {
    texts(&[
        ("units", "hours"),
        ("standard_name", "forecast_period"),
        ("long_name", "time since forecast_reference_time"),
    ])
}

/// What a clock has beside its dimensions' coordinates.
#[derive(Debug, Default)]
pub(super) struct Chronology {
    /// Names of its dimensions.
    pub(super) dimensions: Vec<&'static str>,
    /// Names of auxiliary coordinates along them.
    pub(super) auxiliary: Vec<&'static str>,
    /// All its coordinates.
    pub(super) variables: Vec<ScannedVariable>,
}

/// The coordinates of a clock.
pub(super) fn of(clock: &Clock, groups: &[Group]) -> Chronology {
    match clock {
        Clock::Valid { times } => {
            let shape = [times.len() as u64];
            let mut found = Chronology { dimensions: vec!["time"], ..Chronology::default() };
            found.variables.extend(integers("time", &["time"], &shape, times, instant("time", "time")));
            if let Some(references) = references(times, groups) {
                let steps: Vec<f64> = times
                    .iter()
                    .zip(&references)
                    .map(|(time, reference)| (time - reference) as f64 / HOUR)
                    .collect();
                let attributes = instant("forecast_reference_time", "initial time of forecast");
                let name = "forecast_reference_time";
                found.variables.extend(integers(name, &["time"], &shape, &references, attributes));
                found.variables.extend(floats("step", &["time"], &shape, &steps, period()));
                found.auxiliary = vec![name, "step"];
            }
            found
        }
        Clock::Forecast { references, steps } => {
            let shape = [references.len() as u64, steps.len() as u64];
            let valid: Vec<i64> = references
                .iter()
                .flat_map(|time| steps.iter().map(move |step| time.saturating_add(*step)))
                .collect();
            let hours: Vec<f64> = steps.iter().map(|step| *step as f64 / HOUR).collect();
            let reference = instant("forecast_reference_time", "initial time of forecast");
            let variables = [
                integers("time", &["time"], &shape[..1], references, reference),
                floats("step", &["step"], &shape[1..], &hours, period()),
                integers("valid_time", &["time", "step"], &shape, &valid, instant("time", "time")),
            ];
            Chronology {
                dimensions: vec!["time", "step"],
                auxiliary: vec!["valid_time"],
                variables: variables.into_iter().flatten().collect(),
            }
        }
    }
}

/// The reference time of what is valid at each time; none where variables differ in it.
fn references(times: &[i64], groups: &[Group]) -> Option<Vec<i64>> {
    let mut found: BTreeMap<i64, i64> = BTreeMap::new();
    for field in groups.iter().flat_map(|group| &group.fields) {
        let reference = *found.entry(field.times.valid()).or_insert(field.times.reference);
        if reference != field.times.reference {
            return None;
        }
    }
    times.iter().map(|time| found.get(time).copied()).collect()
}
