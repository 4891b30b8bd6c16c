//! ecCodes' concepts: which values of a message's keys make which parameter and kind of level.
//!
//! `data/grib_parameters.bin` is made of ecCodes' definition files by `integration-tests/tools/make_grib_parameters.py`,
//! which says how it is laid out. A part is inflated when a message first needs it.

use std::{
    collections::HashMap,
    io::Read,
    sync::{Mutex, OnceLock, PoisonError},
};

use flate2::read::ZlibDecoder;

static DATA: &[u8] = include_bytes!("../../data/grib_parameters.bin");

/// Fields of a row of `parameters`.
pub(super) mod field {
    pub(in crate::grib) const PARAM_ID: usize = 0;
    pub(in crate::grib) const SHORT_NAME: usize = 1;
    pub(in crate::grib) const UNITS: usize = 2;
    pub(in crate::grib) const NAME: usize = 3;
}

/// The value of a key of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// All its bits are set.
    Missing,
    Number(i64),
    Text(&'a str),
}

/// The keys of a message.
pub(super) trait Keys {
    /// A key's value; none where the message has no such key.
    fn get(&self, key: &str) -> Option<Value<'_>>;
    /// All values of a key that is there once for each time range.
    fn list(&self, key: &str) -> Vec<i64>;
}

/// Rows of one part, by the numbers that nearly all of them name.
#[derive(Debug, Default)]
pub(super) struct Part {
    rows: Vec<Row>,
    by_number: HashMap<(i64, i64, i64), Vec<u32>>,
    others: Vec<u32>,
}

#[derive(Debug)]
struct Row {
    fields: Vec<&'static str>,
    conditions: Vec<(&'static str, Wanted)>,
}

#[derive(Debug)]
enum Wanted {
    Missing,
    Number(i64),
    List(Vec<i64>),
    Text(&'static str),
}

/// The part of a name such as `parameters 2 master default`; empty if there is none.
pub(super) fn part(name: &str) -> &'static Part {
    static PARTS: OnceLock<Mutex<HashMap<String, &'static Part>>> = OnceLock::new();
    let mut parts = PARTS.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(part) = parts.get(name) {
        return part;
    }
    let part: &'static Part = Box::leak(Box::new(text(name).map(Part::of).unwrap_or_default()));
    parts.insert(name.to_owned(), part);
    part
}

/// Offset, width and sign of keys in section 4 of a template, by name; none of an unknown template.
pub(super) fn template(number: u64) -> Option<&'static HashMap<&'static str, (usize, usize, bool)>> {
    type Templates = HashMap<u64, Option<&'static HashMap<&'static str, (usize, usize, bool)>>>;
    static TEMPLATES: OnceLock<Mutex<Templates>> = OnceLock::new();
    let mut templates = TEMPLATES.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(template) = templates.get(&number) {
        return *template;
    }
    let keys = text(&format!("template {number}")).map(|text| {
        let keys = text.lines().filter_map(|line| {
            let mut parts = line.split('\t');
            let number = |key: Option<&str>| key.and_then(|text| text.parse::<usize>().ok());
            let name = parts.next()?;
            Some((name, (number(parts.next())?, number(parts.next())?, parts.next()? == "1")))
        });
        &*Box::leak(Box::new(keys.collect()))
    });
    templates.insert(number, keys);
    keys
}

/// The abbreviation of a centre, which is the name of the group of its own concepts; else its number.
pub(super) fn centre(edition: u8, code: u64) -> String {
    let code = code.to_string();
    let found = text(&format!("centres {edition}")).and_then(|text| {
        let mut lines = text.lines().filter_map(|line| line.split_once('\t'));
        lines.find(|(number, _)| *number == code).map(|(_, name)| name.to_owned())
    });
    found.unwrap_or(code)
}

/// The text of a part. Texts are kept: what the table holds is needed as long as the process lives.
fn text(name: &str) -> Option<&'static str> {
    static INDEX: OnceLock<HashMap<String, (usize, usize)>> = OnceLock::new();
    static TEXTS: OnceLock<Mutex<HashMap<String, &'static str>>> = OnceLock::new();
    let (head, rest) = DATA.split_at_checked(4)?;
    let length = u32::from_le_bytes(head.try_into().ok()?) as usize;
    let (index, streams) = rest.split_at_checked(length)?;
    let index = INDEX.get_or_init(|| {
        let text = inflated(index);
        let lines = text.lines().filter_map(|line| {
            let mut parts = line.split('\t');
            let name = parts.next()?.to_owned();
            Some((name, (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?)))
        });
        lines.collect()
    });
    let &(offset, length) = index.get(name)?;
    let mut texts = TEXTS.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(text) = texts.get(name) {
        return Some(text);
    }
    let text: &'static str = Box::leak(inflated(streams.get(offset..offset + length)?).into_boxed_str());
    texts.insert(name.to_owned(), text);
    Some(text)
}

