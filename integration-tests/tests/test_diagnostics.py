"""Group-by diagnostics as variables, `pp_{variable}_{coord}_{action}`: in `/zarr`, `keys`, `dict` and `info` of their dataset.
The truth is what xarray makes of the same file."""

import numpy as np
import pytest
import requests
import xarray as xr

from harness.growing import month
from harness.server import TOKEN
from test_groupby import close, truth
from test_views import CODER, FILES

MONTHLY = "pp_ta_time.month_mean"
CASES = {
    "proleptic": [
        ("ta", "time.month", "mean", "month", lambda g: g.mean()),
        ("ta", "time.month", "max", "month", lambda g: g.max()),
        ("ta", "time.season", "count", "season", lambda g: g.count()),
        # The dataset has a dimension of this name: the one of groups has another.
        ("ta", "plev", "min", "pp_plev", lambda g: g.min()),
    ],
    "packed": [
        # Latitudes run from north to south, groups from south to north.
        ("air", "lat", "mean", "pp_lat", lambda g: g.mean()),
        ("air", "lat:bins(0;30;60)", "sum", "lat_bins", lambda g: g.sum()),
        ("air", "time.hour", "quantile(0.9)", "hour", lambda g: g.quantile(0.9).drop_vars("quantile")),
    ],
}


def admin(system, method, path, token=TOKEN, **options):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return requests.request(method, f"{system.url}/admin/v1/datasets/{path}", headers=headers, timeout=60, **options)


def add(system, dataset, variable, coord, action):
    done = system.command("diagnostic", dataset, variable, coord, action)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def remove(system, dataset, name):
    done = system.command("diagnostic", "--remove", name, dataset)
    assert done.returncode == 0, done.stdout + done.stderr


def opened(url, version=2):
    return xr.open_dataset(f"{url}/zarr", engine="zarr", zarr_format=version, consolidated=True, decode_times=CODER)


