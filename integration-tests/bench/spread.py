"""A long reduction: one worker, and several that share its sections, each with one thread on a core of its own.

The dataset has the climate file's chunks several times over, by references. One chunk comes of it, so that client and
gateway have next to nothing to do. Both must give the same bytes.
"""

import base64
import json
import os
import pathlib
import shutil
import statistics
import time
import urllib.request

import numpy as np

from bench import goals, processes, view_chunks
from harness import server

TIMES = 4
STEPS = "mean=time"
CONFIG = "[evaluate]\ncache_bytes_max = 0\nthreads = 1\n"


def references(path: pathlib.Path, bench) -> pathlib.Path:
    """The climate file's chunks, `TIMES` times over."""
    plan = json.loads(bench.plan.read_text())
    chunks = plan["chunks"] * TIMES
    shape, chunk = [len(chunks), 721, 1440], [1, 721, 1440]
    codecs = {"compressor": {"id": "zlib", "level": 1}, "filters": [{"id": "shuffle", "elementsize": 4}]}
    common = {"zarr_format": 2, "order": "C", "fill_value": None}
    times = {**common, "shape": shape[:1], "chunks": shape[:1], "dtype": "<f8", "compressor": None, "filters": None}
    values = base64.b64encode(np.arange(len(chunks), dtype="<f8").tobytes()).decode()
    refs = {
        ".zgroup": json.dumps({"zarr_format": 2}),
        "time/.zarray": json.dumps(times),
        "time/.zattrs": json.dumps({"_ARRAY_DIMENSIONS": ["time"], "units": "days since 2000-01-01"}),
        "time/0": f"base64:{values}",
        "tas/.zarray": json.dumps({**common, **codecs, "shape": shape, "chunks": chunk, "dtype": "<f4"}),
        "tas/.zattrs": json.dumps({"_ARRAY_DIMENSIONS": ["time", "lat", "lon"]}),
    }
    for number, place in enumerate(chunks):
        refs[f"tas/{number}.0.0"] = [str(bench.source), place["offset"], place["length"]]
    path.write_text(json.dumps({"version": 1, "refs": refs}))
    return path


def answer(system: server.Topology) -> tuple[float, float, bytes]:
    """Seconds, CPU seconds of the servers, and the chunk."""
    pids = [process.pid for process in system.processes]
    cpu, begin = processes.cpu_seconds(pids), time.perf_counter()
    with urllib.request.urlopen(f"{system.url}/datasets/long/view/{STEPS}/zarr/tas/0.0", timeout=300) as got:
        content = got.read()
    return time.perf_counter() - begin, processes.cpu_seconds(pids) - cpu, content


def run(bench, rounds: int) -> None:
    folder = bench.folder / "spread"
    shutil.rmtree(folder, ignore_errors=True)
    catalog = folder / "catalog"
    catalog.mkdir(parents=True)
    source = references(folder / "long.json", bench)
    cores = len(os.sched_getaffinity(0))
    counts = [count for count in view_chunks.WORKERS if count <= cores]
    found = {count: [] for count in counts}
    for number in range(rounds):
        for count in counts:
            # A new one each time: sections are kept for a while.
            system = server.start(
                "two-process", folder / f"{number}-{count}", [bench.root, folder], config=CONFIG, catalog=catalog, workers=count
            )
            try:
                if not number and count == counts[0]:
                    system.register("long", source)
                view_chunks.pin(system)
                found[count].append(answer(system))
            finally:
                system.stop()
    assert len({content for runs in found.values() for _, _, content in runs}) == 1
    print(f"\nA long reduction, `{STEPS}`, of {TIMES * view_chunks.COUNT} × 721 × 1440 f4 ({rounds} rounds, medians)")
    one = found[counts[0]]
    for count, runs in found.items():
        wall, cpu = (statistics.median(run[field] for run in runs) for field in (0, 1))
        print(f"  {count} workers {wall:8.2f} s {cpu:8.2f} s of CPU")
        if count > 1:
            pairs = list(zip(one, runs, strict=True))
            faster = statistics.median(of_one[0] / of_many[0] / count for of_one, of_many in pairs)
            more = statistics.median(of_many[1] / of_one[1] for of_one, of_many in pairs)
            print(f"  {goals.SPREAD.what:32} {goals.SPREAD.verdict(faster)}")
            print(f"  {goals.SPREAD_CPU.what:32} {goals.SPREAD_CPU.verdict(more)}")
