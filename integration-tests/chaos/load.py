"""The load: several client processes with one plan."""

import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import time

import numpy as np

from chaos import records
from chaos.expected import Expected
from cluster.network import WITH_US

WEIGHTS = {"small": 50, "large": 2, "hole": 5, "decoded": 17, "view": 10, "metadata": 15}
"""How often each kind is asked for."""
PROCESSES = 2
CONNECTIONS = 16
"""Of each process."""


@dataclasses.dataclass
class Load:
    """Running clients."""

    files: list[pathlib.Path]
    children: list[subprocess.Popen]

    def stop(self, seconds: float = 90) -> None:
        """Asks no more, and waits for what is under way."""
        for child in self.children:
            child.terminate()
        for child in self.children:
            if child.wait(seconds):
                raise RuntimeError(f"a client ended with {child.returncode}")

    def records(self) -> np.ndarray:
        return records.read(self.files)

    def failures(self) -> list[dict]:
        """What was written down of each failure, in order of time."""
        lines = [line for file in self.files for line in file.with_suffix(".failures").read_text().splitlines()]
        return sorted(map(json.loads, lines), key=lambda line: line["end"])


def start(
    name: str, url: str, expected: list[Expected], folder: pathlib.Path, rate: float | None,
    processes: int = PROCESSES, connections: int = CONNECTIONS, refusals: list[int] | None = None,
) -> Load:
    """Begins to ask, at `rate` requests a second in all, or as fast as answers come."""
    folder.mkdir(parents=True, exist_ok=True)
    files, children = [], []
    for number in range(processes):
        plan = {
            "url": url, "expected": [dataclasses.asdict(one) for one in expected], "weights": WEIGHTS, "seed": number,
            "connections": connections, "interval": processes * connections / rate if rate else 0,
            "refusals": refusals or [],
        }
        place = folder / f"{name}-{number}.json"
        place.write_text(json.dumps(plan))
        files.append(place.with_suffix(".records"))
        command = [*WITH_US, sys.executable, "-m", "chaos.client", place, files[-1]]
        children.append(subprocess.Popen(command, env=os.environ))
    while not all(file.exists() and file.stat().st_size for file in files):
        if any(child.poll() is not None for child in children):
            raise RuntimeError("a client ended before it had an answer")
        time.sleep(0.05)
    return Load(files, children)


def capacity(url: str, expected: list[Expected], folder: pathlib.Path, seconds: float) -> float:
    """Requests a second that the quiet system answers when it is asked as fast as it answers."""
    load = start("capacity", url, expected, folder, None)
    time.sleep(seconds)
    load.stop()
    found = load.records()
    if failed := load.failures():
        raise RuntimeError(f"the quiet system failed: {failed[:3]}")
    return len(found) / float(found["end"].max() - found["end"].min())
