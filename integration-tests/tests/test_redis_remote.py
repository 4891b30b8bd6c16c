"""Ranges of remote files that gateways keep, in memory and in Redis: bytes are those of the file, or none are served.

Ground truth are the file's own bytes, at the places that kerchunk finds.
"""

import json
import os
import threading
import time

import netCDF4
import numpy as np
import pytest
import requests
import xarray as xr

from harness.references import references_of
from harness.remote import Static, config, raw
from harness.tier import NO_MEMORY, TROUBLE, metric, redis, settings, until  # noqa: F401 a fixture is used by its name

KINDS = ["serve", "two-process"]
COUNT = 4
SHAPES = {"small": (COUNT, 40, 50), "modest": (COUNT, 300, 400), "large": (1, 800, 900)}
"""Chunks of 8 kB, which go over a worker's lane, of 480 kB, which have a stream of their own, and one of 2.9 MB."""
LONG_AGO = int(time.time()) - 86_400
TO_COME = 4e9
"""After any registration."""


@pytest.fixture(autouse=True)
def expected_trouble(allowed_log):
    allowed_log.append(TROUBLE)


def write(path, seed, modified=LONG_AGO):
    """A file whose values depend on `seed` and its layout does not; returns kerchunk's references to it."""
    with netCDF4.Dataset(path, "w") as file:
        for name, shape in SHAPES.items():
            dimensions = [f"{name}{at}" for at in range(3)]
            for dimension, length in zip(dimensions, shape):
                file.createDimension(dimension, length)
            v = file.createVariable(name, "f4", dimensions, chunksizes=(1, *shape[1:]))
            v[:] = np.random.default_rng(seed).normal(280, 20, shape).astype("f4")
    os.utime(path, (modified, modified))
    return references_of(path, path.name)


def chunks_of(path, references):
    """Bytes of all chunks, by key, as they are in the file."""
    content = path.read_bytes()
    places = {key: place for key, place in references.items() if isinstance(place, list) and key.split("/")[0] in SHAPES}
    return {key: content[offset:offset + length] for key, (_, offset, length) in places.items()}


class Source:
    """A file behind a web server and references to it."""

    def __init__(self, static, web):
        self.static, self.path = static, web / "v.nc"
        references = write(self.path, 1)
        (web / "v.json").write_text(json.dumps({"version": 1, "refs": references}))
        self.url, self.references = f"{static.url}/v.json", references
        every = chunks_of(self.path, references)
        self.kept = {key: content for key, content in every.items() if not key.startswith("large")}
        self.large = {key: content for key, content in every.items() if key.startswith("large")}
        assert (len(self.kept), len(self.large)) == (2 * COUNT, 1)

    def asked(self, command="GET"):
        return [path for said, path, _ in self.static.asked if said == command and path == "/v.nc"]


@pytest.fixture
def source(static, tmp_path):
    return Source(static, tmp_path / "web")


def served(system, keys):
    return {key: raw(system.kerchunk("v"), key).content for key in keys}


def statuses(system, keys):
    return {raw(system.kerchunk("v"), key).status_code for key in keys}


def cached(more=""):
    return f"[cache]\n{more}"


def started(start, source, kind="two-process", config_more="", **options):
    return start(kind, config=config(source.static.url) + config_more, **options)


def filled(system, running, source):
    """Asks for all chunks until Redis has them."""

    def is_full():
        assert served(system, source.kept) == source.kept
        return len(running.keys("cloudify:range:*")) == len(source.kept)

    until(is_full)


@pytest.mark.parametrize("kind", KINDS)
def test_ranges_of_remote_files_are_read_once(kind, start, source):
    system = started(start, source, kind)
    system.register("v", source.url)
    for _ in range(3):
        assert served(system, source.kept) == source.kept
    assert len(source.asked()) == len(source.kept) and source.asked("HEAD") == []
    assert metric(system.front, 'range_cache_total{from="memory"}') == 2 * len(source.kept)
    part = raw(system.kerchunk("v"), "large/0.0.0")
    for number in range(1, 3):
        assert {"large/0.0.0": part.content} == source.large
        part = raw(system.kerchunk("v"), "large/0.0.0")
        assert len(source.asked()) == len(source.kept) + number + 1, "long ranges are not kept"
    with xr.open_dataset(source.path) as truth, xr.open_dataset(system.kerchunk("v"), engine="zarr", zarr_format=2) as ours:
        for name in SHAPES:
            assert np.array_equal(ours[name].values, truth[name].values)


