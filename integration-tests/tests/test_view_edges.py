"""Views where it is easy to be wrong: other units, seams, gaps, differences, names that are taken, stacks of reductions."""

import concurrent.futures

import netCDF4
import numpy as np
import pytest
import requests
import xarray as xr
import zarr


@pytest.fixture
def make(served, tmp_path):
    """Writes a file with a function, registers it, and gives the URL of its views."""

    def register(name, write):
        path = tmp_path / f"{name}.nc"
        with netCDF4.Dataset(path, "w") as file:
            write(file)
        done = served.system.command("register", "--replace", f"edge-{name}", path)
        assert done.returncode == 0, done.stderr
        return f"{served.url}/datasets/edge-{name}/view", path

    return register


def opened(view, steps):
    url = f"{view}/{requests.utils.quote(steps, safe='')}/zarr"
    return xr.open_dataset(url, engine="zarr", zarr_format=2, consolidated=True)


def variable(file, name, values, dimensions, **attributes):
    for dimension, length in zip(dimensions, np.shape(values)):
        if dimension not in file.dimensions:
            file.createDimension(dimension, length)
    made = file.createVariable(name, np.asarray(values).dtype, dimensions, fill_value=attributes.pop("fill", None))
    made.setncatts(attributes)
    made[...] = values


def test_radians_are_no_degrees(make):
    rng = np.random.default_rng(3)
    lat, lon, data = rng.uniform(-90, 90, 1000), rng.uniform(-180, 180, 1000), rng.normal(0, 1, 1000).astype("f4")

    def write(file):
        variable(file, "clat", np.radians(lat), ("cell",), units="radian", standard_name="latitude")
        variable(file, "clon", np.radians(lon), ("cell",), units="radian", standard_name="longitude")
        variable(file, "v", data, ("cell",), coordinates="clat clon")

    view, _ = make("radians", write)
    for west, south, east, north in [(-30, -60, 30, 60), (100, 10, 140, 50), (170, -20, -160, 20)]:
        within = (lat >= south) & (lat <= north) & ((lon - west) % 360 <= (east - west) % 360)
        with opened(view, f"bbox={west},{south},{east},{north}") as found:
            np.testing.assert_array_equal(found.v.values, data[within])


def test_a_grid_that_begins_in_the_middle_has_even_cells(make):
    lat = np.arange(-87.5, 90, 5)
    lon = np.concatenate([np.arange(180, 360, 5), np.arange(0, 180, 5)]).astype("f8")
    data = (10 + 5 * np.cos(np.radians(lon)) + 0 * lat[:, None]).astype("f8")

    def write(file):
        variable(file, "lat", lat, ("lat",), units="degrees_north")
        variable(file, "lon", lon, ("lon",), units="degrees_east")
        variable(file, "v", data, ("lat", "lon"))

    view, _ = make("middle", write)
    with opened(view, "fldmean") as found:
        np.testing.assert_allclose(found.v.values, 10, rtol=1e-12)
    with opened(view, "fldmean=lon") as found:
        np.testing.assert_allclose(found.v.values, data.mean(1), rtol=1e-12)


def test_cells_without_an_area_have_no_weight(make):
    area = np.array([[1.0, 2, -1], [4, 5, 6]])
    data = np.array([[1.0, np.nan, 3], [4, 5, 6]])

    def write(file):
        variable(file, "lat", [[0.0] * 3, [1] * 3], ("y", "x"), units="degrees_north")
        variable(file, "lon", [[0.0, 1, 2]] * 2, ("y", "x"), units="degrees_east")
        variable(file, "cell", area, ("y", "x"), fill=-1.0)
        variable(file, "v", data, ("y", "x"), coordinates="lat lon", cell_measures="area: cell")

    view, path = make("areas", write)
    with opened(view, "fldmean") as found, xr.open_dataset(path) as whole:
        np.testing.assert_allclose(found.v.values, whole.v.weighted(whole.cell.fillna(0)).mean().values)


def days(file, values, **attributes):
    variable(file, "time", np.asarray(attributes.pop("at", np.arange(len(values)))).astype("f8"), ("time",),
             units="days since 2000-01-01", calendar="standard")
    variable(file, "v", values, ("time",), **attributes)


def test_differences_have_no_zero_to_convert(make):
    view, path = make("kelvin", lambda file: days(file, np.arange(60).astype("f4") + 270, units="K"))
    with xr.open_dataset(path) as whole:
        anomaly = (whole.v.groupby("time.month") - whole.v.groupby("time.month").mean()).values
        with opened(view, "anomaly=time.month|convert=v:degC") as found:
            np.testing.assert_allclose(found.v.values, anomaly, atol=1e-4)
        with opened(view, "std=time|convert=v:degC") as found:
            np.testing.assert_allclose(found.v.values, whole.v.std().values, rtol=1e-6)
        with opened(view, "max=time|convert=v:degC") as found:
            np.testing.assert_allclose(found.v.values, whole.v.max().values - 273.15, rtol=1e-5)


