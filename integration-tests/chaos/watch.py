"""What is looked at all the time: memory of the processes, and whether the machine itself stands still."""

import threading
import time

from cluster.local import Cluster
from harness.server import Failed

EVERY_SECONDS = 0.05
MEMORY_EVERY = 10
"""Memory is looked at each so many times."""


class Watch:
    """Runs beside everything."""

    def __init__(self, cluster: Cluster):
        self.cluster = cluster
        self.peaks: dict[str, int] = {}
        """Largest resident memory of each process, in bytes."""
        self.late = 0.0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        number, before = 0, time.monotonic()
        while not self.ended.wait(EVERY_SECONDS):
            now = time.monotonic()
            self.late, before, number = max(self.late, now - before - EVERY_SECONDS), now, number + 1
            if number % MEMORY_EVERY == 0:
                for name, size in resident(self.cluster).items():
                    self.peaks[name] = max(size, self.peaks.get(name, 0))

    def machine_stall(self) -> float:
        """The longest time, since this was asked last, that a process had to wait for the machine, in seconds."""
        late, self.late = self.late, 0.0
        return round(late, 2)

    def stop(self) -> None:
        self.ended.set()
        self.thread.join()


def resident(cluster: Cluster) -> dict[str, int]:
    """Bytes of each process that is there now."""
    found = {}
    for service in cluster.services:
        try:
            found[service.name] = service.resident_bytes()
        except (Failed, OSError):
            continue
    return found


def settled(cluster: Cluster, seconds: float = 2) -> dict[str, int]:
    """The least of each over a moment: what was freed is given back a little later."""
    least: dict[str, int] = {}
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for name, size in resident(cluster).items():
            least[name] = min(size, least.get(name, size))
        time.sleep(0.1)
    return least
