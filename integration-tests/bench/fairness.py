"""Small requests while others read in bulk: how much longer the slowest percent of them takes than on an idle server.

The small client is one process that asks at a steady rate over kept connections. It has real-time priority, as if it were
on a machine of its own: what is measured is the server, not how long a client waits for a core that it shares with the
server. The bulk clients have the policy of what is idle, or another one (`BENCH_BULK_POLICY=other`). Whether the server may
have real-time priority decides much (decision 21): that is printed.

Busy cores alone can make small requests slower: the same client is measured beside threads of the policy of what is idle
that do nothing but spin, one for each core and one more.
"""

import dataclasses
import json
import os
import pathlib
import statistics
import subprocess
import sys
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


def may_be_real_time() -> bool:
    """Gives this process real-time priority, not what it starts; or tells that it may not."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))
    except PermissionError:
        return False
    return True


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
        policy = os.environ.get("BENCH_BULK_POLICY", "idle")
        wrk = ["wrk", "-t2", f"-c{READERS}", f"-d{seconds + 2:.0f}s", "--timeout", "60s", "-s", str(SCRIPT), url]
        self.command = ["chrt", f"--{policy}", "0", *wrk, "--", *BULK[kind]]
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


class Spinning:
    """Cores that are busy with nothing, as long as it is entered."""

    def __enter__(self):
        spin = ["chrt", "--idle", "0", sys.executable, "-c", "while True: pass"]
        self.children = [subprocess.Popen(spin) for _ in range((os.cpu_count() or 1) + 1)]
        time.sleep(1)

    def __exit__(self, *_):
        for child in self.children:
            child.kill()
            child.wait()


def start(kind: str, folder: pathlib.Path) -> server.Topology:
    system = server.start(kind, folder / f"fairness-{kind}", [folder], config=CONFIG)
    for dataset, source in (("mixed", chunks(folder / "fairness.nc")), ("field", data.climate(folder / "climate.nc"))):
        done = system.command("register", "--replace", dataset, source)
        if done.returncode:
            raise server.Failed(done.stderr)
    return system


def run(folder: pathlib.Path, seconds: float, rounds: int) -> None:
    print(f"\nSmall requests ({RATE} a second) with {READERS} bulk readers ({rounds} rounds, medians)")
    print(f"  real-time priority: {'yes' if may_be_real_time() else 'no, it is not permitted here'}")
    for kind in os.environ.get("BENCH_KINDS", "serve,two-process").split(","):
        system = start(kind, folder)
        try:
            for name, path, count in SMALL:
                for bulk in BULK:
                    tell(f"{kind}, {name}, {bulk}", compare(system, path, count, bulk, seconds, rounds))
        finally:
            system.stop()
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


@dataclasses.dataclass
class Round:
    """The same client on an idle server, beside cores that spin, and beside readers of so many MB a second."""

    idle: Light
    spinning: Light
    busy: Light
    rate: float


def compare(system, path: str, count: int, bulk: str, seconds: float, rounds: int) -> list[Round]:
    """All in turn, once without counting."""
    measured = []
    light(system.url, path, count, 1)
    for _ in range(rounds):
        idle = light(system.url, path, count, seconds)
        with Spinning():
            spinning = light(system.url, path, count, seconds)
        with Bulk(system.url, bulk, seconds) as reading:
            busy = light(system.url, path, count, seconds)
        measured.append(Round(idle, spinning, busy, reading.rate()))
    return measured


def tell(what: str, rounds: list[Round]) -> None:
    def middle(of) -> float:
        return statistics.median(map(of, rounds))

    def lights(side: str) -> str:
        return " ".join(f"{name} {middle(lambda one: getattr(getattr(one, side), name)):.2f}" for name in ("p50", "p99", "worst"))

    print(f"  {what}, bulk {middle(lambda one: one.rate):.0f} MB/s")
    print(f"    idle {lights('idle')}; cores spin {lights('spinning')}; bulk {lights('busy')} ms")
    ratio = goals.SMALL_BESIDE_BULK
    print(f"    {ratio.what:32} {ratio.verdict(middle(lambda one: one.busy.p99 / one.idle.p99))}")
    print(f"    {'p99 beside spinning / idle p99':32} {middle(lambda one: one.spinning.p99 / one.idle.p99):5.2f}")
    print(f"    {'p99 beside bulk / beside spinning':32} {middle(lambda one: one.busy.p99 / one.spinning.p99):5.2f}", flush=True)
