"""Makes services/crates/views/src/testdata/{times,places}.json: what xarray makes of times and of selections.

    pip install xarray==2026.* pandas==3.* cftime==1.6.* && python integration-tests/tools/make_view_cases.py
"""

import json
import pathlib
import random
import warnings

import cftime
import numpy as np
import xarray as xr

OUT = pathlib.Path(__file__).resolve().parents[2] / "services/crates/views/src/testdata"
CALENDARS = ["standard", "proleptic_gregorian", "noleap", "all_leap", "360_day", "julian"]
UNITS = "seconds since 2000-01-01"
PARTS = ["year", "season", "month", "day", "dayofyear", "hour"]
MONTHS = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split()
SECONDS = {"s": 1, "min": 60, "h": 3600, "D": 86_400, "M": 30 * 86_400, "Q": 91 * 86_400, "Y": 365 * 86_400}


def write(name, cases):
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    (OUT / name).write_text(f"[\n{lines}\n]\n")


def coordinate(values, calendar):
    """Seconds since 2000 as xarray decodes them: `datetime64` of a recent standard calendar, else `cftime`."""
    time = xr.Dataset(coords={"time": ("time", values, {"units": UNITS, "calendar": calendar})})
    return xr.decode_cf(time)["time"]


def numbers(time, calendar):
    """The inverse of `coordinate`."""
    if np.issubdtype(time.dtype, np.datetime64):
        seconds = (time.values - np.datetime64("2000-01-01", "s")) / np.timedelta64(1, "s")
    else:
        seconds = cftime.date2num(time.values, UNITS, calendar)
    return [int(second) for second in seconds]


def frequencies(rng):
    fixed = [f"{rng.choice(counts)}{unit}" for unit, counts in
             [("s", [1, 7, 45]), ("min", [1, 15, 50]), ("h", [1, 5, 6, 12, 36]), ("D", [1, 3, 7, 10])]]
    count = lambda: rng.choice(["", "", "2", "3", "5"])  # noqa: E731
    months = [f"{count()}MS", f"{count()}ME"]
    anchored = [f"{count()}{unit}{rng.choice(['', '-' + rng.choice(MONTHS)])}" for unit in ["QS", "QE", "YS", "YE"]]
    return fixed + months + anchored


def starts(rng, calendar):
    """A day of about 1980 to 2060, one long ago, and one right before a month ends."""
    recent, past = rng.randint(-20 * 365, 60 * 365), rng.randint(-1990 * 365, -300 * 365)
    date = cftime.datetime(2000 + rng.randint(-3, 30), rng.randint(1, 12), 28, calendar=calendar)
    return [recent * 86_400, past * 86_400, int(cftime.date2num(date, UNITS, calendar)) + 86_400 * rng.randint(0, 3)]


def times(rng, start, span, on_days):
    """Some times in order: whole days (the ends of periods among them), or any second."""
    step = 86_400 if on_days else 1
    first = start + (0 if on_days else rng.choice([0, 43_200, rng.randint(0, 86_399)]))
    return sorted({first, *(first + rng.randint(0, max(span // step, 1)) * step for _ in range(rng.randint(1, 9)))})


def period_cases(rng):
    for calendar in CALENDARS:
        for start in starts(rng, calendar) + starts(rng, calendar):
            for frequency in frequencies(rng):
                digits = frequency.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-")
                unit = frequency[len(digits):]
                length = SECONDS.get(unit, SECONDS.get(unit[0])) * int(digits or 1)
                values = times(rng, start, rng.randint(0, 12) * length, length >= 86_400 and rng.random() < 0.5)
                time = coordinate(values, calendar)
                count = xr.ones_like(time, dtype=float).resample(time=frequency).count()
                counts = np.nan_to_num(count.values).astype(int)
                labels = np.repeat(np.arange(len(counts)), counts)
                order = rng.sample(range(len(values)), len(values))
                yield {
                    "calendar": calendar, "frequency": frequency, "values": [values[i] for i in order],
                    "labels": [int(labels[i]) for i in order], "names": numbers(count["time"], calendar),
                }


def part_cases(rng):
    for calendar in CALENDARS:
        for start in starts(rng, calendar) + [-13_166_000_000, -1999 * 365 * 86_400]:
            span = rng.choice([86_400, 40 * 86_400, 800 * 86_400, 20_000 * 86_400]) if start > -13_000_000_000 else 200 * 86_400
            values = [start + rng.randint(0, span) for _ in range(12)]
            time = coordinate(values, calendar)
            for part in PARTS:
                of_times = getattr(time.dt, part)
                keys = list(xr.ones_like(time, dtype=float).groupby(f"time.{part}").count()[part].values.tolist())
                labels = [keys.index(key) for key in of_times.values.tolist()]
                yield {"calendar": calendar, "part": part, "values": values, "labels": labels, "keys": keys}


def main():
    warnings.simplefilter("ignore")
    OUT.mkdir(exist_ok=True)
    write("times.json", [*part_cases(random.Random(1)), *period_cases(random.Random(2))])


if __name__ == "__main__":
    main()
