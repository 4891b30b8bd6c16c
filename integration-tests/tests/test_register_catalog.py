"""Catalogs of others, intake and STAC, registered entry by entry."""

import json
import pathlib
import subprocess

import netCDF4
import numpy as np
import pytest
import requests
import xarray as xr

from harness.growing import month
from harness.paths import binary
from harness.server import TOKEN, environment

KINDS = ["serve", "two-process"]


def ids(system) -> list[str]:
    return requests.get(f"{system.url}/datasets").json()


def post(system, **body):
    headers = {"Authorization": f"Bearer {TOKEN}"}
    return requests.post(f"{system.url}/admin/v1/datasets", headers=headers, json=body, timeout=60)


def reads_as(system, dataset: str, files: list[pathlib.Path]) -> None:
    with xr.open_dataset(system.kerchunk(dataset), engine="zarr", chunks={}) as mine:
        with xr.open_mfdataset(sorted(files), combine="nested", concat_dim="time", data_vars="minimal") as theirs:
            np.testing.assert_array_equal(mine.tas.values, theirs.tas.values)


@pytest.fixture(params=KINDS)
def system(request, start, allowed_log):
    allowed_log.append("Conflict")
    return start(request.param)


@pytest.fixture
def archive(data):
    """Three files below `runs/`."""
    runs = data / "runs"
    runs.mkdir(parents=True)
    return [month(runs, number) for number in range(3)]


def eerie(data: pathlib.Path) -> pathlib.Path:
    """A catalog as EERIE's are: plugins, metadata, a nested catalog, entries that nobody can read here."""
    (data / "sub").mkdir()
    (data / "sub" / "main.yaml").write_text(
        """
sources:
  single:
    driver: netcdf
    args:
      urlpath: 'file://{{ CATALOG_DIR }}/../runs/tas_001.nc'
      xarray_kwargs: {use_cftime: true}
"""
    )
    path = data / "main.yaml"
    path.write_text(
        """
plugins:
  source:
    - module: intake_xarray
metadata: {version: 1}
sources:
  atmos:
    driver: netcdf
    metadata: {grid: native}
    parameters:
      run: {type: str, default: runs, allowed: [runs, other]}
    args:
      chunks: auto
      urlpath: '{{ CATALOG_DIR }}/{{run}}/tas_{month:03d}.nc'
  gone:
    driver: zarr
    args: {consolidated: false, storage_options: {lazy: true, remote_protocol: file}, urlpath: 'reference::/nowhere/x.parq'}
  on tape:
    driver: netcdf
    args: {urlpath: 'slk:///arch/x.nc'}
  table:
    driver: csv
    args: {urlpath: x.csv}
  icon:
    driver: yaml_file_cat
    args: {path: '{{CATALOG_DIR}}/sub/main.yaml'}
  loop:
    driver: yaml_file_cat
    args: {path: '{{CATALOG_DIR}}/main.yaml'}
"""
    )
    return path


def test_an_intake_catalog(system, data, archive):
    done = system.command("register", "eerie", eerie(data))
    assert done.returncode == 1, "one of them fails"
    text = done.stdout + done.stderr
    assert "2 published, 3 skipped, 1 failed" in text, text
    assert sorted(ids(system)) == ["eerie.atmos", "eerie.icon.single"]
    assert "skipped eerie.on_tape" in text and "tape" in text
    assert "skipped eerie.table" in text and "csv" in text
    assert "skipped eerie.loop" in text and "read before" in text
    assert "failed eerie.gone" in text
    assert "run is runs, its default; not registered: other" in text
    assert "xarray_kwargs" in text
    reads_as(system, "eerie.atmos", archive)
    reads_as(system, "eerie.icon.single", archive[1:2])


def test_again_with_replace_and_as_preview(system, data, archive):
    path = eerie(data)
    done = system.command("register", "--preview", "eerie", path)
    assert ids(system) == [] and "2 previewed" in done.stdout, done.stdout + done.stderr
    system.command("register", "eerie", path)
    done = system.command("register", "eerie", path)
    assert done.returncode == 1 and "0 published, 3 skipped, 3 failed" in done.stdout
    done = system.command("register", "--replace", "eerie", path)
    assert "published eerie.atmos version 2" in done.stdout


def test_the_api_answers_with_every_entry(system, data, archive, allowed_log):
    allowed_log.append("cannot be scanned")
    answer = post(system, id="e", sources=[str(eerie(data))])
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["summary"] == {"published": 2, "previewed": 0, "skipped": 3, "failed": 1}
    outcomes = {entry["id"]: entry["outcome"] for entry in body["entries"]}
    assert outcomes["e.atmos"] == "published" and outcomes["e.gone"] == "failed"
    refused = post(system, id="e", sources=[str(data / "main.yaml")], catalog=False)
    assert refused.status_code in (400, 415, 501), refused.text


