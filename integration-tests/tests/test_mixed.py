"""Files that do not agree (packing, types, filters, chunks, missing variables) as one dataset: the values and types of
xarray.open_mfdataset of the same files, bit for bit, and untouched chunks byte for byte those of the files."""

import json
import os
import subprocess
import sys

import netCDF4
import numpy as np
import pytest
import requests
import xarray as xr

from harness.compare import native
from harness.paths import SHARED
from harness.truth import chunk_bytes

LAT, LON = 6, 8
MONTHS = [31, 29, 31, 30, 31, 30]


def write(path, first, length, variables, units="days since 2000-01-01", file_format="NETCDF4"):
    """A file of `length` days; `variables` is name → options of `createVariable` with `pack`, `endian`, `data`."""
    with netCDF4.Dataset(path, "w", format=file_format) as file:
        for name, size in (("time", None), ("lat", LAT), ("lon", LON)):
            file.createDimension(name, size)
        time = file.createVariable("time", "f8", ("time",))
        time.units, time.calendar = units, "standard"
        time[:] = np.arange(first, first + length)
        for name, size in (("lat", LAT), ("lon", LON)):
            file.createVariable(name, "f8", (name,))[:] = np.arange(size)
        for name, options in variables.items():
            options = dict(options)
            dtype, pack = options.pop("dtype", "f4"), options.pop("pack", {})
            missing = options.pop("missing", ())
            data = file.createVariable(name, dtype, ("time", "lat", "lon"), **options)
            data.units = "K"
            for attribute, value in pack.items():
                data.setncattr(attribute, value)
            data.set_auto_maskandscale(False)
            values = field(name, first, length, np.dtype(dtype), pack)
            for place in missing:
                values[place] = data.getncattr("_FillValue")
            data[:] = values
    return path


def field(name, first, length, dtype, pack):
    """Smooth values of a variable that do not depend on which file they are in, as far as the type can hold them."""
    day = np.arange(first, first + length)[:, None, None]
    values = 273 + 20 * np.sin(day / 9 + np.arange(LAT)[:, None] / 3 + len(name)) + np.arange(LON) / 7
    scale, offset = pack.get("scale_factor", 1), pack.get("add_offset", 0)
    values = (values - float(offset)) / float(scale)
    return np.round(values).astype(dtype) if dtype.kind in "iu" else values.astype(dtype)


def same(mine, theirs, names):
    """Dtypes and bits; NaN equals NaN, whatever its payload."""
    for name in names:
        a, b = native(mine[name].values), native(theirs[name].values)
        assert mine[name].dims == theirs[name].dims, name
        assert (a.dtype, a.shape) == (b.dtype, b.shape), name
        if a.dtype.kind != "f":
            assert np.array_equal(a, b), name
            continue
        assert np.array_equal(np.isnan(a), np.isnan(b)), name
        held = ~np.isnan(a)
        assert a[held].tobytes() == b[held].tobytes(), name


def spans(lengths):
    """First days and lengths of files one behind the other."""
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    return [(int(start), length) for start, length in zip(starts, lengths, strict=True)]


def f4(value):
    return np.float32(value)


PACK = [
    {"scale_factor": f4(0.01), "add_offset": f4(273.0)},
    {"scale_factor": f4(0.02), "add_offset": f4(270.0)},
    {"scale_factor": f4(0.01), "add_offset": f4(273.0)},
]

