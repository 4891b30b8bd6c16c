"""Fairness between clients where work is long: who asks for one thing does not wait for all that another asked for before."""

import contextlib
import threading

import netCDF4
import numpy as np
import pytest
import requests

from harness import batches, raw_http

KINDS = ["serve", "two-process"]
CONFIG = """
[http]
worker_timeout_seconds = 600
[evaluate]
cache_bytes_max = 0
queue_seconds_max = 3600
[limits]
trusted_proxies = ["127.0.0.0/8"]
"""
MANY, ONE = {"X-Forwarded-For": "192.0.2.1"}, {"X-Forwarded-For": "198.51.100.1"}
STEPS, SHAPE = 4400, (32, 64)
ASKED = 12
LATE = 6
"""How many of the others' answers may come before one that was asked for last: as many as were under way, and some."""


@pytest.fixture(autouse=True)
def busy(allowed_log):
    """On a machine that is busy with the test a worker may be taken for silent; answers are looked at."""
    allowed_log.append(r"a worker is left alone|the worker is silent|another worker is asked")


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    """A file whose means take long: 36 MB of elements, so that a few at once are all that is made."""
    path = tmp_path_factory.mktemp("fair") / "series.nc"
    dice = np.random.default_rng(7)
    with netCDF4.Dataset(path, "w") as file:
        for name, length in zip(("time", "lat", "lon"), (STEPS, *SHAPE)):
            file.createDimension(name, length)
        variable = file.createVariable("v", "f4", ("time", "lat", "lon"), chunksizes=(1, *SHAPE), zlib=True, complevel=1)
        variable[:] = dice.normal(280, 20, (STEPS, *SHAPE)).astype("f4")
    return path


class Crowd:
    """Requests of a client, all at once, each in a thread; counts those that are answered."""

    def __init__(self, ask, count):
        self.answered, self.failed = 0, []
        self.some = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(ask, number)) for number in range(count)]

    def run(self, ask, number):
        try:
            ask(number)
        except Exception as error:
            self.failed.append(error)
        self.answered += 1
        self.some.set()

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        assert self.some.wait(120)
        return self

    def __exit__(self, *_):
        for thread in self.threads:
            thread.join()


def mean(system, first, headers):
    """The mean over time from a step on."""
    view = f"{system.url}/datasets/series/view/isel=time:{first}..~pmean=time/zarr"
    answer = requests.get(f"{view}/v/0.0", headers=headers, timeout=600)
    assert answer.status_code == 200, answer.text
    return answer.content


@pytest.mark.parametrize("kind", KINDS)
def test_many_long_reductions_of_one_client_do_not_keep_another_waiting_for_its_own(start, series, kind):
    system = start(kind, roots=[series.parent], config=CONFIG)
    system.register("series", series)
    mean(system, 100, ONE)
    with Crowd(lambda number: mean(system, number, MANY), ASKED) as crowd:
        before = crowd.answered
        mean(system, 100, ONE)
        waited_for = crowd.answered - before
    assert not crowd.failed
    assert crowd.answered == ASKED
    assert waited_for <= LATE, "of 12 that were asked for before"


@pytest.mark.parametrize("kind", KINDS)
def test_batches_of_one_client_do_not_keep_another_waiting_for_its_own(start, series, kind):
    system = start(kind, roots=[series.parent], config=CONFIG)
    system.register("series", series)
    dataset = f"{system.url}/datasets/series"

    def batch(number):
        store = f"{dataset}/view/isel=time:{number}..~pmean=time~pchunks=lat:16"
        found = batches.fetch(store, "zarr", [f"v/{key}.0" for key in range(2)], headers=MANY)
        assert [status for status, _ in found] == [200] * 2

    mean(system, 100, ONE)
    with Crowd(batch, ASKED) as crowd:
        before = crowd.answered
        mean(system, 100, ONE)
        waited_for = crowd.answered - before
    assert not crowd.failed, crowd.failed[:1]
    assert waited_for <= LATE


@pytest.mark.parametrize("kind", KINDS)
def test_bodies_of_batches_that_do_not_come_leave_room_for_another_client(start, series, kind):
    system = start(kind, roots=[series.parent], config=CONFIG)
    system.register("series", series)
    dataset = f"{system.url}/datasets/series"
    head = b"POST /datasets/series/chunks HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.1\r\n"
    head += b"Content-Type: application/json\r\nContent-Length: 4194304\r\n\r\n{"
    with contextlib.ExitStack() as opened:
        stalled = [opened.enter_context(raw_http.connect(system.url)) for _ in range(20)]
        for connection in stalled:
            connection.sendall(head)
        ours = batches.fetch(dataset, "zarr", ["v/.zarray"], headers=ONE)
        assert [status for status, _ in ours] == [200]
        for connection in stalled:
            connection.setblocking(False)
            with pytest.raises(BlockingIOError):
                connection.recv(1)
