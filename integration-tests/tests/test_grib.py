"""GRIB files: messages as chunks, values as ecCodes decodes them, coordinates as cfgrib has them."""

import itertools
import shutil

import eccodes
import gribscan  # noqa: F401 - its codec is what the raw chunks are behind
import numpy as np
import pytest
import xarray as xr

from harness.paths import REAL, SHARED

GRIB = REAL / "grib"
PATHS = sorted(path for path in GRIB.iterdir() if path.stem != "spherical_harmonics")
# Larger, and of licences that do not let them be here.
MORE = ["cfgrib/era5-levels-members.grib", "cfgrib/regular_gg_ml_g2.grib", "polar_stereo.grib2", "earthkit/pl_regular_ll.grib",
        "cfgrib/multi_param_on_multi_dims.grib", "pygrib/gfs.t12z.pgrbf120.2p5deg.grib2", "cfgrib/nam.t00z.awp21100.tm00.grib2"]
PATHS += [SHARED / "grib" / name for name in MORE if (SHARED / "grib" / name).exists()]


def name_of(path):
    return path.name


def url_of(served, path):
    """The dataset of one file, registered at first use; suffixes tell some files apart."""
    if path.name not in served.output:
        served.output[path.name] = served.system.register(path.name, path)
    return served.kerchunk(path.name)


def opened(url, **options):
    return xr.open_dataset(url, engine="zarr", zarr_format=2, consolidated=True, **options)


def messages(path):
    """(values, {key: value}) of each message."""
    keys = {"shortName": str, "dataDate": int, "dataTime": int, "validityDate": int, "validityTime": int, "number": int,
            "topLevel": int, "typeOfLevel": str, "level": float, "stepType": str, "offset": int, "missingValue": float}
    eccodes.codes_grib_multi_support_on()
    with open(path, "rb") as file:
        while (handle := eccodes.codes_grib_new_from_file(file)) is not None:
            found = {}
            for key, kind in keys.items():
                try:
                    found[key] = eccodes.codes_get(handle, key, kind)
                except eccodes.CodesInternalError:
                    found[key] = None
            values = eccodes.codes_get_array(handle, "values")
            eccodes.codes_release(handle)
            yield values, found
    eccodes.codes_grib_multi_support_off()


def time_of(date, time):
    text = f"{date:08}{time:04}"
    return np.datetime64(f"{text[:4]}-{text[4:6]}-{text[6:8]}T{text[8:10]}:{text[10:12]}", "ns")


def fields(dataset, variable):
    """Each field of a variable: values in the order of the message, and its coordinates."""
    array = dataset[variable]
    grid = {name for name in array.dims if name.split("_")[0] in ("latitude", "longitude", "x", "y", "value", "cell")}
    outer = [name for name in array.dims if name not in grid]
    values = array.values
    for index in itertools.product(*(range(array.sizes[name]) for name in outer)):
        point = array.isel(dict(zip(outer, index)))
        yield values[index].ravel(), point


@pytest.mark.parametrize("path", PATHS, ids=name_of)
def test_every_message_is_there_once_with_the_values_of_eccodes(served, path):
    mine = opened(url_of(served, path), mask_and_scale=False)
    wanted = {}
    for values, keys in messages(path):
        if keys["validityDate"] is not None:
            wanted.setdefault((keys["shortName"], time_of(keys["validityDate"], keys["validityTime"])), []).append((keys, values))
    found = 0
    for name in mine.data_vars:
        attributes = mine[name].attrs
        if attributes.get("GRIB_gridType") is None:
            continue
        for values, point in fields(mine, name):
            time = point["valid_time"].values if "valid_time" in point.coords else point["time"].values
            own = attributes["GRIB_shortName"]
            candidates = wanted.get((own if not own.startswith("param_") else "unknown", time), [])
            same = [i for i, (_, theirs) in enumerate(candidates) if theirs.shape == values.shape and np.array_equal(theirs, values)]
            if same:
                found += 1
                kind = candidates.pop(same[0])[0]["typeOfLevel"]
                assert attributes["GRIB_typeOfLevel"].replace("hPa", "Pa") == kind.replace("hPa", "Pa") or kind == "unknown"
            else:
                # A hole.
                assert np.isnan(values).all() or (values == 9999).all(), f"{name} at {time}"
    left = [(key, len(rest)) for key, rest in wanted.items() if rest]
    assert found > 0
    assert not left, f"{len(left)} of {len(wanted)} are not in the dataset, such as {left[:5]}"


