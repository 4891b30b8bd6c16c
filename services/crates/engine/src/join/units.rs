//! Times in one unit: what differs from file to file is converted to the first file's units, exactly.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use cf::{Calendar, Conversion, Instant, TimeUnits, TimeValue};
use model::{AttributeValue, Attributes, ByteOrder, ChunkManifest, DataType, Layout, Result, Variable};

use super::attributes::Notes;
use super::axis::Axis;
use super::collection::{Collected, Piece};
use super::numbers::{attribute_number, encode, inlined_numbers};
use super::sources::Sources;

/// Attributes that hold values in a variable's own type and unit.
const VALUE_ATTRIBUTES: [&str; 6] =
    ["_FillValue", "missing_value", "valid_min", "valid_max", "valid_range", "actual_range"];

/// The units of one time variable in each file.
pub(super) struct Clocks {
    by_file: HashMap<usize, TimeUnits>,
}

impl Clocks {
    /// Reads `units` and `calendar`. Empty where the first file's are no units of time, or none that can be read:
    /// then all files must have the same text.
    pub(super) fn new<'v>(
        variables: impl Iterator<Item = (usize, &'v Variable)>,
        sources: &Sources,
    ) -> Result<Self> {
        let mut known: HashMap<(Option<&str>, Option<&str>), Option<TimeUnits>> = HashMap::new();
        let mut by_file = HashMap::new();
        let mut first: Option<(usize, &Variable)> = None;
        for (file, variable) in variables {
            let (units, calendar) = (variable.attributes.text("units"), variable.attributes.text("calendar"));
            let clock = *known.entry((units, calendar)).or_insert_with(|| read(units, calendar));
            let (first_file, first_variable) = *first.get_or_insert((file, variable));
            let first_units = first_variable.attributes.text("units");
            let is_readable = clock.is_some() && (first_file == file || by_file.contains_key(&first_file));
            if !is_readable && (first_units != units || by_file.contains_key(&first_file)) {
                let (a, b) = sources.pair(first_file, file);
                let message = format!(
                    "{}: units differ between {a} ({:?}) and {b} ({:?}, calendar {:?}) and cannot be reconciled",
                    variable.path,
                    first_units.unwrap_or_default(),
                    units.unwrap_or_default(),
                    calendar.unwrap_or("standard"),
                );
                return Err(sources.refuse(message, &[first_file, file]));
            }
            by_file.extend(clock.filter(|_| is_readable).map(|clock| (file, clock)));
        }
        Ok(Self { by_file })
    }

    /// A file's units.
    pub(super) fn of(&self, file: usize) -> Option<&TimeUnits> {
        self.by_file.get(&file)
    }

    /// Calendars may differ only where they give the same dates to all times of the files.
    pub(super) fn check_calendars(&self, keys: &[Option<Vec<i128>>], sources: &Sources) -> Result<()> {
        let earliest = keys.iter().flatten().flatten().min().map_or(0, |key| Instant(*key).day_number());
        let mut clocks: Vec<(usize, Calendar)> =
            self.by_file.iter().map(|(file, c)| (*file, c.calendar)).collect();
        clocks.sort_unstable_by_key(|(file, _)| *file);
        let Some((first, calendar)) = clocks.first().copied() else {
            return Ok(());
        };
        let Some((file, other)) =
            clocks.into_iter().find(|(_, other)| !calendar.agrees_with(*other, earliest))
        else {
            return Ok(());
        };
        let (a, b) = sources.pair(first, file);
        let message = format!(
            "the calendar of {a} is {} and that of {b} is {}: files of different calendars cannot be joined",
            calendar.name(),
            other.name()
        );
        Err(sources.refuse(message, &[first, file]))
    }
}

fn read(units: Option<&str>, calendar: Option<&str>) -> Option<TimeUnits> {
    let units = units.filter(|units| TimeUnits::is_time(units))?;
    TimeUnits::parse(units, Calendar::parse(calendar.unwrap_or("standard")).ok()?).ok()
}

/// Makes every variable of times along the record dimension, with its bounds, one of one unit, calendar and type.
pub(super) fn reconcile(
    variables: &mut [Collected],
    axis: &Axis,
    sources: &Sources,
    notes: &mut Notes,
) -> Result<()> {
    let places: HashMap<String, usize> =
        variables.iter().enumerate().map(|(at, variable)| (variable.path.to_string(), at)).collect();
    let along_record = |variable: &Collected| variable.has_dimension(&axis.dimension);
    let mut families: Vec<Vec<usize>> = Vec::new();
    let mut bounds: HashSet<usize> = HashSet::new();
    for (at, variable) in variables.iter().enumerate().filter(|(_, variable)| along_record(variable)) {
        let attributes = &variable.pieces[0].scanned.variable.attributes;
        if !attributes.text("units").is_some_and(TimeUnits::is_time) {
            continue;
        }
        let named = ["bounds", "climatology"].into_iter().filter_map(|name| attributes.text(name));
        let siblings = named.filter_map(|name| {
            let path = variable.path.parent().unwrap_or_default().join(name).ok()?;
            places
                .get(path.as_str())
                .copied()
                .filter(|other| *other != at && along_record(&variables[*other]))
        });
        let family: Vec<usize> = [at].into_iter().chain(siblings).collect();
        bounds.extend(&family[1..]);
        families.push(family);
    }
    for family in families.into_iter().filter(|family| !bounds.contains(&family[0])) {
        let mut members: Vec<Collected> = family.iter().map(|at| take(&mut variables[*at])).collect();
        let outcome = reconcile_family(&mut members, sources, notes);
        for (at, member) in family.into_iter().zip(members) {
            variables[at] = member;
        }
        outcome?;
    }
    Ok(())
}

