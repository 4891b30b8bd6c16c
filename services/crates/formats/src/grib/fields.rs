//! The fields of a file, gathered by what they are fields of.

use std::{collections::HashMap, rc::Rc};

use super::{
    grid::{self, Geometry, Grid},
    keys::{self, FieldKeys},
    level::{self, Level},
    notes::Notes,
    octets::Octets,
    parameter::{self, Parameter},
    sections::RawField,
    tables,
    times::{self, Times},
    variant,
};

/// What a field is of: fields that agree in this are one variable.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Subject {
    pub(super) parameter: Parameter,
    /// Kind of level.
    pub(super) level: String,
    /// Whether its levels are layers.
    pub(super) is_layer: bool,
    /// What it is of the times that it covers.
    pub(super) step_type: &'static str,
    /// What else tells it apart.
    pub(super) variant: Vec<(&'static str, i64)>,
    /// Place among the grids.
    pub(super) grid: usize,
}

/// One field: where it belongs, and where its bytes are.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) times: Times,
    /// Bits of the level's value and of its other surface, so that they compare.
    pub(super) level: (Option<u64>, Option<u64>),
    pub(super) member: Option<u64>,
    /// Analysis, forecast and so on.
    pub(super) process: i64,
    pub(super) place: Place,
}

/// Where a field's bytes are.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// A message, whose first field it is.
    Message { offset: u64, length: u64 },
    /// Sections within a message, whose first field is another: they make a message together.
    Part { discipline: u8, sections: Box<[(u64, u64); 8]> },
}

/// Fields of one subject.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) subject: Subject,
    pub(super) fields: Vec<Field>,
    /// Whether there may be points without a value.
    pub(super) has_missing: bool,
    /// Attributes of the first of its messages.
    pub(super) edition: u8,
    /// What separates it from another group of the same subject.
    pub(super) apart: Option<String>,
}

/// All fields of a file.
#[derive(Debug, Default)]
pub(super) struct Fields {
    pub(super) groups: Vec<Group>,
    pub(super) grids: Vec<Grid>,
    /// Edition, centre and subcentre of the first message.
    pub(super) origin: Option<(u8, u64, u64)>,
    pub(super) count: u64,
    by_subject: HashMap<Rc<Subject>, usize>,
    known_grids: HashMap<Vec<u8>, Option<usize>>,
    known_products: HashMap<Vec<u8>, Rc<(Subject, Level, i64)>>,
}

impl Fields {
    /// Adds a field, or a note of why it is left out.
    pub(super) fn add(&mut self, raw: &RawField, notes: &mut Notes) {
        let keys = FieldKeys(raw);
        self.count += 1;
        self.origin
            .get_or_insert_with(|| (raw.edition, keys.centre(), keys.number_or("subCentre", 0) as u64));
        let Some(grid) = self.grid(raw) else {
            notes.leave_out(
                &parameter::parameter(raw).short_name,
                "its message does not describe its grid",
                raw.offset,
            );
            return;
        };
        let product = self.product(raw, grid);
        let (subject, level, process) = &*product;
        let name = &subject.parameter.short_name;
        if let Some(why) = refusal(raw, &self.grids[grid]) {
            notes.leave_out(name, why, raw.offset);
            return;
        }
        let Some(times) = times::of(raw) else {
            notes.leave_out(
                name,
                "it has no date, as a climatology, or a unit of time that is not known",
                raw.offset,
            );
            return;
        };
        let place = if raw.place == 0 {
            Place::Message { offset: raw.offset, length: raw.length }
        } else {
            Place::Part { discipline: raw.discipline, sections: Box::new(raw.ranges) }
        };
        let field = Field {
            times,
            level: (level.value.map(f64::to_bits), level.bottom.map(f64::to_bits)),
            member: level::member(raw),
            process: *process,
            place,
        };
        let group = self.group(subject, raw.edition);
        group.has_missing |= raw.has_bitmap || manages_missing(raw);
        group.fields.push(field);
    }

    fn group(&mut self, subject: &Subject, edition: u8) -> &mut Group {
        let groups = &mut self.groups;
        let known = self.by_subject.get(subject).copied();
        let at = known.unwrap_or_else(|| {
            self.by_subject.insert(Rc::new(subject.clone()), groups.len());
            groups.push(Group {
                subject: subject.clone(),
                fields: Vec::new(),
                has_missing: false,
                edition,
                apart: None,
            });
            groups.len() - 1
        });
        &mut groups[at]
    }

