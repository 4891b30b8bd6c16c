"""Scanning a file of 100,000 chunks: ours as a whole command, the others' inner call alone."""

import pathlib
import statistics
import subprocess
import sys
import time

from bench import data, goals
from harness.paths import binary
from harness.server import environment

H5PY = """
import sys, time, h5py
with h5py.File(sys.argv[1]) as file:
    begin = time.perf_counter()
    found = []
    file["data"].id.chunk_iter(lambda chunk: found.append(chunk))
    print(time.perf_counter() - begin)
    assert len(found) == 100_000
"""
KERCHUNK = """
import sys, time
from kerchunk.hdf import SingleHdf5ToZarr
begin = time.perf_counter()
references = SingleHdf5ToZarr(sys.argv[1], inline_threshold=0).translate()
print(time.perf_counter() - begin)
assert len(references["refs"]) > 100_000
"""


def inside(program: str, path: pathlib.Path) -> float:
    done = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def ours(path: pathlib.Path) -> float:
    """The whole command: process start, scan in its child, printing."""
    begin = time.perf_counter()
    done = subprocess.run(
        [binary(), "scan", "--json", path], capture_output=True, text=True, check=True, env=environment()
    )
    elapsed = time.perf_counter() - begin
    assert "100000" in done.stdout
    return elapsed


def run(folder: pathlib.Path, rounds: int) -> None:
    path = data.many_chunks(folder / "many.h5")
    mine, h5py_times, kerchunk_times = [], [], []
    ours(path)
    for number in range(rounds):
        mine.append(ours(path))
        h5py_times.append(inside(H5PY, path))
        if number < 3:
            kerchunk_times.append(inside(KERCHUNK, path))
    scan, iterate, kerchunk = map(statistics.median, (mine, h5py_times, kerchunk_times))
    print("\nScan of a file with 100,000 chunks (whole `cloudify scan` command; the others inside their process)")
    print(f"  cloudify {scan:.3f} s   h5py chunk_iter {iterate:.3f} s   kerchunk {kerchunk:.2f} s")
    print(f"  {goals.SCAN_H5PY.what:32} {goals.SCAN_H5PY.verdict(scan / iterate)}")
    print(f"  {goals.SCAN_KERCHUNK.what:32} {goals.SCAN_KERCHUNK.verdict(kerchunk / scan)}")
