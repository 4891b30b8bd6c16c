"""Slow readers of large chunks: how much memory each process takes at most."""

import pathlib
import threading
import time

import netCDF4
import numpy as np

from bench import goals, processes, targets
from harness import raw_http

CHUNK = 100_000_000
READERS = 64


def large(path: pathlib.Path) -> pathlib.Path:
    """Four uncompressed chunks of 100 MB."""
    if not path.exists():
        with netCDF4.Dataset(path, "w") as file:
            file.createDimension("t", 4)
            file.createDimension("x", CHUNK // 4)
            data = file.createVariable("data", "f4", ("t", "x"), chunksizes=(1, CHUNK // 4))
            for step in range(4):
                data[step] = np.arange(CHUNK // 4, dtype="f4")
    return path


def read_slowly(url: str, chunk: int, seconds: float) -> None:
    with raw_http.connect(url, receive_buffer=65536) as connection:
        connection.sendall(raw_http.request(f"/datasets/large/kerchunk/data/{chunk}.0".encode()))
        end = time.monotonic() + seconds
        while time.monotonic() < end and connection.recv(65536):
            time.sleep(0.02)


def run(folder: pathlib.Path, seconds: float = 10) -> None:
    source = large(folder / "large.nc")
    print(f"\nMemory: {READERS} slow readers of {CHUNK // 10**6} MB chunks for {seconds:.0f} s")
    for kind in ("serve", "two-process"):
        target = targets.cloudify(kind, folder / f"memory-{kind}", "large", source)
        try:
            readers = [
                threading.Thread(target=read_slowly, args=(target.url, number % 4, seconds)) for number in range(READERS)
            ]
            for reader in readers:
                reader.start()
            for reader in readers:
                reader.join()
            for name, pid in zip(("gateway", "worker") if len(target.pids) > 1 else ("serve",), target.pids, strict=True):
                peak = processes.peak_bytes(pid)
                print(f"  {kind:12} {name:8} peak RSS {peak / 1e6:5.0f} MB   {goals.MEMORY.verdict(peak / 300e6)}")
        finally:
            target.stop()