CASES = {
    # One chunk a month, months of 28 to 31 days.
    "months": lambda at, length: {"tas": {"zlib": True, "chunksizes": (length, LAT, LON)}},
    # Each file has its own packing.
    "packing": lambda at, length: {
        "tas": {"dtype": "i2", "zlib": True, "chunksizes": (1, LAT, LON), "pack": PACK[at % 3], "fill_value": -32767,
                "missing": [(1, 2, 3)]}
    },
    # Packed integers in some files, floats in others.
    "int16-float32": lambda at, length: {
        "tas": {"dtype": "i2", "chunksizes": (1, LAT, LON), "zlib": True, "pack": PACK[0], "fill_value": -1}
        if at == 2
        else {"dtype": "f4", "chunksizes": (1, LAT, LON), "zlib": True, "fill_value": f4(1e20), "missing": [(0, 1, 1)]}
    },
    "double-packing": lambda at, length: {
        "tas": {"dtype": "i2", "chunksizes": (4, 3, 5), "fill_value": -5,
                "pack": {"scale_factor": 0.01 + at / 1000, "add_offset": 273.15}}
    },
    # Types alone.
    "types": lambda at, length: {"tas": {"dtype": ["f4", "f8", "f4"][at % 3], "chunksizes": (2, LAT, LON)}},
    "integers": lambda at, length: {"tas": {"dtype": ["i2", "u2", "i4"][at % 3], "chunksizes": (2, LAT, LON)}},
    # Filters.
    "filters": lambda at, length: {
        "tas": [
            {"zlib": True, "complevel": 4, "chunksizes": (5, 4, 3)},
            {"chunksizes": (5, 4, 3)},
            {"compression": "zstd", "chunksizes": (5, 4, 3)},
            {"zlib": True, "complevel": 4, "shuffle": False, "fletcher32": True, "chunksizes": (5, 4, 3)},
        ][at % 4]
    },
    "byte-orders": lambda at, length: {"tas": {"endian": ["little", "big"][at % 2], "chunksizes": (1, LAT, LON)}},
    "fill-values": lambda at, length: {
        "tas": {"fill_value": f4([1e20, 9.96921e36, -9e33][at % 3]), "zlib": True, "chunksizes": (1, LAT, LON),
                "missing": [(0, 0, 0), (3, 5, 7)]}
    },
    # Values that another file marks as missing.
    "small-fill-values": lambda at, length: {
        "tas": {"dtype": "i2", "fill_value": [270, -9999][at % 2], "zlib": True, "chunksizes": (1, LAT, LON)}
    },
    "contiguous-chunked": lambda at, length: {
        "tas": {"contiguous": True} if at % 2 else {"chunksizes": (1, LAT, LON)}
    },
    "contiguous-types": lambda at, length: {"tas": {"contiguous": True, "dtype": ["f4", "f8"][at % 2]}},
    # Classic files: big-endian, interleaved records.
    "netcdf3-netcdf4": lambda at, length: {"tas": {} if at % 2 else {"zlib": True, "chunksizes": (3, LAT, LON)}},
    "lacking": lambda at, length: {
        "tas": {"chunksizes": (7, LAT, LON), "zlib": True},
        **({} if at == 1 else {"pr": {"chunksizes": (7, LAT, LON), "zlib": True, "fill_value": f4(1e20)}}),
        **({} if at == 0 else {"packed": {"dtype": "i2", "pack": PACK[0], "chunksizes": (1, LAT, LON)}}),
        **({} if at == 5 else {"count": {"dtype": "i4", "chunksizes": (1, LAT, LON)}}),
    },
}


def archive(place, case):
    """The files of a case; variables that are not along time and contiguous come with a fixed record dimension."""
    files = []
    for at, (first, length) in enumerate(spans(MONTHS)):
        variables = CASES[case](at, length)
        path = place / f"{case}_{at}.nc"
        if any(options.get("contiguous") for options in variables.values()):
            fixed(path, first, length, variables)
        else:
            classic = case.startswith("netcdf3") and at % 2
            write(path, first, length, variables, file_format="NETCDF3_CLASSIC" if classic else "NETCDF4")
        files.append(path)
    return files


def fixed(path, first, length, variables):
    """As `write`, with a time of fixed length: unlimited dimensions cannot be contiguous."""
    with netCDF4.Dataset(path, "w") as file:
        for name, size in (("time", length), ("lat", LAT), ("lon", LON)):
            file.createDimension(name, size)
            file.createVariable(name, "f8", (name,))[:] = np.arange(size) + (first if name == "time" else 0)
        file["time"].units = "days since 2000-01-01"
        for name, options in variables.items():
            options = dict(options)
            dtype = options.pop("dtype", "f4")
            data = file.createVariable(name, dtype, ("time", "lat", "lon"), **options)
            data.units = "K"
            data[:] = field(name, first, length, np.dtype(dtype), {})


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("case", CASES)
def test_files_that_do_not_agree_are_what_open_mfdataset_makes_of_them(served, tmp_path_factory, case, zarr_format):
    name = f"mixed.{case}"
    place = tmp_path_factory.getbasetemp() / name
    if not place.exists():
        place.mkdir()
        archive(place, case)
    files = sorted(place.glob("*.nc"))
    if name not in served.output:
        served.output[name] = served.system.register(name, *files)
    options = {"combine": "nested", "concat_dim": "time", "data_vars": "minimal", "coords": "minimal", "join": "outer",
               "compat": "override", "combine_attrs": "override"}
    with (
        xr.open_mfdataset(files, engine="netcdf4", **options) as theirs,
        xr.open_dataset(served.kerchunk(name), engine="zarr", zarr_format=zarr_format, chunks={}) as mine,
    ):
        assert set(mine.variables) == set(theirs.variables)
        assert dict(mine.sizes) == dict(theirs.sizes)
        same(mine, theirs, set(theirs.variables) - {"time"})
        assert np.array_equal(mine.time.values, theirs.time.values)


def test_by_coords_gives_the_same_values_where_a_file_lacks_a_variable(served, tmp_path_factory):
    place = tmp_path_factory.mktemp("by-coords")
    files = archive(place, "lacking")
    name = f"mixed.{place.name}"
    served.system.register(name, *files)
    with (
        xr.open_mfdataset(files, engine="netcdf4", combine="by_coords", join="outer", compat="no_conflicts") as theirs,
        xr.open_dataset(served.kerchunk(name), engine="zarr", zarr_format=3) as mine,
    ):
        same(mine, theirs, ["tas", "pr", "packed", "count"])


