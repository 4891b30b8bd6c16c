"""Memory of the processes over the run."""

import threading
import time

from cluster.local import Cluster
from harness.server import Failed

EVERY_SECONDS = 0.5


class Watch:
    """Looks at the resident memory of gateways and workers again and again."""

    def __init__(self, cluster: Cluster):
        self.cluster = cluster
        self.peaks: dict[str, int] = {}
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        while not self.ended.wait(EVERY_SECONDS):
            for name, size in resident(self.cluster).items():
                self.peaks[name] = max(size, self.peaks.get(name, 0))

    def stop(self) -> dict[str, int]:
        """The largest of each, in bytes."""
        self.ended.set()
        self.thread.join()
        return self.peaks


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
