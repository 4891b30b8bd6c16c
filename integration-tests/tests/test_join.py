"""Many files as one dataset: what xarray.open_mfdataset makes of them, time for time and bit for bit."""

import netCDF4
import numpy as np
import pytest
import xarray as xr

from harness import samples
from harness.compare import same_attributes, same_values

def combined(files):
    """What xarray makes of the files. NEMO's record coordinate is 0 in every file: there the order is the given one."""
    options = {"data_vars": "minimal", "coords": "minimal", "compat": "override", "combine_attrs": "override"}
    if files == samples.NEMO:
        options |= {"combine": "nested", "concat_dim": "time_counter"}
    else:
        options |= {"combine": "by_coords", "join": "outer"}
    return xr.open_mfdataset(files, engine="netcdf4", **options)


def texts(values):
    """Times as text, whatever class they decode to; other values as they are."""
    return values.astype(str) if values.dtype.kind in "mMO" else values


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("series", samples.SERIES)
def test_a_series_is_what_open_mfdataset_makes_of_it(served, series, zarr_format):
    files = samples.SERIES[series]
    with xr.open_dataset(served.series(series), engine="zarr", zarr_format=zarr_format) as mine, combined(files) as theirs:
        assert dict(mine.sizes) == dict(theirs.sizes)
        assert set(mine.variables) == set(theirs.variables)
        for name in theirs.variables:
            assert mine[name].dims == theirs[name].dims, name
            same_values(texts(mine[name].values), texts(theirs[name].values))
            same_attributes(mine[name].attrs, theirs[name].attrs, name)


def test_a_glob_in_any_order_gives_time_order(served, tmp_path_factory):
    pattern = str(samples.CMIP6 / "AWI-CM-1-1-MR" / "*.nc")
    served.output.setdefault("awi.glob", served.system.register("awi.glob", pattern))
    backwards = list(reversed(samples.SERIES["awi.Amon"]))
    served.output.setdefault("awi.backwards", served.system.register("awi.backwards", *backwards))
    with combined(samples.SERIES["awi.Amon"]) as theirs:
        for dataset in ("awi.glob", "awi.backwards"):
            with xr.open_dataset(served.kerchunk(dataset), engine="zarr", zarr_format=3) as mine:
                same_values(mine.time.values.astype(str), theirs.time.values.astype(str))
                same_values(mine.ta.values, theirs.ta.values)


def write(path, variable, steps, units, calendar="standard", chunks=(2, 4, 5), dtype="f4", **options):
    """A small file of one variable with a chunked, compressed layout; `steps` are in `units`."""
    with netCDF4.Dataset(path, "w") as file:
        for name, size in (("time", None), ("lat", 4), ("lon", 5)):
            file.createDimension(name, size)
        time = file.createVariable("time", "f8", ("time",), chunksizes=(512,))
        time.units, time.calendar = units, calendar
        time[:] = steps
        for name in ("lat", "lon"):
            file.createVariable(name, "f8", (name,))[:] = np.arange(len(file.dimensions[name]))
        data = file.createVariable(variable, dtype, ("time", "lat", "lon"), chunksizes=chunks, zlib=True, **options)
        data.long_name = variable
        seed = np.random.default_rng(int(steps[0]) + len(variable))
        data[:] = seed.normal(size=(len(steps), 4, 5)) * 100
    return path


FORMATS = ["NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET", "NETCDF3_64BIT_DATA"]


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("only_one", [False, True], ids=["interleaved", "one-piece"])
@pytest.mark.parametrize("form", FORMATS)
def test_classic_files_are_joined_along_their_records(served, tmp_path_factory, form, only_one, zarr_format):
    """Months of 31 and 28 days and more, with their bounds; where there is one record variable, its records touch."""
    place = tmp_path_factory.mktemp("classic")
    files, dice, start = [], np.random.default_rng(7), 0
    for number, length in enumerate((31, 28, 3)):
        path = place / f"{number}.nc"
        with netCDF4.Dataset(path, "w", format=form) as file:
            for name, size in (("time", None), ("lat", 7), ("lon", 33), ("bnds", 2)):
                file.createDimension(name, size)
            time = file.createVariable("time", "f8", ("time",))
            time.units, time.calendar = "hours since 1999-12-31", "standard"
            if not only_one:
                time.bounds = "time_bnds"
                bounds = file.createVariable("time_bnds", "f8", ("time", "bnds"))
                tas = file.createVariable("tas", "f4", ("time", "lat", "lon"), fill_value=-9.0)
                odd = file.createVariable("odd", "i2", ("time", "lon"))
                bounds[:] = 24.0 * (start + np.arange(length)[:, None] + [0, 1])
                tas[:] = dice.normal(size=(length, 7, 33))
                odd[:] = dice.integers(-99, 99, (length, 33))
            for name in ("lat", "lon"):
                file.createVariable(name, "f8", (name,))[:] = np.arange(len(file.dimensions[name]))
            file.createVariable("orog", "f4", ("lat", "lon"))[:] = np.arange(231).reshape(7, 33)
            time[:] = 24.0 * (start + np.arange(length)) + 12
        start += length
        files.append(path)
    dataset = f"classic.{place.name}"
    served.system.register(dataset, *files)
    with xr.open_dataset(served.kerchunk(dataset), engine="zarr", zarr_format=zarr_format) as mine, combined(files) as theirs:
        assert dict(mine.sizes) == dict(theirs.sizes)
        assert set(mine.variables) == set(theirs.variables)
        for name in theirs.variables:
            same_values(texts(mine[name].values), texts(theirs[name].values))
            same_attributes(mine[name].attrs, theirs[name].attrs, name)


