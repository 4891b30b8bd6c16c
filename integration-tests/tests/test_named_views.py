"""Named views, `/datasets/{id}/views/{name}`: registered with a dataset, the same as by their steps, kept over versions."""

import numpy as np
import requests
import xarray as xr

from harness.growing import month
from harness.server import TOKEN
from test_views import CODER, FILES

MONTHLY = "var=ta|resample=time:MS:mean"
ROUNDED = "var=ta|isel=time:0..3|bitround=9"


def register(system, dataset, source, *options, code=0):
    done = system.command("register", "--replace", *options, dataset, source)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def views(url):
    return requests.get(f"{url}/info", timeout=30).json().get("views", {})


def opened(url, version=2):
    return xr.open_dataset(url, engine="zarr", zarr_format=version, consolidated=True, decode_times=CODER)


def test_a_named_view_is_what_xarray_makes(served):
    register(served.system, "named", FILES["noleap"], "--named-view", f"monthly={MONTHLY}", "--named-view", f"few-3.bits={ROUNDED}")
    url = f"{served.url}/datasets/named"
    assert views(url) == {"monthly": MONTHLY, "few-3.bits": ROUNDED}
    with xr.open_dataset(FILES["noleap"], decode_times=CODER) as whole:
        wanted = whole.ta.resample(time="MS").mean()
        for version in (2, 3):
            with opened(f"{url}/views/monthly/zarr", version) as found:
                assert found.ta.dims == wanted.dims
                np.testing.assert_allclose(found.ta.values, wanted.values, rtol=2e-6)
                assert (found.time.values == wanted.time.values).all()
    named = requests.get(f"{url}/views/few-3.bits/zarr/ta/0.0.0.0", timeout=30)
    by_steps = requests.get(f"{url}/view/{requests.utils.quote(ROUNDED, safe='')}/zarr/ta/0.0.0.0", timeout=30)
    assert named.ok and (named.content, named.headers["etag"]) == (by_steps.content, by_steps.headers["etag"])
    page = requests.get(f"{url}/", timeout=30).text
    assert "Named views" in page and "/views/monthly/" in page
    assert "/views/monthly/zarr" in requests.get(f"{url}/views/monthly/", timeout=30).text


def test_names_stay_until_they_are_given_anew(served):
    system, url = served.system, f"{served.url}/datasets/renamed"
    register(system, "renamed", FILES["noleap"], "--named-view", f"m={MONTHLY}", "--named-view", f"few={ROUNDED}")
    register(system, "renamed", FILES["noleap"])
    assert views(url) == {"m": MONTHLY, "few": ROUNDED}
    register(system, "renamed", FILES["noleap"], "--named-view", "m=var=ta|max=time", "--named-view", "few=")
    assert views(url) == {"m": "var=ta|max=time"}
    with opened(f"{url}/views/m/zarr") as found:
        assert "time" not in found.ta.dims
    gone = requests.get(f"{url}/views/few/info", timeout=30)
    assert (gone.status_code, gone.json()["detail"]) == (404, "Dataset 'renamed' has no view 'few': it has m")
    assert requests.get(f"{url}/views/few/zarr/ta/0.0.0.0", timeout=30).status_code == 410
    done = system.command("rollback", "renamed")
    assert done.returncode == 0, done.stderr
    assert views(url) == {"m": MONTHLY, "few": ROUNDED}
    with opened(f"{url}/views/m/zarr") as found:
        assert "time" in found.ta.dims


def test_names_stay_over_a_refresh(start, data):
    system = start("two-process")
    url = f"{system.url}/datasets/grown"
    month(data, 0)
    register(system, "grown", data / "tas_*.nc", "--named-view", "last=isel=time:-1")
    before = requests.get(f"{url}/views/last/info", timeout=30).json()
    month(data, 1)
    done = system.command("refresh", "grown")
    assert done.returncode == 0 and "published version 2" in done.stdout, done.stdout + done.stderr
    assert views(url) == {"last": "isel=time:-1"}
    with xr.open_dataset(f"{url}/views/last/zarr", engine="zarr") as found, opened(f"{url}/kerchunk") as whole:
        np.testing.assert_array_equal(found.tas.values, whole.tas.values[-1])
    assert before["dimensions"] == requests.get(f"{url}/views/last/info", timeout=30).json()["dimensions"]


def test_what_is_no_view_is_refused_before_anything_is_published(served):
    for option, reason in (
        ("m=resmaple=time:MS:mean", 'm: view: step 1 ("resmaple")'),
        ("a/b=mean=time", "'a/b' is no name of a view"),
        ("..=mean=time", "is no name of a view"),
        (f"{'x' * 101}=mean=time", "is no name of a view"),
    ):
        done = served.system.command("register", "--named-view", option, "never", FILES["noleap"])
        assert done.returncode != 0 and reason in done.stderr, done.stderr
    assert requests.get(f"{served.url}/datasets/never/info", timeout=30).status_code == 404
    headers = {"Authorization": f"Bearer {TOKEN}"}
    many = {"id": "never", "sources": [str(FILES["noleap"])], "views": {str(n): "mean=time" for n in range(101)}}
    answer = requests.post(f"{served.url}/admin/v1/datasets", json=many, headers=headers, timeout=60)
    assert answer.status_code == 400 and "100 named views" in answer.json()["detail"]
