//! Values of time variables: to instants, and from one unit and reference to another, exactly.

use super::units::{TimeUnit, TimeUnits};
use crate::Calendar;
use crate::calendar::DAY_MAX;

const DAY_NS: i128 = 86_400_000_000_000;

/// A point in time: nanoseconds since 1970-01-01T00:00:00 of its calendar (see [`Calendar::day_number`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(pub i128);

/// A number as a variable holds it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum TimeValue {
    /// Any integer type.
    Integer(i128),
    /// Any float type.
    Float(f64),
}

/// A value in other units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Conversion {
    /// Exactly the same time, in the kind of number it was.
    Exact(TimeValue),
    /// No number of that kind is exactly that time.
    Inexact,
}

impl Instant {
    /// So many nanoseconds after the beginning of a day.
    pub fn from_day(day_number: i64, nanoseconds: i128) -> Self {
        Self(i128::from(day_number) * DAY_NS + nanoseconds)
    }

    /// The day it lies in.
    pub fn day_number(self) -> i64 {
        let day = self.0.div_euclid(DAY_NS);
        i64::try_from(day).unwrap_or(if day < 0 { i64::MIN } else { i64::MAX })
    }
}

impl Calendar {
    /// An instant as ISO 8601: `1850-01-16T12:00:00`, with decimals only where there are some.
    pub fn text(self, instant: Instant) -> String {
        let date = self.date(instant.day_number());
        let in_day = instant.0.rem_euclid(DAY_NS);
        let (seconds, nanoseconds) = (in_day / 1_000_000_000, in_day % 1_000_000_000);
        let sign = if date.year < 0 { "-" } else { "" };
        let mut text = format!(
            "{sign}{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
            date.year.abs(),
            date.month,
            date.day,
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60
        );
        if nanoseconds > 0 {
            text.push_str(format!(".{nanoseconds:09}").trim_end_matches('0'));
        }
        text
    }
}

impl TimeUnits {
    /// The instant of a value, to the nearest nanosecond; none for NaN, infinities and what lies hundreds of millions
    /// of years away. A float stands for the roundest time that it cannot be told from: 36523.041666666664 days are
    /// 36523 days and one hour, though the float itself is 0.17 µs less. This is what readers make of it too.
    pub fn instant(&self, value: TimeValue) -> Option<Instant> {
        let unit_ns = self.unit.nanoseconds();
        let offset_ns = match value {
            TimeValue::Integer(value) => value.checked_mul(unit_ns)?,
            TimeValue::Float(value) => {
                let tolerance_ns = (value.abs() * f64::EPSILON * unit_ns as f64) as i128;
                roundest(Dyadic::of(value)?.times(unit_ns)?.rounded()?, tolerance_ns)
            }
        };
        let far = i128::from(DAY_MAX) * DAY_NS;
        offset_ns.checked_add(self.reference.0).filter(|ns| (-far..far).contains(ns)).map(Instant)
    }

    /// The value whose instant is exactly that; none where it is no integer.
    pub fn integer_at(&self, instant: Instant) -> Option<i128> {
        let offset_ns = instant.0.checked_sub(self.reference.0)?;
        let unit_ns = self.unit.nanoseconds();
        (offset_ns % unit_ns == 0).then(|| offset_ns / unit_ns)
    }

    /// A value of these units in others; the calendars must agree. Integers stay integers, floats stay floats, and
    /// nothing is rounded.
    pub fn convert(&self, value: TimeValue, to: &TimeUnits) -> Conversion {
        if self.unit == to.unit && self.reference == to.reference {
            return Conversion::Exact(value);
        }
        self.converted(value, to).map_or(Conversion::Inexact, Conversion::Exact)
    }

    /// `(value · from + distance) / to`, all of it divided by what the three lengths have in common: what is left is
    /// small, such as days and whole hours.
    fn converted(&self, value: TimeValue, to: &TimeUnits) -> Option<TimeValue> {
        let distance = self.reference.0.checked_sub(to.reference.0)?;
        let (from, to) = (self.unit.nanoseconds(), to.unit.nanoseconds());
        let common = greatest_common_divisor(greatest_common_divisor(from, to), distance);
        let (from, to, distance) = (from / common, to / common, distance / common);
        match value {
            TimeValue::Integer(value) => {
                let sum = value.checked_mul(from)?.checked_add(distance)?;
                (sum % to == 0).then(|| TimeValue::Integer(sum / to))
            }
            TimeValue::Float(value) => {
                Dyadic::of(value)?.times(from)?.plus(distance)?.divided_by(to)?.to_f64().map(TimeValue::Float)
            }
        }
    }

