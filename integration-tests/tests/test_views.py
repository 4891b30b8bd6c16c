"""Views by URL, `/datasets/{id}/view/{steps}/zarr`: every step on real files of several grids and calendars. The truth is
what xarray makes of the same file, and what CDO makes of it."""

import subprocess

import numpy as np
import pytest
import requests
import xarray as xr

from harness.paths import REAL

CMIP6 = REAL / "cmip6"
FILES = {
    "proleptic": CMIP6 / "ACCESS-CM2" / "ta_day_ACCESS-CM2_historical_r1i1p1f1_gn_20000101-20041231.nc",
    "noleap": CMIP6 / "BCC-CSM2-MR" / "ta_day_BCC-CSM2-MR_historical_r1i1p1f1_gn_19980101-20001231.nc",
    "days360": CMIP6 / "KACE-1-0-G" / "ta_day_KACE-1-0-G_historical_r1i1p1f1_gr_20000101-20141230.nc",
    "months": CMIP6 / "IPSL-CM6A-LR" / "ta_Amon_IPSL-CM6A-LR_historical_r1i1p1f1_gr_185001-201412.nc",
    "packed": REAL / "misc" / "air_temperature_small.nc",
    "wind": REAL / "misc" / "uwnd_mean.nc",
    "nemo": REAL / "metoffice" / "nemo_1m_20150101-20150201_grid-T.nc",
    "fesom": REAL / "fesom" / "temp.fesom.1948.nc",
    "profiles": REAL / "metoffice" / "atlantic_profiles.nc",
}
CODER = xr.coders.CFDatetimeCoder(use_cftime=True)
TIMES = {"decode_times": CODER}


@pytest.fixture
def dataset(served):
    """Registers a file under its name and gives the URL of its views."""

    def register(name, *options):
        done = served.system.command("register", "--replace", *options, f"views-{name}", FILES[name])
        assert done.returncode == 0, done.stderr
        return f"{served.url}/datasets/views-{name}"

    return register


def opened(url, steps, version=2, **options):
    address = f"{url}/view/{requests.utils.quote(steps, safe='')}/zarr"
    return xr.open_dataset(
        address, engine="zarr", zarr_format=version, consolidated=True, **{**TIMES, **options}
    )


def source(name, **options):
    return xr.open_dataset(FILES[name], **{**TIMES, **options})


def same(found, wanted, rtol=1e-6, atol=0.0):
    """Values, dimensions and type; within the rounding of single precision."""
    assert found.dims == wanted.dims
    assert found.dtype == wanted.dtype
    np.testing.assert_allclose(found.values, wanted.values, rtol=rtol, atol=atol)


SELECTIONS = [
    ("proleptic", "isel=time:0..4,lon:-1", lambda d: d.isel(time=slice(0, 4), lon=-1)),
    ("proleptic", "isel=time:10..40..7", lambda d: d.isel(time=slice(10, 40, 7))),
    ("noleap", "isel=time:5;3;-1,plev:1", lambda d: d.isel(time=[5, 3, -1], plev=1)),
    ("proleptic", "sel=time:2000-02..2000-03-15", lambda d: d.sel(time=slice("2000-02", "2000-03-15"))),
    ("days360", "sel=time:2001..2002", lambda d: d.sel(time=slice("2001", "2002"))),
    ("noleap", "sel=time:1999-02", lambda d: d.sel(time="1999-02")),
    ("packed", "sel=lat:30..60,lon:210..300", lambda d: d.sel(lat=slice(60, 30), lon=slice(210, 300))),
    ("packed", "sel=lat:nearest(52.3),lon:nearest(201)", lambda d: d.sel(lat=52.3, lon=201, method="nearest")),
    ("wind", "sel=longitude:100;10", lambda d: d.sel(longitude=[100, 10])),
    ("fesom", "isel=nod2:7..100..3,nz1:0", lambda d: d.isel(nod2=slice(7, 100, 3), nz1=0)),
    ("nemo", "isel=y:100..120,x:3", lambda d: d.isel(y=slice(100, 120), x=3)),
]


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize(("name", "steps", "wanted"), SELECTIONS, ids=[f"{n}-{s}" for n, s, _ in SELECTIONS])
def test_selections_are_those_of_xarray(dataset, name, steps, wanted, version):
    with opened(dataset(name), steps, version) as found, source(name) as whole:
        wanted = wanted(whole)
        assert set(wanted.data_vars) <= set(found.variables)
        for variable in wanted.variables:
            assert found[variable].dims == wanted[variable].dims, variable
            if found[variable].dtype.kind in "fiu":
                np.testing.assert_array_equal(found[variable].values, wanted[variable].values, variable)
        for dimension in wanted.sizes:
            if dimension in wanted.coords:
                assert (found[dimension].values == wanted[dimension].values).all(), dimension