fn take(variable: &mut Collected) -> Collected {
    Collected { path: variable.path.clone(), pieces: std::mem::take(&mut variable.pieces) }
}

/// One variable of times (the first member) and its bounds, which have its units where they have none of their own
/// ([CF §7.1](https://cfconventions.org/cf-conventions/cf-conventions.html#cell-boundaries)).
fn reconcile_family(members: &mut [Collected], sources: &Sources, notes: &mut Notes) -> Result<()> {
    let owner = &members[0];
    let clocks =
        Clocks::new(owner.pieces.iter().map(|piece| (piece.file, &*piece.scanned.variable)), sources)?;
    let Some(target) = owner.pieces.first().and_then(|piece| clocks.of(piece.file)).copied() else {
        return Ok(());
    };
    let mut own_clocks = Vec::with_capacity(members.len());
    for member in members.iter() {
        let first = member.pieces.first().map(|piece| &piece.scanned.variable.attributes);
        let has_own =
            first.is_some_and(|attributes| attributes.text("units").is_some_and(TimeUnits::is_time));
        let pieces = member.pieces.iter().map(|piece| (piece.file, &*piece.scanned.variable));
        own_clocks.push(if has_own { Some(Clocks::new(pieces, sources)?) } else { None });
    }
    let clock = |at: usize, file: usize| -> TimeUnits {
        let own = own_clocks[at].as_ref().and_then(|own| own.of(file)).or(clocks.of(file));
        own.copied().unwrap_or(target)
    };
    let counts_alike = |clock: &TimeUnits| clock.unit == target.unit && clock.reference == target.reference;
    let is_uniform = members.iter().enumerate().all(|(at, member)| {
        let first_type = member.pieces.first().map(|piece| piece.scanned.variable.data_type);
        member.pieces.iter().all(|piece| {
            counts_alike(&clock(at, piece.file)) && Some(piece.scanned.variable.data_type) == first_type
        })
    });
    if !is_uniform {
        let values = family_values(members, &clock, sources)?;
        convert(members, &values, &target, sources, notes)?;
    }
    for member in members {
        spell_alike(member);
    }
    Ok(())
}

/// The numbers of one piece, with their units.
struct PieceValues {
    clock: TimeUnits,
    values: Vec<TimeValue>,
}

/// The numbers of every piece of every member.
fn family_values(
    members: &[Collected],
    clock: &dyn Fn(usize, usize) -> TimeUnits,
    sources: &Sources,
) -> Result<Vec<Vec<PieceValues>>> {
    let mut all = Vec::with_capacity(members.len());
    for (at, member) in members.iter().enumerate() {
        let mut pieces = Vec::with_capacity(member.pieces.len());
        for piece in &member.pieces {
            let attributes = &piece.scanned.variable.attributes;
            let is_packed = attributes.get("scale_factor").or(attributes.get("add_offset")).is_some();
            let values = inlined_numbers(&piece.scanned)?.filter(|_| !is_packed);
            let values = values.ok_or_else(|| {
                let first = &member.pieces[0];
                let differs = |other: &&Piece| {
                    clock(at, other.file) != clock(at, first.file)
                        || other.scanned.variable.data_type != first.scanned.variable.data_type
                };
                let other = member.pieces.iter().find(differs).map_or(piece.file, |other| other.file);
                let (a, b) = sources.pair(first.file, other);
                let message = format!(
                    "{}: units or types of times differ between {a} and {b}, and the values in {} are too large, packed \
                     or no numbers, so that they cannot be converted (only small ones are decoded when files are joined)",
                    member.path,
                    sources.name(piece.file)
                );
                sources.refuse(message, &[first.file, other, piece.file])
            })?;
            pieces.push(PieceValues { clock: clock(at, piece.file), values });
        }
        all.push(pieces);
    }
    Ok(all)
}

