"""Redis as a cache and a meeting place: answers are those without it, whatever becomes of it."""

import concurrent.futures
import json
import re
import time

import netCDF4
import numpy as np
import pytest
import requests
import xarray as xr

from harness import server
from harness.redis import Late, Redis
from harness.tier import (  # noqa: F401 fixtures are used by their names
    COUNT, NO_MEMORY, VIEW, announced, came_from, chunks, expected, expected_trouble, filled, metric, redis, settings, source,
    until, write,
)


def test_chunks_come_from_redis_once_they_were_asked_for_twice(start, redis, source, expected):
    running = redis()
    one = start("two-process", config=settings(running.url, NO_MEMORY))
    one.register("v", source)
    assert chunks(one) == expected
    assert came_from(one, "worker") == COUNT and came_from(one, "redis") == 0
    filled(one, running, expected)
    before = came_from(one, "redis")
    assert chunks(one) == expected
    assert came_from(one, "redis") == before + COUNT
    # Another gateway, with workers of its own, which make none.
    other = start("two-process", config=settings(running.url, NO_MEMORY), catalog=one.catalog)
    assert chunks(other) == expected
    assert came_from(other, "redis") == COUNT and came_from(other, "worker") == 0


def test_memory_is_in_front_and_the_second_request_tells_others(start, redis, source, expected):
    running = redis()
    system = start("two-process", config=settings(running.url))
    system.register("v", source)
    for _ in range(3):
        assert chunks(system) == expected
    assert came_from(system, "worker") == COUNT and came_from(system, "memory") == 2 * COUNT
    until(lambda: len(running.keys("cloudify:chunk:*")) == COUNT)


def break_off(running):
    running.kill()
    running.start()


def pause(running):
    running.cli("CLIENT", "PAUSE", 3000, "ALL")


def sleep(running):
    running.begin("DEBUG", "SLEEP", 3)


def freeze(running):
    running.freeze()


@pytest.mark.parametrize("trouble", [Redis.kill, break_off, pause, sleep, freeze])
def test_whatever_becomes_of_redis_answers_stay_right_and_it_is_used_again(start, redis, source, expected, trouble):
    running = redis()
    system = start("two-process", config=settings(running.url, NO_MEMORY, patience="patience_ms = 300\n"))
    system.register("v", source)
    filled(system, running, expected)
    trouble(running)
    for _ in range(3):
        assert chunks(system) == expected
    if trouble is Redis.kill:
        running.start()
    running.thaw()
    until(lambda: metric(system.front, "redis_is_asked") == 1)
    filled(system, running, expected)
    before = came_from(system, "redis")

    def comes_again():
        assert chunks(system) == expected
        return came_from(system, "redis") > before

    until(comes_again)


def test_a_late_redis_is_left_alone(start, redis, source, expected):
    running = redis()
    late = Late(running.port, 0.1)
    system = start("two-process", config=settings(late.url, NO_MEMORY, patience="patience_ms = 20\n"))
    system.register("v", source)
    for _ in range(3):
        assert chunks(system) == expected
    assert metric(system.front, "redis_is_asked") == 0
    assert metric(system.front, 'redis_questions_total{outcome="late"}') >= 3
    assert metric(system.front, 'redis_questions_total{outcome="left alone"}') > 0
    late.seconds = 0
    late.stop()


