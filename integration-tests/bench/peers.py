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


def main() -> None:
    seconds = max(1, round(float(os.environ.get("BENCH_SECONDS", "5"))))
    rounds = int(os.environ.get("BENCH_ROUNDS", "5"))
    folder = REPOSITORY / "target" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    source = data.compressed(folder / "tas.nc", STEPS)
    prefix = {"xpublish": "/datasets/bench/zarr/tas/"}
    started = [
        xpublish(folder, source),
        targets.cloudify("serve", folder / "peers-serve", "bench", source),
        targets.cloudify("two-process", folder / "peers-two-process", "bench", source),
    ]
    try:
        for connections in (1, 8):
            print(f"\nNetCDF chunks of one file (721 × 1440 f4, shuffled and deflated), {connections} connections")
            runs = {target.name: [] for target in started}
            for _ in range(rounds):
                for target in started:
                    path = prefix.get(target.name, "/datasets/bench/kerchunk/tas/")
                    runs[target.name].append(measure(target, path, ".0.0", STEPS, connections, seconds))
            for name, samples in runs.items():
                rate = statistics.median(sample.requests for sample in samples)
                latency = statistics.median(sample.p50_ms for sample in samples)
                line = f"  {name:12} {rate:8.1f} chunks/s   p50 {latency:8.2f} ms"
                if name != "xpublish":
                    pairs = zip(samples, runs["xpublish"], strict=True)
                    ratio = statistics.median(mine.requests / theirs.requests for mine, theirs in pairs)
                    line += f"   {goals.PEER.what} {goals.PEER.verdict(ratio)}"
                print(line)
    finally:
        for target in started:
            target.stop()


main()
