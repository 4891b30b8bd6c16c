"""Views that cannot be: each is refused with the step and the reason, and none is answered with missing data."""

import netCDF4
import numpy as np
import pytest
import requests
import xarray as xr

from harness.paths import REAL
from test_views import FILES

WIND = FILES["wind"]


@pytest.fixture
def wind(served):
    done = served.system.command("register", "--replace", "bad-views", WIND)
    assert done.returncode == 0, done.stderr
    return f"{served.url}/datasets/bad-views"


def asked(url, steps, key=".zmetadata"):
    return requests.get(f"{url}/view/{requests.utils.quote(steps, safe='')}/zarr/{key}", timeout=60)


REFUSED = [
    ("snafu=1", 400, "snafu"),
    ("mean", 400, "=arguments"),
    ("mean=time|", 400, "step"),
    ("mean=tome", 400, "there is no dimension tome (there are bnds, latitude, longitude, time)"),
    ("var=pr", 400, "there is no variable pr"),
    ("isel=time:12", 400, "time has 12 places, 0 to 11: there is no place 12"),
    ("isel=time:a", 400, "is not a whole number"),
    ("isel=time:9..3", 400, "nothing"),
    ("sel=latitude:95..99", 400, "latitude"),
    ("sel=latitude:60..30", 400, "latitude"),
    ("sel=latitude:1.23", 400, "latitude"),
    ("sel=longitude:nearest(2;within:0.0001)", 400, "longitude"),
    ("sel=time:2055", 400, "time"),
    ("sel=time:2005..2000", 400, "nothing lies in"),
    ("bbox=10,50,20,40", 400, "south"),
    ("groupby=latitude.month:mean", 400, "no coordinate of time"),
    ("groupby=time.month:snafu", 400, "snafu"),
    ("resample=time:1X:mean", 400, "frequency"),
    ("resample=time:1s:mean", 413, "periods"),
    ("coarsen=time:5:mean", 400, "no multiple of 5"),
    ("coarsen=time:50:mean:trim", 400, "fewer than one block"),
    ("convert=uwnd:hPa", 400, "uwnd"),
    ("convert=uwnd:furlong", 400, "furlong"),
    ("arith=x:uwnd+v", 400, "there is no variable v"),
    ("arith=x:__import__('os')", 400, "step 1"),
    ("fldmean=time", 400, "no dimension of the horizontal grid"),
    ("anomaly=latitude.month", 400, "no coordinate of time"),
    ("bitround=time:99", 400, "out of range"),
    ("bitround=pr:9", 400, "there is no such variable"),
    ("accuracy=abs:0", 400, "above 0"),
    ("shard=latitude:7", 200, ""),
    ("chunks=latitude:10|shard=latitude:15", 400, "no multiple of 10"),
    ("codec=lzma", 400, "lzma"),
    ("|".join(["mean=time"] * 33), 400, "32"),
]


@pytest.mark.parametrize(("steps", "status", "words"), REFUSED, ids=[r[0][:40] for r in REFUSED])
def test_what_cannot_be_is_refused_with_the_reason(wind, steps, status, words):
    answer = asked(wind, steps)
    assert answer.status_code == status, answer.text
    if status != 200:
        assert answer.headers["content-type"] == "application/problem+json"
        assert words in answer.json()["detail"]
        # A chunk of it is never taken for one that is missing.
        assert asked(wind, steps, "uwnd/0.0.0").status_code == status


def test_a_million_steps_are_refused_at_once(wind):
    answer = asked(wind, "|".join(["mean=time"] * 5_000))
    assert answer.status_code in (400, 414, 431)
    assert requests.get(f"{wind}/zarr/.zgroup", timeout=10).status_code == 200


def test_what_would_be_a_billion_chunks_is_too_much(served, tmp_path):
    path = tmp_path / "wide.nc"
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("x", 2_000_000_000)
        variable = file.createVariable("v", "f4", ("x",), chunksizes=(1_000_000,), zlib=True, fill_value=-1.0)
        variable[5] = 2.0
    done = served.system.command("register", "--replace", "bad-wide", path)
    assert done.returncode == 0, done.stderr
    url = f"{served.url}/datasets/bad-wide"
    answer = asked(url, "isel=x:1..1999999999|chunks=x:1")
    assert answer.status_code == 413
    assert "1999999998 chunks" in answer.json()["detail"]
    answer = asked(url, "isel=x:1..1999999999|chunks=x:-1")
    assert answer.status_code == 413
    assert "MiB" in answer.json()["detail"]
    # Many groups, most of them of nothing.
    assert asked(url, "groupby=x:mean").status_code == 413
    with xr.open_zarr(f"{url}/view/isel=x:0..10/zarr", zarr_format=2) as found:
        np.testing.assert_array_equal(found.v.values, [np.nan] * 5 + [2] + [np.nan] * 4)


def test_all_missing_stays_missing(served, tmp_path):
    path = tmp_path / "nothing.nc"
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("time", 4)
        file.createDimension("x", 3)
        file.createVariable("v", "f4", ("time", "x"), chunksizes=(1, 3), zlib=True, fill_value=-1.0)
        file.createVariable("i", "i2", ("time", "x"), chunksizes=(1, 3), zlib=True, fill_value=-1)
        file["v"][0] = [np.nan, -1, 3]
    done = served.system.command("register", "--replace", "bad-nothing", path)
    assert done.returncode == 0, done.stderr
    view = f"{served.url}/datasets/bad-nothing/view"
    with xr.open_dataset(path) as whole:
        for steps, wanted in [
            ("mean=time", whole.mean("time")),
            ("sum=time", whole.sum("time")),
            ("count=time,x", whole.count()),
            ("max=x", whole.max("x")),
            ("std=time", whole.std("time")),
            ("median=time", whole.median("time")),
        ]:
            with xr.open_zarr(f"{view}/{steps}/zarr", zarr_format=2) as found:
                for name in ("v", "i"):
                    np.testing.assert_array_equal(found[name].values, wanted[name].values, f"{steps} {name}")


def test_text_passes_and_is_no_number(served):
    path = REAL / "netcdf-c" / "test_utf8.nc"
    done = served.system.command("register", "--replace", "bad-text", path)
    assert done.returncode == 0, done.stderr
    view = f"{served.url}/datasets/bad-text/view"
    with xr.open_dataset(path) as whole, xr.open_zarr(f"{view}/codec=none/zarr", zarr_format=2) as found:
        assert found.vs.values.tolist() == whole.vs.values.tolist()
    assert asked(f"{served.url}/datasets/bad-text", "convert=vs:m").status_code in (400, 501)


@pytest.mark.parametrize("shape", ["serve", "two-process"])
def test_a_source_that_changed_is_no_missing_data(start, copy, shape, allowed_log):
    allowed_log.append("Conflict")
    path = copy(WIND)
    system = start(shape)
    assert system.command("register", "changed", path).returncode == 0
    url = f"{system.url}/datasets/changed"
    steps = "mean=time"
    first = asked(url, steps, "uwnd/0.0")
    assert first.status_code == 200
    assert asked(url, "max=time", "uwnd/0.0").status_code == 200
    with netCDF4.Dataset(path, "a") as file:
        file["uwnd"][0] = 0
    # Made before, and made now: neither is answered with what is not there any more.
    for again in (steps, "max=time", "min=time"):
        answer = asked(url, again, "uwnd/0.0")
        assert answer.status_code == 409, again
    assert system.command("refresh", "changed").returncode == 0
    assert asked(url, steps, "uwnd/0.0").status_code == 200
    assert asked(url, steps, "uwnd/0.0").content != first.content
