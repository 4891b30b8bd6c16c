"""Views of datasets of other sources than one file of NetCDF-4: GRIB, files that do not agree, Zarr, classic NetCDF,
reduced grids; and views that many clients ask for at once, or give up."""

import concurrent.futures

import netCDF4
import numpy as np
import pytest
import requests
import xarray as xr

import test_grib_archives as grib
import test_mixed as mixed


def opened(served, name, steps, version=2):
    address = f"{served.url}/datasets/{name}/view/{requests.utils.quote(steps, safe='')}/zarr"
    return xr.open_dataset(address, engine="zarr", zarr_format=version, consolidated=True)


def test_messages_of_grib_are_reduced(served, tmp_path):
    paths = []
    for at, (base, packing) in enumerate(zip(grib.days(4), ["grid_simple", "grid_ccsds", "grid_complex", "grid_jpeg"])):
        paths.append(grib.write(tmp_path / f"v{at}.grib2", [grib.message(base, 0, packing=packing)]))
    served.system.register("view-grib", tmp_path / "v*.grib2")
    fields = xr.concat([grib.truth(path, "t2m") for path in paths], "time")
    with opened(served, "view-grib", "groupby=time.month:mean|sel=latitude:-45..45") as found:
        wanted = fields.groupby("time.month").mean().sel(latitude=slice(45, -45))
        np.testing.assert_allclose(found["2t"].values, wanted.values, rtol=2e-7)
    with opened(served, "view-grib", "fldmean", 3) as found:
        assert found["2t"].dims == ("time",)
        assert abs(found["2t"].values - 280).max() < 9


@pytest.mark.parametrize("case", ["packing", "int16-float32", "double-packing", "filters", "fill-values", "months"])
def test_files_that_do_not_agree_are_reduced(served, tmp_path, case):
    lengths = mixed.MONTHS[:4] if case == "months" else [7, 6, 9, 5]
    paths = [
        mixed.write(tmp_path / f"m{at}.nc", first, length, mixed.CASES[case](at, length))
        for at, (first, length) in enumerate(mixed.spans(lengths))
    ]
    served.system.register(f"view-{case}", tmp_path / "m*.nc")
    with xr.open_mfdataset(paths, combine="by_coords") as whole:
        tas = whole.tas.load()
    for steps, wanted in [
        ("mean=time", tas.mean("time")),
        ("resample=time:10D:max", tas.resample(time="10D").max()),
        ("isel=lat:2..5,lon:-3..|sel=time:2000-01-04..2000-01-12", tas.isel(lat=slice(2, 5), lon=slice(-3, None)).sel(
            time=slice("2000-01-04", "2000-01-12"))),
    ]:
        with opened(served, f"view-{case}", steps) as found:
            assert found.tas.shape == wanted.shape
            np.testing.assert_allclose(found.tas.values, wanted.values, rtol=2e-6)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_stores_of_zarr_are_reduced(served, tmp_path, zarr_format):
    times = np.arange("2001-01-01", "2001-03-01", dtype="datetime64[D]").astype("datetime64[ns]")
    values = np.random.default_rng(7).normal(0, 1, (len(times), 9, 11)).astype("f4")
    whole = xr.Dataset({"v": (("time", "y", "x"), values)}, coords={"time": times})
    whole.v[3, 4, 5] = np.nan
    encoding = {"v": {"chunks": (8, 4, 11)} | ({"shards": (16, 8, 11)} if zarr_format == 3 else {})}
    whole.to_zarr(tmp_path / "s.zarr", zarr_format=zarr_format, encoding=encoding)
    served.system.register(f"view-zarr-{zarr_format}", tmp_path / "s.zarr")
    with opened(served, f"view-zarr-{zarr_format}", "groupby=time.month:std|isel=y:2..", zarr_format) as found:
        wanted = whole.v.groupby("time.month").std().isel(y=slice(2, None))
        np.testing.assert_allclose(found.v.values, wanted.values, rtol=3e-6)


def test_classic_files_are_reduced(served, tmp_path):
    path = mixed.write(tmp_path / "classic.nc", 0, 40, {"tas": {"dtype": "f4"}}, file_format="NETCDF3_64BIT_OFFSET")
    served.system.register("view-classic", path)
    with opened(served, "view-classic", "resample=time:MS:mean|mean=lon") as found, xr.open_dataset(path) as whole:
        wanted = whole.tas.resample(time="MS").mean().mean("lon")
        np.testing.assert_allclose(found.tas.values, wanted.values, rtol=1e-6)


@pytest.fixture
def large(served, tmp_path):
    """A variable of 64 time steps of 1 MB: a reduction that takes a while."""
    path = tmp_path / "large.nc"
    with netCDF4.Dataset(path, "w") as file:
        for name, size in (("time", 64), ("y", 512), ("x", 512)):
            file.createDimension(name, size)
        data = file.createVariable("v", "f4", ("time", "y", "x"), chunksizes=(1, 512, 512), zlib=True, complevel=1)
        for step in range(64):
            data[step] = np.random.default_rng(step).normal(step, 1, (512, 512))
    done = served.system.command("register", "--replace", "view-large", path)
    assert done.returncode == 0, done.stderr
    with xr.open_dataset(path) as whole:
        yield f"{served.url}/datasets/view-large/view", whole.v.load()


def test_many_at_once_get_the_same_bits(large):
    view, whole = large
    steps = ["mean=time", "std=time", "max=time", "quantile=0.5:time", "mean=x,y", "anomaly=y"]
    keys = {"mean=x,y": "v/0", "anomaly=y": "v/0.0.0"}
    asked = [f"{view}/{step}/zarr/{keys.get(step, 'v/0.0')}" for step in steps] * 8
    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(lambda url: requests.get(url, timeout=120), asked))
    assert {answer.status_code for answer in answers} == {200}
    for at in range(len(steps)):
        assert len({answer.content for answer in answers[at :: len(steps)]}) == 1
    with xr.open_zarr(f"{view}/mean=time/zarr", zarr_format=2) as found:
        np.testing.assert_allclose(found.v.values, whole.mean("time").values, rtol=2e-6, atol=1e-6)


def test_what_is_given_up_is_not_computed_on(large):
    view, _ = large
    for number in range(12):
        try:
            requests.get(f"{view}/quantile=0.{number + 1:02}:time/zarr/v/0.0", timeout=0.05)
        except requests.exceptions.Timeout:
            pass
    # Twelve of them would take longer than that.
    assert requests.get(f"{view}/isel=time:1/zarr/v/0.0", timeout=30).status_code == 200
