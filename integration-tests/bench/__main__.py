"""`make bench`. Environment: BENCH_SECONDS a measurement, BENCH_ROUNDS, BENCH_SIZES, and BENCH_PARTS
(chunks,batch,memory,scan,many,catalog,grib,decode,references,views,redis,coalescing,scale,fairness)."""

import os
import platform

from bench import (
    batch,
    chunks,
    coalescing,
    data,
    decode,
    fairness,
    grib,
    many,
    memory,
    redis,
    references,
    scale,
    scan,
    views,
)
from harness.paths import REPOSITORY

os.environ.setdefault("BINARY_UNDER_TEST", str(REPOSITORY / "target" / "release" / "cloudify"))


def main() -> None:
    seconds = float(os.environ.get("BENCH_SECONDS", "3"))
    rounds = int(os.environ.get("BENCH_ROUNDS", "5"))
    sizes = os.environ.get("BENCH_SIZES", "c37k,c64k,c1m,c2m,c4m").split(",")
    folder = REPOSITORY / "target" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    parts = {
        "chunks": lambda: chunks.run(
            folder, max(1, round(seconds)), rounds, [size for size in sizes if size in data.SIZES]
        ),
        "batch": lambda: batch.run(folder, rounds),
        "memory": lambda: memory.run(folder),
        "scan": lambda: scan.run(folder, rounds),
        "many": lambda: many.run(folder, rounds),
        "catalog": lambda: many.run_catalog(folder),
        "grib": lambda: grib.run(folder, rounds),
        "decode": lambda: decode.run(folder, rounds),
        "references": lambda: references.run(folder),
        "redis": lambda: redis.run(folder, rounds),
        "coalescing": lambda: coalescing.run(folder),
        "views": lambda: views.run(folder, max(1, round(seconds)), rounds),
        "scale": lambda: scale.run(folder, max(1, round(seconds)), rounds),
        "fairness": lambda: fairness.run(folder, seconds, rounds),
    }
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}")
    for part in os.environ.get("BENCH_PARTS", ",".join(parts)).split(","):
        parts[part]()


main()