def test_another_gateway_finds_in_redis_what_was_asked_for_twice(start, redis, source):  # noqa: F811
    running = redis()
    one = started(start, source, config_more=settings(running.url, NO_MEMORY))
    one.register("v", source.url)
    assert served(one, source.kept) == source.kept
    time.sleep(0.3)
    assert running.keys("cloudify:range:*") == [], "asked for once"
    filled(one, running, source)
    other = started(start, source, config_more=settings(running.url), catalog=one.catalog)
    source.static.asked.clear()
    for _ in range(2):
        assert served(other, source.kept) == source.kept
    assert source.static.asked == []
    came = {where: metric(other.front, f'range_cache_total{{from="{where}"}}') for where in ("redis", "memory", "worker")}
    assert came == {"redis": len(source.kept), "memory": len(source.kept), "worker": 0}


def test_ranges_of_local_files_are_not_kept(start, redis, data):  # noqa: F811
    running = redis()
    references = write(data / "v.nc", 1)
    system = start("two-process", config=settings(running.url))
    system.register("v", data / "v.nc")
    expected = chunks_of(data / "v.nc", references)
    for _ in range(3):
        assert served(system, expected) == expected
    time.sleep(0.3)
    assert running.keys("cloudify:range:*") == []
    assert metric(system.front, 'range_cache_total{from="worker"}') == 0


@pytest.mark.parametrize("kind", KINDS)
def test_with_no_time_to_recheck_each_request_looks(kind, start, source, allowed_log):
    allowed_log.append("Conflict")
    system = started(start, source, kind, cached("remote_recheck_seconds = 0\n"))
    system.register("v", source.url)
    for _ in range(2):
        assert served(system, source.kept) == source.kept
    assert (len(source.asked()), len(source.asked("HEAD"))) == (len(source.kept), len(source.kept))
    write(source.path, 2, TO_COME)
    assert statuses(system, source.kept) == {409}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", [-5, 0.5, 5])
def test_another_state_that_is_no_younger_is_read_anew(kind, change, start, source):
    """As where a mirror is made anew with the times of its origin, or where entity tags alone tell: what there is, is served."""
    system = started(start, source, kind, cached("remote_recheck_seconds = 0\n"))
    system.register("v", source.url)
    assert served(system, source.kept) == source.kept
    write(source.path, 2, LONG_AGO + change)
    now = chunks_of(source.path, source.references)
    for _ in range(2):
        assert served(system, source.kept) == {key: now[key] for key in source.kept}


@pytest.mark.parametrize("memory", ["", "bytes_max = 0\n"])
@pytest.mark.parametrize("recheck", [0, 2])
def test_a_changed_file_is_a_conflict_in_every_gateway(start, redis, source, memory, recheck, allowed_log):  # noqa: F811
    allowed_log.append("Conflict")
    running = redis()
    more = settings(running.url, cached(f"remote_recheck_seconds = {recheck}\n{memory}"))
    one = started(start, source, config_more=more)
    one.register("v", source.url)
    filled(one, running, source)
    other = started(start, source, config_more=more, catalog=one.catalog)
    assert served(other, source.kept) == source.kept
    write(source.path, 2, TO_COME)
    deadline = time.monotonic() + recheck
    for system in (other, one):
        for key, content in source.kept.items():

            def is_conflict(system=system, key=key, content=content):
                begun = time.monotonic()
                answer = raw(system.kerchunk("v"), key)
                assert answer.status_code == 409 or (answer.content == content and begun < deadline + 0.5)
                return answer.status_code == 409

            if recheck:
                until(is_conflict)
            else:
                assert is_conflict()


