//! Where the bytes of variables are, by shapes and begins; that they are there at all.
//!
//! Records of all record variables are interleaved: each variable's part of a record is filled to four bytes. If
//! there is one such variable only, nothing is filled, and its records are one piece.

use super::{
    header::{Header, Variable},
    reader::padded,
};
use crate::ScanFault;

/// The records of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Records {
    /// How many.
    pub(super) count: u64,
    /// Bytes from one to the next.
    pub(super) stride: u64,
    /// Whether a last one that is not whole was left out, which is no fault where their number was not written.
    pub(super) is_cut: bool,
    /// Whole records in the file that the header does not count.
    pub(super) uncounted: u64,
}

/// Where a variable's bytes are: `count` runs of `run` bytes, `stride` apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) begin: u64,
    pub(super) run: u64,
    pub(super) count: u64,
    pub(super) stride: u64,
}

impl Place {
    /// All bytes that hold values.
    pub(super) fn bytes(&self) -> u64 {
        self.run * self.count
    }

    /// Whether they follow each other.
    pub(super) fn is_one_piece(&self) -> bool {
        self.count <= 1 || self.run == self.stride
    }
}

/// Whether a variable has records.
pub(super) fn has_records(header: &Header, variable: &Variable) -> bool {
    variable.dimensions.first().is_some_and(|first| header.dimensions[*first].length.is_none())
}

/// Bytes of a variable, or of its part of a record; none beyond 2^64.
fn run(header: &Header, variable: &Variable) -> Option<u64> {
    let size = variable.data_type.size().unwrap_or(1) as u64;
    let mut lengths = variable.dimensions.iter().filter_map(|number| header.dimensions[*number].length);
    lengths.try_fold(size, u64::checked_mul)
}

fn truncated(variable: &Variable, size: u64, end: Option<u64>) -> ScanFault {
    let end = end.unwrap_or(u64::MAX);
    ScanFault::TruncatedVariable { variable: variable.name.clone(), size, end }
}

/// How many records a file of `size` bytes has, and how far apart.
pub(super) fn records(header: &Header, size: u64) -> Result<Records, ScanFault> {
    let with_records: Vec<_> = header.variables.iter().filter(|v| has_records(header, v)).collect();
    let mut runs = Vec::with_capacity(with_records.len());
    for variable in &with_records {
        runs.push(run(header, variable).ok_or_else(|| truncated(variable, size, None))?);
    }
    let (Some(first), Some(begin)) = (with_records.first(), with_records.iter().map(|v| v.begin).min())
    else {
        return Ok(Records {
            count: header.record_count.unwrap_or(0),
            stride: 0,
            is_cut: false,
            uncounted: 0,
        });
    };
    let stride = match runs[..] {
        [only] => Some(only),
        _ => runs.iter().try_fold(0_u64, |sum, run| sum.checked_add(padded(*run))),
    };
    let stride = stride.filter(|stride| *stride > 0).ok_or_else(|| truncated(first, size, None))?;
    // What a whole record needs, without what fills its last variable.
    let ends = with_records.iter().zip(&runs).map(|(v, run)| (v.begin - begin).saturating_add(*run));
    let needed = ends.max().unwrap_or(stride);
    let room = size.saturating_sub(begin);
    let whole = room / stride + u64::from(room % stride >= needed);
    Ok(match header.record_count {
        Some(count) => Records { count, stride, is_cut: false, uncounted: whole.saturating_sub(count) },
        None => Records {
            count: whole,
            stride,
            is_cut: !room.is_multiple_of(stride) && room % stride < needed,
            uncounted: 0,
        },
    })
}

/// Where a variable is in a file of `size` bytes, all of it.
pub(super) fn place(
    header: &Header,
    variable: &Variable,
    records: Records,
    size: u64,
) -> Result<Place, ScanFault> {
    let run = run(header, variable).ok_or_else(|| truncated(variable, size, None))?;
    let (count, stride) =
        if has_records(header, variable) { (records.count, records.stride) } else { (1, run) };
    let place = Place { begin: variable.begin, run, count, stride };
    if count == 0 {
        return Ok(place);
    }
    let end =
        (count - 1).checked_mul(stride).and_then(|last| last.checked_add(place.begin)?.checked_add(run));
    if end.is_none_or(|end| end > size) {
        return Err(truncated(variable, size, end));
    }
    if place.begin < header.length {
        let detail = format!("it begins at byte {}, inside the header", place.begin);
        return Err(ScanFault::DamagedVariable { variable: variable.name.clone(), detail });
    }
    Ok(place)
}