def roll(d):
    """From 0..360 to −180..180, as xarray users do it."""
    d = d.assign_coords(longitude=(d.longitude + 180) % 360 - 180)
    return d.sortby("longitude").sel(longitude=slice(-20, 30))


def test_longitudes_go_through_the_seam(dataset):
    with opened(dataset("wind"), "sel=longitude:-20..30") as found, source("wind") as whole:
        wanted = roll(whole)
        np.testing.assert_array_equal(found.longitude.values, wanted.longitude.values)
        np.testing.assert_array_equal(found.uwnd.values, wanted.uwnd.values)


def first_of_y(a):
    """The first along y that is not missing."""
    place = np.isfinite(a).argmax("y")
    return a.isel(y=place).drop_vars(["nav_lat", "nav_lon"], errors="ignore")


REDUCTIONS = [
    ("packed", "mean=time", "air", lambda a: a.mean("time")),
    ("packed", "max=lat,lon", "air", lambda a: a.max(["lat", "lon"])),
    ("packed", "std=time", "air", lambda a: a.std("time")),
    ("wind", "variance=longitude", "uwnd", lambda a: a.var("longitude")),
    ("wind", "quantile=0.1;0.9:time", "uwnd", lambda a: a.quantile([0.1, 0.9], "time")),
    ("wind", "quantile=0.25:latitude", "uwnd", lambda a: a.quantile(0.25, "latitude")),
    ("nemo", "median=x", "tos", lambda a: a.median("x")),
    ("nemo", "count=x,y", "tos", lambda a: a.count(["x", "y"])),
    ("nemo", "sum=x", "tos", lambda a: a.sum("x")),
    ("nemo", "first=y", "tos", None),
    ("fesom", "min=nod2", "temp", lambda a: a.min("nod2")),
    ("proleptic", "groupby=time.month:mean", "ta", lambda a: a.groupby("time.month").mean()),
    ("noleap", "groupby=time.season:max", "ta", lambda a: a.groupby("time.season").max()),
    ("days360", "groupby=time.dayofyear:min", "ta", lambda a: a.groupby("time.dayofyear").min()),
    ("months", "groupby=time.year:sum", "ta", lambda a: a.groupby("time.year").sum()),
    ("proleptic", "groupby=plev:mean", "ta", lambda a: a.groupby("plev").mean().sortby("plev")),
    ("proleptic", "resample=time:MS:mean", "ta", lambda a: a.resample(time="MS").mean()),
    ("noleap", "resample=time:7D:std", "ta", lambda a: a.resample(time="7D").std()),
    ("days360", "resample=time:QS-DEC:mean", "ta", lambda a: a.resample(time="QS-DEC").mean()),
    ("months", "resample=time:5YS:last", "ta", lambda a: a.resample(time="5YS").last()),
    ("packed", "resample=time:6h:first", "air", lambda a: a.resample(time="6h").first()),
    ("packed", "coarsen=lat:5,lon:4:mean:trim", "air", lambda a: a.coarsen(lat=5, lon=4, boundary="trim").mean()),
    ("packed", "coarsen=lat:3:max:pad", "air", lambda a: a.coarsen(lat=3, boundary="pad").max()),
    ("proleptic", "anomaly=time.month", "ta", lambda a: a.groupby("time.month") - a.groupby("time.month").mean()),
    ("wind", "quantize=uwnd:0.25", "uwnd", lambda a: (a.astype("f8") / 0.25).round().astype("f4") * np.float32(0.25)),
    ("packed", "convert=air:degC", "air", lambda a: a - a.dtype.type(273.15)),
    ("wind", "arith=speed:hypot(uwnd,uwnd)", "speed", None),
]


