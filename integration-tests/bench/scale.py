"""Chunks that are made by gateways and workers, against one process: what routing, retries and caches cost in CPU time.

Nothing that was made is kept for long enough to be asked for again, so that each request is work, but the gateway's tier
takes every chunk in. Where the machine has a core for each worker, workers are pinned to theirs; CPU time is compared
whatever the machine has.
"""

import os
import pathlib
import statistics

from bench import goals, targets, view_chunks
from bench.views import Bench
from harness import server

WORKERS = (1, 2, 4)
CONFIG = "[evaluate]\ncache_bytes_max = 0\nthreads = 1\n[cache]\nbytes_max = 1048576\n"


def start(kind: str, bench, workers: int) -> targets.Target:
    folder = bench.folder / f"scale-{kind}-{workers}"
    system = server.start(kind, folder, [bench.root], config=CONFIG, catalog=bench.catalog, workers=workers)
    if workers <= len(os.sched_getaffinity(0)):
        view_chunks.pin(system)
    return targets.Target(f"{workers} of {kind}", system.url, [process.pid for process in system.processes], system.stop)


def run(folder: pathlib.Path, seconds: int, rounds: int) -> None:
    bench = Bench(folder)
    bench.register()
    systems = {0: start("serve", bench, 1)}
    try:
        for count in WORKERS:
            systems[count] = start("two-process", bench, count)
        for steps, chunks in ((view_chunks.CLIMATOLOGY, view_chunks.MONTHS), (view_chunks.STEPS, view_chunks.COUNT)):
            asked = max(seconds, 10) if steps == view_chunks.CLIMATOLOGY else seconds
            samples = {count: [] for count in systems}
            for number in range(rounds + 1):
                for count, system in systems.items():
                    sample = view_chunks.ask(system, view_chunks.CONNECTIONS, asked, steps, chunks)
                    # The first round warms up.
                    samples[count] += [sample] if number else []
            tell(steps, samples, rounds)
    finally:
        for system in systems.values():
            system.stop()


def tell(steps: str, samples: dict, rounds: int) -> None:
    print(f"\nGateway and workers against one process, `{steps}` ({rounds} rounds, medians)")
    for count, runs in samples.items():
        name = f"gateway, {count} workers" if count else "one process"
        rate, busy = (statistics.median(getattr(run, field) for run in runs) for field in ("requests", "request_cpu"))
        print(f"  {name:20} {rate:8.1f} chunks/s {busy * 1000:8.2f} ms of CPU a chunk")
        if count:
            pairs = zip(runs, samples[0], strict=True)
            ratio = statistics.median(many.request_cpu / one.request_cpu for many, one in pairs)
            print(f"  {goals.SCALE_CPU.what:32} {goals.SCALE_CPU.verdict(ratio)}")