@pytest.mark.parametrize("how", ["no Last-Modified", "modified just now"])
def test_what_cannot_be_told_from_what_comes_is_not_kept(start, redis, source, how):  # noqa: F811
    running = redis()
    if how == "no Last-Modified":
        source.static.special["/v.nc"] = (200, {}, source.path.read_bytes())
    else:
        os.utime(source.path)
    system = started(start, source, config_more=settings(running.url))
    system.register("v", source.url)
    source.static.asked.clear()
    for _ in range(3):
        assert served(system, source.kept) == source.kept
    assert len(source.asked()) == 3 * len(source.kept)
    time.sleep(0.3)
    assert running.keys("cloudify:range:*") == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("recheck", [0, 1])
def test_what_is_kept_is_served_while_its_server_is_gone(kind, start, source, recheck, allowed_log, tmp_path):
    allowed_log.append("Unavailable|Conflict")
    system = started(start, source, kind, cached(f"remote_recheck_seconds = {recheck}\n"))
    system.register("v", source.url)
    known = [key for key in source.kept if not key.endswith("3.0.0") and "/3." not in key]
    assert len(known) == 2 * (COUNT - 1)
    assert served(system, known) == {key: source.kept[key] for key in known}
    port = source.static.server.server_port
    source.static.stop()
    time.sleep(recheck)
    assert served(system, known) == {key: source.kept[key] for key in known}
    assert raw(system.kerchunk("v"), "small/3.0.0").status_code == 503
    write(source.path, 2, TO_COME)
    again = Static(tmp_path / "web", port)
    try:
        time.sleep(recheck + 0.1)
        assert statuses(system, known) == {409}
    finally:
        again.stop()


def test_a_slow_server_is_not_waited_for_long(start, source, allowed_log):
    allowed_log.append("Conflict|DeadlineExceeded|Unavailable")
    system = started(start, source, config_more=cached("remote_recheck_seconds = 2\n"))
    system.register("v", source.url)
    assert served(system, source.kept) == source.kept
    gate = source.static.gates["/v.nc"] = threading.Event()
    time.sleep(2)
    try:
        begun = time.monotonic()
        for _ in range(3):
            assert served(system, source.kept) == source.kept
        assert time.monotonic() - begun < 10
    finally:
        gate.set()


def test_stores_of_many_objects(start, redis, static, tmp_path):  # noqa: F811
    running = redis()
    path = tmp_path / "web/store.zarr"
    values = np.random.default_rng(1).normal(280, 20, (COUNT, 60, 80)).astype("f4")
    xr.Dataset({"v": (("time", "y", "x"), values)}).to_zarr(path, zarr_format=3, encoding={"v": {"chunks": (1, 60, 80)}})
    for file in path.rglob("*"):
        os.utime(file, (LONG_AGO, LONG_AGO))
    expected = {f"v/c/{n}/0/0": (path / f"v/c/{n}/0/0").read_bytes() for n in range(COUNT)}
    more = settings(running.url, NO_MEMORY)
    one = start("two-process", config=config(static.url) + more)
    one.register("v", f"{static.url}/store.zarr")

    def is_full():
        assert served(one, expected) == expected
        return len(running.keys("cloudify:range:*")) == COUNT

    until(is_full)
    other = start("two-process", config=config(static.url) + more, catalog=one.catalog)
    assert raw(other.kerchunk("v"), "zarr.json").status_code == 200
    static.asked.clear()
    assert served(other, expected) == expected
    assert not any(command == "GET" and "/c/" in asked for command, asked, _ in static.asked)


@pytest.mark.parametrize("kind", KINDS)
def test_parts_of_a_chunk_are_of_one_state_where_a_mirror_is_made_anew_meanwhile(kind, start, source):
    system = started(start, source, kind)
    system.register("v", source.url)
    key = "modest/0.0.0"
    old, url = source.kept[key], f"{system.kerchunk('v')}/{key}"
    first = requests.get(url, headers={"Range": "bytes=0-499"}, timeout=60)
    assert (first.status_code, first.content) == (206, old[:500])
    write(source.path, 2, LONG_AGO + 10)
    new = chunks_of(source.path, source.references)[key]
    assert new[500:1000] != old[500:1000]
    second = requests.get(url, headers={"Range": "bytes=500-999", "If-Range": first.headers["ETag"]}, timeout=60)
    whole = requests.get(url, timeout=60)
    assert (first.content + second.content, whole.content) in [(old[:1000], old), (new[:1000], new)]
