//! The record dimension over all files: which file holds which part of it.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::ops::Range;

use cf::{Calendar, Instant};
use model::{FileScan, Result, Warning};

use super::gaps;
use super::numbers::inlined_numbers;
use super::record::RecordCoordinate;
use super::sources::Sources;
use super::units::Clocks;
use crate::preview::RecordDimension;

/// The joined record dimension. Values are kept as keys that order and compare as the values do: nanoseconds of an
/// instant, integers, or floats as integers of the same order.
pub(super) struct Axis {
    pub(super) dimension: String,
    /// By file in the join's order: which places of the axis it holds; none where it has no such coordinate.
    spans: Vec<Option<Range<u64>>>,
    keys: Vec<i128>,
    kind: Kind,
    /// First place and file of each run of places that a file brought first.
    owners: Vec<(u64, usize)>,
    /// Files whose own values do not increase.
    unordered: Vec<usize>,
    /// The greatest key.
    newest: Option<i128>,
}

/// What keys mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Time(Calendar),
    Integer,
    Float,
}

impl Axis {
    /// Puts files in order of their first value (longer ones first where these are equal, those without the
    /// coordinate last) and gives each its places. Returns the order and the axis.
    pub(super) fn new(scans: &[FileScan], coordinate: &RecordCoordinate) -> Result<(Vec<usize>, Self)> {
        let (keys, kind) = keys(scans, coordinate)?;
        let mut order: Vec<usize> = (0..scans.len()).collect();
        order.sort_by_key(|file| match keys[*file].as_deref() {
            Some(keys @ [first, ..]) => (0, *first, Reverse(keys.len())),
            Some([]) => (1, 0, Reverse(0)),
            None => (2, 0, Reverse(0)),
        });
        let sources = Sources::for_messages(order.iter().map(|file| &scans[*file]));
        let mut axis = Self {
            dimension: coordinate.dimension.clone(),
            spans: Vec::with_capacity(scans.len()),
            keys: Vec::new(),
            kind,
            owners: Vec::new(),
            unordered: Vec::new(),
            newest: None,
        };
        let mut places: HashMap<i128, u64> = HashMap::new();
        for file in &order {
            let span = match &keys[*file] {
                Some(keys) => Some(axis.place(keys, &mut places, &sources)?),
                None => None,
            };
            axis.spans.push(span);
        }
        Ok((order, axis))
    }

    /// Gives the next file its places: behind all others, or where exactly its values are already.
    fn place(
        &mut self,
        keys: &[i128],
        places: &mut HashMap<i128, u64>,
        sources: &Sources,
    ) -> Result<Range<u64>> {
        let file = self.spans.len();
        let length = self.keys.len() as u64;
        if !keys.is_sorted_by(|a, b| a < b) {
            self.unordered.push(file);
        }
        let is_behind = |keys: &[i128]| self.newest.is_none_or(|newest| keys.iter().all(|key| *key > newest));
        let start = match keys.first().and_then(|first| places.get(first)) {
            Some(start) => *start,
            None => length,
        };
        let shared = ((length - start) as usize).min(keys.len());
        let fits = self.keys[start as usize..].starts_with(&keys[..shared]) && is_behind(&keys[shared..]);
        if !fits {
            return Err(self.clash(file, keys, places, sources));
        }
        if shared < keys.len() {
            self.owners.push((length, file));
        }
        self.newest = self.newest.max(keys[shared..].iter().max().copied());
        for key in &keys[shared..] {
            places.entry(*key).or_insert(self.keys.len() as u64);
            self.keys.push(*key);
        }
        Ok(start..start + keys.len() as u64)
    }

    /// The refusal of a file whose values lie among those of another.
    fn clash(
        &self,
        file: usize,
        keys: &[i128],
        places: &HashMap<i128, u64>,
        sources: &Sources,
    ) -> model::Error {
        let common: Vec<u64> = keys.iter().filter_map(|key| places.get(key).copied()).collect();
        let nearest = |key: i128| self.keys.iter().position(|other| *other > key).unwrap_or(0) as u64;
        let at = common.first().copied().unwrap_or_else(|| keys.first().map_or(0, |key| nearest(*key)));
        let other = self.owner(at);
        let (a, b) = sources.pair(other, file);
        let dimension = &self.dimension;
        let message = match (common.first(), common.last()) {
            (Some(first), Some(last)) => format!(
                "{a} and {b} overlap along {dimension}: both hold {} of the values from {} to {}, but not the same run \
                 of them. Register files that do not overlap",
                common.len(),
                self.words(*first),
                self.words(*last)
            ),
            _ => format!(
                "{a} and {b} cannot be put in order along {dimension}: values of one lie between those of the other \
                 ({} comes before {})",
                keys.first().map(|key| self.text(*key)).unwrap_or_default(),
                self.words(at)
            ),
        };
        sources.refuse(message, &[other, file])
    }

    /// The joined length.
    pub(super) fn length(&self) -> u64 {
        self.keys.len() as u64
    }

    /// Which places a file holds.
    pub(super) fn span(&self, file: usize) -> Option<Range<u64>> {
        self.spans.get(file).cloned().flatten()
    }