@pytest.mark.parametrize(("name", "steps", "variable", "wanted"), REDUCTIONS, ids=[f"{n}-{s}" for n, s, *_ in REDUCTIONS])
def test_reductions_are_those_of_xarray(dataset, name, steps, variable, wanted):
    with opened(dataset(name), steps) as found, source(name) as whole:
        if wanted is None:
            wanted = {
                "first=y": first_of_y,
                "arith=speed:hypot(uwnd,uwnd)": lambda a: np.hypot(a, a),
            }[steps]
        own = "uwnd" if variable == "speed" else variable
        expected = wanted(whole[own])
        found = found[variable]
        expected = expected.transpose(*found.dims)
        scale = float(np.nanmax(np.abs(expected.values.astype("f8"))))
        same(found, expected, rtol=2e-6, atol=2e-6 * scale if "anomaly" in steps or "convert" in steps else 1e-7 * scale)
        for dimension in expected.dims:
            if dimension in expected.coords:
                assert (found[dimension].values == expected[dimension].values).all(), dimension


CDO = [
    ("proleptic", "monmean", "resample=time:MS:mean", "ta"),
    ("noleap", "ymonmean", "groupby=time.month:mean", "ta"),
    ("days360", "ymonmax", "groupby=time.month:max", "ta"),
    ("months", "timmean", "mean=time", "ta"),
    ("months", "timmin", "min=time", "ta"),
    ("months", "timstd", "std=time", "ta"),
    ("packed", "fldmean", "fldmean", "air"),
    ("wind", "fldmean", "fldmean", "uwnd"),
    ("wind", "zonmean", "fldmean=longitude", "uwnd"),
    ("wind", "fldmax", "max=latitude,longitude", "uwnd"),
    ("months", "fldmean", "fldmean", "ta"),
]


@pytest.mark.parametrize(("name", "operator", "steps", "variable"), CDO, ids=[f"{n}-{o}" for n, o, *_ in CDO])
def test_operators_are_those_of_cdo(dataset, tmp_path, name, operator, steps, variable):
    made = tmp_path / "cdo.nc"
    command = ["cdo", "-s", "-b", "F64", operator, f"-selname,{variable}", str(FILES[name]), str(made)]
    subprocess.run(command, check=True, capture_output=True)
    with opened(dataset(name), steps, decode_times=False) as found, xr.open_dataset(made, decode_times=False) as wanted:
        found, wanted = found[variable].values.squeeze(), wanted[variable].values.squeeze()
        np.testing.assert_allclose(found, wanted, rtol=3e-6, atol=1e-6 * np.nanmax(np.abs(wanted)))




def inside(latitudes, longitudes, west, south, east, north):
    turned = (longitudes - west) % 360
    return (latitudes >= south) & (latitudes <= north) & (turned <= (east - west) % 360)


def test_a_box_on_a_regular_grid_is_a_selection(dataset):
    with opened(dataset("packed"), "bbox=210,30,260,60") as found, source("packed") as whole:
        np.testing.assert_array_equal(found.air.values, whole.air.sel(lat=slice(60, 30), lon=slice(210, 260)).values)


def test_a_box_on_a_curvilinear_grid_is_a_rectangle_with_nothing_else_in_it(dataset):
    west, south, east, north = -20, 40, 10, 60
    with opened(dataset("nemo"), f"bbox={west},{south},{east},{north}") as found, source("nemo") as whole:
        within = inside(whole.nav_lat.values, whole.nav_lon.values, west, south, east, north)
        rows, columns = np.flatnonzero(within.any(1)), np.flatnonzero(within.any(0))
        cut = {"y": slice(rows[0], rows[-1] + 1), "x": slice(columns[0], columns[-1] + 1)}
        wanted = whole.tos.where(xr.DataArray(within, dims=["y", "x"])).isel(cut)
        np.testing.assert_array_equal(found.tos.values, wanted.values)
        np.testing.assert_array_equal(found.nav_lat.values, whole.nav_lat.isel(cut).values)


@pytest.mark.parametrize("version", [2, 3])
def test_chunks_are_those_that_are_asked_for(dataset, version):
    with opened(dataset("wind"), "chunks=time:-1,longitude:50|codec=zstd:3", version) as found, source("wind") as whole:
        assert found.uwnd.encoding["chunks"] == (12, 73, 50)
        np.testing.assert_array_equal(found.uwnd.values, whole.uwnd.values)