def test_a_stac_collection(system, data, archive):
    item = {
        "type": "Feature", "stac_version": "1.0.0", "id": "month-0", "geometry": None, "properties": {},
        "links": [], "assets": {
            "nc": {"href": "../runs/tas_000.nc", "type": "application/x-netcdf", "roles": ["data"]},
            "thumbnail": {"href": "t.png", "type": "image/png"},
        },
    }
    (data / "items").mkdir()
    (data / "items" / "0.json").write_text(json.dumps(item))
    collection = {
        "type": "Collection", "stac_version": "1.0.0", "id": "runs", "description": "", "license": "CC-BY-4.0",
        "extent": {}, "links": [
            {"rel": "self", "href": "./collection.json"},
            {"rel": "item", "href": "./items/0.json", "type": "application/geo+json"},
            {"rel": "item", "href": "https://elsewhere.example/1.json"},
        ],
        "assets": {"all": {"href": str(data / "runs" / "tas_002.nc"), "type": "application/x-netcdf",
                           "xarray:open_kwargs": {"group": "x", "chunks": {}}}},
    }
    path = data / "collection.json"
    path.write_text(json.dumps(collection))
    done = system.command("register", "stac", path)
    text = done.stdout + done.stderr
    assert done.returncode == 0, text
    assert "2 published, 1 skipped, 0 failed" in text, text
    assert sorted(ids(system)) == ["stac.all", "stac.month-0"]
    assert "xarray:open_kwargs group" in text
    reads_as(system, "stac.month-0", archive[:1])
    reads_as(system, "stac.all", archive[2:])


def test_a_catalog_outside_the_roots_is_refused(system, data, tmp_path, archive):
    outside = tmp_path / "outside.yaml"
    outside.write_text("sources:\n  a: {driver: netcdf, args: {urlpath: x.nc}}\n")
    done = system.command("register", "--catalog", "x", outside)
    assert done.returncode == 1 and "outside" in done.stderr
    inside = data / "inside.yaml"
    inside.write_text(
        "sources:\n"
        "  out: {driver: yaml_file_cat, args: {path: '{{CATALOG_DIR}}/../outside.yaml'}}\n"
        "  etc: {driver: netcdf, args: {urlpath: /etc/passwd}}\n"
        "  up: {driver: netcdf, args: {urlpath: '../../../../etc/passwd'}}\n"
    )
    done = system.command("register", "x", inside)
    text = done.stdout + done.stderr
    assert "0 published, 1 skipped, 2 failed" in text, text
    assert "root:" not in text and ids(system) == []


@pytest.mark.parametrize("text", [
    "sources: " + "[" * 20_000,
    "sources:\n" + "".join(f"{' ' * depth}a:\n" for depth in range(1, 2000)),
    "sources: [a, b]",
    "a: &a [x,x,x,x,x,x,x,x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 8)}]\n" for n in range(9)
    ) + "sources: {x: *j}\n",
    "sources: {a: {driver: netcdf, args: {urlpath: [1, {}]}}}\n---\nsecond: document\n",
    "\tsources:\n- :",
])
def test_hostile_catalogs_are_refused(system, data, text):
    path = data / "hostile.yaml"
    path.write_text(text)
    done = system.command("register", "--catalog", "h", path, timeout=30)
    assert done.returncode == 1, done.stdout
    assert "panicked" not in done.stderr and str(data) not in done.stderr
    assert ids(system) == []


def test_scan_previews_a_catalog(data, archive):
    done = subprocess.run([binary(), "scan", eerie(data)], capture_output=True, text=True, env=environment())
    assert done.returncode == 1 and "atmos" in done.stdout and "icon.single" in done.stdout, done.stdout + done.stderr
    assert "3 files" in done.stdout


def test_a_large_catalog(system, data, archive):
    entries = "".join(
        f"  e{number:03d}: {{driver: netcdf, args: {{urlpath: '{{{{CATALOG_DIR}}}}/runs/tas_{number % 3:03d}.nc'}}}}\n"
        for number in range(60)
    )
    (data / "large.yaml").write_text("sources:\n" + entries)
    done = system.command("register", "large", data / "large.yaml")
    assert done.returncode == 0 and "60 published, 0 skipped, 0 failed" in done.stdout, done.stdout + done.stderr
    assert len(ids(system)) == 60
    with netCDF4.Dataset(archive[1]) as truth:
        with xr.open_dataset(system.kerchunk("large.e001"), engine="zarr") as mine:
            np.testing.assert_array_equal(mine.tas.values, truth["tas"][:].data)
