"""The documents that xpublish clients read: shapes as xarray and the Python server have them."""

import json

import numpy as np
import pytest
import requests
import xarray as xr

from harness import samples

PATHS = [samples.AIR, samples.ROTATED, samples.NEMO[0], samples.REAL / "metoffice" / "SOI_Darwin.nc"]


def get(url):
    answer = requests.get(url)
    assert answer.status_code == 200, answer.text
    return answer


def dataset_url(served, path):
    return served.of(path).removesuffix("/kerchunk")


def test_the_list_is_a_plain_list_of_strings_in_order_of_registration(served):
    for path in PATHS:
        served.of(path)
    ids = get(f"{served.url}/datasets").json()
    mine = [samples.dataset_id(path) for path in PATHS]
    assert set(mine) <= set(ids)
    known = [name for name in served.output if name in ids]
    assert sorted(known, key=ids.index) == sorted(known, key=list(served.output).index)


@pytest.mark.parametrize("path", PATHS, ids=samples.dataset_id)
def test_keys_are_data_variables_then_coordinates(served, path):
    keys = get(f"{dataset_url(served, path)}/keys").json()
    with xr.open_dataset(path, engine="netcdf4") as theirs:
        assert keys == [*theirs.data_vars, *theirs.coords] or (
            set(keys[: len(theirs.data_vars)]) == set(theirs.data_vars) and set(keys) == set(theirs.variables)
        )


@pytest.mark.parametrize("path", PATHS, ids=samples.dataset_id)
def test_dict_is_to_dict_without_data(served, path):
    mine = get(f"{dataset_url(served, path)}/dict").json()
    with xr.open_dataset(path, engine="netcdf4") as dataset:
        theirs = dataset.to_dict(data=False)
    assert mine["attrs"].pop("_xpublish_id") == samples.dataset_id(path)
    assert mine["dims"] == {str(name): size for name, size in theirs["dims"].items()}
    assert set(mine["attrs"]) == set(theirs["attrs"])
    for part in ("coords", "data_vars"):
        assert set(mine[part]) == set(theirs[part])
        for name, truth in theirs[part].items():
            assert mine[part][name]["dims"] == list(truth["dims"]), name
            assert mine[part][name]["shape"] == list(truth["shape"]), name
            assert set(mine[part][name]["attrs"]) == set(truth["attrs"]), name
            assert np.dtype(mine[part][name]["dtype"]) == np.dtype(truth["dtype"]), name


@pytest.mark.parametrize("path", PATHS, ids=samples.dataset_id)
def test_info_is_the_encoded_view(served, path):
    mine = get(f"{dataset_url(served, path)}/info").json()
    with xr.open_dataset(path, engine="netcdf4", mask_and_scale=False, decode_times=False) as theirs:
        assert mine["dimensions"] == {str(name): size for name, size in theirs.sizes.items()}
        assert set(mine["variables"]) == set(theirs.variables)
        assert set(mine["global_attributes"]) == set(theirs.attrs)
        for name, variable in theirs.variables.items():
            assert mine["variables"][name]["dimensions"] == list(variable.dims)
            if variable.dtype.kind in "iuf":
                assert mine["variables"][name]["type"] == variable.dtype.newbyteorder("=").name
            attributes = mine["variables"][name]["attributes"]
            assert "_FillValue" not in attributes
            assert set(variable.attrs) - {"_FillValue"} <= set(attributes)


def test_the_page_of_a_dataset_names_its_variables(served):
    answer = get(f"{dataset_url(served, samples.AIR)}/")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    with xr.open_dataset(samples.AIR) as theirs:
        assert all(str(name) in answer.text for name in theirs.variables)


def test_attributes_cannot_break_out_of_the_page(served, tmp_path_factory):
    path = tmp_path_factory.mktemp("script") / "script.nc"
    dataset = xr.Dataset({"a": ("x", [1.0])}, attrs={"title": "<script>alert(1)</script>"})
    dataset["a"].attrs["note"] = "\"><img src=x onerror=alert(1)>"
    dataset.to_netcdf(path, engine="netcdf4")
    served.system.register("script", path)
    page = get(f"{served.url}/datasets/script/").text
    assert "<script>alert(1)" not in page and "<img src=x" not in page


def test_versions_and_plugins_are_objects(served):
    versions = get(f"{served.url}/versions").json()
    plugins = get(f"{served.url}/plugins").json()
    assert versions and all(not isinstance(value, (dict, list)) for value in versions.values())
    assert "kerchunk" in plugins or "zarr" in plugins
    assert all({"path", "version"} <= set(plugin) for plugin in plugins.values())


def test_openapi_lists_the_routes(served):
    document = get(f"{served.url}/openapi.json").json()
    assert document["openapi"].startswith("3.")
    routes = " ".join(document["paths"])
    for part in ("/datasets", "keys", "dict", "info", "kerchunk", "/versions", "/plugins", "admin/v1"):
        assert part in routes


@pytest.mark.parametrize("path", ["/datasets/no.such", "/datasets/no.such/keys", "/datasets/no.such/kerchunk/.zmetadata", "/nothing"])
def test_what_is_not_there_is_a_404_with_a_detail(served, path):
    answer = requests.get(served.url + path, headers={"Origin": "https://example.org"})
    assert answer.status_code == 404
    assert isinstance(answer.json()["detail"], str)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_consolidated_v2_metadata_has_what_readers_want(served):
    document = json.loads(get(f"{served.of(samples.NEMO[0])}/.zmetadata").text)
    assert document["zarr_consolidated_format"] == 1
    assert document["metadata"][".zgroup"] == {"zarr_format": 2}
    for key, value in document["metadata"].items():
        if key.endswith(".zarray"):
            assert value["order"] == "C" and value["zarr_format"] == 2
            assert [f["id"] for f in value["filters"] or []] != [] or value["filters"] is None
            assert "zlib" not in [f["id"] for f in value["filters"] or []], "deflate is the compressor"
        alone = get(f"{served.of(samples.NEMO[0])}/{key}").json()
        assert alone == value


def test_an_encoded_id_is_the_same_dataset(served):
    name = samples.dataset_id(samples.AIR)
    served.of(samples.AIR)
    encoded = "".join(f"%{ord(c):02X}" if c == "." else c for c in name)
    plain = get(f"{served.url}/datasets/{name}/keys").json()
    session = requests.Session()
    request = requests.Request("GET", served.url).prepare()
    request.url = f"{served.url}/datasets/{encoded}/keys"
    assert session.send(request).json() == plain
