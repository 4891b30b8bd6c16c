//! The calendars of [CF §4.4.1](https://cfconventions.org/cf-conventions/cf-conventions.html#calendar): dates to day
//! numbers and back.

/// A calendar of CF.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Calendar {
    /// `standard`, `gregorian`: Julian up to 1582-10-04, Gregorian from 1582-10-15. There is no year 0.
    Standard,
    /// `proleptic_gregorian`: Gregorian throughout, with a year 0.
    ProlepticGregorian,
    /// `julian`: a leap year every fourth year. There is no year 0.
    Julian,
    /// `noleap`, `365_day`.
    NoLeap,
    /// `all_leap`, `366_day`.
    AllLeap,
    /// `360_day`: twelve months of 30 days.
    Day360,
}

/// A date, in the year numbers of its calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    /// Year; −1 comes right before 1 where the calendar has no year 0.
    pub year: i64,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
}

/// A name that is no calendar read here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "calendar {0:?} is not supported (supported: standard, gregorian, proleptic_gregorian, julian, noleap, 365_day, \
     all_leap, 366_day, 360_day)"
)]
pub struct UnknownCalendar(pub String);

/// Why there is no such date.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DateError {
    /// The calendar has no year 0.
    #[error("calendar {0} has no year 0")]
    YearZero(&'static str),
    /// Too far away to count.
    #[error("year {0} is out of range")]
    Year(i64),
    /// Not 1 to 12.
    #[error("month {0} does not exist")]
    Month(u8),
    /// Not a day of that month.
    #[error("{1} has no day {0:?}")]
    Day(Date, &'static str),
}

/// The first Gregorian day of `standard`, counted as [`Calendar::day_number`] does: 1582-10-15.
const GREGORIAN_FROM: i64 = -141_427;
/// Days from 0000-01-01 (proleptic Gregorian) to 1970-01-01.
const GREGORIAN_1970: i64 = 719_528;
/// Julian 0000-01-01 lies two days before Gregorian 0000-01-01.
const JULIAN_BEHIND: i64 = 2;
const YEAR_MAX: i64 = 1_000_000_000;
/// No day further than this from 1970 is told apart from it: it lies within [`YEAR_MAX`] in every calendar.
pub(crate) const DAY_MAX: i64 = 359_000_000_000;

/// How years follow one another: what a calendar is without the change of 1582 and without its numbering of years.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    Gregorian,
    Julian,
    NoLeap,
    AllLeap,
    Day360,
}

impl Calendar {
    /// The calendar of a name, in any case. An absent `calendar` attribute means [`Calendar::Standard`].
    pub fn parse(name: &str) -> Result<Self, UnknownCalendar> {
        Ok(match name.trim().to_ascii_lowercase().as_str() {
            "standard" | "gregorian" | "" => Self::Standard,
            "proleptic_gregorian" => Self::ProlepticGregorian,
            "julian" => Self::Julian,
            "noleap" | "365_day" | "no_leap" => Self::NoLeap,
            "all_leap" | "366_day" => Self::AllLeap,
            "360_day" => Self::Day360,
            _ => return Err(UnknownCalendar(name.to_owned())),
        })
    }

