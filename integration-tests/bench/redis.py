"""Redis as a cache of chunks that workers make: a hit against making the chunk, and what a late Redis costs."""

import pathlib
import shutil
import statistics
import time

import netCDF4
import numpy as np
import requests

from bench import goals
from harness import server
from harness.redis import Late, Redis

COUNT, SHAPE = 24, (512, 512)
"""Chunks of a mebibyte."""
VIEW = "view/coarsen=time:8:mean|codec=zstd:3/zarr"
"""Eight source chunks make one."""
LATE_SECONDS = 0.1
REQUESTS = 150


def source(folder: pathlib.Path) -> pathlib.Path:
    path = folder / "redis.nc"
    with netCDF4.Dataset(path, "w") as file:
        for name, length in zip(("time", "y", "x"), (COUNT * 8, *SHAPE), strict=True):
            file.createDimension(name, length)
        v = file.createVariable("v", "f4", ("time", "y", "x"), chunksizes=(1, *SHAPE), zlib=True, complevel=1)
        rng = np.random.default_rng(1)
        for step in range(COUNT * 8):
            v[step] = rng.normal(280, 20, SHAPE).astype("f4")
    return path


class Asking:
    """A client with one connection."""

    def __init__(self, system: server.Topology):
        self.session, self.url = requests.Session(), f"{system.url}/datasets/v/{VIEW}/v"

    def seconds(self, number: int) -> float:
        begin = time.perf_counter()
        answer = self.session.get(f"{self.url}/{number % COUNT}.0.0", timeout=60)
        answer.raise_for_status()
        return time.perf_counter() - begin

    def all(self) -> list[float]:
        return [self.seconds(number) for number in range(COUNT)]


def start(folder: pathlib.Path, name: str, catalog: pathlib.Path, config: str) -> server.Topology:
    # Nothing is kept but in Redis: each miss is made.
    nothing_else = "[cache]\nbytes_max = 0\n[evaluate]\ncache_bytes_max = 0\n"
    return server.start("two-process", folder / name, [folder], config=config + nothing_else, catalog=catalog)


def hits(folder: pathlib.Path, catalog: pathlib.Path, running: Redis, rounds: int) -> None:
    systems = {
        "made": start(folder, "made", catalog, ""),
        "redis": start(folder, "redis", catalog, f'[redis]\nurl = "{running.url}"\npatience_ms = 1000\n'),
    }
    try:
        asking = {name: Asking(system) for name, system in systems.items()}
        for _ in range(3):
            asking["redis"].all()
            time.sleep(0.5)
        ratios = []
        for _ in range(rounds):
            made, hit = (statistics.median(asking[name].all()) for name in ("made", "redis"))
            ratios.append(made / hit)
            print(f"  a chunk of 1 MiB: made {made * 1e3:.2f} ms, from Redis {hit * 1e3:.2f} ms")
        print(f"  {goals.REDIS_HIT.what}: {goals.REDIS_HIT.verdict(statistics.median(ratios))}")
    finally:
        for system in systems.values():
            system.stop()


def lateness(folder: pathlib.Path, catalog: pathlib.Path, running: Redis, rounds: int) -> None:
    late = Late(running.port, LATE_SECONDS)
    systems = {
        "none": start(folder, "none", catalog, ""),
        "late": start(folder, "late", catalog, f'[redis]\nurl = "{late.url}"\n'),
    }
    try:
        asking = {name: Asking(system) for name, system in systems.items()}
        ratios = []
        for _ in range(rounds):
            times = {"none": [], "late": []}
            # By turns, so that what else the machine does is the same for both.
            for number in range(REQUESTS):
                for name in ("none", "late"):
                    times[name].append(asking[name].seconds(number))
            none, slow = (statistics.median(times[name]) for name in ("none", "late"))
            ratios.append(slow / none)
            print(f"  p50 without Redis {none * 1e3:.2f} ms, with a late one {slow * 1e3:.2f} ms")
        print(f"  {goals.REDIS_LATE.what}: {goals.REDIS_LATE.verdict(statistics.median(ratios))}")
    finally:
        for system in systems.values():
            system.stop()
        late.stop()


def run(folder: pathlib.Path, rounds: int) -> None:
    folder = folder / "redis"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "catalog").mkdir(parents=True)
    path = source(folder)
    running = Redis(folder)
    print("\nRedis")
    try:
        first = start(folder, "first", folder / "catalog", "")
        first.register("v", path)
        first.stop()
        hits(folder, folder / "catalog", running, rounds)
        lateness(folder, folder / "catalog", running, rounds)
    finally:
        running.stop()
