"""Priorities of threads: small requests are answered with real-time priority where the process may have it, and else as well."""

import os
import pathlib
import shutil

import netCDF4
import numpy as np
import pytest
import xarray as xr

from harness import samples, server

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


def test_threads_have_the_priority_of_what_they_do(running):
    system, kind = running
    found = policies(system.front.pid)
    usual, bulk = found["tokio-rt-worker"], found["cloudify-bulk"]
    assert set(bulk) == {IDLE}
    expected = ROUND_ROBIN if kind == "permitted" else OTHER
    assert usual.count(expected) >= len(os.sched_getaffinity(0)) and set(usual) <= {expected, OTHER}, found
    said = [record.get("message") for record in system.front.log.records(0)]
    assert said.count(SAID) == (kind == "permitted") and said.count(SAID_NOT) == (kind == "forbidden"), said


def test_values_are_the_same_with_any_priority(running):
    system, _ = running
    done = system.command("register", "nemo", system.roots[0] / "nemo.nc")
    assert done.returncode == 0, done.stderr
    with netCDF4.Dataset(system.roots[0] / "nemo.nc") as truth:
        truth.set_auto_maskandscale(False)
        expected = {name: truth[name][:] for name in ("tos", "nav_lat", "time_centered_bounds")}
    for form in ("kerchunk", "zarr"):
        with xr.open_zarr(f"{system.url}/datasets/nemo/{form}", decode_cf=False, consolidated=True) as found:
            for name, values in expected.items():
                np.testing.assert_array_equal(found[name].values, values)
