"""The cluster of `make cluster`, and a short run of `make chaos`: whatever the timing, nobody is given wrong bytes, nor
told that a chunk is missing that is there."""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import requests

from chaos import bounds, measure
from chaos.client import judge
from chaos.records import TYPE, Outcome
from cluster.local import free_port
from harness.paths import HERE, binary

PHASES = "kill-workers,redis-kill,lose-workers,change-sources"


def program(name: str, **variables) -> subprocess.Popen:
    """Starts one of our programs."""
    environment = {**os.environ, "BINARY_UNDER_TEST": str(binary().resolve()), **variables}
    return subprocess.Popen(
        [sys.executable, "-m", name], cwd=HERE, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def read_until(child: subprocess.Popen, word: str) -> str:
    lines = []
    for line in child.stdout:
        lines.append(line)
        if word in line:
            return "".join(lines)
    pytest.fail("".join(lines))


def alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_cluster_serves_and_leaves_nothing_behind(number):
    child = program("cluster", PORT=str(free_port()))
    told = read_until(child, "Ctrl-C ends it all")
    url = re.search(r"load balancer +(\S+)", told)[1]
    pids = [int(pid) for pid in re.findall(r"process (\d+)", told)]
    assert len(pids) == 2 + 4 + 2
    assert all(alive(pid) for pid in pids)
    folder = pathlib.Path(re.search(r"Logs are in (\S+)\. ", told)[1])
    answer = requests.get(f"{url}/datasets/ncep.air.6h/zarr/zarr.json")
    assert answer.status_code == 200
    assert requests.get(f"{url}/datasets").json() == re.findall(rf"{url}/datasets/(\S+)/\n", told)
    child.send_signal(number)
    child.wait(60)
    deadline = time.monotonic() + 30
    while left := [pid for pid in pids if alive(pid)]:
        assert time.monotonic() < deadline, f"processes {left} are left"
        time.sleep(0.1)
    if number != signal.SIGKILL:
        assert not folder.exists()


# Generous: a machine that others use too takes some times as long.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def chaos(tmp_path_factory) -> dict:
    """What a short run of chaos found."""
    folder = tmp_path_factory.mktemp("chaos")
    result = folder / "chaos.json"
    child = program(
        "chaos", CHAOS_SECONDS="40", CHAOS_PHASES=PHASES, CHAOS_RATE="60", CHAOS_FOLDER=str(folder / "run"), CHAOS_RESULT=str(result)
    )
    try:
        printed, _ = child.communicate(timeout=540)
    finally:
        # With it all ends that it started.
        child.kill()
    # 1: a bound of time or memory was broken, of which nothing is said here.
    assert child.returncode in (0, 1), printed
    return json.loads(result.read_text())


def test_nothing_is_wrong_or_missing_whatever_breaks(chaos):
    assert {phase["name"] for phase in chaos["phases"]} == {"quiet", "changed files", *PHASES.split(",")}
    assert all(phase["requests"] for phase in chaos["phases"])
    assert (chaos["total"]["wrong_bytes"], chaos["total"]["read_as_missing"]) == (0, 0), chaos["phases"]


@pytest.mark.parametrize("name", ["quiet", "kill-workers", "redis-kill", "change-sources"])
def test_nobody_notices_that_a_member_is_killed(chaos, name):
    """But for who is in the middle of a large chunk: see the phase's bound."""
    phase = next(phase for phase in chaos["phases"] if phase["name"] == name)
    assert [line for line in phase["failed"] if "/large/" not in line["path"]] == []


def test_what_is_changed_is_refused_and_heals(chaos):
    phase = next(phase for phase in chaos["phases"] if phase["name"] == "changed files")
    assert phase["failures"] == 0, phase
    assert phase["outcomes"]["refused"] > 0
    assert phase["outcomes"]["right"] > 0


HASHED = {"status": 200, "sha256": "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"}
HOLE = {"status": 404, "sha256": ""}


@pytest.mark.parametrize(
    ("expected", "status", "body", "outcome"),
    [
        (HASHED, 200, b"hello", Outcome.RIGHT),
        (HASHED, 200, b"hell0", Outcome.WRONG),
        (HASHED, 206, b"hello", Outcome.WRONG),
        (HASHED, 404, b"", Outcome.MISSING),
        (HASHED, 503, b"", Outcome.STATUS),
        (HASHED, 409, b"", Outcome.REFUSED),
        (HOLE, 404, b"", Outcome.RIGHT),
        (HOLE, 200, b"", Outcome.WRONG),
        (HOLE, 503, b"", Outcome.STATUS),
    ],
)
def test_an_answer_is_judged(expected, status, body, outcome):
    assert judge(expected, status, body, [409]) == outcome


def answers(*pieces: tuple[float, float, int]) -> np.ndarray:
    """Records of right answers: from, to, how many a second."""
    ends = np.concatenate([np.arange(begin, end, 1 / rate) for begin, end, rate in pieces if rate])
    records = np.zeros(len(ends), TYPE)
    records["end"] = ends
    return records


def test_figures_are_those_of_the_phase():
    records = answers((10, 12, 100), (15, 20, 100))
    records["outcome"][:3] = Outcome.MISSING
    records["outcome"][3] = Outcome.WRONG
    records["outcome"][4], records["status"][4] = Outcome.STATUS, 503
    found = measure.figures(records, 10, 20, [10.5], 100)
    assert (found["requests"], found["failures"], found["wrong_bytes"], found["read_as_missing"]) == (700, 5, 1, 3)
    assert found["statuses"] == {"503": 1}
    assert found["longest_stall_seconds"] == pytest.approx(3, abs=0.02)
    assert found["recovery_seconds"] == [pytest.approx(4.4, abs=0.11)]
    broken = bounds.broken([{"name": "kill-workers", "machine_stall_seconds": 0, **found}], {"worker0": 1 << 30, "worker1": 0})
    assert [re.search(r"wrong|missing|failed|grew", text)[0] for text in broken] == ["wrong", "missing", "failed", "grew"]


def test_recovery_is_counted_from_the_fault_and_may_never_come():
    steady, gone = answers((0, 20, 100)), answers((0, 5, 100), (5, 20, 50))
    assert measure.recoveries(steady, [5.0, 10.0], 20, 100) == [0, 0]
    assert measure.recoveries(gone, [5.0], 20, 100) == [None]
    assert measure.recoveries(steady, [], 20, 100) == []