def test_variables_of_different_files_become_one_dataset(served, tmp_path_factory):
    place = tmp_path_factory.mktemp("merge")
    files = []
    for start in (0, 4):
        for variable in ("tas", "pr"):
            path = place / f"{variable}_{start}.nc"
            files.append(write(path, variable, np.arange(start, start + 4), "days since 2000-01-01"))
    dataset = f"merge.{place.name}"
    served.system.register(dataset, *files)
    with xr.open_dataset(served.kerchunk(dataset), engine="zarr", zarr_format=2) as mine, combined(files) as theirs:
        assert set(mine.variables) == {"tas", "pr", "time", "lat", "lon"}
        for name in ("tas", "pr", "time", "lat", "lon"):
            same_values(mine[name].values, theirs[name].values)


def test_time_units_that_differ_are_reconciled_exactly(served, tmp_path_factory):
    place = tmp_path_factory.mktemp("units")
    files = [
        write(place / "a.nc", "tas", np.arange(0, 4), "days since 2000-01-01"),
        write(place / "b.nc", "tas", np.arange(0, 4) * 24, "hours since 2000-01-05"),
        write(place / "c.nc", "tas", np.arange(0, 4) * 1440 + 30, "minutes since 2000-01-09 00:00:00"),
    ]
    dataset = f"units.{place.name}"
    served.system.register(dataset, *files)
    with xr.open_dataset(served.kerchunk(dataset), engine="zarr", zarr_format=2) as mine, combined(files) as theirs:
        same_values(mine.time.values.astype("M8[ns]"), theirs.time.values.astype("M8[ns]"))
        same_values(mine.tas.values, theirs.tas.values)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"chunks": (1, 4, 5)}, "chunk shapes differ in 1 file"),
        ({"dtype": "f8"}, "types or packing differ in 1 file"),
        ({"shuffle": False}, "filters differ in 1 file"),
        ({"fill_value": -1.0}, "missing values or packing differ in"),
    ],
    ids=["chunks", "dtype", "filters", "fill"],
)
def test_files_that_differ_are_joined_and_named(served, tmp_path_factory, change, words):
    place = tmp_path_factory.mktemp("differ")
    first = write(place / "first.nc", "tas", np.arange(0, 4), "days since 2000-01-01")
    second = write(place / "second.nc", "tas", np.arange(4, 8), "days since 2000-01-01", **change)
    done = served.system.command("register", f"differ.{place.name}", first, second)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "made on demand" in said and words in said
    with (
        xr.open_dataset(served.kerchunk(f"differ.{place.name}"), engine="zarr", zarr_format=3) as mine,
        combined([first, second]) as theirs,
    ):
        same_values(mine.tas.values, theirs.tas.values)


@pytest.mark.parametrize(("begin", "word"), [(2, "overlap"), (9, "gap")])
def test_overlaps_and_gaps_are_reported(served, tmp_path_factory, begin, word):
    place = tmp_path_factory.mktemp(word)
    first = write(place / "first.nc", "tas", np.arange(0, 4), "days since 2000-01-01")
    second = write(place / "second.nc", "tas", np.arange(begin, begin + 4), "days since 2000-01-01")
    done = served.system.command("register", f"{word}.{place.name}", first, second)
    assert word in (done.stdout + done.stderr).lower()
    if word == "gap":
        assert done.returncode == 0
