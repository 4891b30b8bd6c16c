//! Where messages begin and end, and their sections but the data
//! ([WMO Manual on Codes, I.2](https://library.wmo.int/records/item/35625-manual-on-codes-volume-i-2-international-codes)).
//!
//! Only headers are read. A message that is cut off, or whose sections contradict its length, is an error: leaving it
//! out would make a chunk that reads as missing.

use super::{octets::Octets, window::Window};
use crate::ScanFault;

/// Longest section that is read as a whole, but for the grid.
const SECTION_MAX: u64 = 1 << 20;
/// Longest description of a grid: it may list a number for each row.
const GRID_MAX: u64 = 4 << 20;
/// Bytes that are searched at once for the next message.
const SEARCHED: usize = 256 << 10;

/// A field as the sections before its data describe it. A message of edition 2 may hold several.
#[derive(Debug, Clone, Default)]
pub(super) struct RawField {
    /// 1 or 2.
    pub(super) edition: u8,
    /// Where its message begins.
    pub(super) offset: u64,
    /// Bytes of its message.
    pub(super) length: u64,
    /// Its place among the fields of its message.
    pub(super) place: u32,
    /// Section 0, octet 7 of edition 2.
    pub(super) discipline: u8,
    /// Section 1; of edition 1 the product definition.
    pub(super) section1: Vec<u8>,
    /// Section 2 of edition 2: local use.
    pub(super) local: Vec<u8>,
    /// Section 3; of edition 1 the grid description, empty if there is none.
    pub(super) grid: Vec<u8>,
    /// Section 4 of edition 2.
    pub(super) product: Vec<u8>,
    /// Section 5; of edition 1 the head of the binary data.
    pub(super) representation: Vec<u8>,
    /// Whether some points may have no value.
    pub(super) has_bitmap: bool,
    /// Where each section begins and how long it is, by number: of fields behind the first of their message.
    pub(super) ranges: [(u64, u64); 8],
}

/// What lies between messages.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Skipped {
    /// How many bytes that belong to no message.
    pub(super) bytes: u64,
    /// Where the first is.
    pub(super) first: Option<u64>,
}

/// Visits all fields of a file in order. `alive` is told the position now and then.
pub(super) fn visit(
    window: &mut Window,
    field: &mut dyn FnMut(&RawField) -> Result<(), ScanFault>,
    alive: &mut dyn FnMut(u64),
) -> Result<Skipped, ScanFault> {
    let mut skipped = Skipped::default();
    let mut raw = RawField::default();
    let mut at = 0;
    while let Some(begin) = next_message(window, at, alive)? {
        skipped.add(window, at, begin)?;
        let head: [u8; 16] = window.at(begin, 16)?.try_into().unwrap_or([0; 16]);
        raw.offset = begin;
        raw.edition = head[7];
        at = match head[7] {
            1 => edition_1(window, &mut raw, field)?,
            _ => edition_2(window, &mut raw, head, field)?,
        };
        alive(at);
    }
    let size = window.size();
    skipped.add(window, at, size)?;
    Ok(skipped)
}

impl Skipped {
    /// Padding with zeros, as archives put behind messages, is no news.
    fn add(&mut self, window: &mut Window, from: u64, to: u64) -> Result<(), ScanFault> {
        let mut at = from;
        while at < to {
            let length = (to - at).min(SEARCHED as u64);
            if window.at(at, length as usize)?.iter().any(|byte| *byte != 0) {
                self.first.get_or_insert(from);
                self.bytes += to - from;
                return Ok(());
            }
            at += length;
        }
        Ok(())
    }
}

/// Where the next message begins, from `at` on.
fn next_message(
    window: &mut Window,
    mut at: u64,
    alive: &mut dyn FnMut(u64),
) -> Result<Option<u64>, ScanFault> {
    let size = window.size();
    let mut length = 16;
    while at < size {
        let bytes = window.at(at, length)?;
        let found = bytes.windows(4).enumerate().filter(|(_, four)| *four == b"GRIB").map(|(place, _)| place);
        for place in found {
            match bytes.get(place + 7) {
                Some(1 | 2) if bytes.len() >= place + 16 => return Ok(Some(at + place as u64)),
                Some(1 | 2) | None if at + bytes.len() as u64 == size => {
                    return Err(ScanFault::Truncated { size, end: at + place as u64 + 16 });
                }
                Some(1 | 2) | None => {
                    // The rest of its head lies behind what was read.
                    return next_message(window, at + place as u64, alive);
                }
                Some(_) => {}
            }
        }
        let read = bytes.len() as u64;
        if at + read >= size {
            return Ok(None);
        }
        at += read.saturating_sub(3).max(1);
        length = SEARCHED;
        alive(at);
    }
    Ok(None)
}

/// A fault of the message that begins at `offset`.
fn damaged(offset: u64, detail: impl Into<String>) -> ScanFault {
    ScanFault::DamagedMessage { offset, detail: detail.into() }
}

/// Checks that a message ends within the file, and with the mark of an end.
fn check_end(window: &mut Window, offset: u64, length: u64) -> Result<u64, ScanFault> {
    let size = window.size();
    let end = offset.checked_add(length).ok_or_else(|| damaged(offset, "its length is absurd"))?;
    if end > size {
        return Err(ScanFault::Truncated { size, end });
    }
    if window.at(end - 4, 4)? != b"7777" {
        return Err(damaged(offset, "it does not end with 7777 where its length says"));
    }
    Ok(end)
}

