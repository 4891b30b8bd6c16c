"""Pools of workers: which of them answers, and what becomes of requests when some do not."""

import concurrent.futures
import hashlib
import json
import signal
import time

import netCDF4
import numpy as np
import pytest
import requests
import xarray as xr

from harness import server
from harness.pools import (  # noqa: F401 the fixture is used by its name
    STEPS, WORKER_GONE, archive, asked_all_the_time, keys, metric, pools, until,
)


def test_pools_are_shown_to_administrators_alone(start, archive, allowed_log):
    system = start("two-process", workers=2)
    system.register("small", archive / "small.nc")
    until(lambda: pools(system)["default"]["members_up"] == 2)
    shown = pools(system)["default"]["members"]
    assert [member["url"] for member in shown] == sorted(worker.url for worker in system.workers)
    assert all(member["calls"] > 0 or member["health"] == "up" for member in shown)
    assert requests.get(f"{system.url}/admin/v1/pools", timeout=30).status_code == 401
    printed = system.command("pools")
    assert printed.returncode == 0 and "default: 2 of 2 up" in printed.stdout, printed
    assert json.loads(system.command("pools", "--json").stdout)["pools"][0]["name"] == "default"
    allowed_log += WORKER_GONE
    system.workers[0].kill()
    # Seen by those who ask it for something, and by nobody else.
    until(lambda: all(requests.get(key, timeout=30).ok for key in keys(system)) and pools(system)["default"]["members_up"] == 1)


def test_one_process_has_no_pools(start, archive):
    assert pools(start("serve")) == {}


def test_chunks_keep_their_worker_and_are_spread_over_all(start, archive):
    system = start("two-process", workers=3)
    system.register("small", archive / "small.nc")
    until(lambda: pools(system)["default"]["members_up"] == 3)
    before = {member["url"]: member["calls"] for member in pools(system)["default"]["members"]}
    bodies = [requests.get(key, timeout=30).content for key in keys(system, store="zarr")]
    assert all(bodies)
    calls = {m["url"]: m["calls"] - before[m["url"]] for m in pools(system)["default"]["members"]}
    assert sum(calls.values()) >= STEPS and all(count >= 6 for count in calls.values()), calls


def test_a_worker_that_is_killed_is_not_noticed(start, archive, allowed_log):
    """Raw and decoded chunks, again and again, while one worker of three at a time is killed and started again."""
    allowed_log += WORKER_GONE
    system = start("two-process", workers=3)
    system.register("small", archive / "small.nc")
    expected = [key for store in ("kerchunk", "zarr") for key in keys(system, store=store)]
    with asked_all_the_time(expected) as answered:
        for number in (0, 1, 2, 0):
            begun = len(answered)
            system.workers[number].kill()
            until(lambda: len(answered) > begun + 30)
            system.workers[number].start_again()
            until(lambda: pools(system)["default"]["members_up"] == 3)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_large_chunk_outlives_its_worker(start, archive, allowed_log, how):
    """It is broken off in the middle at one worker and goes on at the other: the same bytes."""
    allowed_log += WORKER_GONE
    system = start("two-process", workers=2)
    system.register("large", archive / "large.nc")
    until(lambda: pools(system)["default"]["members_up"] == 2)
    url = f"{system.url}/datasets/large/kerchunk/v/0"
    whole = hashlib.sha256(requests.get(url, timeout=60).content).hexdigest()
    with netCDF4.Dataset(archive / "large.nc") as file:
        assert whole == hashlib.sha256(np.asarray(file["v"][:]).astype("<f4").tobytes()).hexdigest()
    begun = requests.get(url, stream=True, timeout=120)
    taken = begun.raw.read(1 << 20)
    busy = [m["url"] for m in pools(system)["default"]["members"] if m["reads_under_way"]]
    assert len(busy) == 1, busy
    worker = next(worker for worker in system.workers if worker.url == busy[0])
    worker.child.send_signal(how)
    try:
        rest = begun.raw.read()
        assert hashlib.sha256(taken + rest).hexdigest() == whole
        assert metric(system, "worker_resumed_total") >= 1
    finally:
        worker.child.send_signal(signal.SIGCONT)
        if how == signal.SIGKILL:
            worker.child.wait()


def test_a_request_waits_for_a_worker_that_is_started_again(start, archive, allowed_log):
    allowed_log += WORKER_GONE
    system = start("two-process", workers=1)
    system.register("small", archive / "small.nc")
    url = keys(system)[0]
    body = requests.get(url, timeout=30).content
    worker = system.workers[0]
    worker.kill()
    refused = requests.get(url, timeout=60)
    assert refused.status_code == 503 and int(refused.headers["Retry-After"]) > 0
    with concurrent.futures.ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(requests.get, url, timeout=60)
        worker.start_again()
        answer = waiting.result()
    if answer.status_code == 503:
        # The machine was so slow that the wait was over before.
        until(lambda: requests.get(url, timeout=60).status_code == 200)
    else:
        assert answer.content == body


