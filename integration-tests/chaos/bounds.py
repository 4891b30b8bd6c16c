"""What must hold."""

FAILED_SHARE_MAX = 1e-4
RECOVERY_SECONDS_MAX = 5.0
MACHINE_STALL_SECONDS_MAX = 1.0
"""Where the machine itself stood still for longer, nothing is said of how fast the system recovered."""
GROWTH_BYTES_MAX = 48 << 20
"""Of a process over the run: the caches' budgets of `CONFIG`, and what the allocator keeps."""
VERSION_BYTES_MAX = 4 << 20
"""More for each version published meanwhile: what is known of its views is kept within budgets that are no settings."""

LOSING = ["kill-gateways", "lose-workers", "lose-catalog"]
"""Phases in which requests have to fail, with an error: what a killed gateway was answering is lost."""

CONFIG = """
[evaluate]
threads = 1
memory_bytes_max = 268435456
cache_bytes_max = 4194304
[storage]
kept_buffer_bytes_max = 16777216
[telemetry]
filter = "info"
"""
"""Settings of the cluster: caches so small that chunks are made again and again."""


def broken(phases: list[dict], growth: dict[str, int], versions: int = 0) -> list[str]:
    """Each bound that does not hold, in words."""
    found, may_grow = [], GROWTH_BYTES_MAX + versions * VERSION_BYTES_MAX
    for phase in phases:
        found += [f"{phase['name']}: {text}" for text in _of_phase(phase)]
    found += [
        f"{name} grew by {size >> 20} MiB, {may_grow >> 20} are allowed"
        for name, size in growth.items() if size > may_grow
    ]
    return found


def _of_phase(phase: dict) -> list[str]:
    found = []
    if phase["wrong_bytes"]:
        found.append(f"{phase['wrong_bytes']} answers with wrong bytes")
    if phase["read_as_missing"]:
        found.append(f"{phase['read_as_missing']} answers that read as missing data")
    allowed = failures_allowed(phase)
    if allowed is not None and phase["failures"] > allowed:
        found.append(f"{phase['failures']} of {phase['requests']} requests failed, {allowed} may")
    late = [one for one in phase["recovery_seconds"] if one is None or one > RECOVERY_SECONDS_MAX]
    if late and phase["machine_stall_seconds"] <= MACHINE_STALL_SECONDS_MAX:
        found.append(f"{len(late)} of {len(phase['recovery_seconds'])} recoveries took longer than {RECOVERY_SECONDS_MAX} s")
    return found


def failures_allowed(phase: dict) -> int | None:
    """How many requests of a phase may fail; none: any number, where nobody is left who could answer."""
    if phase["name"] in LOSING:
        return None
    if phase["name"] in ("quiet", "change-sources") or phase["name"].startswith("redis"):
        return 0
    return int(phase["requests"] * FAILED_SHARE_MAX)
