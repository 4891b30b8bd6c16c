"""Servers in a chain and remote sources that go away: what is passed on, and what is never taken for missing chunks."""

import shutil
import socket
import time

import eccodes
import numpy as np
import pytest
import requests
import xarray as xr
import zarr

from harness import samples
from harness.compare import same_values
from harness.references import references_of, write_set
from harness.remote import Static, config, raw
from harness.tape import Library

KINDS = ["serve", "two-process"]


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def chain(start, kind: str, near, *datasets: str):
    """A server that may read datasets of another."""
    return start(kind, config=config(*[f"{near.url}/datasets/{dataset}" for dataset in datasets]))


@pytest.mark.parametrize("store", ["kerchunk", "zarr"])
def test_both_stores_of_a_server_are_sources_of_another(kind, store, start, copy):
    path = copy(samples.NEMO[0], "nemo.nc")
    near = start(kind)
    near.register("nemo", path)
    far = chain(start, kind, near, "nemo")
    far.register("again", f"{near.url}/datasets/nemo/{store}")
    with xr.open_dataset(path) as truth:
        for of_far in ("kerchunk", "zarr"):
            with xr.open_dataset(f"{far.url}/datasets/again/{of_far}", engine="zarr") as ours:
                for name in truth.variables:
                    same_values(ours[name].values, truth[name].values)
                    assert ours[name].dims == truth[name].dims


def test_what_a_server_decodes_is_a_source_of_another(kind, start, data):
    message = eccodes.codes_grib_new_from_samples("regular_ll_sfc_grib2")
    for name, value in {"Ni": 60, "Nj": 40, "bitsPerValue": 14, "packingType": "grid_ccsds"}.items():
        eccodes.codes_set(message, name, value)
    eccodes.codes_set_values(message, np.random.default_rng(3).normal(280, 9, 2400))
    (data / "field.grib").write_bytes(eccodes.codes_get_message(message))
    truth = eccodes.codes_get_values(message).astype("f4")
    eccodes.codes_release(message)
    near = start(kind)
    near.register("field", data / "field.grib")
    far = chain(start, kind, near, "field")
    far.register("again", f"{near.url}/datasets/field/zarr")
    for version in (2, 3):
        root = zarr.open_group(far.kerchunk("again"), mode="r", zarr_format=version)
        fields = [array for _, array in root.arrays() if "GRIB_shortName" in array.attrs]
        assert len(fields) == 1
        same_values(np.asarray(fields[0][...]).ravel(), truth)


def test_a_tape_behind_a_chain(kind, start, data, tmp_path, allowed_log):
    allowed_log.append("Offline|on tape|come again")
    library = Library(tmp_path, data)
    near = start(kind, config=library.config(expected_seconds=300))
    path = data / "nemo.nc"
    shutil.copyfile(samples.NEMO[0], path)
    near.register("nemo", path)
    far = chain(start, kind, near, "nemo")
    far.register("again", near.kerchunk("nemo"))
    with xr.open_dataset(path, engine="netcdf4") as opened:
        truth = opened.load()
    library.delay(3)
    library.put_away(path)
    key = "tos/0.0.0"
    answer = raw(far.kerchunk("again"), key)
    problem = answer.json()
    assert answer.status_code == 503 and answer.headers["content-type"] == "application/problem+json"
    assert 8 < int(answer.headers["retry-after"]) <= 310 and problem["retry_after"] == int(answer.headers["retry-after"])
    assert near.url not in answer.text
    # Metadata and coordinates never wait for a tape.
    with xr.open_dataset(far.kerchunk("again"), engine="zarr") as ours:
        same_values(ours.time_counter.values, truth.time_counter.values)
    deadline = time.monotonic() + 60
    while (answer := raw(far.kerchunk("again"), key)).status_code == 503:
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.5)
    assert answer.status_code == 200
    with xr.open_dataset(far.kerchunk("again"), engine="zarr") as ours:
        for name in truth.data_vars:
            same_values(ours[name].values, truth[name].values)


def sources(web, url: str) -> dict[str, str]:
    """The same variable as a store and as sets of references of both kinds: URL and a chunk of each that is there."""
    values = np.random.default_rng(1).normal(size=(8, 30)).astype("f4")
    ds = xr.Dataset({"tas": (("time", "x"), values)}, {"time": ("time", np.arange(8.0))})
    ds.to_zarr(web / "store.zarr", zarr_format=2, encoding={"tas": {"chunks": (1, 30)}}, consolidated=True)
    ds.to_netcdf(web / "tas.nc", encoding={"tas": {"chunksizes": (1, 30)}})
    write_set(web / "set.parq", references_of(web / "tas.nc", "tas.nc", inline_below=100), record_size=2)
    return {name: f"{url}/{name}" for name in ("store.zarr", "set.parq")}


def status_and_problem(system, dataset: str, key: str) -> int:
    answer = raw(system.kerchunk(dataset), key)
    if answer.status_code != 200:
        assert answer.headers["content-type"] == "application/problem+json", answer.text
        assert answer.json()["status"] == answer.status_code
        assert "127.0.0.1" not in answer.text, "nothing of where it is"
    return answer.status_code


def test_a_source_that_goes_away_is_an_error_until_it_is_back(kind, start, static, tmp_path, allowed_log):
    allowed_log.append("CorruptData|Unavailable|DeadlineExceeded|Conflict|Offline")
    web, port = tmp_path / "web", static.server.server_port
    system = start(kind, config=config(static.url))
    names = sources(web, static.url)
    for name, url in names.items():
        system.register(name, url)
    chunks = iter(range(8))

    def statuses() -> set[int]:
        """Of chunks, each another, so that nothing is remembered of it; those of two numbers share a record."""
        number = next(chunks)
        return {status_and_problem(system, name, f"tas/{number}.0") for name in names}

    assert statuses() == {200}
    static.special["*"] = (200, {"Content-Type": "text/html"}, b"<html>maintenance</html>")
    assert statuses() == {502}
    static.special["*"] = (500, {}, b"")
    assert statuses() == {503}
    static.special["*"] = (404, {}, b"")
    assert statuses() == {409}, "a server that lost everything has no missing chunks"
    static.stop()
    assert statuses() == {503}
    with socket.create_server(("127.0.0.1", port)):
        assert statuses() == {504}, "it takes connections and says nothing"
    back = Static(web, port)
    try:
        for number in range(8):
            assert {status_and_problem(system, name, f"tas/{number}.0") for name in names} == {200}
        with xr.open_dataset(web / "tas.nc") as truth:
            for name in names:
                with xr.open_dataset(system.kerchunk(name), engine="zarr") as ours:
                    same_values(ours.tas.values, truth.tas.values)
    finally:
        back.stop()