def test_shards_hold_chunks_and_v2_sees_the_chunks(dataset):
    steps = "chunks=latitude:20,longitude:40|shard=time:4,latitude:40,longitude:-1|codec=zstd:3"
    url = dataset("wind")
    with source("wind") as whole:
        with opened(url, steps, 3) as found:
            assert found.uwnd.encoding["chunks"] == (1, 20, 40)
            assert found.uwnd.encoding["shards"] == (4, 40, 160)
            np.testing.assert_array_equal(found.uwnd.values, whole.uwnd.values)
        with opened(url, steps, 2) as found:
            assert found.uwnd.encoding["chunks"] == (1, 20, 40)
            np.testing.assert_array_equal(found.uwnd.values, whole.uwnd.values)


@pytest.mark.parametrize(
    ("bound", "allowed"),
    [
        ("abs:0.01", lambda a: np.full_like(a, 0.01)),
        ("rel:1e-3", lambda a: np.abs(a) * 1e-3),
        ("bits:7", lambda a: np.abs(a) * 2.0**-8),
    ],
)
def test_errors_are_within_what_is_allowed_and_said(dataset, bound, allowed):
    url = dataset("wind")
    with opened(url, f"accuracy={bound}") as found, source("wind") as whole:
        wanted = whole.uwnd.values.astype("f8")
        error = np.abs(found.uwnd.values.astype("f8") - wanted)
        assert (error <= allowed(wanted)).all() and error.max() > 0
        said = found.uwnd.attrs
        names = [name for name in said if name.startswith("maximum_")]
        assert names == ["maximum_absolute_error" if bound.startswith("abs") else "maximum_relative_error"]
        np.testing.assert_array_equal(found.latitude.values, whole.latitude.values)
    key = f"view/accuracy={bound}/zarr/uwnd/0.0.0"
    lossless = len(requests.get(f"{url}/view/codec=zstd:3/zarr/uwnd/0.0.0", timeout=30).content)
    assert len(requests.get(f"{url}/{key}", timeout=30).content) < 0.8 * lossless


def test_bits_are_rounded_in_views_too(dataset):
    import numcodecs

    with opened(dataset("wind"), "isel=time:3|bitround=7") as found, source("wind") as whole:
        rounder = numcodecs.BitRound(keepbits=7)
        values = np.ascontiguousarray(whole.uwnd.isel(time=3).values)
        wanted = rounder.decode(rounder.encode(values.copy())).view("f4").reshape(values.shape)
        np.testing.assert_array_equal(found.uwnd.values, wanted)


def test_steps_follow_one_another(dataset):
    steps = "sel=lat:20..60|convert=air:degC|resample=time:1D:mean|coarsen=lat:2,lon:2:mean:trim|arith=cold:min(air,0)"
    with opened(dataset("packed"), steps) as found, source("packed") as whole:
        air = (whole.air.sel(lat=slice(60, 20)) - np.float32(273.15)).resample(time="1D").mean()
        air = air.coarsen(lat=2, lon=2, boundary="trim").mean()
        np.testing.assert_allclose(found.air.values, air.values, rtol=2e-6, atol=1e-4)
        np.testing.assert_allclose(found.cold.values, np.minimum(air.values, 0), rtol=2e-6, atol=1e-4)
        assert found.air.attrs["units"] == "degC"
        assert found.air.attrs["cell_methods"].endswith("time: mean lat: mean lon: mean")
        assert (found.time.values == air.time.values).all()
        np.testing.assert_allclose(found.lat.values, air.lat.values)


def test_the_spelling_of_separators_does_not_matter(served, dataset):
    url = dataset("wind")
    with source("wind") as whole:
        wanted = whole.uwnd.isel(time=slice(0, 2)).mean("longitude").values
    for spelled in [
        "isel=time:0..2|mean=longitude",
        "isel%3Dtime%3A0..2%7Cmean%3Dlongitude",
        "isel~etime~d0..2~pmean~elongitude",
    ]:
        with xr.open_zarr(f"{url}/view/{spelled}/zarr", zarr_format=2, **TIMES) as found:
            np.testing.assert_allclose(found.uwnd.values, wanted, rtol=2e-6, atol=1e-5)