    /// Its name in CF.
    pub fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::ProlepticGregorian => "proleptic_gregorian",
            Self::Julian => "julian",
            Self::NoLeap => "noleap",
            Self::AllLeap => "all_leap",
            Self::Day360 => "360_day",
        }
    }

    /// Days from 1970-01-01 to a date. The calendars of the real world (standard, proleptic Gregorian, Julian) share
    /// one count, from Gregorian 1970-01-01; each of the others counts from its own 1970-01-01.
    pub fn day_number(self, date: Date) -> Result<i64, DateError> {
        let year = self.astronomical_year(date.year)?;
        if !(1..=12).contains(&date.month) {
            return Err(DateError::Month(date.month));
        }
        let rule = match self {
            Self::Standard if (date.year, date.month, date.day) < (1582, 10, 15) => Rule::Julian,
            Self::Standard | Self::ProlepticGregorian => Rule::Gregorian,
            Self::Julian => Rule::Julian,
            Self::NoLeap => Rule::NoLeap,
            Self::AllLeap => Rule::AllLeap,
            Self::Day360 => Rule::Day360,
        };
        let in_gap =
            self == Self::Standard && (date.year, date.month) == (1582, 10) && (5..15).contains(&date.day);
        let month_days = rule.month_days(year)[usize::from(date.month) - 1];
        if date.day == 0 || date.day > month_days || in_gap {
            return Err(DateError::Day(date, self.name()));
        }
        let before: i64 =
            rule.month_days(year)[..usize::from(date.month) - 1].iter().map(|&n| i64::from(n)).sum();
        Ok(rule.days_before(year) + before + i64::from(date.day) - 1 - rule.days_to_1970())
    }

    /// The date of a day number, the inverse of [`day_number`](Self::day_number); beyond some 980 million years, the
    /// last one.
    pub fn date(self, day_number: i64) -> Date {
        let day_number = day_number.clamp(-DAY_MAX, DAY_MAX);
        let rule = match self {
            Self::Standard if day_number < GREGORIAN_FROM => Rule::Julian,
            Self::Standard | Self::ProlepticGregorian => Rule::Gregorian,
            Self::Julian => Rule::Julian,
            Self::NoLeap => Rule::NoLeap,
            Self::AllLeap => Rule::AllLeap,
            Self::Day360 => Rule::Day360,
        };
        let days = day_number + rule.days_to_1970();
        let year = rule.year_of(days);
        let mut rest = days - rule.days_before(year);
        let mut month = 1;
        for length in rule.month_days(year) {
            if rest < i64::from(length) {
                break;
            }
            rest -= i64::from(length);
            month += 1;
        }
        Date { year: self.year_from_astronomical(year), month, day: rest as u8 + 1 }
    }

    /// Months from January 1970 to the month of a date, one after the other where the calendar has no year 0 too.
    pub fn month_number(self, date: Date) -> Result<i64, DateError> {
        if !(1..=12).contains(&date.month) {
            return Err(DateError::Month(date.month));
        }
        Ok((self.astronomical_year(date.year)? - 1970) * 12 + i64::from(date.month) - 1)
    }

    /// The day number of the first day of a month, given by its [`month_number`](Self::month_number).
    pub fn month_start(self, month_number: i64) -> Result<i64, DateError> {
        let year = self.year_from_astronomical(month_number.div_euclid(12) + 1970);
        self.day_number(Date { year, month: month_number.rem_euclid(12) as u8 + 1, day: 1 })
    }

    /// Whether two calendars give every day from `first_day` on the same date: `standard` and `proleptic_gregorian`
    /// do from 1582-10-15 on.
    pub fn agrees_with(self, other: Self, first_day: i64) -> bool {
        let gregorian = |calendar| matches!(calendar, Self::Standard | Self::ProlepticGregorian);
        self == other || gregorian(self) && gregorian(other) && first_day >= GREGORIAN_FROM
    }

    fn has_year_zero(self) -> bool {
        !matches!(self, Self::Standard | Self::Julian)
    }

    /// The year in a count that has a year 0.
    fn astronomical_year(self, year: i64) -> Result<i64, DateError> {
        if year.abs() > YEAR_MAX {
            return Err(DateError::Year(year));
        }
        match year {
            0 if !self.has_year_zero() => Err(DateError::YearZero(self.name())),
            ..0 if !self.has_year_zero() => Ok(year + 1),
            _ => Ok(year),
        }
    }

    /// The year in the numbers of the calendar, of one in a count that has a year 0.
    fn year_from_astronomical(self, year: i64) -> i64 {
        if self.has_year_zero() || year > 0 { year } else { year - 1 }
    }
}

impl Rule {
    /// Leap years before a year, counted from year 0 on (negative before it).
    fn leap_years_before(self, year: i64) -> i64 {
        let multiples = |n: i64| (year + n - 1).div_euclid(n);
        match self {
            Self::Gregorian => multiples(4) - multiples(100) + multiples(400),
            Self::Julian => multiples(4),
            Self::AllLeap => year,
            Self::NoLeap | Self::Day360 => 0,
        }
    }

