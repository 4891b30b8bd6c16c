"""What is printed of a run."""


SUMS = ("requests", "failures", "wrong_bytes", "read_as_missing")
LONGEST = ("longest_stall_seconds", "slowest_request_seconds", "machine_stall_seconds")


def table(phases: list[dict]) -> str:
    """One line for each phase. `stall`: longest time without a right answer; `machine`: longest wait for the machine."""
    lines = [f"{'phase':15} {'requests':>8} {'1/s':>6} {'failed':>6} {'wrong':>5} {'missing':>7} {'stall':>7} {'slowest':>8} {'machine':>7}  recovery"]
    for phase in phases:
        recovery = phase["recovery_seconds"]
        worst = "-" if not recovery else "never" if None in recovery else f"{max(recovery):.1f} s of {len(recovery)}"
        lines.append(
            f"{phase['name']:15} {phase['requests']:8} {phase['requests_per_second']:6.0f} {phase['failures']:6} "
            f"{phase['wrong_bytes']:5} {phase['read_as_missing']:7} {phase['longest_stall_seconds']:5.2f} s "
            f"{phase['slowest_request_seconds']:6.2f} s {phase['machine_stall_seconds']:5.2f} s  {worst}"
        )
    return "\n".join(lines)


def kinds(phases: list[dict]) -> str:
    """Of the phases with failures, of which kind they were."""
    lines = []
    for phase in phases:
        named = {name: count for name, count in phase["outcomes"].items() if count and name not in ("right", "status")}
        named |= {f"status {status}": count for status, count in phase["statuses"].items()}
        if named:
            lines.append(f"  {phase['name']}: " + ", ".join(f"{count} {name}" for name, count in named.items()))
    return "\n".join(lines)


def total(phases: list[dict]) -> dict:
    """The sums and the worst of all phases."""
    recoveries = [one for phase in phases for one in phase["recovery_seconds"]]
    return {
        **{name: sum(phase[name] for phase in phases) for name in SUMS},
        **{name: max(phase[name] for phase in phases) for name in LONGEST},
        "requests_per_second": phases[0]["requests_per_second"],
        "recovery_seconds": None if None in recoveries else max(recoveries, default=0),
    }


def memory(before: dict[str, int], after: dict[str, int], peaks: dict[str, int]) -> str:
    lines = [f"{'memory, MiB':15} {'before':>8} {'after':>8} {'largest':>8}"]
    for name in after:
        sizes = [place.get(name, 0) >> 20 for place in (before, after, peaks)]
        lines.append(f"{name:15} " + " ".join(f"{size:8}" for size in sizes))
    return "\n".join(lines)