fn inflated(stream: &[u8]) -> String {
    let mut text = String::new();
    let read = ZlibDecoder::new(stream).read_to_string(&mut text);
    debug_assert!(read.is_ok(), "the table is damaged: {read:?}");
    text
}

impl Part {
    fn of(text: &'static str) -> Self {
        let mut part = Self::default();
        for line in text.lines() {
            let mut fields: Vec<_> = line.split('\t').collect();
            let conditions = fields.pop().unwrap_or_default();
            let conditions: Vec<_> = conditions
                .split(';')
                .filter_map(|condition| condition.split_once('='))
                .map(|(key, value)| (key, Wanted::of(value)))
                .collect();
            let number = part.rows.len() as u32;
            match numbers(&conditions) {
                Some(numbers) => part.by_number.entry(numbers).or_default().push(number),
                None => part.others.push(number),
            }
            part.rows.push(Row { fields, conditions });
        }
        part
    }

    fn candidates(&self, numbers: (i64, i64, i64)) -> impl Iterator<Item = &Row> {
        let named = self.by_number.get(&numbers).map_or(&[][..], Vec::as_slice);
        named.iter().chain(&self.others).filter_map(|row| self.rows.get(*row as usize))
    }
}

impl Wanted {
    fn of(text: &'static str) -> Self {
        match text {
            "m" => Self::Missing,
            "true" => Self::Number(1),
            "false" => Self::Number(0),
            _ => {
                let list: Option<Vec<i64>> = text.split(',').map(|number| number.parse().ok()).collect();
                match list.as_deref() {
                    Some([number]) => Self::Number(*number),
                    Some(list) => Self::List(list.to_vec()),
                    None => Self::Text(text),
                }
            }
        }
    }
}

/// Discipline, category and number that conditions name, or table and indicator of edition 1.
fn numbers(conditions: &[(&str, Wanted)]) -> Option<(i64, i64, i64)> {
    let number = |key: &str| {
        conditions.iter().find(|(name, _)| *name == key).and_then(|(_, wanted)| match wanted {
            Wanted::Number(number) => Some(*number),
            _ => None,
        })
    };
    match number("discipline") {
        Some(discipline) => Some((discipline, number("parameterCategory")?, number("parameterNumber")?)),
        None => Some((-1, number("table2Version")?, number("indicatorOfParameter")?)),
    }
}

/// The value of a concept: that of the row with most conditions among those whose conditions all hold; of several
/// the last. `numbers` are the message's own, as rows are found by them.
pub(super) fn evaluate(
    parts: &[&'static Part],
    field: usize,
    numbers: (i64, i64, i64),
    keys: &dyn Keys,
) -> Option<&'static str> {
    let mut best: Option<(usize, &'static str)> = None;
    for row in parts.iter().flat_map(|part| part.candidates(numbers)) {
        let Some(value) = row.fields.get(field).copied().filter(|value| !value.is_empty()) else { continue };
        let count = row.conditions.len();
        if best.is_none_or(|(most, _)| count >= most)
            && row.conditions.iter().all(|(key, wanted)| holds(keys, key, wanted))
        {
            best = Some((count, value));
        }
    }
    best.map(|(_, value)| value)
}

fn holds(keys: &dyn Keys, key: &str, wanted: &Wanted) -> bool {
    match wanted {
        Wanted::List(list) => keys.list(key) == *list,
        Wanted::Missing => keys.get(key) == Some(Value::Missing),
        Wanted::Number(number) => keys.get(key) == Some(Value::Number(*number)),
        Wanted::Text(text) => keys.get(key) == Some(Value::Text(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole() {
        assert_eq!(centre(1, 98), "ecmf");
        assert_eq!(centre(2, 7), "kwbc");
        assert_eq!(centre(2, 12345), "12345");
        assert!(part("parameters 2 master default").rows.len() > 3000);
        assert!(part("parameters 1 ecmf default").rows.len() > 2000);
        assert_eq!(template(8).unwrap()["typeOfStatisticalProcessing"], (46, 1, false));
        assert!(template(9999).is_none());
    }
}
