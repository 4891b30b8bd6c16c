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


@pytest.mark.parametrize("kind", ["NETCDF3_CLASSIC", "NETCDF4"])
def test_names_made_of_characters_select(served, tmp_path, kind):
    path = tmp_path / "stations.nc"
    names = np.array(["Bonn", "XYZ", "Kiel 2", "Ulm"], "S8")
    with netCDF4.Dataset(path, "w", format=kind) as file:
        variable(file, "station_name", netCDF4.stringtochar(names), ("station", "length"), cf_role="timeseries_id")
        variable(file, "v", np.arange(12.0).reshape(3, 4), ("time", "station"), coordinates="station_name")
    served.system.register(f"edge-stations-{kind.lower()}", path)
    view = f"{served.url}/datasets/edge-stations-{kind.lower()}/view"
    with xr.open_dataset(path) as whole:
        named = whole.set_index(station="station_name")
        with opened(view, "sel=station_name:XYZ") as found:
            np.testing.assert_array_equal(found.v.values, named.v.sel(station=b"XYZ").values)
            assert found.station_name.values == b"XYZ"
        with opened(view, "sel=station_name:'Kiel 2';Bonn") as found:
            np.testing.assert_array_equal(found.v.values, named.v.sel(station=[b"Kiel 2", b"Bonn"]).values)
            assert list(found.station_name.values) == [b"Kiel 2", b"Bonn"]


REDUCTIONS = ["mean", "sum", "count", "min", "max", "std", "median"]


def truths_and_halves(path, zarr_format):
    rng = np.random.default_rng(2)
    whole = xr.Dataset({
        "truth": (("time", "x"), rng.random((10, 5)) > 0.4),
        "half": (("time", "x"), rng.normal(0, 300, (10, 5)).astype("f2")),
        "byte": (("time", "x"), rng.integers(0, 200, (10, 5)).astype("u1")),
        "word": (("time", "x"), rng.integers(-9999, 9999, (10, 5)).astype("i4")),
    }, coords={"time": np.arange(10), "x": np.arange(5)})
    whole.half[3, 2] = np.nan
    if zarr_format:
        whole.to_zarr(path, zarr_format=zarr_format, consolidated=True)
    else:
        import h5py

        with h5py.File(path, "w") as file:
            for name, values in whole.variables.items():
                file[name] = values.values
            for name in whole.coords:
                file[name].make_scale(name)
            for name, values in whole.data_vars.items():
                for axis, dimension in enumerate(values.dims):
                    file[name].dims[axis].attach_scale(file[dimension])
    return whole


@pytest.mark.parametrize("zarr_format", [2, 3, None], ids=["zarr2", "zarr3", "hdf5"])
def test_truths_count_and_halves_are_summed_as_singles(served, tmp_path, zarr_format):
    path = tmp_path / ("kinds.h5" if zarr_format is None else "kinds.zarr")
    whole = truths_and_halves(path, zarr_format)
    name = f"edge-kinds-{zarr_format}".lower()
    done = served.system.command("register", "--replace", name, path)
    assert done.returncode == 0, done.stderr
    view = f"{served.url}/datasets/{name}/view"

    def same(found, wanted):
        for kind in ("truth", "byte", "word"):
            assert found[kind].dtype == wanted[kind].dtype, kind
            np.testing.assert_allclose(found[kind].values.astype("f8"), wanted[kind].values.astype("f8"), rtol=1e-6)

    # Of halves numpy makes halves, whose sums of squares are beyond all halves: the truth is that of the same as doubles.
    doubles = whole.half.astype("f8")
    for reduction in REDUCTIONS:
        with opened(view, f"{reduction}=time") as found:
            same(found, getattr(whole, reduction)("time"))
            assert found.half.dtype == ("i8" if reduction == "count" else "f4")
            np.testing.assert_allclose(found.half.values, getattr(doubles, reduction)("time").values, rtol=1e-6)
    for reduction in REDUCTIONS:
        with opened(view, f"coarsen=time:3:{reduction}:pad") as found:
            numbers = whole[["byte", "word"]].coarsen(time=3, boundary="pad")
            wanted = getattr(numbers, reduction)()
            for kind in ("byte", "word"):
                assert found[kind].dtype == wanted[kind].dtype, (kind, reduction)
                np.testing.assert_allclose(found[kind].values, wanted[kind].values, rtol=1e-6)
    with opened(view, "coarsen=time:5:max:pad") as found:
        same(found, whole.coarsen(time=5, boundary="pad").max())
    for reduction in ("min", "max", "sum", "mean", "count", "first"):
        with opened(view, f"groupby=time:bins(-1;3;20;30):{reduction}") as found:
            wanted = getattr(whole.drop_vars("half").groupby_bins("time", [-1, 3, 20, 30]), reduction)()
            same(found, wanted.transpose(*found.truth.dims))
    for reduction in ("first", "last"):
        with opened(view, f"groupby=x:{reduction}|{reduction}=time") as found:
            place = 0 if reduction == "first" else -1
            assert found.truth.dtype == "bool"
            np.testing.assert_array_equal(found.truth.values, whole.truth.values[place])
    with opened(view, "arith=twice:half*2") as found:
        np.testing.assert_allclose(found.twice.values, doubles.values * 2, rtol=1e-6)


@pytest.mark.parametrize("values", [
    [1e300, -1e300, 1e300], [1e200, 1e200, 1e200], [np.inf, 1, 2], [1, 2, np.inf], [-np.inf, -np.inf],
    [np.inf, -np.inf, 2], [1e155, 2e155, 5], [np.nan, np.inf], [np.nan, np.nan], [np.nan, 1e300],
], ids=str)
def test_deviations_of_what_is_huge_are_those_of_numpy(make, values):
    def write(file):
        variable(file, "v", np.array(values), ("time",))
        variable(file, "w", np.stack([values, values], 1), ("time", "x"))

    view, path = make("huge", write)
    with xr.open_dataset(path) as whole:
        for step, reduction in [("std", "std"), ("variance", "var")]:
            with opened(view, f"{step}=time") as found:
                for name in ("v", "w"):
                    np.testing.assert_allclose(found[name].values, getattr(whole[name], reduction)("time").values)
