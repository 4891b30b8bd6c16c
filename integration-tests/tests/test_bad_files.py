"""Damaged, foreign and growing files: a clear refusal or a true answer, never a crash."""

import random
import subprocess
import sys
import time

import h5py
import netCDF4
import numpy as np
import pytest
import requests
import xarray as xr

from harness import samples
from harness.compare import same_values

KINDS = ["serve", "two-process"]
SCAN_FAILED = r"CorruptData|Conflict|Unsupported|scan"


@pytest.fixture(params=KINDS)
def system(request, start, allowed_log):
    allowed_log.append(SCAN_FAILED)
    return start(request.param)


def alive(system):
    assert all(process.running() for process in system.processes)
    assert requests.get(f"{system.url}/healthz/live", timeout=10).status_code == 200


def refused(system, *sources):
    done = system.command("register", "bad", *sources)
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stderr.strip()
    assert "panicked" not in done.stderr and "internal error" not in done.stderr
    alive(system)
    return done.stderr


@pytest.mark.parametrize(
    "content",
    [b"", b"\0", b"not HDF5 at all\n" * 100, b"\x89HDF\r\n\x1a\n", b"CDF\x01" + b"\x7f" * 100, b"GRIB" + bytes(100), b"\xff" * 5000],
    ids=["empty", "one-byte", "text", "signature-only", "netcdf3", "grib", "ff"],
)
def test_files_that_are_no_hdf5_are_refused_by_name(system, data, content):
    path = data / "strange.nc"
    path.write_bytes(content)
    assert "strange.nc" in refused(system, path)


def test_a_directory_and_nothing_are_refused(system, data):
    (data / "folder").mkdir()
    assert "folder" in refused(system, data / "folder")
    assert "nothing.nc" in refused(system, data / "nothing.nc")
    refused(system, data / "no*.nc")


def outcome(system, path):
    """Registers a damaged file; where that works, everything in it must be answered."""
    done = system.command("register", "--replace", "damaged", path)
    assert done.returncode in (0, 1), done.stderr
    assert "panicked" not in done.stderr
    if done.returncode:
        assert done.stderr.strip()
        return
    metadata = requests.get(f"{system.kerchunk('damaged')}/.zmetadata", timeout=30)
    assert metadata.status_code == 200
    for key, value in metadata.json()["metadata"].items():
        if key.endswith("/.zarray"):
            chunk = ".".join("0" for _ in value["shape"]) or "0"
            answer = requests.get(f"{system.kerchunk('damaged')}/{key.removesuffix('.zarray')}{chunk}", timeout=30)
            assert answer.status_code in (200, 404, 409, 502)


@pytest.mark.parametrize("sample", [samples.AIR, samples.NEMO[0], samples.REAL / "pyfive" / "latest.hdf5", *samples.CLASSIC], ids=lambda p: p.name)
def test_truncated_files_are_refused_or_right(system, data, sample):
    whole = sample.read_bytes()
    path = data / "truncated.nc"
    for part in (0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99):
        path.write_bytes(whole[: int(len(whole) * part)])
        outcome(system, path)
    path.write_bytes(whole[:-1])
    outcome(system, path)
    alive(system)


@pytest.mark.parametrize("sample", [samples.AIR, samples.REAL / "netcdf-c" / "test_groups1.nc", samples.REAL / "libhdf5" / "tfilters.h5", *samples.CLASSIC], ids=lambda p: p.name)
def test_flipped_bits_never_end_the_server(system, data, sample):
    whole = sample.read_bytes()
    dice = random.Random(sample.name)
    path = data / "flipped.nc"
    for _ in range(25):
        damaged = bytearray(whole)
        for _ in range(8):
            damaged[dice.randrange(min(len(damaged), 8192))] ^= 1 << dice.randrange(8)
        path.write_bytes(damaged)
        outcome(system, path)
    alive(system)


def test_an_object_that_contains_itself_ends(system, data):
    path = data / "loop.h5"
    with h5py.File(path, "w") as file:
        file["group/again"] = file["/"]
        file["group/data"] = np.arange(4)
        file["dangling"] = h5py.SoftLink("/nowhere")
        file["outside"] = h5py.ExternalLink("/etc/passwd", "/")
    outcome(system, path)
    alive(system)


WRITER = """
import sys, time, h5py, numpy as np
file = h5py.File(sys.argv[1], "w", libver=sys.argv[2])
data = file.create_dataset("data", (0, 100), maxshape=(None, 100), chunks=(1, 100), dtype="i4")
if sys.argv[2] == "latest":
    file.swmr_mode = True
print("open", flush=True)
for step in range(10_000):
    data.resize(step + 1, axis=0)
    data[step] = step
    file.flush()
    if step == 20:
        print("written", flush=True)
    time.sleep(0.02)
"""


@pytest.mark.parametrize("library", ["earliest", "latest"])
def test_a_file_still_being_written_is_refused_or_right(system, data, library):
    path = data / "growing.h5"
    writer = subprocess.Popen([sys.executable, "-c", WRITER, path, library], stdout=subprocess.PIPE, text=True)
    try:
        assert writer.stdout.readline() == "open\n"
        assert writer.stdout.readline() == "written\n"
        done = system.command("register", "growing", path)
        if done.returncode == 0:
            time.sleep(0.2)
            shape = requests.get(f"{system.kerchunk('growing')}/data/.zarray").json()["shape"]
            for step in range(shape[0]):
                answer = requests.get(f"{system.kerchunk('growing')}/data/{step}.0")
                assert answer.status_code in (200, 409)
                if answer.status_code == 200:
                    assert answer.content == np.full(100, step, "<i4").tobytes()
        else:
            assert "growing.h5" in done.stderr
    finally:
        writer.kill()
        writer.wait()
    alive(system)


def test_one_bad_file_among_good_ones_is_named(system, copy, data):
    good = [copy(path) for path in samples.SERIES["awi.Amon"]]
    whole = good[3].read_bytes()
    good[3].write_bytes(whole[: len(whole) // 3])
    said = refused(system, *good)
    assert good[3].name in said
    good[3].write_bytes(whole)
    system.register("bad", *good)


def test_names_that_are_odd_are_served(system, data):
    path = data / "odd.nc"
    names = ["with space", "ünïcode", "per%cent", "hash#", "question?", "plus+", "dot.dot", "c"]
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("x", 4)
        for number, name in enumerate(names):
            file.createVariable(name, "f8", ("x",))[:] = np.arange(4) + number
    system.register("odd", path)
    with xr.open_dataset(path, engine="netcdf4") as theirs:
        served = requests.get(f"{system.url}/datasets/odd/keys").json()
        assert set(served) == set(theirs.variables)
        for name in theirs.variables:
            quoted = requests.utils.quote(name, safe="")
            answer = requests.get(f"{system.kerchunk('odd')}/{quoted}/0")
            assert answer.status_code == 200, name
            same_values(np.frombuffer(answer.content, "<f8"), theirs[name].values)
