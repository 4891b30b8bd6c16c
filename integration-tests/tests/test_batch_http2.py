"""Batches over HTTP/2: the same bytes, and streams of one connection that do not stop each other."""

import json
import shutil
import subprocess
import time

import netCDF4
import numpy as np
import pytest
import requests

from harness import batches, http2, samples, truth

KINDS = ["serve", "two-process"]
SMALL, LARGE = 1500, 16_000_000
SMALL_KEYS = [f"small/{number}.0" for number in range(SMALL)]
LARGE_KEYS = ["large/0.0", "large/1.0"] * 4


def body(keys, store="kerchunk") -> bytes:
    return json.dumps({"store": store, "keys": keys}).encode()


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
@pytest.mark.parametrize("store", ["kerchunk", "zarr"])
def test_curl_gets_the_bytes_of_single_requests(served, store):
    path = samples.NEMO[0]
    url = served.of(path).removesuffix("/kerchunk")
    stored = {f"tos/{'.'.join(map(str, index))}": data for index, data in truth.chunk_bytes(path, "tos")}
    keys = [*stored, "tos/99.0.0", ".zmetadata", "nope/0"] * 3
    asked = ["curl", "--silent", "--show-error", "--http2-prior-knowledge", "--data-binary", "@-", "--write-out", "%{stderr}%{http_version}"]
    done = subprocess.run([*asked, f"{url}/chunks"], input=body(keys, store), capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"2")
    found = batches.frames(done.stdout)
    for place, key in enumerate(keys):
        alone = requests.get(f"{url}/{store}/{key}")
        status, data = found[place]
        assert status == alone.status_code, key
        assert status == 404 or data == alone.content, key
        assert store != "kerchunk" or key not in stored or data == stored[key], key


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Chunks of 40 kB, and two of 16 MB, not compressed."""
    path = tmp_path_factory.mktemp("http2") / "v.nc"
    with netCDF4.Dataset(path, "w") as file:
        for name, length in (("s", SMALL), ("y", 10_000), ("t", 2), ("x", LARGE // 4)):
            file.createDimension(name, length)
        small = file.createVariable("small", "i4", ("s", "y"), chunksizes=(1, 10_000))
        small[...] = np.arange(SMALL * 10_000).reshape(SMALL, 10_000)
        large = file.createVariable("large", "i4", ("t", "x"), chunksizes=(1, LARGE // 4))
        large[...] = np.arange(2 * LARGE // 4).reshape(2, -1)
    return path


@pytest.fixture(scope="module")
def stored(source):
    """Bytes of each chunk, as libhdf5 finds them in the file."""
    return {
        f"{name}/{'.'.join(map(str, index))}": data
        for name in ("small", "large") for index, data in truth.chunk_bytes(source, name)
    }


@pytest.fixture(params=KINDS)
def system(request, start, source):
    running = start(request.param, roots=[source.parent])
    running.register("v", source)
    return running


def same(answer, keys, stored):
    """Whether an answer is a batch of these keys."""
    assert answer.is_ok, answer.headers
    found = batches.frames(bytes(answer.body))
    assert len(found) == len(keys)
    return all(found[place] == (200, stored[key]) for place, key in enumerate(keys))


def test_a_stream_that_is_not_read_stops_no_other(system, stored):
    """Batches and single chunks of the same connection are answered; afterwards what waited is as it should be, too."""
    with http2.Connection(system.url) as connection:
        waiting = {}
        for keys in (SMALL_KEYS, LARGE_KEYS, SMALL_KEYS[::-1], LARGE_KEYS[::-1]):
            waiting[connection.ask("POST", "/datasets/v/chunks", body(keys))] = keys
        single = connection.ask("GET", "/datasets/v/kerchunk/large/0.0")
        for keys in (SMALL_KEYS[:300], LARGE_KEYS[:3], SMALL_KEYS[300:600]):
            quick = connection.ask("POST", "/datasets/v/chunks", body(keys))
            assert same(connection.take(quick), keys, stored)
            one = connection.take(connection.ask("GET", f"/datasets/v/kerchunk/{keys[0]}"))
            assert one.is_ok and one.body == stored[keys[0]]
        for stream in (single, *waiting):
            assert not connection.answers[stream].has_ended
            assert len(connection.answers[stream].body) <= http2.FIRST_WINDOW
        assert all(len(connection.answers[stream].body) > 0 for stream in waiting), "it waits, but has begun"
        for stream, keys in waiting.items():
            assert same(connection.take(stream), keys, stored)
        assert connection.take(single).body == stored["large/0.0"]


def test_a_stream_that_is_cancelled_ends_its_work_alone(system, stored):
    with http2.Connection(system.url) as connection:
        left = [connection.ask("POST", "/datasets/v/chunks", body(SMALL_KEYS)) for _ in range(20)]
        keys = SMALL_KEYS[:500]
        kept = connection.ask("POST", "/datasets/v/chunks", body(keys))
        while not all(connection.answers[stream].body for stream in left):
            connection.receive()
        for stream in left:
            connection.cancel(stream)
        assert same(connection.take(kept), keys, stored)
        # A request that comes after shows that the server has heard all of it.
        assert connection.take(connection.ask("GET", "/datasets/v/kerchunk/.zmetadata")).is_ok
        time.sleep(1)
        begun = keys_answered(system)
        time.sleep(1)
        assert keys_answered(system) == begun < len(left) * SMALL / 2 + len(keys)


def keys_answered(system) -> int:
    lines = requests.get(f"{system.url}/metrics").text.splitlines()
    return sum(int(line.split()[-1]) for line in lines if line.startswith("cloudify_batch_keys_total"))
