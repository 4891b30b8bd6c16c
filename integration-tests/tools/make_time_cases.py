"""Makes services/crates/cf/tests/time_cases.json: what cftime says that numbers mean in every calendar.

    pip install cftime==1.6.* && python integration-tests/tools/make_time_cases.py
"""

import json
import pathlib
import random
import warnings

import cftime

OUT = pathlib.Path(__file__).resolve().parents[2] / "services/crates/cf/tests/time_cases.json"
CALENDARS = ["standard", "gregorian", "proleptic_gregorian", "julian", "noleap", "365_day", "all_leap", "366_day", "360_day"]
UNITS = ["days", "d", "hours", "hr", "h", "minutes", "min", "seconds", "sec", "s", "milliseconds", "ms", "microseconds"]
REFERENCES = [
    "1-1-1", "0001-01-01 00:00:00", "1582-10-04 12:00", "1582-10-15", "1850-01-01", "1850-1-1 0:0:0.0",
    "1949-12-01T06:30:00Z", "1970-01-01 00:00:00 +01:00", "2000-02-28 23:59:59.5", "2000-03-01 00:00:00 -0930",
    "2000-02-29 12:00:00 UTC", "-0044-03-15", "9999-12-30",
]
PER_DAY = {"d": 1, "day": 1, "h": 24, "hr": 24, "hour": 24, "min": 1440, "minute": 1440, "s": 86400, "sec": 86400,
           "second": 86400, "ms": 86_400_000, "millisecond": 86_400_000, "microsecond": 86_400_000_000}


def text(date):
    seconds = f"{date.second:02}" + (f".{date.microsecond:06}".rstrip("0") if date.microsecond else "")
    sign = "-" if date.year < 0 else ""
    return f"{sign}{abs(date.year):04}-{date.month:02}-{date.day:02}T{date.hour:02}:{date.minute:02}:{seconds}"


def values(unit, rng):
    """Whole numbers within 3000 years or so, and quarters, which floats hold exactly."""
    per_day = PER_DAY[unit if unit in PER_DAY else unit.rstrip("s")]
    whole = [0, 1, -1, 59, 60, 365 * per_day, rng.randint(-800_000, 800_000) * per_day + rng.randint(0, per_day)]
    quarters = [] if unit == "microseconds" else [0.25, rng.randint(0, 50_000) * per_day + 0.5]
    return whole + quarters


def main():
    warnings.simplefilter("ignore")
    rng, cases, refused = random.Random(1850), [], []
    for calendar in CALENDARS:
        for reference in REFERENCES:
            for unit in rng.sample(UNITS, 3):
                units = f"{unit} since {reference}"
                for value in rng.sample(values(unit, rng), 3):
                    try:
                        date = cftime.num2date(value, units, calendar, only_use_cftime_datetimes=True)
                    except ValueError:
                        refused.append([calendar, units])
                        break
                    cases.append([calendar, units, value, text(date)])
    for calendar, unit in [("360_day", "months"), ("noleap", "common_years")]:
        for value in range(-30, 31, 7):
            units = f"{unit} since 1900-03-01"
            date = cftime.num2date(value, units, calendar, only_use_cftime_datetimes=True)
            cases.append([calendar, units, value, text(date)])
    lines = ",\n".join(json.dumps(case) for case in cases)
    refusals = ",\n".join(json.dumps(case) for case in sorted(map(list, {tuple(case) for case in refused})))
    OUT.write_text(f'{{"cftime": "{cftime.__version__}", "cases": [\n{lines}\n], "refused": [\n{refusals}\n]}}\n')


if __name__ == "__main__":
    main()