    fn grid(&mut self, raw: &RawField) -> Option<usize> {
        let key = [&[raw.edition][..], &raw.grid].concat();
        if let Some(known) = self.known_grids.get(&key) {
            return *known;
        }
        let found = grid::of(raw).map(|grid| {
            let same = self.grids.iter().position(|other| *other == grid);
            same.unwrap_or_else(|| {
                self.grids.push(grid);
                self.grids.len() - 1
            })
        });
        self.known_grids.insert(key, found);
        found
    }

    /// What a product definition says but for its times: looked up once for all messages that differ in these only.
    fn product(&mut self, raw: &RawField, grid: usize) -> Rc<(Subject, Level, i64)> {
        let key = without_times(raw, grid);
        if let Some(known) = self.known_products.get(&key) {
            return Rc::clone(known);
        }
        let keys = FieldKeys(raw);
        let level = level::of(raw);
        let subject = Subject {
            parameter: parameter::parameter(raw),
            level: level.kind.clone(),
            is_layer: level.bottom.is_some(),
            step_type: if raw.edition == 1 { keys::step_type_1(keys) } else { keys::step_type_2(keys) },
            variant: variant::of(raw),
            grid,
        };
        let product = Rc::new((subject, level, variant::process(raw)));
        self.known_products.insert(key, Rc::clone(&product));
        product
    }
}

/// Why a field has no values that can be served.
fn refusal(raw: &RawField, grid: &Grid) -> Option<&'static str> {
    let octets = Octets(&raw.representation);
    let is_spectral = match raw.edition {
        1 => octets.byte(3)? & 0x80 != 0,
        _ => matches!(octets.unsigned(9, 2)?, 50 | 51 | 53),
    };
    if is_spectral || grid.geometry == Geometry::Spectral {
        return Some("spherical harmonics, which have no values on a grid");
    }
    match grid.points {
        None | Some(0) => Some("its grid has no points"),
        Some(points) if !is_plausible(raw, points) => {
            Some("its data have not as many values as its grid has points")
        }
        Some(_) => None,
    }
}

/// Whether the data can hold as many values as the grid has points: of packings that can be counted without decoding.
fn is_plausible(raw: &RawField, points: u64) -> bool {
    let octets = Octets(&raw.representation);
    if raw.edition == 2 {
        return raw.has_bitmap || octets.unsigned(5, 4).is_none_or(|count| count == points);
    }
    let (Some(length), Some(flags), Some(bits)) = (octets.unsigned(0, 3), octets.byte(3), octets.byte(10))
    else {
        return false;
    };
    // Second-order packing, and lengths in ECMWF's way of large messages.
    if flags & 0x40 != 0 || raw.has_bitmap || bits == 0 || length < 120 {
        return true;
    }
    let values = ((length - 11) * 8).saturating_sub(u64::from(flags & 0x0f)) / u64::from(bits);
    // Some writers do not count the unused bits.
    values >= points && values - points <= 128 / u64::from(bits).max(1) + 8
}

/// Whether a complex packing has values that stand for none.
fn manages_missing(raw: &RawField) -> bool {
    let octets = Octets(&raw.representation);
    raw.edition == 2
        && matches!(octets.unsigned(9, 2), Some(2 | 3))
        && octets.byte(22).is_some_and(|management| matches!(management, 1 | 2))
}

/// The bytes that say what a field is, without those of its times and member.
fn without_times(raw: &RawField, grid: usize) -> Vec<u8> {
    let mut key = Vec::with_capacity(raw.section1.len() + raw.product.len() + 24);
    key.extend([raw.edition, raw.discipline]);
    key.extend((grid as u64).to_le_bytes());
    let section1 = key.len();
    key.extend(&raw.section1);
    let mut zero = |from: usize, count: usize| {
        let end = (from + count).min(key.len());
        key[from.min(end)..end].fill(0);
    };
    if raw.edition == 1 {
        zero(section1 + 12, 5);
        zero(section1 + 18, 2);
        zero(section1 + 24, 1);
        if level::member_octets(raw).is_some() {
            zero(section1 + 49, 2);
        }
        return key;
    }
    zero(section1 + 12, 7);
    key.extend(raw.local.get(5..9).unwrap_or_default());
    let product = key.len();
    key.extend(&raw.product);
    let mut zero = |from: usize, count: usize| {
        let end = (from + count).min(key.len());
        key[from.min(end)..end].fill(0);
    };
    let template = FieldKeys(raw).template().and_then(tables::template);
    for (name, (at, width, _)) in template.into_iter().flatten() {
        if *name == "forecastTime"
            || *name == "perturbationNumber"
            || name.ends_with("OfEndOfOverallTimeInterval")
        {
            zero(product + at, *width);
        }
    }
    key
}
