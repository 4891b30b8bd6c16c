"""`make bench-peers`: the Python server (xpublish 0.4.2, `/zarr`) and ours on the same NetCDF file, in turn."""

import os
import statistics
import subprocess

from bench import data, goals, targets
from bench.measure import measure
from harness.paths import HERE, REPOSITORY

os.environ.setdefault("BINARY_UNDER_TEST", str(REPOSITORY / "target" / "release" / "cloudify"))
STEPS = 60


def xpublish(folder, source) -> targets.Target:
    port = targets.free_port()
    python = HERE / ".venv-peers" / "bin" / "python"
    with (folder / "xpublish.log").open("w") as log:
        child = subprocess.Popen(
            [python, HERE / "bench" / "xpublish_server.py", source, str(port)], stdout=log, stderr=log
        )
    url = f"http://127.0.0.1:{port}"
    targets.wait(f"{url}/datasets", child)

    def stop():
        child.terminate()
        child.wait()

    return targets.Target("xpublish", url, [child.pid], stop)


def compare(title, started, paths, connections, rounds, seconds, verdicts) -> None:
    """Chunks of each server in turn, and the ratios to xpublish."""
    print(f"\n{title}, {connections} connections")
    runs = {target.name: [] for target in started}
    for _ in range(rounds):
        for target in started:
            runs[target.name].append(measure(target, paths[target.name], ".0.0", STEPS, connections, seconds))
    for name, samples in runs.items():
        rate = statistics.median(sample.requests for sample in samples)
        latency = statistics.median(sample.p50_ms for sample in samples)
        busy = statistics.median(sample.request_cpu for sample in samples)
        print(f"  {name:12} {rate:8.1f} chunks/s   p50 {latency:8.2f} ms   {busy * 1000:7.2f} ms of CPU a chunk")
        if name == "xpublish":
            continue
        for goal, of in verdicts:
            pairs = zip(samples, runs["xpublish"], strict=True)
            ratio = statistics.median(of(mine) / of(theirs) for mine, theirs in pairs)
            print(f"    {goal.what:28} {goal.verdict(ratio)}")


def main() -> None:
    seconds = max(1, round(float(os.environ.get("BENCH_SECONDS", "5"))))
    rounds = int(os.environ.get("BENCH_ROUNDS", "5"))
    folder = REPOSITORY / "target" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    source = data.compressed(folder / "tas.nc", STEPS)
    # Nothing that was made before is kept: each chunk is decoded and encoded.
    options = {"view": "bitround=9", "config": "[evaluate]\ncache_bytes_max = 0\n"}
    started = [
        xpublish(folder, source),
        targets.cloudify("serve", folder / "peers-serve", "bench", source, **options),
        targets.cloudify("two-process", folder / "peers-two-process", "bench", source, **options),
    ]
    rate, busy = (lambda sample: sample.requests), (lambda sample: sample.request_cpu)
    try:
        for connections in (1, 8):
            for store, title, verdicts in (
                ("kerchunk", "As stored", [(goals.PEER, rate)]),
                ("zarr", "Decoded, rounded to 9 bits, as Blosc LZ4", [(goals.REENCODE_PEER, rate), (goals.REENCODE_CPU, busy)]),
            ):
                paths = {target.name: f"/datasets/bench/{store}/tas/" for target in started}
                paths["xpublish"] = "/datasets/bench/zarr/tas/"
                title = f"{title}: chunks of one NetCDF file (721 × 1440 f4, shuffled and deflated)"
                compare(title, started, paths, connections, rounds, seconds, verdicts)
    finally:
        for target in started:
            target.stop()


main()
