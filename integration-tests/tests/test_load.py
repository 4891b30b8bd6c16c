"""Ten thousand connections, slow readers, and clients that go away: bounded memory, everyone answered."""

import asyncio
import threading
import time

import netCDF4
import numpy as np
import pytest
import requests

from harness import load, raw_http, samples

KINDS = ["serve", "two-process"]
CONNECTIONS = 10_000
CHUNK = 100_000_000
READERS = 64
RESIDENT_MAX = 300_000_000


@pytest.mark.parametrize("kind", KINDS)
def test_ten_thousand_connections_are_kept_alive(start, copy, kind):
    count = min(CONNECTIONS, load.raise_file_limit(CONNECTIONS + 500) - 500)
    system = start(kind)
    system.register("nemo", copy(samples.NEMO[0]))
    path = "/datasets/nemo/kerchunk/tos/.zarray"
    statuses = asyncio.run(load.keep_alive(system.url, path, count, rounds=2))
    assert statuses == {200: 2 * count}
    assert requests.get(f"{system.url}/healthz/ready").status_code == 200
    # What a machine allows us decides how many: say so rather than skip.
    print(f"{count} connections, {system.front.resident_bytes(peak=True) >> 20} MiB")


@pytest.fixture(scope="module")
def large_file(tmp_path_factory):
    """One variable of four uncompressed chunks of 100 MB."""
    path = tmp_path_factory.mktemp("large") / "large.nc"
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("t", 4)
        file.createDimension("x", CHUNK // 4)
        data = file.createVariable("data", "f4", ("t", "x"), chunksizes=(1, CHUNK // 4))
        for step in range(4):
            data[step] = np.arange(CHUNK // 4, dtype="f4") + step
    return path


def slow_read(url, target, seconds, received, number):
    """Reads a little at a time, and goes away before the end."""
    with raw_http.connect(url, receive_buffer=65536) as connection:
        connection.sendall(raw_http.request(target))
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            received[number] += len(connection.recv(65536))
            time.sleep(0.05)


@pytest.mark.parametrize("kind", KINDS)
def test_slow_readers_of_large_chunks_take_bounded_memory(start, large_file, kind):
    system = start(kind, roots=[large_file.parent])
    system.register("large", large_file)
    received = [0] * READERS
    threads = []
    for number in range(READERS):
        target = f"/datasets/large/kerchunk/data/{number % 4}.0".encode()
        threads.append(threading.Thread(target=slow_read, args=(system.url, target, 8, received, number)))
        threads[-1].start()
    time.sleep(4)
    small = time.monotonic()
    assert requests.get(f"{system.url}/datasets/large/kerchunk/data/.zarray", timeout=10).status_code == 200
    assert time.monotonic() - small < 5, "others are served meanwhile"
    for thread in threads:
        thread.join()
    assert min(received) > 0
    for process in system.processes:
        assert process.resident_bytes(peak=True) < RESIDENT_MAX, process.name


@pytest.mark.parametrize("kind", KINDS)
def test_a_large_chunk_arrives_whole(start, large_file, kind):
    system = start(kind, roots=[large_file.parent])
    system.register("large", large_file)
    answer = requests.get(f"{system.url}/datasets/large/kerchunk/data/3.0", timeout=120)
    assert answer.status_code == 200
    assert answer.content == (np.arange(CHUNK // 4, dtype="<f4") + np.float32(3)).tobytes()
    part = requests.get(
        f"{system.url}/datasets/large/kerchunk/data/3.0", headers={"Range": "bytes=50000000-50999999"}, timeout=120
    )
    assert part.status_code == 206
    assert part.content == answer.content[50_000_000:51_000_000]


@pytest.mark.parametrize("kind", KINDS)
def test_clients_that_go_away_leave_nothing_behind(start, large_file, kind):
    system = start(kind, roots=[large_file.parent])
    system.register("large", large_file)
    files = [len(list(open_files(process))) for process in system.processes]
    for number in range(100):
        with raw_http.connect(system.url, receive_buffer=4096) as connection:
            connection.sendall(raw_http.request(f"/datasets/large/kerchunk/data/{number % 4}.0".encode()))
            connection.recv(1000)
    time.sleep(3)
    for process, before in zip(system.processes, files, strict=True):
        assert len(list(open_files(process))) < before + 30, process.name
        assert process.resident_bytes(peak=True) < RESIDENT_MAX
    assert requests.get(f"{system.url}/healthz/ready").status_code == 200


def open_files(process):
    import pathlib

    return pathlib.Path(f"/proc/{process.pid}/fd").iterdir()
