"""Means over the cells of every kind of grid, `fldmean`, and bins of coordinates of two dimensions. The truth is CDO's areas
and means, and xarray's groups."""

import subprocess

import netCDF4
import numpy as np
import pytest
import requests
import xarray as xr

from harness.paths import REAL

NEMO = REAL / "metoffice" / "nemo_1m_20150101-20150201_grid-T.nc"


@pytest.fixture
def view(served):
    """Registers a file and gives the URL of its views."""

    def register(path):
        name = f"grid-{path.stem}"
        done = served.system.command("register", "--replace", name, path)
        assert done.returncode == 0, done.stderr
        return f"{served.url}/datasets/{name}/view"

    return register


def opened(view, steps, version=2):
    url = f"{view}/{requests.utils.quote(steps, safe='')}/zarr"
    return xr.open_dataset(url, engine="zarr", zarr_format=version, consolidated=True)


def cdo(*arguments):
    subprocess.run(["cdo", "-s", "-O", "-b", "F64", *map(str, arguments)], check=True, capture_output=True)


def on_sphere(points):
    """Latitudes and longitudes of points of three coordinates."""
    x, y, z = np.moveaxis(points / np.linalg.norm(points, axis=-1, keepdims=True), -1, 0)
    return np.arcsin(z), np.arctan2(y, x)


def icosahedron(levels):
    """The corners of triangles, as ICON's: 20 of them, each cut into four again and again. Two corners are poles, and cells
    lie across the date line."""
    fifth = np.arange(5) * 2 * np.pi / 5
    ring = np.arctan(0.5)
    rings = [np.stack([np.cos(lat) * np.cos(fifth + turn), np.cos(lat) * np.sin(fifth + turn), np.full(5, np.sin(lat))], -1)
             for lat, turn in [(ring, 0), (-ring, np.pi / 5)]]
    (north, south), (up, down) = np.array([[0, 0, 1.0], [0, 0, -1]]), rings
    cells = []
    for at in range(5):
        after = (at + 1) % 5
        cells += [[north, up[at], up[after]], [up[at], down[at], up[after]],
                  [up[after], down[at], down[after]], [down[at], south, down[after]]]
    cells = np.array(cells)
    for _ in range(levels):
        a, b, c = np.moveaxis(cells, 1, 0)
        ab, bc, ca = ((one + other) / np.linalg.norm(one + other, axis=-1, keepdims=True) for one, other in [(a, b), (b, c), (c, a)])
        cells = np.concatenate([np.stack(cell, 1) for cell in [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]])
    return cells


def write(path, latitude, longitude, dimensions, fields, units="degrees", bounds=None, kind="f8", **attributes):
    """Fields on cells with two coordinates, and the corners of cells if there are any. Angles in radians."""
    turned = np.degrees if units == "degrees" else np.asarray
    with netCDF4.Dataset(path, "w") as file:
        for dimension, length in zip(dimensions, latitude.shape):
            file.createDimension(dimension, length)
        file.createDimension("n", None)
        for name, values, corners, said in [("lat", latitude, 0, "latitude"), ("lon", longitude, 1, "longitude")]:
            made = file.createVariable(name, "f8", dimensions)
            made.units = units if units == "radian" else {"lat": "degrees_north", "lon": "degrees_east"}[name]
            made.standard_name = said
            made[:] = turned(values)
            if bounds is not None:
                made.bounds = f"{name}_vertices"
                if "vertices" not in file.dimensions:
                    file.createDimension("vertices", bounds[corners].shape[-1])
                file.createVariable(f"{name}_vertices", kind, (*dimensions, "vertices"))[:] = turned(bounds[corners])
        made = file.createVariable("v", "f8", ("n", *dimensions), chunksizes=(1, *latitude.shape), fill_value=np.nan)
        made.setncatts({"coordinates": "lat lon", **attributes})
        made[:] = fields
    return path


def fields(shape):
    """One of all numbers, one with gaps, one of one cell: that has the cell's share of the area."""
    values = np.random.default_rng(5).normal(0, 1, (3, *shape))
    values[1].ravel()[::3] = np.nan
    values[2] = 0
    values[2].ravel()[7] = 1
    return values


