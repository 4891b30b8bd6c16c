//! Any text as units of time, any number as a value: what is read is written so that it is read again, and days of
//! dates are those days.
#![no_main]

use cf::{Calendar, TimeUnits, TimeValue};
use libfuzzer_sys::fuzz_target;

const CALENDARS: [&str; 6] = ["standard", "proleptic_gregorian", "julian", "noleap", "all_leap", "360_day"];

fuzz_target!(|input: (u8, i64, f64, &str)| {
    let (calendar, integer, float, text) = input;
    let Ok(calendar) = Calendar::parse(CALENDARS[usize::from(calendar) % 6]) else { return };
    // What lies beyond every calendar's years is not asked for.
    let day = integer % 359_000_000_000;
    assert_eq!(calendar.day_number(calendar.date(day)), Ok(day));
    let Ok(units) = TimeUnits::parse(text, calendar) else { return };
    assert_eq!(TimeUnits::parse(&units.to_string(), calendar), Ok(units), "{units}");
    for value in [TimeValue::Integer(integer.into()), TimeValue::Float(float)] {
        if let Some(instant) = units.instant(value) {
            let _ = calendar.text(instant);
        }
        for other in ["days since 1850-01-01", "seconds since 1970-01-01 00:00:00.5"] {
            if let Ok(other) = TimeUnits::parse(other, calendar) {
                let _ = units.convert(value, &other);
            }
        }
    }
});
