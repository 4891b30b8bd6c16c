"""What tests of pools have in common: files to read, what the gateway says of its workers, and clients that never stop."""

import concurrent.futures
import contextlib
import hashlib
import threading
import time

import netCDF4
import numpy as np
import pytest
import requests

from harness import server

STEPS, SHAPE = 48, (120, 240)
WORKER_GONE = [
    r"another worker is asked", r"a range was broken off", r"a worker is left alone", r"a lane to a worker broke",
    r"no worker could answer", r"the worker is silent", r"connection", r"transport", r"broken pipe", r"h2",
    r"a worker fails again and again", r"the worker did not answer in time", r"an answer was broken off",
    r"the catalog cannot be read now", r"workers cannot be looked up",
]


@pytest.fixture
def archive(data):
    """A file of small chunks, and one of a chunk of 32 MiB."""
    data.mkdir(exist_ok=True)
    rng = np.random.default_rng(3)
    with netCDF4.Dataset(data / "small.nc", "w") as file:
        for name, length in zip(("time", "lat", "lon"), (STEPS, *SHAPE)):
            file.createDimension(name, length)
        time_of = file.createVariable("time", "f8", ("time",))
        time_of.units = "hours since 2000-01-01"
        time_of[:] = np.arange(STEPS)
        v = file.createVariable("v", "f4", ("time", "lat", "lon"), chunksizes=(1, *SHAPE), zlib=True, complevel=1)
        v[:] = rng.normal(280, 20, (STEPS, *SHAPE)).astype("f4")
    with netCDF4.Dataset(data / "large.nc", "w") as file:
        file.createDimension("x", 8 << 20)
        file.createVariable("v", "f4", ("x",), chunksizes=(8 << 20,))[:] = rng.random(8 << 20, "f4")
    return data


def pools(system):
    answer = requests.get(
        f"{system.url}/admin/v1/pools", headers={"Authorization": f"Bearer {server.TOKEN}"}, timeout=30
    )
    assert answer.status_code == 200, answer.text
    return {pool["name"]: pool for pool in answer.json()["pools"]}


def until(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.05)


def metric(system, name):
    lines = requests.get(f"{system.url}/metrics", timeout=30).text.splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(f"cloudify_{name}"))


def keys(system, dataset="small", store="kerchunk"):
    return [f"{system.url}/datasets/{dataset}/{store}/v/{step}.0.0" for step in range(STEPS)]


@contextlib.contextmanager
def asked_all_the_time(urls, clients=6):
    """Clients ask for these URLs again and again meanwhile; no answer may fail or differ from the first.

    Gives a list that grows by each answer.
    """
    urls = list(urls)
    expected = {url: hashlib.sha256(requests.get(url, timeout=30).content).digest() for url in urls}
    stop, wrong, answered = threading.Event(), [], []

    def ask(turn):
        session = requests.Session()
        while not stop.is_set():
            url = urls[turn % len(urls)]
            turn += 7
            answer = session.get(url, timeout=60)
            answered.append(1)
            if answer.status_code != 200 or hashlib.sha256(answer.content).digest() != expected[url]:
                wrong.append((url, answer.status_code, answer.text[:200]))

    with concurrent.futures.ThreadPoolExecutor(clients) as threads:
        asking = [threads.submit(ask, turn) for turn in range(clients)]
        try:
            yield answered
        finally:
            stop.set()
        [one.result() for one in asking]
    assert not wrong, wrong[:3]