def triangles(path, units, kind="f8"):
    corners = icosahedron(3)
    latitude, longitude = on_sphere(corners.mean(1))
    return write(path, latitude, longitude, ("cell",), fields(latitude.shape), units, on_sphere(corners), kind,
                 CDI_grid_type="unstructured")


def hexagons(path):
    """Cells around the corners of triangles: twelve have five corners, of which the last is there twice."""
    cells = icosahedron(2)
    middles = cells.mean(1)
    places, at = np.unique(cells.reshape(-1, 3).round(9), axis=0, return_inverse=True)
    around = []
    for place, point in enumerate(places):
        corners = middles[np.flatnonzero(at.reshape(-1) == place) // 3]
        east = np.cross([0.3, 0.5, 0.8], point)
        corners = corners[np.argsort(np.arctan2(corners @ np.cross(point, east), corners @ east))]
        around.append(np.concatenate([corners, corners[-1:]])[:6])
    latitude, longitude = on_sphere(places)
    return write(path, latitude, longitude, ("cell",), fields(latitude.shape), "degrees", on_sphere(np.array(around)),
                 CDI_grid_type="unstructured")


def around_a_pole(path):
    """A plane of 20 × 24 cells around a pole, which lies within one."""
    x, y = np.meshgrid(np.linspace(-1.1, 1.3, 25), np.linspace(-0.9, 1.1, 21))
    corner = on_sphere(np.stack([x, y, np.ones_like(x)], -1))
    middle = on_sphere(np.stack([x[:-1, :-1] + 0.05, y[:-1, :-1] + 0.05, np.ones((20, 24))], -1))
    bounds = [np.stack([one[:-1, :-1], one[:-1, 1:], one[1:, 1:], one[1:, :-1]], -1) for one in corner]
    return write(path, *middle, ("y", "x"), fields((20, 24)), "degrees", bounds)


def of_cdo(path, grid, *operators):
    cdo("-f", "nc4", *operators, f"-topo,{grid}", path)
    return path


GRIDS = {
    "triangles-radian": lambda path: triangles(path, "radian"),
    "triangles-degrees": lambda path: triangles(path, "degrees"),
    "triangles-single": lambda path: triangles(path, "radian", "f4"),
    "pole": around_a_pole,
    "hexagons": hexagons,
    "curvilinear": lambda path: of_cdo(path, "r36x18", "-setgridtype,curvilinear"),
    "unstructured": lambda path: of_cdo(path, "r36x18", "-setgridtype,unstructured"),
    "region": lambda path: of_cdo(path, "r90x45", "-setgridtype,unstructured", "-sellonlatbox,-20,30,40,90"),
    "reduced": lambda path: of_cdo(path, "n32", "-setgridtype,unstructured"),
}


@pytest.mark.parametrize("grid", GRIDS)
def test_means_are_those_of_cdo(view, tmp_path, grid):
    path = GRIDS[grid](tmp_path / f"{grid}.nc")
    cdo("fldmean", path, tmp_path / "mean.nc")
    with xr.open_dataset(tmp_path / "mean.nc") as mean:
        name = next(name for name in mean.data_vars if not name.endswith("bnds"))
        wanted = mean[name].values.ravel()
    for version in (2, 3):
        with opened(view(path), "fldmean", version) as found:
            np.testing.assert_allclose(found[name].values.ravel(), wanted, rtol=1e-6, atol=1e-9)
            assert found[name].attrs["cell_methods"].endswith("area: mean")


def test_shares_are_those_of_the_areas_of_cdo_and_make_the_whole_sphere(view, tmp_path):
    corners = icosahedron(1)
    latitude, longitude = on_sphere(corners.mean(1))
    path = write(tmp_path / "shares.nc", latitude, longitude, ("cell",), np.eye(80), "radian", on_sphere(corners))
    cdo("gridarea", path, tmp_path / "area.nc")
    with xr.open_dataset(tmp_path / "area.nc") as areas, opened(view(path), "fldmean") as found:
        shares = areas.cell_area.values / 6371000.0**2 / (4 * np.pi)
        assert shares.max() > 1.1 * shares.min()
        np.testing.assert_allclose(shares.sum(), 1, rtol=1e-9)
        np.testing.assert_allclose(found.v.values, shares, rtol=1e-9)
    with opened(view(path), "isel=cell:3;9;70|fldmean") as found:
        some = shares[[3, 9, 70]]
        np.testing.assert_allclose(found.v.values[[3, 9, 70]], some / some.sum(), rtol=1e-9)


def test_the_mean_of_an_ocean_is_that_of_cdo(view, tmp_path):
    cdo("fldmean", "-selname,tos", NEMO, tmp_path / "mean.nc")
    with xr.open_dataset(tmp_path / "mean.nc", decode_times=False) as mean:
        with opened(view(NEMO), "var=tos|fldmean") as found:
            np.testing.assert_allclose(found.tos.values.ravel(), mean.tos.values.ravel(), rtol=1e-6)
    cdo("gridarea", "-selname,tos", NEMO, tmp_path / "area.nc")
    with xr.open_dataset(tmp_path / "area.nc") as areas, xr.open_dataset(NEMO) as whole:
        within = (whole.nav_lat > 40) & (whole.nav_lat < 60) & (whole.nav_lon > -20) & (whole.nav_lon < 30)
        area = np.where(within & whole.tos[0].notnull(), areas.cell_area.values, 0)
        wanted = np.average(whole.tos[0].fillna(0), weights=area)
    with opened(view(NEMO), "var=tos|bbox=-20,40,30,60|fldmean") as found:
        np.testing.assert_allclose(found.tos.values.ravel(), wanted, rtol=1e-6)


@pytest.mark.parametrize("has_coordinates", [True, False])
def test_a_rotated_grid_without_corners_has_the_areas_that_it_had_before(view, tmp_path, has_coordinates):
    rows, columns = np.radians(np.arange(-30, 60, 5.0)), np.radians(np.arange(-40, 50, 6.0))
    values = fields((len(rows), len(columns)))
    straight, path = tmp_path / "straight.nc", tmp_path / "rotated.nc"
    with netCDF4.Dataset(straight, "w") as file, netCDF4.Dataset(path, "w") as rotated:
        for into, y, x in [(file, "lat", "lon"), (rotated, "rlat", "rlon")]:
            for name, angles in [(y, rows), (x, columns)]:
                into.createDimension(name, len(angles))
                made = into.createVariable(name, "f8", (name,))
                made[:] = np.degrees(angles)
                made.units = "degrees"
                said = {"lat": "latitude", "lon": "longitude"}
                made.standard_name = said.get(name) or f"grid_{said[name[1:]]}"
            into.createDimension("n", None)
            made = into.createVariable("v", "f8", ("n", y, x), fill_value=np.nan)
            made[:] = values
        mapping = rotated.createVariable("pole", "i4")
        mapping.setncatts({"grid_mapping_name": "rotated_latitude_longitude", "grid_north_pole_latitude": 39.25,
                           "grid_north_pole_longitude": -162.0})
        rotated["v"].setncatts({"grid_mapping": "pole", **({"coordinates": "lat lon"} if has_coordinates else {})})
        for name, angles in [("lat", np.degrees(rows)[:, None] / 2 + 0 * columns), ("lon", 0 * rows[:, None] + columns)]:
            made = rotated.createVariable(name, "f8", ("rlat", "rlon"))
            made[:] = angles
            made.units = {"lat": "degrees_north", "lon": "degrees_east"}[name]
    cdo("fldmean", straight, tmp_path / "mean.nc")
    with xr.open_dataset(tmp_path / "mean.nc") as mean, opened(view(path), "fldmean") as found:
        np.testing.assert_allclose(found.v.values.ravel(), mean.v.values.ravel(), rtol=1e-9)


def test_dimensions_in_another_order_have_the_same_areas(view, tmp_path):
    path, turned = around_a_pole(tmp_path / "straight.nc"), tmp_path / "turned.nc"
    with xr.open_dataset(path) as whole:
        whole["v"] = whole.v.transpose("x", "n", "y")
        whole.to_netcdf(turned)
    with opened(view(path), "fldmean") as wanted, opened(view(turned), "fldmean") as found:
        np.testing.assert_allclose(found.v.values, wanted.v.values, rtol=1e-12)


def test_cells_without_corners_are_refused(view, tmp_path, allowed_log):
    allowed_log.append("the areas of the cells of v are not known")
    corners = icosahedron(1)
    latitude, longitude = on_sphere(corners.mean(1))
    path = write(tmp_path / "centres.nc", latitude, longitude, ("cell",), np.ones((1, 80)))
    answer = requests.get(f"{view(path)}/fldmean/zarr/.zmetadata", timeout=30)
    assert answer.status_code == 501
    assert "lat and lon have no bounds" in answer.json()["detail"]


@pytest.mark.parametrize("reduction", ["mean", "max", "count", "sum", "std", "median"])
def test_bins_of_two_dimensions_are_those_of_xarray(view, reduction):
    edges = [-80, -60, -35, -10, 0, 20, 55, 90]
    spelled = ";".join(map(str, edges))
    with opened(view(NEMO), f"var=tos|groupby=nav_lat:bins({spelled}):{reduction}") as found, xr.open_dataset(NEMO) as whole:
        wanted = getattr(whole.tos.groupby_bins("nav_lat", edges), reduction)()
        assert found.tos.dims == wanted.dims and found.tos.dtype == wanted.dtype
        np.testing.assert_allclose(found.tos.values, wanted.values, rtol=1e-5)
        np.testing.assert_array_equal(found.nav_lat_bins.values, [bin.mid for bin in wanted.nav_lat_bins.values])
        assert found.tos.attrs["cell_methods"].endswith("y: x: " + {
            "mean": "mean", "max": "maximum", "sum": "sum", "std": "standard_deviation", "median": "median",
        }.get(reduction, "")) or reduction == "count"


def regular(path, change=lambda dataset: dataset):
    """Five rows of other heights than half-way, and seven columns."""
    edges = np.array([-90, -70, -20, 5, 60, 90.0])
    lat, lon = (edges[1:] + edges[:-1]) / 2 + 1, np.arange(7) * 360 / 7
    bounds = np.stack([edges[:-1], edges[1:]], -1)
    dataset = xr.Dataset(
        {"v": (("lat", "lon"), np.random.default_rng(8).normal(0, 1, (5, 7)) + [[0], [0], [90], [0], [0]]), "lat_bnds": (("lat", "b"), bounds)},
        {"lat": ("lat", lat, {"units": "degrees_north", "bounds": "lat_bnds"}),
         "lon": ("lon", lon, {"units": "degrees_east"})},
    )
    change(dataset).to_netcdf(path)
    weights = np.diff(np.sin(np.radians(edges)))
    return (dataset.v.values.mean(1) * weights).sum() / weights.sum()


def test_bounds_of_rows_lie_in_either_order_and_have_units_of_their_own(view, tmp_path):
    def radians(dataset):
        dataset["lat"] = ("lat", np.radians(dataset.lat.values), {"units": "radians", "bounds": "lat_bnds", "standard_name": "latitude"})
        dataset.lat_bnds.attrs["units"] = "degrees_north"
        return dataset

    for name, change in {
        "plain": lambda dataset: dataset,
        "turned": lambda dataset: dataset.assign(lat_bnds=dataset.lat_bnds.transpose("b", "lat")),
        "units": radians,
    }.items():
        path = tmp_path / f"rows-{name}.nc"
        wanted = regular(path, change)
        with opened(view(path), "fldmean") as found:
            # Cells end at great circles, of which the weights above know nothing: a little off, not as far as without bounds.
            assert abs(float(found.v) - wanted) < 2, name


def test_missing_corners_fill_up_what_has_fewer(view, tmp_path):
    path = hexagons(tmp_path / "hexagons-filled.nc")
    with xr.open_dataset(path, decode_times=False) as file:
        whole = file.load()
    filled = whole.copy(deep=True)
    for name in ("lat_vertices", "lon_vertices"):
        corners = filled[name].values
        both = (whole.lat_vertices.values[:, -1] == whole.lat_vertices.values[:, -2]) & (
            whole.lon_vertices.values[:, -1] == whole.lon_vertices.values[:, -2]
        )
        assert both.sum() == 12
        corners[both, -1] = np.nan
    filled.to_netcdf(tmp_path / "hexagons-missing.nc")
    with opened(view(path), "fldmean") as wanted, opened(view(tmp_path / "hexagons-missing.nc"), "fldmean") as found:
        np.testing.assert_allclose(found.v.values, wanted.v.values, rtol=1e-6)
