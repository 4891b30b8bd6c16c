//! Dates after `since`: `YYYY-MM-DD[ hh:mm[:ss[.fff]]][ zone]`.

use super::units::TimeUnitsError;
use super::value::Instant;
use crate::{Calendar, Date};

const MINUTE_NS: i128 = 60_000_000_000;

/// Reads a reference date.
pub(crate) fn parse(text: &str, calendar: Calendar) -> Result<Instant, TimeUnitsError> {
    let fault = |why| TimeUnitsError::Reference(text.to_owned(), why);
    let (sign, unsigned) = match text.as_bytes().first() {
        Some(b'-') => (-1, &text[1..]),
        Some(b'+') => (1, &text[1..]),
        _ => (1, text),
    };
    let (date, rest) = match unsigned.find(|c: char| !(c.is_ascii_digit() || c == '-')) {
        Some(at) => unsigned.split_at(at),
        None => (unsigned, ""),
    };
    let fields: Vec<&str> = date.split('-').collect();
    let [year, month, day] = fields[..] else {
        return Err(fault("year, month and day are needed, with hyphens between"));
    };
    let number =
        |field: &str, digits_max| number(field, digits_max).ok_or_else(|| fault("a field is no number"));
    let date =
        Date { year: sign * number(year, 9)?, month: number(month, 2)? as u8, day: number(day, 2)? as u8 };
    let day = calendar.day_number(date).map_err(|why| TimeUnitsError::Date(text.to_owned(), why))?;
    let (time_ns, zone) = time(rest).map_err(fault)?;
    let zone_ns = zone_ns(zone.trim()).map_err(fault)?;
    Ok(Instant::from_day(day, time_ns - zone_ns))
}

/// Nanoseconds into the day, and what follows the time.
fn time(text: &str) -> Result<(i128, &str), &'static str> {
    let separated = text.strip_prefix(['T', 't', '_']).unwrap_or_else(|| text.trim_start());
    let end =
        separated.find(|c: char| !(c.is_ascii_digit() || matches!(c, ':' | '.'))).unwrap_or(separated.len());
    let (time, rest) = separated.split_at(end);
    if time.is_empty() {
        return Ok((0, rest));
    }
    let mut fields = time.split(':');
    let mut field = |limit| match fields.next() {
        Some(field) => {
            number(field, 2).filter(|n| *n < limit).map(Some).ok_or("a field of the time is out of range")
        }
        None => Ok(None),
    };
    let (Some(hours), Some(minutes)) = (field(24)?, field(60)?) else {
        return Err("the time needs hours and minutes");
    };
    let seconds_ns = match fields.next() {
        Some(seconds) => seconds_ns(seconds)?,
        None => 0,
    };
    if fields.next().is_some() {
        return Err("the time has too many fields");
    }
    Ok((i128::from(hours * 60 + minutes) * MINUTE_NS + seconds_ns, rest))
}

/// Seconds with up to nine decimals that count.
fn seconds_ns(text: &str) -> Result<i128, &'static str> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole = number(whole, 2).filter(|n| *n < 60).ok_or("a field of the time is out of range")?;
    let digits = fraction.trim_end_matches('0');
    if digits.len() > 9 {
        return Err("times are read to the nanosecond");
    }
    let nanoseconds =
        if digits.is_empty() { 0 } else { number(&format!("{digits:0<9}"), 9).ok_or("no fraction")? };
    Ok(i128::from(whole) * 1_000_000_000 + i128::from(nanoseconds))
}

/// What a zone is ahead of UTC: none, `Z`, `UTC`, `GMT`, `+hh`, `+hh:mm`, `+hhmm`.
fn zone_ns(text: &str) -> Result<i128, &'static str> {
    if matches!(text, "" | "Z" | "z") || text.eq_ignore_ascii_case("utc") || text.eq_ignore_ascii_case("gmt")
    {
        return Ok(0);
    }
    let (sign, offset) = match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (Some(offset), _) => (1, offset),
        (_, Some(offset)) => (-1, offset),
        _ => return Err("the time zone is not of the form +hh:mm"),
    };
    let (hours, minutes) = match offset.len() {
        2 => (offset, "00"),
        4 if offset.is_ascii() => offset.split_at(2),
        5 => offset.split_once(':').ok_or("the time zone is not of the form +hh:mm")?,
        _ => return Err("the time zone is not of the form +hh:mm"),
    };
    match (number(hours, 2), number(minutes, 2)) {
        (Some(hours @ 0..24), Some(minutes @ 0..60)) => {
            Ok(sign * i128::from(hours * 60 + minutes) * MINUTE_NS)
        }
        _ => Err("the time zone is not of the form +hh:mm"),
    }
}

/// A number of digits only.
fn number(text: &str, digits_max: usize) -> Option<i64> {
    let is_number = !text.is_empty() && text.len() <= digits_max && text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}