@pytest.mark.parametrize("reduction", ["sum", "count", "mean", "max"])
def test_a_period_without_values_is_missing(make, reduction):
    view, path = make("gaps", lambda file: days(file, np.arange(1, 4).astype("i4"), at=[0, 1, 40]))
    with opened(view, f"resample=time:7D:{reduction}") as found, xr.open_dataset(path) as whole:
        wanted = getattr(whole.v.resample(time="7D"), reduction)()
        np.testing.assert_array_equal(found.v.values, wanted.values)


def test_bounds_are_converted_with_what_they_bound(make):
    def write(file):
        variable(file, "plev", [85000.0, 50000], ("plev",), units="Pa", bounds="plev_bnds")
        variable(file, "plev_bnds", [[90000.0, 80000], [60000, 40000]], ("plev", "bnds"))

    view, _ = make("pressure", write)
    with opened(view, "convert=plev:hPa") as found:
        np.testing.assert_allclose(found.plev.values, [850, 500])
        np.testing.assert_allclose(found.plev_bnds.values, [[900, 800], [600, 400]])


def test_times_that_are_data_can_be_reduced_and_opened(make):
    view, path = make("when", lambda file: days(file, np.array([1.0, 2, 6]), units="days since 2000-01-01"))
    for steps, wanted in [("std=time", np.std([1, 2, 6])), ("variance=time", np.var([1, 2, 6])), ("sum=time", 9.0)]:
        with opened(view, steps) as found:
            value = found.v.values
            value = value / np.timedelta64(1, "D") if value.dtype.kind == "m" else value
            np.testing.assert_allclose(value, wanted)
    with opened(view, "mean=time") as found:
        assert found.v.values == np.datetime64("2000-01-04")


def test_packing_is_forgotten_with_what_was_packed(make):
    view, _ = make("packed", lambda file: days(
        file, np.array([1.0, 2, 3]).astype("i2"), scale_factor=0.5, units="K",
        valid_range=np.array([-9, 9], "i2"), actual_range=np.array([1, 3], "i2")))
    with opened(view, "mean=time") as found:
        assert set(found.v.attrs) == {"units", "cell_methods"}


def test_names_that_are_taken_are_refused(make):
    def write(file):
        days(file, np.arange(40).astype("f4"))
        variable(file, "w", np.zeros((40, 3)), ("time", "month"))

    view, _ = make("names", write)
    for steps, words in [
        ("groupby=time.month:mean", "there is a dimension month already"),
        ("arith=time:v*2", "time is a coordinate"),
        ("arith=month:v*2", "month is a coordinate"),
        ("quantile=0.1;0.9:time|quantile=0.2;0.3:month", "has a dimension quantile already"),
    ]:
        answer = requests.get(f"{view}/{requests.utils.quote(steps, safe='')}/zarr/.zmetadata", timeout=30)
        assert answer.status_code == 400 and words in answer.json()["detail"], answer.text


def test_strides_beyond_all_numbers_are_strides(make):
    view, _ = make("strides", lambda file: days(file, np.arange(40).astype("f4")))
    with opened(view, "isel=time:0..10..4294967296|isel=time:0..1..4294967296|isel=time:0..1") as found:
        np.testing.assert_array_equal(found.v.values, [0])


def test_stacks_of_reductions_do_not_wait_for_one_another(served, tmp_path):
    store = zarr.open_group(tmp_path / "stack.zarr", mode="w", zarr_format=3)
    array = store.create_array("v", shape=(4096, 2000), chunks=(1, 2000), dtype="f4", dimension_names=["time", "x"])
    array[5] = 3.0
    done = served.system.command("register", "--replace", "edge-stack", tmp_path / "stack.zarr")
    assert done.returncode == 0, done.stderr
    view = f"{served.url}/datasets/edge-stack/view"
    coarse = "|".join(["coarsen=time:4:mean"] * 5)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        urls = [f"{view}/isel=x:{at}..|{coarse}|max=time/zarr/v/0" for at in range(8)]
        answers = list(pool.map(lambda url: requests.get(url, timeout=58), urls))
    assert {answer.status_code for answer in answers} == {200}
    with xr.open_zarr(f"{view}/{coarse}|max=time/zarr", zarr_format=2) as found:
        np.testing.assert_allclose(found.v.values, 3 / 4**5, rtol=1e-6)
