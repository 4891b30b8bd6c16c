"""Raw chunk GETs: nginx, `serve` and gateway+worker in turn, on the same bytes."""

import pathlib
import statistics

from bench import data, goals, targets
from bench.measure import Sample, measure

CONNECTIONS = (1, 8, 64)


def run(folder: pathlib.Path, seconds: float, rounds: int, sizes: list[str]) -> None:
    source = data.stored_chunks(folder / "bench.nc")
    files = data.as_files(source, folder / "files")
    started = [
        targets.nginx(folder / "nginx", files),
        targets.cloudify("serve", folder / "serve", "bench", source),
        targets.cloudify("two-process", folder / "two-process", "bench", source),
    ]
    try:
        for name in sizes:
            size, count = data.SIZES[name]
            for connections in CONNECTIONS:
                samples = in_turn(started, name, count, connections, seconds, rounds)
                show(samples, size, connections)
    finally:
        for target in started:
            target.stop()


def in_turn(started, name, count, connections, seconds, rounds) -> dict[str, list[Sample]]:
    """Each server once a round, after one short round that warms caches up."""
    prefix = f"{targets.PREFIX}/{name}/"
    samples = {target.name: [] for target in started}
    for target in started:
        measure(target, prefix, ".0", count, connections, 1)
    for _ in range(rounds):
        for target in started:
            samples[target.name].append(measure(target, prefix, ".0", count, connections, seconds))
    return samples


def ratio(samples, name: str, other: str, value) -> float:
    """Median over rounds of the ratio within a round."""
    pairs = zip(samples[name], samples[other], strict=True)
    return statistics.median(value(mine) / value(theirs) for mine, theirs in pairs)


def show(samples: dict[str, list[Sample]], size: int, connections: int) -> None:
    print(f"\n{size >> 10} KiB chunks, {connections} connections ({len(samples['nginx'])} rounds, medians)")
    print("  server           MB/s  (min..max)    req/s  p50 ms  p99 ms  CPU s/GB: server  client  foreign load")
    for name, runs in samples.items():
        def middle(field, runs=runs):
            return statistics.median(getattr(run, field) for run in runs)

        spread = f"({min(run.megabytes for run in runs):.0f}..{max(run.megabytes for run in runs):.0f})"
        print(
            f"  {name:12} {middle('megabytes'):8.0f}  {spread:12} {middle('requests'):8.0f} {middle('p50_ms'):7.2f} "
            f"{middle('p99_ms'):7.2f}  {middle('server_cpu'):15.2f} {middle('client_cpu'):7.2f}  {middle('foreign'):10.0%}"
        )
    judge(samples, size, connections)


def judge(samples, size: int, connections: int) -> None:
    """The ratios that the project has bounds for; without bounds, the plain ones."""
    def line(name, goal, other, value):
        print(f"  {name:12} {goal.what:32} {goal.verdict(ratio(samples, name, other, value))}")

    def plain(name, what, value):
        print(f"  {name:12} {what:32} {ratio(samples, name, 'nginx', value):5.2f}")

    large = size == 2 * data.MIB and connections > 1
    small = size == 37 * data.KIB
    if large:
        line("serve", goals.SERVE_MBS, "nginx", lambda run: run.megabytes)
        line("serve", goals.SERVE_CPU, "nginx", lambda run: run.cpu)
        if connections == 64:
            line("serve", goals.SERVE_P99, "nginx", lambda run: run.p99_ms)
        line("two-process", goals.PAIR_MBS, "nginx", lambda run: run.megabytes)
        line("two-process", goals.PAIR_CPU, "serve", lambda run: run.server_cpu)
    elif small:
        line("serve", goals.SERVE_SMALL, "nginx", lambda run: run.requests)
        line("two-process", goals.PAIR_SMALL, "nginx", lambda run: run.requests)
    if not large and not small:
        for name in ("serve", "two-process"):
            plain(name, "MB/s / nginx", lambda run: run.megabytes)
            plain(name, "server+client CPU a GB / nginx", lambda run: run.cpu)
