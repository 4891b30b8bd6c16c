"""Figures of a phase, made of the records of its requests."""

import numpy as np

from chaos.records import Outcome

WINDOW = 1.0
"""Seconds over which throughput is counted."""
BACK = 0.9
"""Share of the throughput before a fault at which it counts as recovered."""
SEARCHED = 3.0
"""A dip that begins later than so many seconds after a fault is none of it."""


def right(records: np.ndarray) -> np.ndarray:
    """When each answer came that was no failure."""
    return records["end"][records["outcome"] <= Outcome.REFUSED]


def throughput(records: np.ndarray, begin: float, end: float) -> float:
    """Right answers a second."""
    ends = right(records)
    return float(((ends >= begin) & (ends < end)).sum() / max(end - begin, 1e-9))


def figures(records: np.ndarray, begin: float, end: float, faults: list[float], before: float) -> dict:
    """Of a load's requests, while something was done from `begin` to `end`; to `before` its throughput has to come back."""
    counts = {outcome.name.lower(): int((records["outcome"] == outcome).sum()) for outcome in Outcome}
    failures = sum(counts[outcome.name.lower()] for outcome in Outcome if outcome.is_failure)
    statuses, how_often = np.unique(records["status"][records["outcome"] == Outcome.STATUS], return_counts=True)
    ends = right(records)
    gaps = np.diff(np.concatenate([[begin], ends[(ends >= begin) & (ends < end)], [end]]))
    return {
        "seconds": round(end - begin, 2),
        "requests": len(records),
        "failures": failures,
        "outcomes": counts,
        "statuses": dict(zip(map(str, statuses.tolist()), how_often.tolist(), strict=True)),
        "wrong_bytes": counts["wrong"],
        "read_as_missing": counts["missing"],
        "longest_stall_seconds": round(float(gaps.max()), 2),
        "slowest_request_seconds": round(float(records["seconds"].max(initial=0)), 2),
        "requests_per_second": round(throughput(records, begin, end), 1),
        "recovery_seconds": recoveries(records, faults, end, before),
    }


def recoveries(records: np.ndarray, faults: list[float], end: float, before: float) -> list[float | None]:
    """Of each fault, how long until throughput, after its lowest point, was back; none if it was not before the next."""
    limits = [*faults[1:], end][: len(faults)]
    return [_recovery(records, fault, limit, before) for fault, limit in zip(faults, limits, strict=True)]


def _recovery(records: np.ndarray, fault: float, limit: float, before: float) -> float | None:
    if limit - fault < 2 * WINDOW:
        return 0.0
    times = np.arange(fault, limit - WINDOW, WINDOW / 10)
    ends = right(records)
    rates = (np.searchsorted(ends, times + WINDOW) - np.searchsorted(ends, times)) / WINDOW
    lowest = int(rates[times < fault + SEARCHED].argmin())
    if rates[lowest] >= BACK * before:
        return 0.0
    back = np.flatnonzero(rates[lowest:] >= BACK * before)
    return round(float(times[lowest + back[0]] - fault), 2) if len(back) else None
