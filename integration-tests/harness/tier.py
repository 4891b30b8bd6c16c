"""What tests of Redis have in common: a file of chunks that are made, a system with Redis, and what it answers."""

import contextlib
import re
import time

import netCDF4
import numpy as np
import pytest
import requests
import xarray as xr

from harness import server
from harness.redis import Redis

COUNT = 6
VIEW = "view/bitround=9/zarr"
NO_MEMORY = "[cache]\nbytes_max = 0\n"
PATIENT = "patience_ms = 2000\n"
"""On a busy machine a late answer is no sign of anything."""
TROUBLE = r"Redis|announced|taken back"
LIMIT_SECONDS = 20


@pytest.fixture(autouse=True)
def expected_trouble(allowed_log):
    allowed_log.append(TROUBLE)


@pytest.fixture
def source(data):
    path = data / "v.nc"
    write(path, 1)
    return path


@pytest.fixture
def redis(tmp_path):
    """Starts Redis: `redis("--maxmemory", "1mb")`."""
    with contextlib.ExitStack() as stack:

        def begin(*options, **settings):
            running = Redis(tmp_path, *options, **settings)
            stack.callback(running.stop)
            return running

        yield begin


def write(path, seed):
    """A file with `COUNT` chunks; what it holds depends on `seed`, its layout does not."""
    with netCDF4.Dataset(path, "w") as file:
        for name, length in (("time", COUNT), ("y", 40), ("x", 50)):
            file.createDimension(name, length)
        v = file.createVariable("v", "f4", ("time", "y", "x"), chunksizes=(1, 40, 50), zlib=True)
        v[:] = np.random.default_rng(seed).normal(280, 20, (COUNT, 40, 50)).astype("f4")


def settings(servers, *more, patience=PATIENT):
    """Configuration with Redis; `servers` is a URL or lines of TOML."""
    where = f'url = "{servers}"\n' if "=" not in servers else servers
    return "".join((f"[redis]\n{where}{patience}", *more))


def chunks(system, dataset="v", view=VIEW):
    """All chunks of the variable; each must be there."""
    found = []
    for number in range(COUNT):
        answer = requests.get(f"{system.url}/datasets/{dataset}/{view}/v/{number}.0.0", timeout=60)
        assert answer.status_code == 200, f"{number}: {answer.status_code} {answer.text}"
        found.append(answer.content)
    return found


@pytest.fixture
def expected(start, source):
    """What is served without Redis, in one process, of which xarray reads what netCDF4 does, rounded."""
    alone = start("serve")
    alone.register("v", source)
    with xr.open_dataset(f"{alone.url}/datasets/v/{VIEW}", engine="zarr", zarr_format=2) as mine:
        with netCDF4.Dataset(source) as theirs:
            assert np.allclose(mine.v.values, theirs["v"][:], rtol=2**-9)
    return chunks(alone)


def metric(process, name):
    text = requests.get(f"{process.url}/metrics", timeout=30).text
    found = re.search(rf"^cloudify_{re.escape(name)} (\d+)", text, re.MULTILINE)
    return int(found[1]) if found else 0


def came_from(system, where):
    return metric(system.front, f'chunk_cache_total{{from="{where}"}}')


def until(what, seconds=LIMIT_SECONDS):
    """Waits until something is true."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)


def filled(system, running, expected):
    """Asks for all chunks until Redis has them."""

    def is_full():
        assert chunks(system) == expected
        return len(running.keys("cloudify:chunk:*")) == COUNT

    until(is_full)


def announced(start, running, servers, tmp_path):
    """Starts a worker that is announced; checks that it is, and that it is not any more once it stopped."""
    directory = tmp_path / f"announced{time.monotonic_ns()}"
    (directory / "catalog").mkdir(parents=True)
    (directory / "cloudify.toml").write_text(settings(servers))
    worker = server.Process(
        "announced",
        ["worker", "--listen", "127.0.0.1:0", "--log", "json", "--config", str(directory / "cloudify.toml"),
         "--catalog", str(directory / "catalog"), "--root", str(directory),
         "--announce", "http://127.0.0.1:0", "--pool", "tape"],
        directory, server.environment(),
    )  # fmt: skip
    key = f"{{cloudify:workers}}:{worker.url}"
    until(lambda: running.keys("{cloudify:workers}:*") == [key])
    worker.stop()
    assert running.keys("{cloudify:workers}*") == []
