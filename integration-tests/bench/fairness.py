"""Small requests while others read in bulk: how much longer the slowest percent of them takes than on an idle server.

The small client is one process that asks at a steady rate over kept connections. The bulk clients are niced: on a
machine that they share with the server they would otherwise take its cores, and the measurement would be of the
kernel's scheduler. With `BENCH_NICE=0` they are not, and the ratio is higher by what two busy cores do to any process.
"""

import dataclasses
import json
import os
import pathlib
import statistics
import subprocess
import time

import netCDF4
import numpy as np

from bench import data, goals
from bench.measure import SCRIPT
from harness import raw_http, server

READERS = 100
RATE = 200
"""Small requests a second."""
CONNECTIONS = 4
CONFIG = "[evaluate]\ncache_bytes_max = 0\n"
SMALL = ("small chunk", "/datasets/mixed/kerchunk/small/{}.0", 1024), ("metadata", "/datasets/mixed/kerchunk/small/.zarray", 1)
BULK = {
    "4 MiB raw chunks": ("/datasets/mixed/kerchunk/large/", "32", ".0"),
    "4 MB computed chunks": ("/datasets/field/zarr/tas/", "240", ".0.0"),
}


@dataclasses.dataclass
class Light:
    """What the small client saw, in milliseconds."""

    p50: float
    p99: float
    worst: float


def chunks(path: pathlib.Path) -> pathlib.Path:
    """Chunks of 4 KiB and of 4 MiB, as they are."""
    if path.exists():
        return path
    part = path.with_suffix(".part")
    with netCDF4.Dataset(part, "w") as file:
        for name, size, count in (("small", 4 * data.KIB, 1024), ("large", 4 * data.MIB, 32)):
            file.createDimension(f"{name}_t", count)
            file.createDimension(f"{name}_x", size // 4)
            variable = file.createVariable(name, "i4", (f"{name}_t", f"{name}_x"), chunksizes=(1, size // 4))
            for step in range(count):
                variable[step] = np.arange(size // 4, dtype="i4") + step
    part.rename(path)
    return path


def light(url: str, path: str, count: int, seconds: float) -> Light:
    """Asks for small things at a steady rate; each answer is read whole."""
    connections = [raw_http.connect(url) for _ in range(CONNECTIONS)]
    taken, begin = [], time.perf_counter()
    for number in range(int(RATE * seconds)):
        time.sleep(max(0.0, begin + number / RATE - time.perf_counter()))
        connection = connections[number % CONNECTIONS]
        head = raw_http.request(path.format(number * 7 % count).encode(), close=False)
        asked = time.perf_counter()
        connection.sendall(head)
        answer(connection)
        taken.append((time.perf_counter() - asked) * 1000)
    for connection in connections:
        connection.close()
    taken.sort()
    return Light(statistics.median(taken), taken[int(len(taken) * 0.99)], taken[-1])


def answer(connection) -> None:
    """Reads one answer of a known length; it must be a good one."""
    got = b""
    while b"\r\n\r\n" not in got:
        got += connection.recv(1 << 16)
    head, _, body = got.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    left = length - len(body)
    while left > 0:
        left -= len(connection.recv(1 << 16))


class Bulk:
    """Readers of large chunks, as long as it is entered; afterwards, how much they got."""

    def __init__(self, url: str, kind: str, seconds: float):
        nice = ["nice", "-n", os.environ.get("BENCH_NICE", "19")]
        wrk = ["wrk", "-t2", f"-c{READERS}", f"-d{seconds + 2:.0f}s", "--timeout", "60s", "-s", str(SCRIPT), url]
        self.command = [*nice, *wrk, "--", *BULK[kind]]
        self.output = ""

    def __enter__(self):
        self.child = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True)
        time.sleep(1)
        return self

    def __exit__(self, *_):
        self.output, _ = self.child.communicate()

    def rate(self) -> float:
        """MB (10⁶ bytes) a second."""
        result = json.loads(next(line for line in self.output.splitlines() if line.startswith("RESULT "))[7:])
        assert not result["errors"], self.output
        return result["bytes"] / result["microseconds"]


def start(kind: str, folder: pathlib.Path) -> server.Topology:
    system = server.start(kind, folder / f"fairness-{kind}", [folder], config=CONFIG)
    for dataset, source in (("mixed", chunks(folder / "fairness.nc")), ("field", data.climate(folder / "climate.nc"))):
        done = system.command("register", "--replace", dataset, source)
        if done.returncode:
            raise server.Failed(done.stderr)
    return system


def run(folder: pathlib.Path, seconds: float, rounds: int) -> None:
    print(f"\nSmall requests ({RATE} a second) with {READERS} bulk readers ({rounds} rounds, medians)")
    for kind in os.environ.get("BENCH_KINDS", "serve,two-process").split(","):
        system = start(kind, folder)
        try:
            for name, path, count in SMALL:
                for bulk in BULK:
                    tell(f"{kind}, {name}, {bulk}", *compare(system, path, count, bulk, seconds, rounds))
        finally:
            system.stop()


def compare(system, path: str, count: int, bulk: str, seconds: float, rounds: int):
    """Idle and busy in turn, once without counting."""
    pairs, rates = [], []
    light(system.url, path, count, 1)
    for _ in range(rounds):
        idle = light(system.url, path, count, seconds)
        with Bulk(system.url, bulk, seconds) as reading:
            busy = light(system.url, path, count, seconds)
        pairs.append((idle, busy))
        rates.append(reading.rate())
    return pairs, rates


def tell(what: str, pairs: list[tuple[Light, Light]], rates: list[float]) -> None:
    def middle(side: int, field: str) -> float:
        return statistics.median(getattr(pair[side], field) for pair in pairs)

    ratio = statistics.median(busy.p99 / idle.p99 for idle, busy in pairs)
    print(f"  {what}")
    print(
        f"    idle p50 {middle(0, 'p50'):.2f} p99 {middle(0, 'p99'):.2f} ms; busy p50 {middle(1, 'p50'):.2f} "
        f"p99 {middle(1, 'p99'):.2f} worst {middle(1, 'worst'):.1f} ms; bulk {statistics.median(rates):.0f} MB/s"
    )
    print(f"    {goals.SMALL_BESIDE_BULK.what:32} {goals.SMALL_BESIDE_BULK.verdict(ratio)}", flush=True)
