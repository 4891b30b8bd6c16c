"""How long others take inside their process, and our command as a whole."""

import pathlib
import subprocess
import sys
import time

from harness.paths import binary
from harness.server import environment


def inside(program: str, path: pathlib.Path) -> float:
    """Seconds that a Python program prints last, given a path."""
    done = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def scan_command(path: pathlib.Path, found: str) -> float:
    """Seconds of the whole command: process start, scan in its child, printing; what was `found` must be in it."""
    begin = time.perf_counter()
    done = subprocess.run(
        [binary(), "scan", "--json", path], capture_output=True, text=True, check=True, env=environment()
    )
    elapsed = time.perf_counter() - begin
    assert found in done.stdout
    return elapsed
