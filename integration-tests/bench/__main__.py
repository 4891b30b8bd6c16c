"""`make bench`. Environment: BENCH_SECONDS a measurement, BENCH_ROUNDS, BENCH_PARTS (chunks,memory,scan,references), BENCH_SIZES."""

import os
import platform

from bench import chunks, data, memory, references, scan
from harness.paths import REPOSITORY

os.environ.setdefault("BINARY_UNDER_TEST", str(REPOSITORY / "target" / "release" / "cloudify"))


def main() -> None:
    seconds = float(os.environ.get("BENCH_SECONDS", "3"))
    rounds = int(os.environ.get("BENCH_ROUNDS", "5"))
    parts = os.environ.get("BENCH_PARTS", "chunks,memory,scan,references").split(",")
    sizes = os.environ.get("BENCH_SIZES", "c37k,c64k,c1m,c2m,c4m").split(",")
    folder = REPOSITORY / "target" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}")
    if "chunks" in parts:
        chunks.run(folder, max(1, round(seconds)), rounds, [size for size in sizes if size in data.SIZES])
    if "memory" in parts:
        memory.run(folder)
    if "scan" in parts:
        scan.run(folder, rounds)
    if "references" in parts:
        references.run(folder)


main()
