"""A hundred clients that want the same at once: the source is read once, and a chunk is computed once.

Ground truth is the file itself, and netCDF4.
"""

import concurrent.futures
import json
import os
import pathlib
import threading
import time

import netCDF4
import numcodecs
import numpy as np
import pytest
import requests
import xarray as xr

from harness.metrics import total
from harness.references import references_of
from harness.remote import config

KINDS = ["serve", "two-process"]
CLIENTS = 100


def ask_at_once(url: str, count: int = CLIENTS) -> list[requests.Response]:
    """The answers to so many requests that begin together."""
    gate = threading.Barrier(count)

    def ask(_):
        gate.wait(60)
        return requests.get(url, timeout=120)

    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return list(pool.map(ask, range(count)))


def evict(path: pathlib.Path) -> None:
    """Takes a file out of the page cache."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


@pytest.fixture
def plain(data):
    """A file of uncompressed chunks of 40 kB, of whose values netCDF4 and the file's bytes tell."""
    path = data / "plain.nc"
    values = np.random.default_rng(5).normal(280, 10, (64, 100, 100)).astype("f4")
    with netCDF4.Dataset(path, "w") as file:
        for name, length in zip("tyx", values.shape, strict=True):
            file.createDimension(name, length)
        file.createVariable("v", "f4", ("t", "y", "x"), chunksizes=(1, 100, 100))[:] = values
    return path, values


@pytest.mark.parametrize("kind", KINDS)
def test_a_cold_raw_chunk_is_read_once(kind, start, plain):
    path, values = plain
    system = start(kind)
    system.register("plain", path)
    url = f"{system.kerchunk('plain')}/v/40.0.0"
    assert requests.get(f"{system.kerchunk('plain')}/v/1.0.0", timeout=60).content == values[1].tobytes()
    evict(path)
    before = total(system, "reads_total", outcome="waited")
    answers = ask_at_once(url)
    assert all(answer.status_code == 200 and answer.content == values[40].tobytes() for answer in answers)
    assert total(system, "reads_total", outcome="waited") - before <= 1
    assert total(system, "reads_total", outcome="failed") == 0


@pytest.mark.parametrize("kind", KINDS)
def test_neighbouring_cold_chunks_are_all_right(kind, start, plain):
    path, values = plain
    # One read at a time, so that the others wait for their turn beside it.
    system = start(kind, config="[storage]\nreads_max = 1\n")
    system.register("plain", path)
    evict(path)
    gate = threading.Barrier(64)

    def ask(step):
        gate.wait(60)
        return requests.get(f"{system.kerchunk('plain')}/v/{step}.0.0", timeout=120).content

    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        for step, content in enumerate(pool.map(ask, range(64))):
            assert content == values[step].tobytes(), step


@pytest.mark.parametrize("kind", KINDS)
def test_a_cold_computed_chunk_is_made_once_of_one_read(kind, start, plain):
    path, values = plain
    system = start(kind)
    system.register("plain", path)
    view = f"{system.url}/datasets/plain/view/bitround=9/zarr"
    with xr.open_zarr(view, zarr_format=2) as warm:
        assert warm.v.shape == values.shape
    evict(path)
    made, waited = total(system, "chunks_made_total"), total(system, "reads_total", outcome="waited")
    answers = ask_at_once(f"{view}/v/7.0.0")
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert total(system, "chunks_made_total") - made == 1
    assert total(system, "reads_total", outcome="waited") - waited <= 1
    with xr.open_zarr(view, zarr_format=2) as found:
        truth = numcodecs.BitRound(9).encode(values[7].copy()).view("f4").reshape(values[7].shape)
        np.testing.assert_array_equal(found.v[7].values, truth)


@pytest.mark.parametrize("kind", KINDS)
def test_a_remote_chunk_is_asked_for_once(kind, start, static, tmp_path):
    # More than the 2 MiB of which gateways share what they keep: workers share these.
    values = np.random.default_rng(6).normal(size=(2, 800, 800)).astype("f4")
    ds = xr.Dataset({"v": (("t", "y", "x"), values)})
    encoding = {"v": {"chunks": (1, 800, 800), "compressors": None}}
    ds.to_zarr(tmp_path / "web/store.zarr", zarr_format=2, encoding=encoding)
    system = start(kind, config=config(static.url))
    system.register("remote", f"{static.url}/store.zarr")
    key, gate = "/store.zarr/v/1.0.0", threading.Event()
    static.gates[key] = gate
    shared = total(system, "reads_shared_total")
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        url = f"{system.kerchunk('remote')}/v/1.0.0"
        asked = [pool.submit(requests.get, url, timeout=120) for _ in range(CLIENTS)]
        deadline = time.monotonic() + 60
        while total(system, "reads_shared_total") - shared < CLIENTS - 1 and time.monotonic() < deadline:
            time.sleep(0.05)
        gate.set()
        answers = [answer.result() for answer in asked]
    assert all(answer.status_code == 200 and answer.content == values[1].tobytes() for answer in answers)
    assert [path for method, path, _ in static.asked if method == "GET"].count(key) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_neighbouring_remote_chunks_make_few_requests(kind, start, static, tmp_path):
    path = tmp_path / "web/plain.nc"
    values = np.random.default_rng(7).normal(280, 10, (64, 20, 50)).astype("f4")
    with netCDF4.Dataset(path, "w") as file:
        for name, length in zip("tyx", values.shape, strict=True):
            file.createDimension(name, length)
        file.createVariable("v", "f4", ("t", "y", "x"), chunksizes=(1, 20, 50))[:] = values
    references = tmp_path / "web/plain.json"
    references.write_text(json.dumps({"version": 1, "refs": references_of(path, f"{static.url}/plain.nc")}))
    # One request at a time, so that the others wait for it.
    system = start(kind, config=config(static.url, more="requests_max = 1\n"))
    system.register("plain", f"{static.url}/plain.json")
    gate = static.gates["/plain.nc"] = threading.Event()
    before, merged = len(static.asked), total(system, "reads_merged_total")
    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        answers = pool.map(lambda step: requests.get(f"{system.kerchunk('plain')}/v/{step}.0.0", timeout=120), range(64))
        deadline = time.monotonic() + 60
        while total(system, "http_connections") < 64 and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(1)  # until they wait where they are to wait
        gate.set()
        for step, answer in enumerate(answers):
            assert (answer.status_code, answer.content) == (200, values[step].tobytes()), step
    assert total(system, "reads_merged_total") - merged >= 40
    assert len(static.asked) - before <= 24


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_goes_to_those_who_waited_and_not_to_the_next(kind, start, static, tmp_path, allowed_log):
    allowed_log.append("CorruptData")
    values = np.arange(100, dtype="f4").reshape(2, 50)
    encoding = {"v": {"chunks": (1, 50), "compressors": None}}
    xr.Dataset({"v": (("t", "x"), values)}).to_zarr(tmp_path / "web/store.zarr", zarr_format=2, encoding=encoding)
    system = start(kind, config=config(static.url))
    system.register("remote", f"{static.url}/store.zarr")
    url = f"{system.kerchunk('remote')}/v/1.0"
    static.special["/store.zarr/v/1.0"] = (200, {"Content-Type": "text/html"}, b"<html>")
    assert {answer.status_code for answer in ask_at_once(url, 20)} == {502}, "an error, never a missing chunk"
    static.special.clear()
    answer = requests.get(url, timeout=60)
    assert (answer.status_code, answer.content) == (200, values[1].tobytes())