def told(url, what):
    answer = requests.get(f"{url}/{what}", timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()


def registered(system, dataset, name):
    system.register(dataset, FILES[name], replace=True)
    return f"{system.url}/datasets/{dataset}"


@pytest.fixture(scope="module")
def with_diagnostics(served):
    """The cases as variables of a dataset each: URLs by name."""
    urls = {}
    for name, cases in CASES.items():
        urls[name] = registered(served.system, f"pp-{name}", name)
        for number, (variable, coord, action, _, _) in enumerate(cases, start=2):
            printed = add(served.system, f"pp-{name}", variable, coord, action)
            assert f"has pp_{variable}_{coord}_{action} in version {number}" in printed
    return urls


def wanted(name, variable, coord, action, reduce):
    if ":bins" not in coord:
        return truth(name, variable, coord, reduce)
    with xr.open_dataset(FILES[name], decode_times=CODER) as whole:
        return reduce(whole[variable].groupby_bins("lat", [0, 30, 60])).load()


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("name", CASES)
def test_the_whole_store_opens_with_them_as_what_xarray_makes(with_diagnostics, name, version):
    with opened(with_diagnostics[name], version) as found, xr.open_dataset(FILES[name], decode_times=CODER) as whole:
        for variable, coord, action, dimension, reduce in CASES[name]:
            mine = found[f"pp_{variable}_{coord}_{action}"]
            theirs = wanted(name, variable, coord, action, reduce)
            group = dimension.removeprefix("pp_")
            assert dimension in mine.dims
            theirs = theirs.rename({group: dimension} if dimension != group else {}).transpose(*mine.dims)
            assert mine.shape == theirs.shape
            close(mine.values, theirs.values)
            if dimension != "lat_bins":
                assert (found[dimension].values == theirs[dimension].values).all()
        # What the dataset has itself is as it was.
        for variable in whole.variables:
            assert whole[variable].dims == found[variable].dims
            if whole[variable].dtype.kind == "f":
                np.testing.assert_array_equal(found[variable].values, whole[variable].values)
    with xr.open_dataset(f"{with_diagnostics[name]}/kerchunk", engine="zarr", decode_times=CODER) as stored:
        assert sorted(stored.variables) == sorted(whole.variables)


def test_everything_tells_of_them(with_diagnostics):
    url = with_diagnostics["proleptic"]
    keys = told(url, "keys")
    assert MONTHLY in keys and "month" in keys and keys.count("month") == 1
    described = told(url, "dict")
    assert described["data_vars"][MONTHLY]["dims"] == ["month", "plev", "lat", "lon"]
    assert described["data_vars"]["pp_ta_plev_min"]["dims"] == ["time", "pp_plev", "lat", "lon"]
    assert {"month", "season", "pp_plev", "plev"} <= set(described["coords"])
    assert (described["dims"]["month"], described["dims"]["plev"]) == (12, 2)
    assert told(url, "info")["variables"]["month"]["dimensions"] == ["month"]
    v2, v3 = told(url, "zarr/.zmetadata")["metadata"], told(url, "zarr/zarr.json")["consolidated_metadata"]["metadata"]
    assert v2[f"{MONTHLY}/.zattrs"]["_ARRAY_DIMENSIONS"] == v3[MONTHLY]["dimension_names"]
    assert told(url, f"zarr/{MONTHLY}/.zarray") == v2[f"{MONTHLY}/.zarray"]
    assert MONTHLY in requests.get(f"{url}/", timeout=60).text
    assert f'{MONTHLY}/"' in requests.get(f"{url}/zarr/", timeout=60).text
    chunk = requests.get(f"{url}/zarr/{MONTHLY}/0.0.0.0", timeout=60)
    head = requests.head(f"{url}/zarr/{MONTHLY}/0.0.0.0", timeout=60)
    assert chunk.ok and head.headers["content-length"] == str(len(chunk.content))
    again = requests.get(chunk.url, headers={"if-none-match": chunk.headers["etag"]}, timeout=60)
    assert (again.status_code, head.headers["etag"]) == (304, chunk.headers["etag"])
    plan = told(url, f"plan/zarr/{MONTHLY}/0.0.0.0")
    assert plan["chunks_sent"] == 1 and plan["chunks_read"] >= 1


def test_removal_and_roll_back(served):
    system = served.system
    url = registered(system, "pp-removed", "proleptic")
    versions = len(admin(system, "GET", "pp-removed").json()["versions"])
    add(system, "pp-removed", "ta", "time.month", "mean")
    assert add(system, "pp-removed", "ta", "time.month", "mean").endswith(f"version {versions + 1}\n")
    chunk = f"{url}/zarr/{MONTHLY}/0.0.0.0"
    assert requests.get(chunk, timeout=60).status_code == 200
    remove(system, "pp-removed", MONTHLY)
    assert MONTHLY not in told(url, "keys")
    # Who has it open must not read fill values, neither of it nor of the months.
    assert requests.get(chunk, timeout=60).status_code == 410
    assert requests.get(f"{url}/zarr/month/0", timeout=60).status_code == 410
    assert requests.get(f"{url}/zarr/month/.zarray", timeout=60).status_code == 404
    done = system.command("rollback", "pp-removed")
    assert done.returncode == 0, done.stderr
    assert MONTHLY in told(url, "keys") and requests.get(chunk, timeout=60).status_code == 200
    assert admin(system, "GET", "pp-removed").json()["diagnostics"] == [MONTHLY]


def test_they_stay_over_refreshes_and_registrations_and_nothing_is_scanned_for_them(start, data, allowed_log):
    system = start("two-process")
    url = f"{system.url}/datasets/grown"
    files = [month(data, number) for number in range(2)]
    system.register("grown", data / "tas_*.nc")
    add(system, "grown", "tas", "time.month", "mean")
    done = system.command("refresh", "grown")
    assert "unchanged, version 2 (0 files new, 0 changed, 0 gone, 2 unchanged)" in done.stdout, done.stdout + done.stderr
    files.append(month(data, 2))
    done = system.command("refresh", "grown")
    assert "published version 3 (1 files new, 0 changed, 0 gone, 2 unchanged)" in done.stdout, done.stdout + done.stderr
    with opened(url) as found, xr.open_mfdataset(files, combine="nested", concat_dim="time", data_vars="minimal") as whole:
        close(found["pp_tas_time.month_mean"].values, whole.tas.groupby("time.month").mean().values)
    # A version that lacks the variable has no such diagnostic, and says so.
    system.register("grown", other(data), replace=True)
    assert told(url, "info")["left_out"] == {"pp_tas_time.month_mean": "Variable 'tas' not found in dataset"}
    with opened(url) as found:
        assert list(found.data_vars) == ["pr"]
    assert requests.get(f"{url}/zarr/pp_tas_time.month_mean/0.0.0", timeout=60).status_code == 410
    system.register("grown", data / "tas_*.nc", replace=True)
    assert "pp_tas_time.month_mean" in told(url, "keys")


def other(data):
    path = data / "pr.nc"
    xr.Dataset({"pr": ("x", np.arange(4.0))}).to_netcdf(path)
    return path


def test_a_worker_that_is_away_is_an_error_and_no_missing_variable(start, data, allowed_log):
    allowed_log.append(".")
    system = start("two-process")
    url = f"{system.url}/datasets/away"
    month(data, 0)
    system.register("away", data / "tas_*.nc")
    add(system, "away", "tas", "time.month", "mean")
    assert requests.get(f"{url}/kerchunk/.zmetadata", timeout=60).status_code == 200
    system.workers[0].stop()
    for path in ("zarr/.zmetadata", "zarr/zarr.json", "zarr/pp_tas_time.month_mean/0.0.0", "keys", "dict"):
        assert requests.get(f"{url}/{path}", timeout=60).status_code == 503, path
    assert requests.get(f"{url}/kerchunk/.zmetadata", timeout=60).status_code == 200


def test_what_cannot_be_one_is_refused_and_publishes_nothing(served):
    system = served.system
    registered(system, "pp-refused", "proleptic")
    path, before = "pp-refused/diagnostics", admin(system, "GET", "pp-refused").json()["current"]

    def refusal(variable, coord, action, dataset="pp-refused"):
        body = {"variable": variable, "coord": coord, "action": action}
        answer = admin(system, "POST", f"{dataset}/diagnostics", json=body)
        assert answer.headers["content-type"] == "application/problem+json"
        return answer.status_code, answer.json()["detail"]

    assert refusal("zzz", "time.month", "mean") == (404, "Variable 'zzz' not found in dataset")
    assert refusal("ta", "zzz.month", "mean") == (404, "Groupby coordinate 'zzz.month' not found in dataset")
    assert refusal("ta", "time.month", "zzz") == (404, "Groupby action 'zzz' not recognized")
    assert refusal("ta", "time.month", "mean", "nowhere") == (404, "Dataset 'nowhere' not found")
    assert refusal("time", "time.month", "mean")[0] == 400
    assert refusal("ta", "plev.month", "mean")[0] == 400
    assert admin(system, "POST", path, json={"variable": "ta"}).status_code == 400
    body = {"variable": "ta", "coord": "time.month", "action": "mean"}
    for token, status in ((None, 401), ("wrong", 401)):
        assert admin(system, "POST", path, token=token, json=body).status_code == status
        assert admin(system, "DELETE", f"{path}/{MONTHLY}", token=token).status_code == status
    gone = admin(system, "DELETE", f"{path}/{MONTHLY}")
    assert (gone.status_code, gone.json()["detail"]) == (404, f"the dataset has no diagnostic '{MONTHLY}'")
    done = system.command("diagnostic", "pp-refused", "zzz", "time.month", "mean")
    assert done.returncode == 1 and "Variable 'zzz' not found" in done.stderr
    assert admin(system, "GET", "pp-refused").json()["current"] == before


def test_a_name_that_the_dataset_has_is_refused(start, data):
    system = start("serve")
    path = data / "clash.nc"
    times = ("time", np.arange(4.0), {"units": "days since 2000-01-01"})
    xr.Dataset({"tas": ("time", np.arange(4.0)), MONTHLY.replace("ta", "tas"): ("time", np.arange(4.0)), "time": times}).to_netcdf(path)
    system.register("clash", path)
    answer = admin(system, "POST", "clash/diagnostics", json={"variable": "tas", "coord": "time.month", "action": "mean"})
    assert answer.status_code == 409 and "pp_tas_time.month_mean" in answer.json()["detail"]
    for number in range(32):
        add(system, "clash", "tas", "time.day", f"quantile({number / 100})")
    done = system.command("diagnostic", "clash", "tas", "time.day", "max")
    assert done.returncode == 1 and "32 diagnostics at most" in done.stderr
    with opened(f"{system.url}/datasets/clash") as found:
        assert len(found.data_vars) == 34


def test_a_view_is_named_without_a_scan(start, data):
    system = start("two-process")
    url = f"{system.url}/datasets/named"
    month(data, 0)
    system.register("named", data / "tas_*.nc")
    month(data, 1)
    done = system.command("name-view", "named", "last=isel=time:-1", "top=max=time")
    assert done.returncode == 0 and "named is at version 2" in done.stdout, done.stdout + done.stderr
    assert told(url, "info")["views"] == {"last": "isel=time:-1", "top": "max=time"}
    # The second file is not there before a refresh finds it.
    assert told(url, "info")["dimensions"]["time"] == 2
    with xr.open_dataset(f"{url}/views/last/zarr", engine="zarr") as found, opened(url) as whole:
        np.testing.assert_array_equal(found.tas.values, whole.tas.values[-1])
    done = system.command("name-view", "named", "top=")
    assert done.returncode == 0 and told(url, "info")["views"] == {"last": "isel=time:-1"}
    done = system.command("name-view", "named", "bad=resmaple=time:MS:mean")
    assert done.returncode == 1 and 'bad: view: step 1 ("resmaple")' in done.stderr