    /// Days from 0000-01-01 of this rule to the first day of a year.
    fn days_before(self, year: i64) -> i64 {
        let year_days = if self == Self::Day360 { 360 } else { 365 };
        year * year_days + self.leap_years_before(year)
    }

    fn days_to_1970(self) -> i64 {
        match self {
            Self::Julian => GREGORIAN_1970 + JULIAN_BEHIND,
            rule => rule.days_before(1970),
        }
    }

    /// The year that has a day, counted from 0000-01-01 of this rule.
    fn year_of(self, days: i64) -> i64 {
        // The mean length is within a day a year or so: the estimate is off by one at most.
        let mean_days_x400 = self.days_before(400);
        let mut year = (i128::from(days) * 400).div_euclid(i128::from(mean_days_x400)) as i64;
        while self.days_before(year) > days {
            year -= 1;
        }
        while self.days_before(year + 1) <= days {
            year += 1;
        }
        year
    }

    fn month_days(self, year: i64) -> [u8; 12] {
        if self == Self::Day360 {
            return [30; 12];
        }
        let leap = self.leap_years_before(year + 1) > self.leap_years_before(year);
        [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [Calendar; 6] = [
        Calendar::Standard,
        Calendar::ProlepticGregorian,
        Calendar::Julian,
        Calendar::NoLeap,
        Calendar::AllLeap,
        Calendar::Day360,
    ];

    fn date(year: i64, month: u8, day: u8) -> Date {
        Date { year, month, day }
    }

    #[test]
    fn the_constants_are_what_they_say() {
        assert_eq!(Rule::Gregorian.days_before(1970), GREGORIAN_1970);
        assert_eq!(Calendar::Standard.day_number(date(1582, 10, 15)), Ok(GREGORIAN_FROM));
        assert_eq!(Calendar::Julian.day_number(date(1582, 10, 5)), Ok(GREGORIAN_FROM));
    }

    #[test]
    fn standard_goes_from_4_to_15_october_1582() {
        let last_julian = Calendar::Standard.day_number(date(1582, 10, 4)).unwrap();
        assert_eq!(Calendar::Standard.date(last_julian + 1), date(1582, 10, 15));
        for day in 5..15 {
            assert!(Calendar::Standard.day_number(date(1582, 10, day)).is_err());
        }
    }

    #[test]
    fn names_are_read_in_any_case_and_others_refused() {
        assert_eq!(Calendar::parse("GREGORIAN"), Ok(Calendar::Standard));
        assert_eq!(Calendar::parse("365_Day"), Ok(Calendar::NoLeap));
        assert!(Calendar::parse("utc").is_err());
    }

    #[test]
    fn dates_that_do_not_exist_are_errors() {
        assert_eq!(Calendar::Standard.day_number(date(0, 1, 1)), Err(DateError::YearZero("standard")));
        assert!(Calendar::NoLeap.day_number(date(2000, 2, 29)).is_err());
        assert!(Calendar::Day360.day_number(date(2000, 1, 31)).is_err());
        assert!(Calendar::AllLeap.day_number(date(1999, 2, 29)).is_ok());
        assert_eq!(Calendar::NoLeap.day_number(date(2000, 13, 1)), Err(DateError::Month(13)));
    }

    proptest! {
        #[test]
        fn day_numbers_and_dates_are_inverse(number in -800_000_i64..800_000, far in any::<i32>()) {
            for calendar in ALL {
                for number in [number, i64::from(far)] {
                    let date = calendar.date(number);
                    prop_assert_eq!(calendar.day_number(date), Ok(number));
                    prop_assert!(calendar.date(number + 1) > date);
                }
            }
        }

        #[test]
        fn months_follow_one_another(number in -50_000_i64..50_000) {
            for calendar in ALL {
                let (start, next) = (calendar.month_start(number).unwrap(), calendar.month_start(number + 1).unwrap());
                for day in [start, next - 1] {
                    prop_assert_eq!(calendar.month_number(calendar.date(day)), Ok(number));
                }
            }
        }
    }
}