/// Reads `length` bytes at `at` that must lie before `end`.
fn take(
    window: &mut Window,
    into: &mut Vec<u8>,
    message: u64,
    (at, length): (u64, u64),
    end: u64,
    most: u64,
) -> Result<(), ScanFault> {
    let fits = at.checked_add(length).is_some_and(|section_end| section_end <= end);
    if !fits {
        return Err(damaged(message, "a section is longer than the message"));
    }
    if length > most {
        return Err(damaged(message, format!("a section of {length} bytes, more than {most}")));
    }
    into.clear();
    let bytes = window.at(at, length as usize)?;
    if bytes.len() as u64 != length {
        return Err(ScanFault::Changed);
    }
    into.extend_from_slice(bytes);
    Ok(())
}

fn edition_1(
    window: &mut Window,
    raw: &mut RawField,
    field: &mut dyn FnMut(&RawField) -> Result<(), ScanFault>,
) -> Result<u64, ScanFault> {
    let begin = raw.offset;
    let number = |window: &mut Window, at: u64| -> Result<u64, ScanFault> {
        let size = window.size();
        let bytes = window.at(at, 3)?;
        Octets(bytes).unsigned(0, 3).ok_or(ScanFault::Truncated { size, end: at + 3 })
    };
    let stated = number(window, begin + 4)?;
    let mut at = begin + 8;
    // The length of a large message is known behind its sections: until then the file's end is its limit.
    let limit = window.size();
    if stated & 0x80_0000 == 0 && begin + stated > limit {
        return Err(ScanFault::Truncated { size: limit, end: begin + stated });
    }
    let length = number(window, at)?;
    if length < 28 {
        return Err(damaged(begin, "its product definition is too short"));
    }
    take(window, &mut raw.section1, begin, (at, length), limit, SECTION_MAX)?;
    at += length;
    let flags = raw.section1[7];
    raw.grid.clear();
    if flags & 0x80 != 0 {
        let length = number(window, at)?;
        take(window, &mut raw.grid, begin, (at, length), limit, GRID_MAX)?;
        at += length.max(1);
    }
    raw.has_bitmap = flags & 0x40 != 0;
    if raw.has_bitmap {
        at += number(window, at)?;
    }
    let data = number(window, at)?;
    take(window, &mut raw.representation, begin, (at, 16.min(limit.saturating_sub(at))), limit, 16)?;
    let is_large = stated & 0x80_0000 != 0 && data < 120;
    raw.length = if is_large { ((stated & 0x7f_ffff) * 120).saturating_sub(data) + 4 } else { stated };
    let end = check_end(window, begin, raw.length.max(12))?;
    if at + 4 > end || (!is_large && at + data + 4 != end) {
        return Err(damaged(begin, "its sections do not fill its length"));
    }
    raw.place = 0;
    field(raw)?;
    Ok(end)
}

fn edition_2(
    window: &mut Window,
    raw: &mut RawField,
    head: [u8; 16],
    field: &mut dyn FnMut(&RawField) -> Result<(), ScanFault>,
) -> Result<u64, ScanFault> {
    let begin = raw.offset;
    raw.discipline = head[6];
    raw.length = Octets(&head).unsigned(8, 8).unwrap_or(0);
    if raw.length < 20 {
        return Err(damaged(begin, "its length is absurd"));
    }
    let end = begin.checked_add(raw.length).filter(|end| *end <= window.size());
    let Some(end) = end else {
        return Err(ScanFault::Truncated { size: window.size(), end: begin.saturating_add(raw.length) });
    };
    raw.place = 0;
    for section in [&mut raw.section1, &mut raw.local, &mut raw.grid, &mut raw.product] {
        section.clear();
    }
    raw.representation.clear();
    raw.ranges = [(0, 0); 8];
    let mut at = begin + 16;
    while at < end - 4 {
        let Some((length, number)) = section_head(window, at)? else {
            return Err(damaged(begin, "a section without a head"));
        };
        let range = (at, length);
        if length < 5 || at + length > end - 4 {
            return Err(damaged(begin, "a section is longer than the message"));
        }
        match number {
            1 => take(window, &mut raw.section1, begin, range, end, SECTION_MAX)?,
            2 => take(window, &mut raw.local, begin, (at, length.min(4096)), end, SECTION_MAX)?,
            3 => take(window, &mut raw.grid, begin, range, end, GRID_MAX)?,
            4 => take(window, &mut raw.product, begin, range, end, SECTION_MAX)?,
            5 => take(window, &mut raw.representation, begin, (at, length.min(64)), end, SECTION_MAX)?,
            6 => raw.has_bitmap = window.at(at, 6)?.get(5).is_some_and(|indicator| *indicator != 255),
            7 => {}
            other => return Err(damaged(begin, format!("a section with the number {other}"))),
        }
        // A bitmap that was defined before stays where it was.
        let is_again = number == 6 && window.at(at, 6)?.get(5) == Some(&254);
        if !is_again || raw.ranges[6].1 == 0 {
            raw.ranges[usize::from(number)] = range;
        }
        if number == 7 {
            if [&raw.section1, &raw.grid, &raw.product, &raw.representation].iter().any(|s| s.is_empty()) {
                return Err(damaged(begin, "data before the sections that describe them"));
            }
            field(raw)?;
            raw.place += 1;
        }
        at += length;
    }
    if raw.place == 0 {
        return Err(damaged(begin, "it has no data"));
    }
    check_end(window, begin, raw.length)
}

/// Length and number of the section that begins at `at`.
fn section_head(window: &mut Window, at: u64) -> Result<Option<(u64, u8)>, ScanFault> {
    let head = Octets(window.at(at, 5)?);
    Ok(head.unsigned(0, 4).zip(head.byte(4)))
}
