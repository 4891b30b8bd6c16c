"""What a phase works on, and the log of what was done to it."""

import dataclasses
import os
import pathlib
import signal
import time
from collections.abc import Callable

from chaos.data import Sources
from cluster.local import Cluster
from harness.server import Process


@dataclasses.dataclass
class Event:
    """Something that was done."""

    at: float
    """Seconds of the machine's monotonic clock."""
    text: str
    is_fault: bool
    """Whether the system has to recover from it."""


@dataclasses.dataclass
class Scene:
    """The cluster that is broken, and where its files are."""

    cluster: Cluster
    sources: Sources
    folder: pathlib.Path
    disks: dict[str, pathlib.Path]
    """Small file systems that can be filled, by whose they are; none without the rights to mount."""
    begin: float
    events: list[Event] = dataclasses.field(default_factory=list)
    versions: int = 0
    """Published meanwhile."""

    def tell(self, text: str, is_fault: bool = False) -> None:
        """Writes down what is done now."""
        self.events.append(Event(time.monotonic(), text, is_fault))
        print(f"  {time.monotonic() - self.begin:6.1f} s  {text}", flush=True)

    def publish(self, dataset: str, *sources: pathlib.Path) -> None:
        """Registers a dataset anew."""
        self.cluster.system.register(dataset, *sources, replace=True)
        self.versions += 1

    def fault(self, text: str, act: Callable[[], object]) -> None:
        """Does something that the system has to recover from."""
        self.tell(text, True)
        act()

    def mend(self, text: str, act: Callable[[], object]) -> None:
        """Takes a fault back."""
        act()
        self.tell(text)

    def pause(self, process: Process) -> None:
        os.kill(process.pid, signal.SIGSTOP)

    def go_on(self, process: Process) -> None:
        os.kill(process.pid, signal.SIGCONT)


@dataclasses.dataclass
class Phase:
    """One way to break it."""

    name: str
    seconds: float
    """How long it takes in a run of `LONG` seconds; in a shorter one it is shorter."""
    act: Callable[[Scene, float], object]
    """Breaks the scene and mends it again, within about so many seconds."""
    needs: str = ""
    """`links` or `disks` where it needs the rights for them."""


LONG = 290
"""Seconds of all phases as they are given, with what is between them."""


def until(deadline: float) -> None:
    time.sleep(max(0, deadline - time.monotonic()))


def by_turns(things: list, seconds: float, period: float) -> list[tuple[object, float]]:
    """Each thing by turn, one a period, as many as fit; and how long a fault lasts: half a period."""
    count = max(1, round(seconds / period))
    return [(things[number % len(things)], seconds / count / 2) for number in range(count)]
