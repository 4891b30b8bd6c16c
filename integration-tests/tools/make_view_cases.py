"""Makes services/crates/views/src/testdata/{times,places}.json: what xarray makes of times and of selections.

    pip install xarray==2026.* pandas==3.* cftime==1.6.* && python integration-tests/tools/make_view_cases.py
"""

import datetime
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


def selected(values, select):
    """The places that a selection finds, one alone for one that takes the dimension away; None where it is refused."""
    array = xr.DataArray(np.arange(len(values)), coords={"x": ("x", values)}, dims="x")
    try:
        found = array.sel(**select)
    except (KeyError, ValueError):
        return None
    return None if found.size == 0 else found.values.tolist()


def moved(places, order):
    """Places in a sorted coordinate as those in the coordinate before it was sorted."""
    if isinstance(places, list):
        return [int(order[place]) for place in places]
    return None if places is None else int(order[places])


def number_case(rng, dtype, way):
    spread = 30 if dtype == "int32" else 3000
    values = [number / (1 if dtype == "int32" else 100) for number in rng.sample(range(-spread, spread), 12)]
    values = {"up": sorted, "down": lambda v: sorted(v)[::-1], "mixed": list}[way](values)
    coordinate = np.array(values, dtype)
    order = np.argsort(coordinate)
    in_order = coordinate[order]
    some = lambda: rng.choice([*values, *(rng.uniform(-spread, spread) / 100 for _ in range(3))])  # noqa: E731
    labels = [round(some(), 3) for _ in range(rng.choice([1, 1, 2, 4]))]
    text, label = ";".join(map(str, labels)), labels if len(labels) > 1 else labels[0]
    kind = rng.choice(["exact", "range", "nearest", "pad", "backfill"])
    if kind == "exact":
        places = selected(in_order, {"x": label})
    elif kind == "range":
        start, end = sorted([some(), some()])
        ends = rng.choice([(start, end), (start, None), (None, end)])
        text = "..".join("" if end is None else str(round(end, 3)) for end in ends)
        # Unlike xarray, a range has its ends in it in single precision too.
        ends = [None if end is None else float(np.dtype(dtype).type(round(end, 3))) if dtype != "int32" else end for end in ends]
        places = selected(in_order, {"x": slice(*ends)})
        return text, coordinate, None if places is None else sorted(moved(places, order))
    else:
        within = rng.choice([None, None, 1, 0.5])
        text = f"{kind}({text}{'' if within is None else f';within:{within}'})"
        places = selected(in_order, {"x": label, "method": kind} | ({} if within is None else {"tolerance": within}))
    return text, coordinate, moved(places, order)


def longitude_case(rng):
    """By the usual recipe: other numbers, then sorted, then a slice."""
    step, first = rng.choice([5, 7.5, 11.25]), rng.choice([0, -180, -177.5])
    values = np.arange(first, first + 360, step)
    west = rng.choice([0.25, 1]) * rng.randint(-300, 300)
    east = west + rng.choice([0.25, 1]) * rng.randint(1, 359)
    numbers = (values - west) % 360 + west
    order = np.argsort(numbers)
    places = moved(selected(numbers[order], {"x": slice(west, east)}), order)
    given = rng.choice([(west, east), (west, east - 360)]) if -400 < west else (west, east)
    is_own = places is None or (numbers[places] == values[places]).all()
    text = f"{given[0]:g}..{given[1]:g}"
    return text, values, places, None if is_own else numbers[places].tolist()


def date_text(rng, date, precisions=(4, 7, 10, 13, 16, 19)):
    return f"{date.year:04}-{date.month:02}-{date.day:02}T{date.hour:02}:{date.minute:02}:{date.second:02}"[: rng.choice(precisions)]


def time_case(rng, calendar):
    start = rng.choice(starts(rng, calendar))
    span = rng.choice([86_400, 60 * 86_400, 3000 * 86_400])
    values = sorted({start + rng.randint(0, span) // 1800 * 1800 for _ in range(12)})
    time = coordinate(values, calendar)
    date = lambda: cftime.num2date(rng.choice([*values, start + rng.randint(0, span)]), UNITS, calendar)  # noqa: E731
    kind = rng.choice(["range", "range", "range", "nearest", "pad", "backfill"])
    if kind == "range":
        first, last = sorted([date(), date()])
        ends = [date_text(rng, first), date_text(rng, last)]
        ends = rng.choice([ends, ends, [ends[0], None], [None, ends[1]], [ends[0], ends[0]]])
        if None not in ends and ends[1] < ends[0][: len(ends[1])]:
            ends = ends[:1] * 2
        text = "..".join(end or "" for end in ends)
        return text, values, selected(time.values, {"x": slice(*ends)})
    dates = [date() for _ in range(rng.choice([1, 3]))]
    labels = coordinate([int(cftime.date2num(date, UNITS, calendar)) for date in dates], calendar).values
    text = ";".join(date_text(rng, date, [19]) for date in dates)
    hours = rng.choice([None, 1, 12, 200])
    within = {} if hours is None else {"tolerance": np.timedelta64(hours, "h")}
    if hours is not None and not np.issubdtype(time.dtype, np.datetime64):
        within = {"tolerance": datetime.timedelta(hours=hours)}
    text = f"{kind}({text}{'' if hours is None else f';within:{hours}h'})"
    label = labels if len(labels) > 1 else labels[0]
    return text, values, selected(time.values, {"x": label, "method": kind} | within)


def place_cases(rng):
    for _ in range(50):
        for dtype in ["float64", "float32", "int32"]:
            for way in ["up", "down", "mixed"]:
                text, values, places = number_case(rng, dtype, way)
                yield {
                    "numbers": [round(value, 2) for value in values.tolist()], "single": dtype == "float32",
                    "select": text, "places": places,
                }
    for _ in range(120):
        text, values, places, numbers_ = longitude_case(rng)
        yield {"longitudes": [float(values[0]), float(values[1] - values[0]), len(values)], "select": text, "places": places, "values": numbers_}
    for calendar in CALENDARS:
        for _ in range(50):
            text, values, places = time_case(rng, calendar)
            yield {"calendar": calendar, "times": values, "select": text, "places": places}


def main():
    warnings.simplefilter("ignore")
    OUT.mkdir(exist_ok=True)
    write("times.json", [*part_cases(random.Random(1)), *period_cases(random.Random(2))])
    write("places.json", list(place_cases(random.Random(3))))


if __name__ == "__main__":
    main()
