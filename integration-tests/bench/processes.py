"""What processes cost: CPU seconds and memory of a process with all its children."""

import os
import pathlib

TICKS = os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        children = (task / "children").read_text().split()
        found += [below for child in children for below in family(int(child))]
    return found


def cpu_seconds(pids: list[int]) -> float:
    """User and system time of processes with all their children, ended ones too."""
    total = 0
    for pid in pids:
        for member in family(pid):
            fields = pathlib.Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[13]) + int(fields[14])
    return total / TICKS


def machine_seconds() -> float:
    """CPU seconds that the whole machine was busy."""
    fields = [int(field) for field in pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    user, nice, system, _idle, _wait, irq, softirq, steal = fields
    return (user + nice + system + irq + softirq + steal) / TICKS


def peak_bytes(pid: int) -> int:
    """Largest resident memory of a process so far."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))