    /// The coarsest unit, not coarser than this one, in which every instant is a whole number that fits an `i64`.
    pub fn unit_for(&self, instants: &[Instant]) -> Option<TimeUnit> {
        use TimeUnit::{Day, Hour, Microsecond, Millisecond, Minute, Nanosecond, Second};
        let finer = [Day, Hour, Minute, Second, Millisecond, Microsecond, Nanosecond];
        let no_coarser = finer.into_iter().filter(|unit| unit.nanoseconds() < self.unit.nanoseconds());
        [self.unit].into_iter().chain(no_coarser).find(|unit| {
            let units = self.in_unit(*unit);
            let fits = |instant: &Instant| {
                units.integer_at(*instant).is_some_and(|value| i64::try_from(value).is_ok())
            };
            instants.iter().all(fits)
        })
    }
}

/// The multiple of a second, millisecond or microsecond that lies within a tolerance; the number itself where none does.
fn roundest(nanoseconds: i128, tolerance: i128) -> i128 {
    for unit in [1_000_000_000, 1_000_000, 1_000] {
        let multiple = (nanoseconds + unit / 2).div_euclid(unit) * unit;
        if (multiple - nanoseconds).abs() <= tolerance && tolerance < unit / 2 {
            return multiple;
        }
    }
    nanoseconds
}

