"""Makes services/crates/formats/tests/grib_cases.json: what ecCodes says of every message of the GRIB samples.

    integration-tests/.venv-zarr3/bin/python integration-tests/tools/make_grib_cases.py DIRECTORY...

First it writes the messages that come with ecCodes (Apache-2.0), of grids that the samples lack, to
integration-tests/data/grib: name that directory too.

For each file: its messages (parameter, level, times, member, grid), and for each grid some of its points.
"""

import json
import math
import pathlib
import sys

import eccodes

OUT = pathlib.Path(__file__).resolve().parents[2] / "services/crates/formats/tests/grib_cases.json"
TEXTS = ["shortName", "name", "units", "cfName", "typeOfLevel", "stepType", "gridType"]
NUMBERS = ["paramId", "dataDate", "dataTime", "validityDate", "validityTime", "number", "numberOfPoints", "bitmapPresent"]


TEMPLATES = ["polar_stereographic_sfc_grib1", "polar_stereographic_sfc_grib2", "rotated_ll_sfc_grib1", "rotated_ll_sfc_grib2",
             "reduced_ll_sfc_grib1", "reduced_ll_sfc_grib2", "reduced_gg_pl_48_grib1", "reduced_gg_pl_48_grib2",
             "regular_gg_pl_grib1", "regular_gg_pl_grib2", "regular_ll_sfc_grib1"]


def write_templates():
    directory = OUT.parents[4] / "integration-tests/data/grib"
    directory.mkdir(exist_ok=True)
    for name in TEMPLATES:
        handle = eccodes.codes_grib_new_from_samples(name)
        (directory / f"{name}.grib").write_bytes(eccodes.codes_get_message(handle))
        eccodes.codes_release(handle)


def get(handle, key, kind):
    try:
        value = eccodes.codes_get(handle, key, kind)
    except eccodes.CodesInternalError:
        return None
    return None if isinstance(value, float) and not math.isfinite(value) else value


def points(handle):
    """Twenty points of a grid: place, latitude, longitude."""
    try:
        latitudes = eccodes.codes_get_array(handle, "latitudes")
        longitudes = eccodes.codes_get_array(handle, "longitudes")
    except eccodes.CodesInternalError:
        return None
    count = len(latitudes)
    places = sorted({round(i * (count - 1) / 19) for i in range(20)})
    return [[p, round(float(latitudes[p]), 9), round(float(longitudes[p]), 9)] for p in places]


def messages(path):
    grids = {}
    with open(path, "rb") as file:
        while (handle := eccodes.codes_grib_new_from_file(file)) is not None:
            message = {key: get(handle, key, str) for key in TEXTS}
            message |= {key: get(handle, key, int) for key in NUMBERS}
            message["level"] = get(handle, "level", float)
            message["offset"] = get(handle, "offset", int)
            grid = get(handle, "md5GridSection", str) or get(handle, "md5Section3", str) or get(handle, "md5Section2", str)
            if grid not in grids:
                grids[grid] = points(handle)
            message["grid"] = list(grids).index(grid)
            eccodes.codes_release(handle)
            yield message, grids


def main():
    write_templates()
    cases = {}
    for directory in map(pathlib.Path, sys.argv[1:]):
        for path in sorted(p for p in directory.rglob("*") if p.is_file() and p.suffix[1:4] in ("gri", "grb")):
            found, grids = [], {}
            for message, grids in messages(path):
                found.append(message)
            keys = list(found[0])
            rows = [[message[key] for key in keys] for message in found]
            cases[path.name] = {"keys": keys, "messages": rows, "points": list(grids.values())}
    lines = [f"{json.dumps(name)}: {json.dumps(case, separators=(',', ':'))}" for name, case in sorted(cases.items())]
    OUT.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{OUT}: {len(cases)} files, {sum(len(c['messages']) for c in cases.values())} messages, {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
