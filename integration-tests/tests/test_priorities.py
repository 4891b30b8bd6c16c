"""Priorities of threads: small requests are answered with real-time priority where the process may have it, and else as well."""

import os
import pathlib
import shutil
import subprocess
import sys

import netCDF4
import numpy as np
import pytest
import requests
import xarray as xr

from harness import batches, samples, server

OTHER, ROUND_ROBIN, IDLE = 0, 2, 5
FORBIDDEN = ("setpriv", "--bounding-set", "-sys_nice")
SAID = "small requests have real-time priority"
SAID_NOT = "small requests have no real-time priority: the process may not"


def policies(pid: int) -> dict[str, list[int]]:
    """Of the threads by name, as proc_pid_stat(5) tells them."""
    found: dict[str, list[int]] = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        name, _, rest = (task / "stat").read_text().partition("(")[2].rpartition(")")
        found.setdefault(name, []).append(int(rest.split()[38]))
    return found


@pytest.fixture(params=["permitted", "forbidden", "switched off"])
def running(request, tmp_path):
    """A server, and whether its threads are to have real-time priority."""
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("needs root, to give and to take the capability")
    folder = tmp_path / "data"
    folder.mkdir()
    shutil.copy(samples.NEMO[0], folder / "nemo.nc")
    (tmp_path / "catalog").mkdir()
    variables = server.environment(server.TOKEN)
    if request.param == "switched off":
        variables["CLOUDIFY_SCHEDULING__REAL_TIME"] = "false"
    arguments = ["serve", "--listen", "127.0.0.1:0", "--log", "json", "--catalog", str(tmp_path / "catalog"), "--root", str(folder)]
    prefix = FORBIDDEN if request.param == "forbidden" else ()
    process = server.Process("serve", arguments, tmp_path, variables, prefix)
    system = server.Topology(process, [], tmp_path / "catalog", [folder], variables)
    yield system, request.param
    system.stop()


def register(system: server.Topology, name: str, source: pathlib.Path) -> None:
    done = system.command("register", name, source)
    assert done.returncode == 0, done.stderr


def test_threads_have_the_priority_of_what_they_do(running):
    system, kind = running
    found = policies(system.front.pid)
    usual, bulk = found["tokio-rt-worker"], found["cloudify-bulk"]
    assert set(bulk) == {OTHER if kind == "permitted" else IDLE}
    expected = ROUND_ROBIN if kind == "permitted" else OTHER
    assert usual.count(expected) >= len(os.sched_getaffinity(0)) and set(usual) <= {expected, OTHER}, found
    said = [record.get("message") for record in system.front.log.records(0)]
    assert said.count(SAID) == (kind == "permitted") and said.count(SAID_NOT) == (kind == "forbidden"), said


def test_values_are_the_same_with_any_priority(running):
    system, _ = running
    register(system, "nemo", system.roots[0] / "nemo.nc")
    with netCDF4.Dataset(system.roots[0] / "nemo.nc") as truth:
        truth.set_auto_maskandscale(False)
        expected = {name: truth[name][:] for name in ("tos", "nav_lat", "time_centered_bounds")}
    for form in ("kerchunk", "zarr"):
        with xr.open_zarr(f"{system.url}/datasets/nemo/{form}", decode_cf=False, consolidated=True) as found:
            for name, values in expected.items():
                np.testing.assert_array_equal(found[name].values, values)


@pytest.fixture
def large(data):
    """A file of chunks of 4 MB as they are, and of small ones that are compressed."""
    with netCDF4.Dataset(data / "large.nc", "w") as file:
        for name, length in zip("tx", (4, 1_000_000), strict=True):
            file.createDimension(name, length)
        values = np.arange(4_000_000, dtype="f4").reshape(4, 1_000_000)
        file.createVariable("v", "f4", ("t", "x"), chunksizes=(1, 1_000_000))[:] = values
        file.createVariable("w", "f4", ("t", "x"), chunksizes=(1, 10_000), zlib=True)[:] = values
    return data / "large.nc"


def test_commands_for_tapes_have_the_usual_priority_whoever_asks(start, large, tmp_path):
    told, script = tmp_path / "told", tmp_path / "is-offline"
    script.write_text(f"#!/bin/sh\ncat /proc/self/stat >> {told}\nexit 0\n")
    script.chmod(0o755)
    tape = f'[tape]\nroots = ["{large.parent}"]\noffline = "command"\noffline_command = ["{script}"]\n'
    system = start("serve", config=tape)
    system.register("large", large)
    told.write_text("")
    # Another state of its entry in the directory, of which the command has told nothing yet; the file is what it was.
    os.utime(large, ns=(0, large.stat().st_mtime_ns))
    answer = requests.get(f"{system.kerchunk('large')}/v/1.0", timeout=60)
    assert answer.content == np.arange(1_000_000, 2_000_000, dtype="f4").tobytes()
    asked = [line.rpartition(")")[2].split() for line in told.read_text().splitlines()]
    assert [(int(fields[38]), int(fields[16])) for fields in asked] == [(OTHER, 0)], "policy and nice value"


def test_threads_for_bulk_stay_what_they_are_after_batches(running, large):
    system, kind = running
    register(system, "large", large)
    keys = [f"w/{step}.{number}" for step in range(4) for number in range(100)]
    answer = batches.fetch(f"{system.url}/datasets/large", "zarr", keys)
    assert {status for status, _ in answer} == {200}
    assert set(policies(system.front.pid)["cloudify-bulk"]) == {OTHER if kind == "permitted" else IDLE}


@pytest.fixture
def busy_cores():
    """Other work on all cores for a minute, in the same group of the scheduler."""
    spin = ["timeout", "60", sys.executable, "-c", "while True: pass"]
    children = [subprocess.Popen(spin) for _ in range(len(os.sched_getaffinity(0)) + 1)]
    yield children
    for child in children:
        child.terminate()
        child.wait()


@pytest.mark.parametrize("running", ["permitted"], indirect=True)
def test_bulk_does_not_starve_beside_other_work(running, large, busy_cores):
    system, _ = running
    register(system, "large", large)
    keys = [f"w/{step}.{number}" for step in range(4) for number in range(100)]
    assert {status for status, _ in batches.fetch(f"{system.url}/datasets/large", "zarr", keys)} == {200}
    assert [child.poll() for child in busy_cores] == [None] * len(busy_cores), "it had to wait for their end"