def test_chunks_that_fit_pass_byte_for_byte_and_the_preview_counts_the_others(served, tmp_path_factory):
    place = tmp_path_factory.mktemp("pass")
    files = []
    for at, (first, length) in enumerate(spans([4, 4, 4])):
        options = {"zlib": True, "chunksizes": (2, 3, 8) if at != 1 else (4, 6, 8)}
        files.append(write(place / f"{at}.nc", first, length, {"tas": options}))
    name = f"mixed.{place.name}"
    output = served.system.register(name, *files)
    said = str(output)
    assert "4 of 12 chunks are made on demand: chunk shapes differ in 1 file" in said
    assert "4 made on demand" in said
    for at in (0, 2):
        for index, stored in chunk_bytes(files[at], "tas"):
            key = f"{index[0] + 2 * at}.{index[1]}.{index[2]}"
            answer = requests.get(f"{served.kerchunk(name)}/tas/{key}")
            assert (answer.status_code, answer.content) == (200, stored), key


def test_one_file_of_its_own_packing_leaves_floats_untouched(served, tmp_path_factory):
    place = tmp_path_factory.mktemp("floats")
    files = archive(place, "int16-float32")
    name = f"mixed.{place.name}"
    output = str(served.system.register(name, *files))
    assert f"{MONTHS[2]} of {sum(MONTHS)} chunks are made on demand: types or packing differ in 1 file" in output
    for index, stored in chunk_bytes(files[0], "tas"):
        answer = requests.get(f"{served.kerchunk(name)}/tas/{index[0]}.{index[1]}.{index[2]}")
        assert answer.content == stored


@pytest.mark.parametrize("kind", ["serve", "two-process"])
def test_a_source_that_changed_is_a_conflict_for_chunks_made_of_it(start, tmp_path, allowed_log, kind):
    allowed_log.append("Conflict")
    system = start(kind)
    files = [
        write(tmp_path / "data" / f"{at}.nc", first, length, {"tas": {"zlib": True, "chunksizes": (length, LAT, LON)}})
        for at, (first, length) in enumerate(spans([31, 29, 31, 30]))
    ]
    system.register("months", *files)
    os.utime(files[1], (1, 1))
    statuses = [requests.get(f"{system.kerchunk('months')}/tas/{n}.0.0").status_code for n in range(4)]
    # Chunk 1 (days 31 to 61) is made of the second and third file, chunk 2 of the third and fourth.
    assert statuses == [200, 409, 200, 200]


def test_units_that_differ_are_refused_and_named(served, tmp_path_factory):
    place = tmp_path_factory.mktemp("units")
    files = [write(place / f"{at}.nc", first, 4, {"tas": {"chunksizes": (1, LAT, LON)}}) for at, first in enumerate((0, 4))]
    with netCDF4.Dataset(files[1], "a") as file:
        file["tas"].units = "degC"
    done = served.system.command("register", f"mixed.{place.name}", *files)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert all(word in said for word in ("units", '"K"', '"degC"', "0.nc", "1.nc"))


@pytest.mark.skipif(not SHARED.exists(), reason="the generator is not here")
def test_a_synthetic_archive_with_dirt_is_what_open_mfdataset_makes_of_it(served, tmp_path_factory):
    place = tmp_path_factory.mktemp("dirty")
    generator = SHARED.parent / "tools" / "make_kmscale.py"
    command = [sys.executable, generator, place, "--kinds", "many", "--many-files", "24", "--many-dirty", "--total", "20M"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    # What no join can mend is left out; what is dirty otherwise (chunks, packing, units, a day, a variable) stays.
    faults = {fault["file"]: fault["fault"] for fault in json.loads((place / "manifest.json").read_text())["files"][0]["faults"]}
    broken = {place / file for file, fault in faults.items() if fault in ("truncated", "duplicate", "nan_time")}
    files = [path for path in sorted(place.rglob("*.nc")) if path not in broken]
    assert len(broken) == 3 and len(files) == 20
    name = f"mixed.{place.name}"
    done = served.system.command("register", name, *files)
    assert done.returncode == 0, done.stdout + done.stderr
    with (
        xr.open_mfdataset(files, engine="netcdf4", combine="by_coords", join="outer", compat="no_conflicts", coords="minimal",
                          data_vars="minimal") as theirs,
        xr.open_dataset(served.kerchunk(name), engine="zarr", zarr_format=3, chunks={}) as mine,
    ):
        along = [name for name, variable in theirs.data_vars.items() if "time" in variable.dims]
        assert along
        same(mine, theirs, [name for name in along if theirs[name].dtype.kind in "iuf"])
