//! The dimensions of a file's fields but those of its grids: time, step, number, level.
//!
//! Time is the time that fields are valid at, as long as that tells them apart: the time axis of an analysis, of a
//! simulation and of one forecast. Where several forecasts overlap it is their reference time, and step is a dimension.

use std::collections::{BTreeSet, HashMap};

use super::{
    fields::{Field, Fields, Group},
    times,
};

/// The time axis of a file.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Clock {
    /// Times of validity, since 1970, in seconds.
    Valid { times: Vec<i64> },
    /// Reference times of forecasts and steps behind them.
    Forecast { references: Vec<i64>, steps: Vec<i64> },
}

/// A level as bits of its value and of its other surface.
pub(super) type LevelBits = (Option<u64>, Option<u64>);

/// A set of levels of one kind that variables share: a dimension, or a scalar if there is one level.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Vertical {
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) levels: Vec<LevelBits>,
}

/// A set of members of an ensemble that variables share.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Members {
    pub(super) name: String,
    pub(super) numbers: Vec<Option<u64>>,
}

/// The axes of a file's fields.
#[derive(Debug)]
pub(super) struct Axes {
    pub(super) clock: Clock,
    pub(super) verticals: Vec<Vertical>,
    pub(super) ensembles: Vec<Members>,
}

/// The axes of one group: places in `verticals` and `ensembles`.
#[derive(Debug, Clone, Copy)]
pub(super) struct GroupAxes {
    pub(super) vertical: usize,
    pub(super) ensemble: usize,
}

impl Axes {
    /// The axes of all groups, and which each has.
    pub(super) fn of(fields: &Fields) -> (Self, Vec<GroupAxes>) {
        let clock = Clock::of(&fields.groups);
        let levels: Vec<_> = fields.groups.iter().map(levels).collect();
        let numbers: Vec<_> = fields.groups.iter().map(numbers).collect();
        let kinds = fields.groups.iter().map(|group| group.subject.level.clone());
        let keyed: Vec<_> = kinds.zip(levels).collect();
        let mut verticals: Vec<Vertical> = Vec::new();
        for (kind, levels) in distinct(&keyed, |(_, levels)| levels.len()) {
            let before = verticals.iter().filter(|other| other.kind == kind).count();
            let name = numbered(&kind, before);
            verticals.push(Vertical { kind, name, levels });
        }
        let sets = distinct(&numbers, Vec::len).into_iter().enumerate();
        let ensembles: Vec<Members> =
            sets.map(|(at, numbers)| Members { name: numbered("number", at), numbers }).collect();
        let axes = keyed.iter().zip(&numbers).map(|((kind, levels), numbers)| GroupAxes {
            vertical: verticals.iter().position(|v| v.kind == *kind && v.levels == *levels).unwrap_or(0),
            ensemble: ensembles.iter().position(|e| e.numbers == *numbers).unwrap_or(0),
        });
        let axes = axes.collect();
        (Self { clock, verticals, ensembles }, axes)
    }
}

/// A name, with a number behind it from the second on.
pub(super) fn numbered(name: &str, before: usize) -> String {
    if before == 0 { name.to_owned() } else { format!("{name}_{}", before + 1) }
}

/// Different values, longest first; of equals in the order of their values.
fn distinct<T: Clone + Ord>(values: &[T], length: fn(&T) -> usize) -> Vec<T> {
    let mut found: Vec<T> = values.iter().collect::<BTreeSet<_>>().into_iter().cloned().collect();
    found.sort_by_key(|value| std::cmp::Reverse(length(value)));
    found
}

fn levels(group: &Group) -> Vec<LevelBits> {
    let mut levels: Vec<_> =
        group.fields.iter().map(|field| field.level).collect::<BTreeSet<_>>().into_iter().collect();
    let value = |bits: Option<u64>| bits.map_or(f64::NEG_INFINITY, f64::from_bits);
    levels.sort_by(|a, b| value(a.0).total_cmp(&value(b.0)).then(value(a.1).total_cmp(&value(b.1))));
    if group.subject.level == "isobaricInhPa" {
        levels.reverse();
    }
    levels
}

fn numbers(group: &Group) -> Vec<Option<u64>> {
    group.fields.iter().map(|field| field.member).collect::<BTreeSet<_>>().into_iter().collect()
}

impl Clock {
    fn of(groups: &[Group]) -> Self {
        let all = || groups.iter().flat_map(|group| &group.fields);
        let sorted = |times: BTreeSet<i64>| times.into_iter().collect();
        if groups.iter().all(|group| is_told_apart(&group.fields)) {
            return Self::Valid { times: sorted(all().map(|field| field.times.valid()).collect()) };
        }
        Self::Forecast {
            references: sorted(all().map(|field| field.times.reference).collect()),
            steps: sorted(all().map(|field| field.times.end).collect()),
        }
    }

    /// Lengths of its dimensions.
    pub(super) fn shape(&self) -> Vec<u64> {
        match self {
            Self::Valid { times } => vec![times.len() as u64],
            Self::Forecast { references, steps } => vec![references.len() as u64, steps.len() as u64],
        }
    }

    /// Where a field lies on it.
    pub(super) fn place(&self, field: &Field) -> Option<Vec<u64>> {
        let find = |times: &[i64], time| times.binary_search(&time).ok().map(|at| at as u64);
        match self {
            Self::Valid { times } => Some(vec![find(times, field.times.valid())?]),
            Self::Forecast { references, steps } => {
                Some(vec![find(references, field.times.reference)?, find(steps, field.times.end)?])
            }
        }
    }
}

/// Whether no two fields are valid at one time but of different forecasts.
fn is_told_apart(fields: &[Field]) -> bool {
    let mut seen = HashMap::with_capacity(fields.len());
    fields.iter().all(|field| {
        let key = (field.times.valid(), field.level, field.member);
        seen.insert(key, field.times.reference).is_none_or(|other| other == field.times.reference)
    })
}

impl Clock {
    /// How many places it has.
    pub(super) fn count(&self) -> u64 {
        self.shape().iter().product::<u64>().max(1)
    }

    /// A place on it in words.
    pub(super) fn text(&self, place: u64) -> String {
        let time = |times: &[i64], at: u64| {
            times.get(at as usize).map(|time| times::text(*time)).unwrap_or_default()
        };
        match self {
            Self::Valid { times } => time(times, place),
            Self::Forecast { references, steps } => {
                let count = steps.len().max(1) as u64;
                let hours = steps.get((place % count) as usize).map_or(0.0, |step| *step as f64 / 3600.0);
                format!("{} + {hours} h", time(references, place / count))
            }
        }
    }
}