def test_a_late_read_is_asked_for_elsewhere_too(start, archive, allowed_log):
    """A worker that stands still does not hold small reads up until it is found out."""
    allowed_log += WORKER_GONE
    system = start("two-process", workers=2)
    system.register("small", archive / "small.nc")
    until(lambda: pools(system)["default"]["members_up"] == 2)
    url = keys(system)[0]
    session = requests.Session()
    before = {m["url"]: m["calls"] for m in pools(system)["default"]["members"]}
    # More often than the gateway asks for the catalog meanwhile.
    body = [session.get(url, timeout=30).content for _ in range(50)][-1]
    home = max(pools(system)["default"]["members"], key=lambda m: m["calls"] - before[m["url"]])["url"]
    worker = next(worker for worker in system.workers if worker.url == home)
    worker.child.send_signal(signal.SIGSTOP)
    try:
        until(lambda: session.get(url, timeout=30).content == body and metric(system, "worker_hedges_total") >= 1)
    finally:
        worker.child.send_signal(signal.SIGCONT)


def test_datasets_are_read_by_the_pool_that_sees_their_files(tmp_path, archive, allowed_log):
    """Two pools with a catalog in common: each sees other files."""
    allowed_log += WORKER_GONE
    first, second, catalog = tmp_path / "first", tmp_path / "second", tmp_path / "catalog"
    for directory in (first, second, catalog):
        directory.mkdir()
    (first / "a.nc").write_bytes((archive / "small.nc").read_bytes())
    (second / "b.nc").write_bytes((archive / "small.nc").read_bytes())
    common = ["--listen", "127.0.0.1:0", "--log", "json"]
    variables = server.environment()
    started = []

    def process(name, arguments):
        started.append(server.Process(name, arguments, tmp_path, variables))
        return started[-1]

    try:
        workers = [
            process(name, ["worker", *common, "--catalog", str(catalog), "--root", str(root)])
            for name, root in (("first-worker", first), ("second-worker", second))
        ]
        port = workers[1].address.rsplit(":", 1)[1]
        (tmp_path / "gateway.toml").write_text(
            f'workers = ["{workers[0].url}"]\n[pools.second]\nworkers = ["dns://localhost:{port}"]\n'
        )
        front = process("gateway", ["gateway", *common, "--config", str(tmp_path / "gateway.toml")])
        system = server.Topology(front, workers, catalog, [first, second], variables)
        until(lambda: pools(system).get("second", {}).get("members_up") == 1)
        system.register("a", first / "a.nc")
        refused = system.command("register", "b", second / "b.nc")
        assert refused.returncode == 1, "the default pool does not see it"
        assert system.command("register", "--pool", "nowhere", "b", second / "b.nc").returncode == 1
        assert system.command("register", "--pool", "sec/ond", "b", second / "b.nc").returncode == 1
        done = system.command("register", "--pool", "second", "b", second / "b.nc")
        assert done.returncode == 0, done
        with xr.open_dataset(archive / "small.nc") as source:
            for dataset in ("a", "b"):
                for store in ("kerchunk", "zarr"):
                    served = xr.open_zarr(f"{system.url}/datasets/{dataset}/{store}", consolidated=True)
                    np.testing.assert_array_equal(served.v.values, source.v.values)
        # A new version keeps the pool, unless it names another.
        assert system.command("register", "--replace", "b", second / "b.nc").returncode == 0
        listed = requests.get(
            f"{system.url}/admin/v1/datasets", headers={"Authorization": f"Bearer {server.TOKEN}"}, timeout=30
        ).json()
        assert {d["id"]: d["pool"] for d in listed["datasets"]} == {"a": "default", "b": "second"}
        workers[1].kill()
        gone = requests.get(f"{system.url}/datasets/b/kerchunk/v/0.0.0", timeout=60)
        assert gone.status_code == 503, "another pool's workers do not see the file: never a 404 or 409"
        assert requests.get(f"{system.url}/datasets/a/kerchunk/v/0.0.0", timeout=60).status_code == 200
    finally:
        for one in started:
            if one.running():
                one.kill()


def announced_worker(name, directory, redis_url, catalog, root, started):
    config = directory / f"{name}.toml"
    config.write_text(f'[redis]\nurl = "{redis_url}"\npatience_ms = 2000\n')
    worker = server.Process(
        name,
        ["worker", "--listen", "127.0.0.1:0", "--log", "json", "--config", str(config), "--catalog", str(catalog),
         "--root", str(root), "--announce", "http://127.0.0.1:0"],
        directory, server.environment(),
    )
    started.append(worker)
    return worker


