"""What a command costs from its start to its end."""

import dataclasses
import os
import subprocess
import time

from bench import processes


@dataclasses.dataclass
class Cost:
    """What one answer took."""

    wall: float
    """Seconds."""
    cpu: float
    """CPU seconds, of all threads and processes."""
    peak: int
    """Largest resident memory, in bytes."""
    foreign: float
    """Share of the machine that others used meanwhile."""


def foreign(machine: float, own: float, wall: float) -> float:
    """The share of others, of what the machine and those who are measured used in some seconds."""
    return max(0.0, machine - own) / (wall * (os.cpu_count() or 1))


def run(command: list) -> Cost:
    """Runs a command, which must succeed. Its memory is looked at while it runs: `wait4` tells that of the parent too."""
    machine, begin = processes.machine_seconds(), time.perf_counter()
    child = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL)
    peak, ended = 0, 0
    while not ended:
        try:
            peak = max(peak, processes.peak_bytes(child.pid))
        except StopIteration:
            # It has ended, and has no memory any more.
            pass
        time.sleep(0.005)
        ended, status, usage = os.wait4(child.pid, os.WNOHANG)
    wall = time.perf_counter() - begin
    child.returncode = os.waitstatus_to_exitcode(status)
    if status:
        raise subprocess.CalledProcessError(child.returncode, command)
    cpu = usage.ru_utime + usage.ru_stime
    return Cost(wall, cpu, peak, foreign(processes.machine_seconds() - machine, cpu, wall))
