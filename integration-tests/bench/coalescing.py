"""A hundred clients asking at once for the same cold chunk, raw and computed: how often it is read and made."""

import concurrent.futures
import os
import pathlib
import threading
import urllib.request

import netCDF4
import numpy as np

from bench import goals
from harness import server
from harness.metrics import total

CLIENTS = 100
STEPS = 32


def source(path: pathlib.Path) -> pathlib.Path:
    """Uncompressed chunks of 4 MB."""
    if not path.exists():
        with netCDF4.Dataset(path, "w") as file:
            file.createDimension("t", STEPS)
            file.createDimension("x", 1_000_000)
            data = file.createVariable("data", "f4", ("t", "x"), chunksizes=(1, 1_000_000))
            for step in range(STEPS):
                data[step] = np.random.default_rng(step).normal(280, 10, 1_000_000)
    return path


def evict(path: pathlib.Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def ask_at_once(url: str) -> None:
    gate = threading.Barrier(CLIENTS)

    def ask(_):
        gate.wait(60)
        with urllib.request.urlopen(url, timeout=120) as answer:
            return len(answer.read())

    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        assert len(set(pool.map(ask, range(CLIENTS)))) == 1


def run(folder: pathlib.Path) -> None:
    path = source(folder / "coalescing.nc")
    print(f"\nCoalescing: {CLIENTS} clients ask at once for the same cold chunk of 4 MB")
    for kind in ("serve", "two-process"):
        system = server.start(kind, folder / f"coalescing-{kind}", [folder])
        try:
            system.register("same", path, replace=True)
            pieces = 8  # of 512 KiB, in which a raw chunk is read
            for what, place, reads_of_one in (
                ("raw", "kerchunk/data/7.0", pieces),
                ("computed", "view/bitround=9/zarr/data/20.0", pieces),
            ):
                # The file is open and located, and nothing of the chunk is in memory.
                urllib.request.urlopen(f"{system.url}/datasets/same/{place.replace('7.0', '1.0').replace('20.0', '2.0')}").read()
                evict(path)
                read, made = total(system, "reads_total", outcome="waited"), total(system, "chunks_made_total")
                ask_at_once(f"{system.url}/datasets/same/{place}")
                read = total(system, "reads_total", outcome="waited") - read
                made = total(system, "chunks_made_total") - made
                print(f"  {kind:12} {what:9} {read} waits for the disk (8 pieces)   "
                      f"{goals.COALESCED_READS.verdict(read / reads_of_one)}")
                if what == "computed":
                    print(f"  {kind:12} {what:9} {made} computations                 "
                          f"{goals.COALESCED_MADE.verdict(made)}")
        finally:
            system.stop()