def test_a_full_or_read_only_redis_serves_what_it_has(start, redis, source, expected):
    running = redis()
    system = start("two-process", config=settings(running.url, NO_MEMORY))
    system.register("v", source)
    filled(system, running, expected)
    kept = running.keys("cloudify:chunk:*")[: COUNT // 2]
    for make_it, undo in (
        (("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0")),
        (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE")),
    ):
        running.cli("DEL", *kept)
        failed = metric(system.front, 'redis_writes_total{outcome="failed"}')
        running.cli(*make_it)

        def has_failed():
            assert chunks(system) == expected
            return metric(system.front, 'redis_writes_total{outcome="failed"}') > failed

        until(has_failed)
        assert metric(system.front, "redis_is_asked") == 1
        running.cli(*undo)
        filled(system, running, expected)


def test_nothing_is_written_beyond_the_bound(start, redis, source, expected):
    running = redis()
    system = start("two-process", config=settings(running.url, "bytes_max = 1000\n", NO_MEMORY))
    system.register("v", source)
    for _ in range(3):
        assert chunks(system) == expected
    until(lambda: metric(system.front, 'redis_writes_total{outcome="full"}') > 0)
    assert running.keys("cloudify:chunk:*") == []


def test_a_value_that_is_not_what_was_written_is_a_miss(start, redis, source, expected):
    running = redis()
    system = start("two-process", config=settings(running.url, NO_MEMORY))
    system.register("v", source)
    filled(system, running, expected)
    keys = running.keys("cloudify:chunk:*")
    values = {key: running.get(key) for key in keys}
    for damage in (
        lambda key: values[key][:-1],
        lambda key: values[key][:20],
        lambda key: values[keys[keys.index(key) - 1]],
        lambda key: values[key][:-5] + bytes([values[key][-5] ^ 1]) + values[key][-4:],
        lambda key: b"",
        lambda key: b"\0" * len(values[key]),
    ):
        for key in keys:
            running.put(key, damage(key))
        assert chunks(system) == expected


def test_a_key_of_another_kind_is_a_miss(start, redis, source, expected):
    running = redis()
    system = start("two-process", config=settings(running.url, NO_MEMORY))
    system.register("v", source)
    filled(system, running, expected)
    for key in running.keys("cloudify:chunk:*"):
        running.cli("DEL", key)
        running.cli("LPUSH", key, "x")
    assert chunks(system) == expected


@pytest.mark.parametrize("change", ["replaced", "removed"])
@pytest.mark.parametrize("memory", ["", "bytes_max = 0\n"])
def test_a_source_that_changed_is_a_conflict_in_every_gateway(start, redis, source, expected, change, memory):
    running = redis()
    config = settings(running.url, f"[cache]\nrecheck_seconds = 0\n{memory}")
    one = start("two-process", config=config)
    one.register("v", source)
    filled(one, running, expected)
    other = start("two-process", config=config, catalog=one.catalog)
    assert chunks(other) == expected
    if change == "replaced":
        write(source, 2)
    else:
        source.unlink()
    for system in (other, one):
        answer = requests.get(f"{system.url}/datasets/v/{VIEW}/v/0.0.0")
        assert answer.status_code == 409, answer.text
        assert str(source) not in answer.text


def test_a_changed_source_is_noticed_soon_also_where_memory_answers(start, source, expected):
    system = start("two-process", config="[cache]\nrecheck_seconds = 2\n")
    system.register("v", source)
    for _ in range(2):
        assert chunks(system) == expected
    source.unlink()
    url = f"{system.url}/datasets/v/{VIEW}/v/0.0.0"

    def is_conflict():
        answer = requests.get(url)
        assert answer.status_code == 409 or answer.content == expected[0]
        return answer.status_code == 409

    until(is_conflict)


def test_a_catalog_made_anew_shares_nothing_with_the_old_one(start, redis, source, expected):
    running = redis()
    one = start("two-process", config=settings(running.url))
    one.register("v", source)
    filled(one, running, expected)
    other_source = source.with_name("other.nc")
    write(other_source, 2)
    other = start("two-process", config=settings(running.url))
    other.register("v", other_source)
    alone = start("serve")
    alone.register("v", other_source)
    assert chunks(other) == chunks(alone) != expected
    assert came_from(other, "redis") == 0
    assert chunks(one) == expected


def test_a_new_version_is_served_at_once(start, redis, source, expected):
    running = redis()
    system = start("two-process", config=settings(running.url))
    system.register("v", source)
    filled(system, running, expected)
    write(source, 2)
    system.register("v", source, replace=True)
    alone = start("serve")
    alone.register("v", source)
    assert chunks(system) == chunks(alone) != expected


def test_gateways_hear_of_changes_that_others_make(start, redis, source, expected):
    running = redis()
    slow = "[http]\ncatalog_poll_ms = 600000\n"
    one = start("two-process", config=settings(running.url, slow))
    other = start("two-process", config=settings(running.url, slow), catalog=one.catalog)
    deaf = start("two-process", config=slow, catalog=one.catalog)
    until(lambda: int(running.cli("PUBSUB", "NUMSUB", "cloudify:changes").split()[1]) == 2)
    assert requests.get(f"{other.url}/datasets").json() == requests.get(f"{deaf.url}/datasets").json()
    one.register("v", source)
    until(lambda: requests.get(f"{other.url}/datasets/v/kerchunk/.zmetadata").status_code == 200)
    assert requests.get(f"{deaf.url}/datasets/v/kerchunk/.zmetadata").status_code == 404
    # Again, after Redis was away.
    break_off(running)
    until(lambda: int(running.cli("PUBSUB", "NUMSUB", "cloudify:changes").split()[1]) == 2)
    one.command("rm", "v")
    until(lambda: requests.get(f"{other.url}/datasets/v/kerchunk/.zmetadata").status_code in (404, 410))


def test_a_gateway_that_starts_finds_the_metadata(start, redis, source, expected):
    running = redis()
    one = start("two-process", config=settings(running.url))
    one.register("v", source)
    url = "datasets/v/kerchunk"
    stored = requests.get(f"{one.url}/{url}/v/0.0.0").content
    until(lambda: len(running.keys("cloudify:dataset:*")) == 1 and len(running.keys("cloudify:references:*")) == 1)
    other = start("two-process", config=settings(running.url), catalog=one.catalog)
    assert requests.get(f"{other.url}/{url}/v/0.0.0").content == stored
    assert requests.get(f"{other.url}/{url}/.zmetadata").json() == requests.get(f"{one.url}/{url}/.zmetadata").json()
    for method in ("GetDataset", "GetReferences"):
        assert metric(one.front, f'worker_calls_total{{code="Ok",method="{method}"}}') == 1
        assert metric(other.front, f'worker_calls_total{{code="Ok",method="{method}"}}') == 0
    assert chunks(other) == expected


SLOW_STEPS, SLOW_SHAPE = 240, (300, 300)
SLOW = "view/coarsen=time:60:std~pchunks=time:1/zarr"
"""Four chunks, each of 60, which take some tenths of a second."""


@pytest.fixture
def slow_source(data):
    path = data / "slow.nc"
    with netCDF4.Dataset(path, "w") as file:
        for name, length in zip(("time", "y", "x"), (SLOW_STEPS, *SLOW_SHAPE)):
            file.createDimension(name, length)
        v = file.createVariable("v", "f4", ("time", "y", "x"), chunksizes=(1, *SLOW_SHAPE), zlib=True, complevel=1)
        rng = np.random.default_rng(3)
        for step in range(SLOW_STEPS):
            v[step] = rng.normal(280, 20, SLOW_SHAPE).astype("f4")
    return path


def test_of_two_gateways_one_makes_an_expensive_chunk(start, redis, slow_source):
    running = redis()
    config = settings(running.url, NO_MEMORY, "[evaluate]\ncache_bytes_max = 0\n")
    one = start("two-process", config=config)
    one.register("v", slow_source)
    other = start("two-process", config=config, catalog=one.catalog)
    urls = [f"{system.url}/datasets/v/{SLOW}/v" for system in (one, other)]
    # Each learns what the variable costs.
    begin = time.monotonic()
    for number, url in enumerate(urls):
        assert requests.get(f"{url}/{number}.0.0", timeout=60).status_code == 200
    assert time.monotonic() - begin > 0.5, "the chunks are not expensive: this tests nothing"
    with concurrent.futures.ThreadPoolExecutor() as pool:
        answers = list(pool.map(lambda url: requests.get(f"{url}/2.0.0", timeout=60), urls))
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].content == answers[1].content
    assert sum(came_from(system, "worker") for system in (one, other)) == 3
    assert sum(came_from(system, "another gateway") + came_from(system, "redis") for system in (one, other)) == 1
    # Who has the lock is gone: nobody waits for ever, whether or not the lock runs out.
    name = running.keys("cloudify:chunk:*")[0]
    lock = re.sub(r"^(cloudify:)(chunk:[^:]*:[^:]*:[^:]*:)\d+:", r"\1lock:\g<2>3:", name)
    running.cli("SET", lock, "1")
    with netCDF4.Dataset(slow_source) as file:
        truth = file["v"][180:240].astype("f8").std(axis=0)
    with xr.open_dataset(f"{one.url}/datasets/v/{SLOW}", engine="zarr", zarr_format=2) as mine:
        assert np.allclose(mine.v[3].values, truth, rtol=1e-4)
    assert running.cli("EXISTS", lock) == "1"


def test_a_worker_is_announced_as_long_as_it_is_there(start, redis, tmp_path, data):
    running = redis()
    announced(start, running, running.url, tmp_path)
    (tmp_path / "catalog").mkdir()
    (tmp_path / "cloudify.toml").write_text(settings(running.url))
    worker = server.Process(
        "worker",
        ["worker", "--listen", "127.0.0.1:0", "--log", "json", "--config", str(tmp_path / "cloudify.toml"),
         "--catalog", str(tmp_path / "catalog"), "--root", str(data), "--announce", "http://127.0.0.1:0"],
        tmp_path, server.environment(),
    )  # fmt: skip
    try:
        key = f"{{cloudify:workers}}:{worker.url}"
        until(lambda: running.keys("{cloudify:workers}:*") == [key])
        lease = json.loads(running.cli("GET", key))
        assert (lease["url"], lease["pool"]) == (worker.url, "default")
        assert lease["cores"] >= 1 and abs(lease["started_ms"] / 1000 - time.time()) < 60
        assert 0 < int(running.cli("PTTL", key)) <= 10_000
        assert running.cli("ZRANGE", "{cloudify:workers}", 0, -1) == worker.url
        break_off(running)
        until(lambda: running.keys("{cloudify:workers}:*") == [key])
        worker.kill()
        until(lambda: running.keys("{cloudify:workers}:*") == [])
    finally:
        worker.kill()


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ('[redis]\nurl = "redis://u:hush@127.0.0.1:1"', "redis.username"),
        ('[redis]\nurl = "http://127.0.0.1:1"', "must look like"),
        ('[redis]\nurl = "redis://127.0.0.1:1"\ncluster = ["redis://127.0.0.1:1"]', "one of"),
        ('[redis]\nurl = "rediss://127.0.0.1:1"\nca_file = "/nowhere.pem"', "/nowhere.pem"),
    ],
)
def test_settings_that_make_no_sense_are_refused(start, data, config, message):
    with pytest.raises(server.Failed, match=message) as failure:
        start("two-process", config=config)
    assert "hush" not in str(failure.value)
