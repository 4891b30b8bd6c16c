"""Chunks that views compute one by one: how fast they are rounded and encoded, and how workers share them.

Nothing that was made is kept, so that each request is work. What a chunk takes more than the floor's pass over it, in CPU
time of the server, is counted as rounding and encoding: HTTP too.
"""

import os
import pathlib
import statistics
import urllib.parse

from bench import goals, targets
from bench.measure import Sample, measure
from harness import server

STEPS = "bitround=9|codec=blosc-lz4:5"
CLIMATOLOGY, MONTHS = "groupby=time.month:mean|codec=none", 12
COUNT, BYTES = 240, 721 * 1440 * 4
CONNECTIONS = 16
WORKERS = (1, 2, 4)
CONFIG = "[evaluate]\ncache_bytes_max = 0\nthreads = 1\n"


def start(kind: str, folder: pathlib.Path, bench, workers: int = 1) -> targets.Target:
    """A server with one thread for each worker, and each worker on a core of its own."""
    system = server.start(kind, folder, [bench.root], config=CONFIG, catalog=bench.catalog, workers=workers)
    pin(system)
    return targets.Target(f"{workers} of {kind}", system.url, [process.pid for process in system.processes], system.stop)


def pin(system: server.Topology) -> None:
    """Puts each worker on a core of its own."""
    for core, worker in zip(sorted(os.sched_getaffinity(0)), system.workers, strict=False):
        for thread in pathlib.Path(f"/proc/{worker.pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {core})


def ask(target: targets.Target, connections: int, seconds: int, steps: str = STEPS, count: int = COUNT) -> Sample:
    prefix = f"/datasets/bench/view/{urllib.parse.quote(steps, safe='')}/zarr/tas/"
    return measure(target, prefix, ".0.0", count, connections, seconds)


def encoding(bench, seconds: int, rounds: int) -> None:
    target = start("serve", bench.folder / "encoding", bench)
    try:
        ask(target, 2, seconds)
        pairs = [(bench.floor("fldmean")[0].cpu / COUNT, ask(target, 2, seconds).request_cpu) for _ in range(rounds)]
    finally:
        target.stop()
    floor, whole = (statistics.median(each) for each in zip(*pairs, strict=True))
    rate = statistics.median(BYTES / 1e6 / max(1e-6, whole - floor) for floor, whole in pairs)
    print(f"\nRounding and encoding, `{STEPS}`, CPU a chunk of 721 × 1440 f4 ({rounds} rounds, medians)")
    print(f"  cloudify {whole * 1000:.1f} ms, floor (inflates, unshuffles, sums) {floor * 1000:.1f} ms")
    print(f"  {goals.VIEW_ENCODE.what:32} {goals.VIEW_ENCODE.verdict(rate)}")


def scaling(bench, seconds: int, rounds: int) -> None:
    """Chunks of much work, and of little, where gateway and client take a good part of the cores."""
    cores = len(os.sched_getaffinity(0))
    counts = [count for count in WORKERS if count <= cores]
    systems = {}
    try:
        for count in counts:
            systems[count] = start("two-process", bench.folder / f"workers-{count}", bench, count)
        for steps, chunks in ((CLIMATOLOGY, MONTHS), (STEPS, COUNT)):
            # Long enough for some chunks of much work.
            asked = max(seconds, 10) if steps == CLIMATOLOGY else seconds
            samples = {count: [] for count in counts}
            for number in range(rounds + 1):
                for count in counts:
                    sample = ask(systems[count], CONNECTIONS, asked, steps, chunks)
                    # The first round warms up.
                    samples[count] += [sample] if number else []
            tell(steps, samples, rounds, cores)
    finally:
        for system in systems.values():
            system.stop()


def tell(steps: str, samples: dict[int, list[Sample]], rounds: int, cores: int) -> None:
    print(f"\nWorkers on cores of their own, `{steps}` ({rounds} rounds, medians)")
    print(f"  {cores} cores for them, the gateway and the client")
    for count, runs in samples.items():
        rate, busy, others = (
            statistics.median(getattr(run, field) for run in runs) for field in ("requests", "request_cpu", "foreign")
        )
        print(f"  {count} workers {rate:8.1f} chunks/s {busy * 1000:8.1f} ms of CPU a chunk   foreign load {others:.0%}")
        if count > 1:
            pairs = list(zip(runs, samples[1], strict=True))
            share = statistics.median(many.requests / one.requests / count for many, one in pairs)
            more = statistics.median(many.request_cpu / one.request_cpu for many, one in pairs)
            print(f"  {goals.VIEW_WORKERS.what:32} {goals.VIEW_WORKERS.verdict(share)}")
            print(f"  {goals.VIEW_WORKERS_CPU.what:32} {goals.VIEW_WORKERS_CPU.verdict(more)}")