fn greatest_common_divisor(a: i128, b: i128) -> i128 {
    let (mut a, mut b) = (a.abs(), b.abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a.max(1)
}

/// The fraction `odd · 2^-halvings` that a float is. Every operation gives none rather than rounding or overflowing.
#[derive(Debug, Clone, Copy)]
struct Dyadic {
    numerator: i128,
    halvings: i32,
}

impl Dyadic {
    fn of(value: f64) -> Option<Self> {
        if !value.is_finite() {
            return None;
        }
        let bits = value.to_bits();
        let exponent = (bits >> 52 & 0x7ff) as i32;
        let fraction = i128::from(bits & ((1 << 52) - 1));
        let (mantissa, exponent) =
            if exponent == 0 { (fraction, -1074) } else { (fraction | 1 << 52, exponent - 1075) };
        let numerator = if value.is_sign_negative() { -mantissa } else { mantissa };
        Some(Self { numerator, halvings: -exponent }.reduced())
    }

    fn reduced(self) -> Self {
        if self.numerator == 0 {
            return Self { numerator: 0, halvings: 0 };
        }
        let twos = self.numerator.trailing_zeros();
        Self { numerator: self.numerator >> twos, halvings: self.halvings - twos as i32 }
    }

    fn times(self, factor: i128) -> Option<Self> {
        Some(Self { numerator: self.numerator.checked_mul(factor)?, ..self }.reduced())
    }

    fn plus(self, integer: i128) -> Option<Self> {
        if self.halvings <= 0 {
            let whole = shifted_left(self.numerator, self.halvings.unsigned_abs())?;
            return Some(Self { numerator: whole.checked_add(integer)?, halvings: 0 }.reduced());
        }
        let integer = shifted_left(integer, self.halvings.unsigned_abs())?;
        Some(Self { numerator: self.numerator.checked_add(integer)?, ..self }.reduced())
    }

    /// The quotient where it is such a fraction again.
    fn divided_by(self, divisor: i128) -> Option<Self> {
        let twos = divisor.trailing_zeros();
        let odd = divisor >> twos;
        (self.numerator % odd == 0).then(|| {
            Self { numerator: self.numerator / odd, halvings: self.halvings + twos as i32 }.reduced()
        })
    }

    /// The nearest integer, halves away from zero.
    fn rounded(self) -> Option<i128> {
        if self.halvings <= 0 {
            return shifted_left(self.numerator, self.halvings.unsigned_abs());
        }
        if self.halvings > 126 {
            return Some(0);
        }
        let half = 1_i128 << (self.halvings - 1);
        let magnitude = self.numerator.abs().checked_add(half)? >> self.halvings;
        Some(magnitude * self.numerator.signum())
    }

    /// The float that is exactly this.
    fn to_f64(self) -> Option<f64> {
        let Self { numerator, halvings } = self.reduced();
        if numerator.unsigned_abs() >= 1 << 53 || !(-900..=900).contains(&halvings) {
            return None;
        }
        Some(numerator as f64 * 2_f64.powi(-halvings))
    }
}

fn shifted_left(value: i128, bits: u32) -> Option<i128> {
    let fits = value == 0 || bits < 127 && value.unsigned_abs().leading_zeros() > bits + 1;
    fits.then(|| if value == 0 { 0 } else { value << bits })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn units(text: &str) -> TimeUnits {
        TimeUnits::parse(text, Calendar::Standard).unwrap()
    }

    #[test]
    fn hours_become_days_only_where_they_are_whole_days() {
        let (hours, days) = (units("hours since 1950-01-01"), units("days since 1850-01-01"));
        assert_eq!(
            hours.convert(TimeValue::Integer(48), &days),
            Conversion::Exact(TimeValue::Integer(36_526))
        );
        assert_eq!(hours.convert(TimeValue::Integer(49), &days), Conversion::Inexact);
        assert_eq!(
            hours.convert(TimeValue::Float(36.0), &days),
            Conversion::Exact(TimeValue::Float(36_525.5))
        );
        // A third of a day is no binary fraction.
        assert_eq!(hours.convert(TimeValue::Float(8.0), &days), Conversion::Inexact);
        // Nor has 36524.1 days all the bits of 0.1.
        let near = units("days since 1950-01-01");
        assert_eq!(near.convert(TimeValue::Float(0.1), &days), Conversion::Inexact);
        assert_eq!(near.convert(TimeValue::Float(f64::NAN), &days), Conversion::Inexact);
    }

    #[test]
    fn a_finer_unit_is_found_that_holds_all() {
        let days = units("days since 2000-01-01");
        let at = |text: &str| units(&format!("s since {text}")).reference;
        let unit_for = |times: &[&str]| days.unit_for(&times.iter().map(|text| at(text)).collect::<Vec<_>>());
        assert_eq!(unit_for(&["2000-01-05"]), Some(TimeUnit::Day));
        assert_eq!(unit_for(&["2000-01-05", "2000-01-05 01:00"]), Some(TimeUnit::Hour));
        assert_eq!(unit_for(&["2000-01-05 00:00:00.5"]), Some(TimeUnit::Millisecond));
        assert_eq!(unit_for(&["3000-01-05 00:00:00.000000001"]), None);
    }

    #[test]
    fn floats_mean_the_round_time_that_they_stand_for() {
        let days = units("days since 1850-01-01");
        for (value, text) in [
            (36_523.041_666_666_664, "1949-12-31T01:00:00"),
            (36_523.0 + 1.0 / 86_400.0, "1949-12-31T00:00:01"),
            (0.041_666_666_666_666_664, "1850-01-01T01:00:00"),
            (1e-9, "1850-01-01T00:00:00.0000864"),
        ] {
            assert_eq!(Calendar::Standard.text(days.instant(TimeValue::Float(value)).unwrap()), text);
        }
    }

    #[test]
    fn values_without_an_instant_have_none() {
        let days = units("days since 2000-01-01");
        for value in [f64::NAN, f64::INFINITY, 1e300] {
            assert_eq!(days.instant(TimeValue::Float(value)), None);
        }
        assert_eq!(days.instant(TimeValue::Integer(i128::MAX)), None);
        assert_eq!(days.instant(TimeValue::Float(1e-300)), Some(days.reference));
        assert_eq!(days.instant(TimeValue::Float(-0.0)), Some(days.reference));
    }

    proptest! {
        #[test]
        fn an_exact_conversion_has_the_same_instant_and_comes_back(
            value in -4_000_000_i64..4_000_000,
            eighths in 0_u8..8,
            from in 0_usize..4,
            to in 0_usize..4,
        ) {
            let all = ["days since 1850-01-01", "hours since 1950-06-01", "seconds since 1970-01-01 06:00", "min since 1-1-1"];
            let (from, to) = (units(all[from]), units(all[to]));
            for value in [
                TimeValue::Integer(value.into()),
                TimeValue::Float(value as f64 + f64::from(eighths) / 8.0),
            ] {
                if let Conversion::Exact(converted) = from.convert(value, &to) {
                    prop_assert_eq!(from.instant(value), to.instant(converted));
                    prop_assert_eq!(to.convert(converted, &from), Conversion::Exact(value));
                }
            }
        }

        #[test]
        fn any_float_gets_an_answer(bits in any::<u64>()) {
            let (from, to) = (units("days since 1850-01-01"), units("ns since 1950-06-01"));
            let value = TimeValue::Float(f64::from_bits(bits));
            if let Conversion::Exact(converted) = from.convert(value, &to) {
                prop_assert_eq!(to.convert(converted, &from), Conversion::Exact(value));
            }
        }
    }
}
