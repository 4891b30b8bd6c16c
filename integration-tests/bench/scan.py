"""Scanning a file of 100,000 chunks: ours as a whole command, the others' inner call alone."""

import pathlib
import statistics

from bench import data, goals
from bench.timing import inside, scan_command

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


def run(folder: pathlib.Path, rounds: int) -> None:
    path = data.many_chunks(folder / "many.h5")
    mine, h5py_times, kerchunk_times = [], [], []
    scan_command(path, "100000")
    for number in range(rounds):
        mine.append(scan_command(path, "100000"))
        h5py_times.append(inside(H5PY, path))
        if number < 3:
            kerchunk_times.append(inside(KERCHUNK, path))
    scan, iterate, kerchunk = map(statistics.median, (mine, h5py_times, kerchunk_times))
    print("\nScan of a file with 100,000 chunks (whole `cloudify scan` command; the others inside their process)")
    print(f"  cloudify {scan:.3f} s   h5py chunk_iter {iterate:.3f} s   kerchunk {kerchunk:.2f} s")
    print(f"  {goals.SCAN_H5PY.what:32} {goals.SCAN_H5PY.verdict(scan / iterate)}")
    print(f"  {goals.SCAN_KERCHUNK.what:32} {goals.SCAN_KERCHUNK.verdict(kerchunk / scan)}")
