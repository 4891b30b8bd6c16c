"""Many files: how long a scan of 1,000 takes beside kerchunk's, how its memory grows, and how 10,000 datasets start."""

import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import netCDF4
import numpy as np
import requests

from bench import goals, processes
from harness.paths import binary
from harness.server import environment, start

SHAPE = (32, 64)
SIZES = (250, 1000, 4000)
DATASETS = 10_000
KERCHUNK = """
import sys, time
from kerchunk.combine import MultiZarrToZarr
from kerchunk.hdf import SingleHdf5ToZarr
paths = sys.stdin.read().split()
begin = time.perf_counter()
singles = [SingleHdf5ToZarr(path, inline_threshold=0).translate() for path in paths]
joined = MultiZarrToZarr(singles, concat_dims=["time"], identical_dims=["lat", "lon"]).translate()
print(time.perf_counter() - begin)
assert len(joined["refs"]) > len(paths)
"""


def make(folder: pathlib.Path, count: int) -> list[pathlib.Path]:
    """Monthly NetCDF-4 files of one step each: compressed chunks, coordinates, unlimited time."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"tas_{number:05d}.nc" for number in range(count)]
    random = np.random.default_rng(1)
    noise = random.normal(280, 10, SHAPE).astype("f4")
    lat, lon = np.linspace(-90, 90, SHAPE[0]), np.arange(SHAPE[1]) * 360 / SHAPE[1]
    for number, path in enumerate(paths):
        if path.exists():
            continue
        with netCDF4.Dataset(path, "w", format="NETCDF4_CLASSIC") as file:
            file.Conventions, file.source = "CF-1.8", "a model that is none"
            for name, length in (("time", None), ("lat", SHAPE[0]), ("lon", SHAPE[1])):
                file.createDimension(name, length)
            times = file.createVariable("time", "f8", ("time",))
            times.units, times.calendar = "days since 1990-01-01", "standard"
            times[0] = number * 30
            for name, values, units in (("lat", lat, "degrees_north"), ("lon", lon, "degrees_east")):
                coordinate = file.createVariable(name, "f4", (name,))
                coordinate.units = units
                coordinate[:] = values
            tas = file.createVariable(
                "tas", "f4", ("time", "lat", "lon"), zlib=True, complevel=1, shuffle=True, chunksizes=(1, *SHAPE)
            )
            tas.units, tas.standard_name = "K", "air_temperature"
            tas[0] = noise + number % 12
    return paths


def ours(paths: list[pathlib.Path]) -> tuple[float, int]:
    """Seconds, and peak memory of the main process, of a whole `cloudify scan`."""
    pattern = str(paths[0].parent / "*.nc")
    begin = time.perf_counter()
    with tempfile.TemporaryFile() as sink:
        child = subprocess.Popen([binary(), "scan", "--json", pattern], stdout=sink, env=environment())
        peak = 0
        while child.poll() is None:
            try:
                peak = max(peak, processes.peak_bytes(child.pid))
            except (FileNotFoundError, ProcessLookupError, StopIteration):
                break
            time.sleep(0.005)
        status = child.wait()
        elapsed = time.perf_counter() - begin
        assert status == 0
        sink.seek(0)
        assert json.load(sink)["files"] == len(paths)
    return elapsed, peak


def kerchunk(paths: list[pathlib.Path]) -> float:
    """Seconds inside its process, without imports."""
    text = "\n".join(map(str, paths))
    done = subprocess.run([sys.executable, "-c", KERCHUNK], input=text, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def run(folder: pathlib.Path, rounds: int) -> None:
    paths = make(folder / "many-1000", 1000)
    ours(paths)
    samples = [ours(paths) for _ in range(min(rounds, 3))]
    mine = statistics.median(elapsed for elapsed, _ in samples)
    theirs = kerchunk(paths)
    print("\nScan of 1,000 monthly NetCDF-4 files (whole `cloudify scan` command; kerchunk inside its process)")
    print(f"  cloudify {mine:.2f} s {1000 / mine:.0f} files/s")
    print(f"  kerchunk + MultiZarrToZarr {theirs:.1f} s")
    print(f"  {goals.MANY_KERCHUNK.what:32} {goals.MANY_KERCHUNK.verdict(theirs / mine)}")
    peaks = {}
    for count in SIZES:
        peaks[count] = ours(make(folder / f"many-{count}", count))[1]
    told = ", ".join(f"{count} files {peak / 1e6:.0f} MB" for count, peak in peaks.items())
    # Below a thousand files the program itself is what grows.
    each = (peaks[SIZES[-1]] - peaks[SIZES[-2]]) / (SIZES[-1] - SIZES[-2])
    print(f"  peak memory of the scanning command: {told}; {each:.0f} B a file more")
    print(f"  {goals.MANY_MEMORY.what:32} {goals.MANY_MEMORY.verdict(each / 1000)}")


def run_catalog(folder: pathlib.Path) -> None:
    """A catalog of many datasets, made by copying one: ids are in `version.json`."""
    root = folder / "many-1000"
    make(root, 1000)
    catalog = folder / "catalog-10000"
    if not (catalog / "made").exists():
        shutil.rmtree(catalog, ignore_errors=True)
        catalog.mkdir(parents=True)
        system = start("serve", folder / "catalog-made", [root], catalog=catalog)
        system.register("d00000", root / "tas_0000?.nc")
        system.stop()
        published = catalog / "datasets" / "d00000"
        about = json.loads((published / "v1" / "version.json").read_text())
        for number in range(1, DATASETS):
            name = f"d{number:05d}"
            copy = catalog / "datasets" / name
            shutil.copytree(published, copy, copy_function=os.link)
            version = copy / "v1" / "version.json"
            version.unlink()
            registered = about["registered_ns"] + number
            version.write_text(json.dumps({**about, "id": name, "registered_ns": registered}))
        (catalog / "made").touch()
    print(f"\n{DATASETS} registered datasets")
    for kind in ("serve", "two-process"):
        begin = time.perf_counter()
        system = start(kind, folder / f"catalog-{kind}", [root], catalog=catalog)
        while requests.get(f"{system.url}/healthz/ready", timeout=30).status_code != 200:
            time.sleep(0.005)
        ready = time.perf_counter() - begin
        answers = {}
        for path in ("/datasets", "/", f"/datasets/d{DATASETS - 1:05d}/info"):
            begin = time.perf_counter()
            answer = requests.get(system.url + path, timeout=30)
            assert answer.status_code == 200
            answers[path] = time.perf_counter() - begin
        assert len(requests.get(f"{system.url}/datasets", timeout=30).json()) == DATASETS
        memory = processes.peak_bytes(system.front.pid)
        system.stop()
        told = ", ".join(f"{path} {seconds * 1000:.0f} ms" for path, seconds in answers.items())
        print(f"  {kind}: ready after {ready:.2f} s, {memory / 1e6:.0f} MB; {told}")
        print(f"  {goals.START.what:32} {goals.START.verdict(ready / 2)}")
        print(f"  {goals.START_MEMORY.what:32} {goals.START_MEMORY.verdict(memory / 500e6)}")