@pytest.mark.parametrize("path", [p for p in PATHS if p.parent == GRIB], ids=name_of)
def test_coordinates_are_those_of_cfgrib(served, path, tmp_path):
    copy = tmp_path / path.name  # cfgrib writes an index beside it
    shutil.copyfile(path, copy)
    try:
        theirs = xr.open_dataset(copy, engine="cfgrib", backend_kwargs={"indexpath": ""})
    except Exception as error:  # noqa: BLE001 - cfgrib raises what it likes on hypercubes that it cannot make
        pytest.skip(f"cfgrib does not open it: {error}")
    mine = opened(url_of(served, path))
    compared = 0
    for name in ("latitude", "longitude", "isobaricInhPa", "number", "heightAboveGround", "hybrid"):
        if name not in theirs.coords or name not in mine.coords:
            continue
        own, other = mine[name].values, theirs[name].values
        if name == "longitude":
            own, other = np.asarray(own) % 360, np.asarray(other) % 360
        if name in ("isobaricInhPa", "number"):
            own, other = np.sort(np.atleast_1d(own)), np.sort(np.atleast_1d(other))
            own = own[np.isin(own, other)]
        np.testing.assert_allclose(np.ravel(own), np.ravel(other), atol=2e-3)
        compared += 1
    assert compared > 0 or "latitude" not in theirs.coords
    times = set(np.ravel(theirs["valid_time"].values))
    own = mine["valid_time"] if "valid_time" in mine.coords else mine["time"]
    assert times <= set(np.ravel(own.values))


def test_files_join_along_time(served, tmp_path_factory):
    directory = tmp_path_factory.mktemp("grib-series")
    whole = SHARED / "grib/cfgrib/era5-levels-members.grib"
    source = whole if whole.exists() else GRIB / "t_time_series.grib"
    by_time = {}
    with open(source, "rb") as file:
        while (handle := eccodes.codes_grib_new_from_file(file)) is not None:
            time = f"{eccodes.codes_get(handle, 'validityDate')}{eccodes.codes_get(handle, 'validityTime'):04}"
            by_time.setdefault(time, b"")
            by_time[time] += eccodes.codes_get_message(handle)
            eccodes.codes_release(handle)
    parts = []
    for time, content in by_time.items():
        parts.append(directory / f"part_{time}.grib")
        parts[-1].write_bytes(content)
    output = served.system.register(f"grib-series-{directory.name}", *parts)
    mine = opened(served.kerchunk(f"grib-series-{directory.name}"))
    assert mine.sizes["time"] == len(parts), output
    single = opened(url_of(served, source))
    for name in single.data_vars:
        if "GRIB_gridType" in single[name].attrs:
            xr.testing.assert_equal(mine[name].sortby("time"), single[name].sortby("time"))


def test_a_spectral_field_is_named_where_it_is_left_out(served):
    output = served.system.register("spectral", GRIB / "spherical_harmonics.grib")
    assert "spherical harmonics" in output


def test_twice_the_same_field_is_told(served, tmp_path_factory):
    path = tmp_path_factory.mktemp("grib-twice") / "twice.grib"
    path.write_bytes((GRIB / "regular_gg_pl.grib").read_bytes() * 2)
    output = served.system.register("twice", path)
    assert "twice" in output and "later in the file" in output


def test_a_file_that_is_cut_is_refused(served, tmp_path_factory, allowed_log):
    allowed_log.append("truncated")
    path = tmp_path_factory.mktemp("grib-cut") / "cut.grib"
    path.write_bytes((GRIB / "lambert_grid.grib").read_bytes()[:30_000])
    done = served.system.command("register", "cut", path)
    assert done.returncode != 0
    assert "truncated" in done.stderr + done.stdout