/// Converts all members to the target, or, where that is not exact, to 64-bit integers of a finer unit.
fn convert(
    members: &mut [Collected],
    values: &[Vec<PieceValues>],
    target: &TimeUnits,
    sources: &Sources,
    notes: &mut Notes,
) -> Result<()> {
    let converted: Option<Vec<Vec<Vec<u8>>>> = members
        .iter()
        .zip(values)
        .map(|(member, values)| {
            let data_type = member.pieces.first()?.scanned.variable.data_type;
            let pieces = member.pieces.iter().zip(values);
            pieces.map(|(piece, values)| exactly(piece, values, target, data_type)).collect()
        })
        .collect();
    if let Some(converted) = converted {
        for (member, pieces) in members.iter_mut().zip(converted) {
            let data_type = member.pieces[0].scanned.variable.data_type;
            for (piece, bytes) in member.pieces.iter_mut().zip(pieces) {
                replace(piece, bytes, data_type);
            }
        }
        return Ok(());
    }
    convert_to_finer(members, values, target, sources, notes)
}

/// A piece's numbers in the target's units and a type; none where one is not exact. Missing values stay.
fn exactly(piece: &Piece, values: &PieceValues, target: &TimeUnits, data_type: DataType) -> Option<Vec<u8>> {
    let attributes = &piece.scanned.variable.attributes;
    let named = ["_FillValue", "missing_value"].into_iter().filter_map(|name| attributes.get(name));
    let missing: Vec<TimeValue> = named.filter_map(attribute_number).collect();
    let mut bytes = Vec::with_capacity(values.values.len() * 8);
    for value in &values.values {
        let converted = match values.clock.convert(*value, target) {
            _ if missing.contains(value) => *value,
            Conversion::Exact(converted) => converted,
            Conversion::Inexact => return None,
        };
        bytes.extend(encode(converted, data_type)?);
    }
    Some(bytes)
}

fn convert_to_finer(
    members: &mut [Collected],
    values: &[Vec<PieceValues>],
    target: &TimeUnits,
    sources: &Sources,
    notes: &mut Notes,
) -> Result<()> {
    let all = values
        .iter()
        .flatten()
        .flat_map(|piece| piece.values.iter().map(|value| piece.clock.instant(*value)));
    let instants: Option<Vec<Instant>> = all.collect();
    let unit = instants.as_deref().and_then(|instants| target.unit_for(instants));
    let path = members[0].path.clone();
    let Some(unit) = unit else {
        let files: Vec<usize> = members[0].pieces.iter().map(|piece| piece.file).collect();
        let message = format!(
            "{path}: units differ between {}, and no unit down to nanoseconds holds all times exactly in 64 bits",
            sources.list(files.iter().copied())
        );
        return Err(sources.refuse(message, &files[..files.len().min(10)]));
    };
    let finer = target.in_unit(unit);
    for (member, values) in members.iter_mut().zip(values) {
        for (piece, values) in member.pieces.iter_mut().zip(values) {
            let numbers = values
                .values
                .iter()
                .map(|value| values.clock.instant(*value).and_then(|at| finer.integer_at(at)));
            let bytes =
                numbers.flat_map(|number| number.map_or(0, |number| number as i64).to_le_bytes()).collect();
            replace(piece, bytes, DataType::I64);
            let attributes = &mut Arc::make_mut(&mut piece.scanned.variable).attributes;
            for name in VALUE_ATTRIBUTES {
                attributes.remove(name);
            }
            if attributes.get("units").is_some() {
                attributes.set("units", AttributeValue::Text(finer.to_string()));
            }
        }
    }
    notes.warn(
        path.as_str(),
        format!(
            "units differ from file to file: times are given as 64-bit integers in {finer}, which is exact"
        ),
    );
    Ok(())
}

/// Gives a piece other numbers.
fn replace(piece: &mut Piece, bytes: Vec<u8>, data_type: DataType) {
    let variable = Arc::make_mut(&mut piece.scanned.variable);
    if variable.data_type != data_type {
        variable.fill_value = None;
        variable.data_type = data_type;
    }
    variable.byte_order = ByteOrder::Little;
    piece.scanned.layout = Layout::Inline;
    piece.scanned.manifest = ChunkManifest::inline(Bytes::from(bytes));
}

/// What says how a time is counted.
const CLOCK: [&str; 2] = ["units", "calendar"];

/// Gives all pieces the first one's `units` and `calendar`: what they say is the same by now.
fn spell_alike(member: &mut Collected) {
    let Some((first, others)) = member.pieces.split_first_mut() else {
        return;
    };
    let first = &first.scanned.variable.attributes;
    for other in others {
        let variable = &mut other.scanned.variable;
        // What says the same already stays shared.
        if CLOCK.iter().all(|name| variable.attributes.get(name) == first.get(name)) {
            continue;
        }
        let attributes = &mut Arc::make_mut(variable).attributes;
        for name in CLOCK {
            copy_attribute(first, attributes, name);
        }
    }
}

fn copy_attribute(from: &Attributes, to: &mut Attributes, name: &str) {
    match from.get(name) {
        Some(value) if to.get(name) != Some(value) => to.set(name, value.clone()),
        Some(_) => {}
        None => drop(to.remove(name)),
    }
}
