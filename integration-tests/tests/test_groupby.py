"""Group-by diagnostics, `/datasets/{id}/groupby/{variable}/{coord}/{action}`: every action on real files, in every form.
The truth is what xarray makes of the same file."""

import csv
import io

import numpy as np
import pytest
import requests
import xarray as xr

from test_views import CODER, FILES, source


@pytest.fixture
def dataset(served):
    """Registers a file under its name and gives its URL."""

    def register(name):
        done = served.system.command("register", "--replace", f"groups-{name}", FILES[name])
        assert done.returncode == 0, done.stderr
        return f"{served.url}/datasets/groups-{name}"

    return register


def asked(url, path, form, status=200):
    answer = requests.get(f"{url}/groupby/{path}", params={"format": form}, timeout=120)
    assert answer.status_code == status, answer.text[:500]
    return answer


def quantile(groups):
    return groups.quantile(0.9).drop_vars("quantile")


CASES = [
    ("proleptic", "ta", "time.month", "mean", lambda g: g.mean()),
    ("noleap", "ta", "time.season", "max", lambda g: g.max()),
    ("months", "ta", "time.year", "sum", lambda g: g.sum()),
    ("days360", "ta", "time.month", "count", lambda g: g.count()),
    ("months", "ta", "time.month", "first", lambda g: g.first()),
    ("months", "ta", "time.month", "last", lambda g: g.last()),
    ("noleap", "ta", "plev", "min", lambda g: g.min()),
    ("packed", "air", "lat", "mean", lambda g: g.mean()),
    ("packed", "air", "time.hour", "std", lambda g: g.std()),
    ("noleap", "ta", "time.year", "median", lambda g: g.median()),
    ("proleptic", "ta", "time.year", "quantile(0.9)", quantile),
]
IDS = [f"{n}-{c}-{a}" for n, _, c, a, _ in CASES]


def truth(name, variable, coord, reduce):
    """What xarray makes of it, groups ascending: it leaves those of a unique coordinate in their order."""
    with source(name) as whole:
        made = reduce(whole[variable].groupby(coord)).load()
        return made.sortby(coord) if coord in made.dims else made


def close(found, wanted):
    scale = np.nanmax(np.abs(wanted.astype("f8")))
    np.testing.assert_allclose(found.astype("f8"), wanted.astype("f8"), rtol=2e-6, atol=1e-7 * scale)


@pytest.mark.parametrize("engine", ["scipy", "netcdf4"])
@pytest.mark.parametrize(("name", "variable", "coord", "action", "reduce"), CASES, ids=IDS)
def test_netcdf_opens_as_what_xarray_makes(dataset, tmp_path, name, variable, coord, action, reduce, engine):
    wanted = truth(name, variable, coord, reduce)
    answer = asked(dataset(name), f"{variable}/{coord}/{action}", "netcdf")
    assert answer.headers["content-type"] == "application/netcdf"
    made = tmp_path / "made.nc"
    made.write_bytes(answer.content)
    with xr.open_dataset(made, engine=engine, decode_times=CODER) as found:
        wanted = wanted.transpose(*found[variable].dims)
        close(found[variable].values, wanted.values)
        for dimension in wanted.dims:
            if dimension in wanted.coords:
                assert (found[dimension].values == wanted[dimension].values).all(), dimension
        assert found[variable].attrs["units"] == ("1" if action == "count" else units(dataset(name), variable))


def units(url, variable):
    return requests.get(f"{url}/info", timeout=30).json()["variables"][variable]["attributes"]["units"]


@pytest.mark.parametrize(("name", "variable", "coord", "action", "reduce"), CASES[:2] + CASES[6:8], ids=IDS[:2] + IDS[6:8])
def test_json_and_csv_hold_the_same(dataset, name, variable, coord, action, reduce):
    wanted = truth(name, variable, coord, reduce)
    told = asked(dataset(name), f"{variable}/{coord}/{action}", "json").json()
    wanted = wanted.transpose(*told["dims"])
    values = np.array(told["values"], dtype="f8")
    assert (list(values.shape), told["name"]) == (told["shape"], variable)
    close(values, wanted.values)
    rows = list(csv.DictReader(io.StringIO(asked(dataset(name), f"{variable}/{coord}/{action}", "csv").text)))
    assert list(rows[0])[: len(told["dims"])] == told["dims"] and len(rows) == values.size
    read = np.array([float(row[variable] or "nan") for row in rows]).reshape(values.shape)
    np.testing.assert_array_equal(read, values)
    group = coord.removeprefix("time.")
    wanted_groups = [str(value) for value in wanted[group].values.tolist()]
    seen = list(dict.fromkeys(row[group] for row in rows))
    assert [float(g) for g in seen] == [float(g) for g in wanted_groups] if group != "season" else seen == wanted_groups


def test_zarr_is_the_view(dataset):
    url = dataset("proleptic")
    answer = requests.get(f"{url}/groupby/ta/time.month/mean?format=zarr", allow_redirects=False, timeout=60)
    assert answer.status_code == 307
    with xr.open_dataset(answer.headers["location"], engine="zarr", decode_times=CODER) as found:
        wanted = truth("proleptic", "ta", "time.month", lambda g: g.mean()).transpose(*found.ta.dims)
        close(found.ta.values, wanted.values)


def test_a_page_shows_values_or_what_they_are_like(dataset):
    few = asked(dataset("proleptic"), "ta/time.month/mean", "html")
    many = requests.get(f"{dataset('packed')}/groupby/air/lat/max", headers={"accept": "text/html,*/*"}, timeout=60)
    for page, parts in (
        (few, ("mean of ta by time.month", "<th>12</th>", "?format=netcdf", "groupby~etime.month")),
        (many, ("max of air by lat", "<th>missing</th>", "?format=csv", "prefers-color-scheme")),
    ):
        assert page.headers["content-type"].startswith("text/html")
        for part in parts:
            assert part in page.text, part
    assert few.text.count("<td>") == 12 * 8


def test_what_is_not_there_is_told_as_before(dataset):
    url = dataset("proleptic")
    for path, detail in (
        ("zzz/time.month/mean", "Variable 'zzz' not found in dataset"),
        ("ta/zzz.month/mean", "Groupby coordinate 'zzz.month' not found in dataset"),
        ("ta/time.zzz/mean", "Groupby coordinate 'time.zzz' not found in dataset"),
        ("ta/time.month/zzz", "Groupby action 'zzz' not recognized"),
    ):
        answer = requests.get(f"{url}/groupby/{path}", timeout=60)
        assert (answer.status_code, answer.json()["detail"]) == (404, detail)
    for path, status in (("time/time.month/mean", 400), ("ta/plev.month/mean", 400), ("ta/lat_bnds/mean", 400)):
        answer = requests.get(f"{url}/groupby/{path}", timeout=60)
        assert answer.status_code == status, answer.text[:300]


def test_head_and_conditions(dataset):
    url = f"{dataset('packed')}/groupby/air/time.month/mean?format=csv"
    whole = requests.get(url, timeout=60)
    head = requests.head(url, timeout=60)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == whole.headers["etag"]
    plain = {"accept-encoding": "identity"}
    whole = requests.get(url, headers=plain, timeout=60)
    again = requests.get(url, headers={"if-none-match": whole.headers["etag"], **plain}, timeout=60)
    assert (again.status_code, again.content) == (304, b"")