def test_workers_of_another_catalog_are_left_out(tmp_path, archive, allowed_log):
    """Two deployments that share a Redis by mistake, each with a dataset of the same name: they do not mix."""
    from harness.redis import Redis

    allowed_log += [*WORKER_GONE, r"an announced worker is left out", r"Redis|announced|taken back"]
    redis, started = Redis(tmp_path), []
    try:
        systems = []
        for name in ("first", "second"):
            root, catalog = tmp_path / name, tmp_path / f"{name}-catalog"
            root.mkdir(), catalog.mkdir()
            with netCDF4.Dataset(root / "v.nc", "w") as file:
                file.createDimension("x", 1000)
                file.createVariable("v", "f4", ("x",), chunksizes=(1000,), zlib=True)[:] = len(systems) + 1.0
            # The first joins by its lease, and pins the catalog; a lease that is none harms nobody.
            workers = [announced_worker(f"{name}-{number}", tmp_path, redis.url, catalog, root, started) for number in range(2)]
            config = tmp_path / f"{name}-gateway.toml"
            config.write_text(f'workers = ["{workers[0].url}"]\n[redis]\nurl = "{redis.url}"\npatience_ms = 2000\n')
            front = server.Process(
                f"{name}-gateway",
                ["gateway", "--listen", "127.0.0.1:0", "--log", "json", "--config", str(config)],
                tmp_path, server.environment(),
            )
            started.append(front)
            systems.append(server.Topology(front, workers, catalog, [root], server.environment()))
            until(lambda: pools(systems[-1])["default"]["members_up"] == 2)
            systems[-1].register("v", root / "v.nc")
        redis.cli("SET", "{cloudify:workers}:rubbish", json.dumps(
            {"url": "rubbish", "pool": "default", "cores": 1, "started_ms": 0, "catalog_id": "x"}))
        redis.cli("ZADD", "{cloudify:workers}", str(int(time.time() * 1000)), "rubbish")
        time.sleep(5)
        for expected, system in enumerate(systems, 1):
            assert {m["url"] for m in pools(system)["default"]["members"]} == {w.url for w in system.workers}
            for steps in ("mean=x", "max=x", "min=x", "sum=x"):
                with xr.open_zarr(f"{system.url}/datasets/v/view/{steps}/zarr", consolidated=True) as view:
                    assert float(view.v) == expected * (1000 if steps == "sum=x" else 1)
    finally:
        for process in started:
            if process.running():
                process.kill()
        redis.stop()


def test_a_server_that_hangs_holds_up_no_reads_of_other_files(start, tmp_path, archive, allowed_log):
    """Hundreds of small reads of a remote file wait; those of a local file are answered."""
    import socket

    allowed_log += [*WORKER_GONE, r"too many reads wait", r"remote", r"DeadlineExceeded|Unavailable|Overloaded"]
    with socket.socket() as hanging:
        hanging.bind(("127.0.0.1", 0))
        hanging.listen(4096)
        base = f"http://127.0.0.1:{hanging.getsockname()[1]}/"
        references = {".zgroup": '{"zarr_format":2}', "v/.zarray": json.dumps(
            {"zarr_format": 2, "shape": [1000], "chunks": [1], "dtype": "<f4", "compressor": None, "filters": None,
             "fill_value": None, "order": "C"}), "v/.zattrs": '{"_ARRAY_DIMENSIONS":["x"]}'}
        references |= {f"v/{place}": [f"{base}file", place * 4, 4] for place in range(1000)}
        (archive / "hangs.json").write_text(json.dumps({"version": 1, "refs": references}))
        system = start("two-process", workers=2, config=f'[remote]\nprefixes = ["{base}"]\n')
        system.register("small", archive / "small.nc")
        done = system.command("register", "hangs", archive / "hangs.json")
        if done.returncode:
            pytest.skip(f"a server that hangs cannot be registered: {done.stderr}")
        url = keys(system)[0]
        body = requests.get(url, timeout=30).content
        with concurrent.futures.ThreadPoolExecutor(16) as threads:
            waiting = [
                threads.submit(requests.post, f"{system.url}/datasets/hangs/chunks", timeout=100, json={
                    "store": "kerchunk", "keys": [f"v/{place}" for place in range(turn, 1000, 16)]})
                for turn in range(16)
            ]
            time.sleep(2)
            for _ in range(20):
                assert requests.get(url, timeout=10).content == body
            for process in system.processes:
                process.kill()
            for one in waiting:
                one.exception()