    /// Whether a file has the coordinate, but nothing along it.
    pub(super) fn is_empty(&self, file: usize) -> bool {
        self.span(file).is_some_and(|span| span.is_empty())
    }

    /// The file that brought a place.
    pub(super) fn owner(&self, place: u64) -> usize {
        let after = self.owners.partition_point(|(start, _)| *start <= place);
        self.owners.get(after.wrapping_sub(1)).map_or(0, |(_, file)| *file)
    }

    /// The value at a place, in words.
    pub(super) fn words(&self, place: u64) -> String {
        self.keys.get(place as usize).map(|key| self.text(*key)).unwrap_or_default()
    }

    fn text(&self, key: i128) -> String {
        match self.kind {
            Kind::Time(calendar) => calendar.text(Instant(key)),
            Kind::Integer => key.to_string(),
            Kind::Float => f64::from_bits(ordered(key as i64) as u64).to_string(),
        }
    }

    /// The calendar, where the axis is time.
    pub(super) fn calendar(&self) -> Option<Calendar> {
        match self.kind {
            Kind::Time(calendar) => Some(calendar),
            _ => None,
        }
    }

    /// For the preview.
    pub(super) fn record_dimension(&self) -> RecordDimension {
        let words = |place: Option<u64>| place.filter(|_| self.calendar().is_some()).map(|at| self.words(at));
        RecordDimension {
            name: self.dimension.clone(),
            length: self.length(),
            first: words((self.length() > 0).then_some(0)),
            last: words(self.length().checked_sub(1)),
        }
    }

    /// Files out of order inside, and gaps in time.
    pub(super) fn warnings(&self, sources: &Sources) -> Vec<Warning> {
        let mut warnings = Vec::new();
        if !self.unordered.is_empty() {
            let files = sources.list(self.unordered.iter().copied());
            let message = format!("values do not increase inside {files}");
            warnings.push(Warning { subject: self.dimension.clone(), message });
        }
        if self.calendar().is_some() {
            warnings.extend(gaps::find(&self.keys).into_iter().map(|gap| {
                let (before, after) = (gap.after_place, gap.after_place + 1);
                let (a, b) = sources.pair(self.owner(before), self.owner(after));
                let between = if self.owner(before) == self.owner(after) {
                    format!("in {a}")
                } else {
                    format!("between {a} and {b}")
                };
                let message = format!(
                    "gap {between}: nothing from {} to {}{}",
                    self.words(before),
                    self.words(after),
                    if gap.more > 0 { format!(" (and {} more gaps)", gap.more) } else { String::new() }
                );
                Warning { subject: self.dimension.clone(), message }
            }));
        }
        warnings
    }
}

/// The keys of each file that has the coordinate, and what they mean.
fn keys(scans: &[FileScan], coordinate: &RecordCoordinate) -> Result<(Vec<Option<Vec<i128>>>, Kind)> {
    let sources = Sources::for_messages(scans);
    let found = scans.iter().map(|scan| scan.variables.iter().find(|v| v.variable.path == coordinate.path));
    let variables: Vec<_> = found.collect();
    let clocks = Clocks::new(
        variables.iter().enumerate().filter_map(|(file, v)| Some((file, &*(*v)?.variable))),
        &sources,
    )?;
    let mut keys = Vec::with_capacity(scans.len());
    let mut kind = None;
    for (file, scanned) in variables.iter().enumerate() {
        let Some(scanned) = scanned else {
            keys.push(None);
            continue;
        };
        let refuse = |what: &str| {
            let message = format!("{} of {} {what}", coordinate.path, sources.name(file));
            sources.refuse(message, &[file])
        };
        let Some(values) = inlined_numbers(scanned)? else {
            return Err(refuse("is no list of numbers: files cannot be put in order along it"));
        };
        let mut file_keys = Vec::with_capacity(values.len());
        for value in values {
            let (key, key_kind) = match (clocks.of(file), value) {
                (Some(clock), value) => (clock.instant(value).map(|at| at.0), Kind::Time(clock.calendar)),
                (None, cf::TimeValue::Integer(value)) => (Some(value), Kind::Integer),
                (None, cf::TimeValue::Float(value)) => {
                    // Adding zero makes one of the two zeros.
                    let key = i128::from(ordered((value + 0.0).to_bits() as i64));
                    (value.is_finite().then_some(key), Kind::Float)
                }
            };
            file_keys.push(key.ok_or_else(|| refuse("has a value that is missing or no number"))?);
            let is_other = matches!(
                (kind, key_kind),
                (Some(Kind::Integer), Kind::Float) | (Some(Kind::Float), Kind::Integer)
            );
            if is_other {
                return Err(refuse("has another type of numbers than in the other files"));
            }
            kind.get_or_insert(key_kind);
        }
        keys.push(Some(file_keys));
    }
    clocks.check_calendars(&keys, &sources)?;
    Ok((keys, kind.unwrap_or(Kind::Integer)))
}

/// Bits of a float as an integer that orders as floats do, and back.
fn ordered(bits: i64) -> i64 {
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}
