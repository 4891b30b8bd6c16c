"""A hundred million references in kerchunk's Parquet layout: registering, memory, and looking chunks up, cold and warm.

A thousand records of a hundred thousand rows. A few have contents of their own; the others are hard links to these, so
that the set takes megabytes and not gigabytes: each is still a record of its own for every reader.

What a look-up costs is measured from outside: `HEAD` of a chunk, with the entity tag it had, is answered by the gateway
from its references alone (304; neither worker nor file is asked). The same request for a metadata document costs what
HTTP costs; the difference is the look-up. Cold is the first request for a chunk of a record nobody has asked for.
"""

import http.client
import json
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import time
import urllib.parse

import numpy as np

from bench import goals, processes
from harness import server

RECORDS = 1000
ROWS = 100_000
DISTINCT = 4
TARGETS = 50
COLD = 60
WARM = 3000

FSSPEC = """
import sys, time, json, random
import fsspec
from fsspec.implementations.reference import LazyReferenceMapper
begin = time.perf_counter()
mapper = LazyReferenceMapper(sys.argv[1], fs=fsspec.filesystem("file"))
mapper.zmetadata
opening = time.perf_counter() - begin
keys = json.loads(sys.argv[2])
cold = []
busy = time.process_time()
for key in keys:
    begin = time.perf_counter()
    mapper[key]
    cold.append(time.perf_counter() - begin)
busy = (time.process_time() - busy) / len(keys)
warm = []
for key in keys[-1:] * 2000:
    begin = time.perf_counter()
    mapper[key]
    warm.append(time.perf_counter() - begin)
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps([opening, cold, busy, warm, peak * 1024]))
"""


def make(folder: pathlib.Path) -> pathlib.Path:
    """The set, made once."""
    place = folder / "hundred-million.parq"
    if (place / ".zmetadata").exists():
        return place
    import fsspec
    from fsspec.implementations.reference import LazyReferenceMapper

    shutil.rmtree(place, ignore_errors=True)
    targets = folder / "targets"
    targets.mkdir(exist_ok=True)
    for number in range(TARGETS):
        (targets / f"experiment_r1i1p1f1_variable_day_{number:04}.nc").write_bytes(os.urandom(1 << 20))
    documents = {
        ".zgroup": {"zarr_format": 2},
        "x/.zarray": {"zarr_format": 2, "shape": [RECORDS * ROWS, 4], "chunks": [1, 4], "dtype": "<f4", "compressor": None,
                      "fill_value": None, "filters": None, "order": "C"},
        "x/.zattrs": {"_ARRAY_DIMENSIONS": ["time", "cell"]},
    }
    part = LazyReferenceMapper.create(str(place), fs=fsspec.filesystem("file"), record_size=ROWS)
    for key, document in documents.items():
        part[key] = json.dumps(document)
    random_numbers = np.random.default_rng(1)
    for record in range(DISTINCT):
        offsets = random_numbers.integers(0, (1 << 20) - 16, ROWS)
        for row in range(ROWS):
            target = targets / f"experiment_r1i1p1f1_variable_day_{row * TARGETS // ROWS:04}.nc"
            part[f"x/{record * ROWS + row}.0"] = [str(target), int(offsets[row]), 16]
    part.flush()
    for record in range(DISTINCT, RECORDS):
        os.link(place / "x" / f"refs.{record % DISTINCT}.parq", place / "x" / f"refs.{record}.parq")
    return place


class Client:
    """One connection that is kept."""

    def __init__(self, url: str):
        parts = urllib.parse.urlparse(url)
        self.connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
        self.prefix = parts.path

    def head(self, key: str, tag: str | None = None) -> tuple[float, int, str | None]:
        """Seconds, status, entity tag."""
        headers = {"If-None-Match": tag} if tag else {}
        begin = time.perf_counter()
        self.connection.request("HEAD", f"{self.prefix}/{key}", headers=headers)
        answer = self.connection.getresponse()
        answer.read()
        return time.perf_counter() - begin, answer.status, answer.headers.get("ETag")


def warm(client: Client, key: str) -> float:
    """Median of a request that the gateway answers from memory."""
    _, status, tag = client.head(key)
    assert status == 200 and tag
    times = []
    for _ in range(WARM):
        elapsed, status, _ = client.head(key, tag)
        assert status == 304
        times.append(elapsed)
    return statistics.median(times)


def run(folder: pathlib.Path) -> None:
    place = make(folder)
    work = folder / "references"
    shutil.rmtree(work, ignore_errors=True)
    system = server.start("serve", work, [folder])
    try:
        begin = time.perf_counter()
        system.register("big", place)
        register = time.perf_counter() - begin
        client = Client(system.kerchunk("big"))
        begin = time.perf_counter()
        client.head(".zmetadata")
        opening = time.perf_counter() - begin
        numbers = random.Random(2).sample(range(RECORDS), COLD)
        keys = [f"x/{record * ROWS + (record * 7919) % ROWS}.0" for record in numbers]
        document = warm(client, "x/.zarray")
        cold, busy = [], processes.cpu_seconds([system.front.pid])
        for key in keys:
            elapsed, status, _ = client.head(key)
            assert status == 200, key
            cold.append(elapsed - document)
        busy = (processes.cpu_seconds([system.front.pid]) - busy) / COLD
        lookup = warm(client, keys[-1]) - document
        peak = processes.peak_bytes(system.front.pid)
    finally:
        system.stop()
    done = subprocess.run([sys.executable, "-c", FSSPEC, place, json.dumps(keys)], capture_output=True, text=True, check=True)
    fsspec_opening, fsspec_cold, fsspec_busy, fsspec_warm, fsspec_peak = json.loads(done.stdout)
    cold, fsspec_cold = statistics.median(cold), statistics.median(fsspec_cold)
    fsspec_warm = statistics.median(fsspec_warm)
    print(f"\n{RECORDS * ROWS:,} references in Parquet (HEAD from outside, less what HTTP costs; fsspec inside its process)")
    print(f"  register {register:.3f} s, first document {opening * 1000:.1f} ms   fsspec opens in {fsspec_opening * 1000:.1f} ms")
    print(f"  cold {cold * 1000:.1f} ms ({busy * 1000:.1f} ms of CPU), fsspec {fsspec_cold * 1000:.1f} ms ({fsspec_busy * 1000:.1f} ms of CPU)\n"
          f"  warm {lookup * 1e6:.0f} µs, fsspec {fsspec_warm * 1e6:.0f} µs"
          f"   (HTTP {document * 1e6:.0f} µs)")
    print(f"  peak memory {peak / 1e6:.0f} MB after {COLD} records, fsspec {fsspec_peak / 1e6:.0f} MB")
    print(f"  {goals.REFERENCES_OPEN.what:32} {goals.REFERENCES_OPEN.verdict(register)}")
    print(f"  {goals.REFERENCES_MEMORY.what:32} {goals.REFERENCES_MEMORY.verdict(peak / 300e6)}")
    print(f"  {goals.REFERENCES_COLD.what:32} {goals.REFERENCES_COLD.verdict(cold * 1000)}")
    print(f"  {goals.REFERENCES_WARM.what:32} {goals.REFERENCES_WARM.verdict(lookup * 1e6)}")
    print(f"  {goals.REFERENCES_FSSPEC.what:32} {goals.REFERENCES_FSSPEC.verdict(fsspec_cold / cold)}")
