"""What the project demands of each ratio (must) and where it wants to be (aim)."""

import dataclasses


@dataclasses.dataclass
class Goal:
    """A bound on a ratio: at least, or at most."""

    what: str
    must: float
    aim: float
    at_least: bool

    def verdict(self, ratio: float) -> str:
        met = (lambda bound: ratio >= bound) if self.at_least else (lambda bound: ratio <= bound)
        sign = "≥" if self.at_least else "≤"
        aim = "aim ✓" if met(self.aim) else f"aim {self.aim} ✗"
        return f"{ratio:5.2f}  must {sign} {self.must} {'✓' if met(self.must) else '✗'}  {aim}"


SERVE_MBS = Goal("MB/s / nginx", 0.95, 1.2, True)
SERVE_CPU = Goal("server+client CPU a GB / nginx", 1.1, 0.8, False)
SERVE_P99 = Goal("p99 / nginx", 1.2, 1.2, False)
SERVE_SMALL = Goal("requests/s / nginx", 0.6, 0.85, True)
PAIR_MBS = Goal("MB/s / nginx", 0.6, 0.9, True)
PAIR_CPU = Goal("CPU a GB of both / serve", 2.2, 1.6, False)
PAIR_SMALL = Goal("requests/s / nginx", 0.35, 0.5, True)
PEER = Goal("chunks/s / xpublish", 25, 25, True)
REENCODE_PEER = Goal("chunks/s / xpublish", 10, 25, True)
REENCODE_CPU = Goal("CPU a chunk / xpublish", 0.25, 0.125, False)
SCAN_H5PY = Goal("scan time / h5py chunk_iter", 2, 1, False)
SCAN_KERCHUNK = Goal("kerchunk time / scan time", 10, 10, True)
GRIB_GRIBSCAN = Goal("gribscan time / scan time", 5, 10, True)
GRIB_CFGRIB = Goal("cfgrib time / scan time", 5, 10, True)
GRIB_DECODE = Goal("ecCodes time / decode time", 1, 2, True)
MEMORY = Goal("peak RSS / 300 MB", 1, 0.5, False)
REFERENCES_OPEN = Goal("register, s", 1, 0.5, False)
REFERENCES_MEMORY = Goal("peak RSS / 300 MB", 1, 0.5, False)
REFERENCES_COLD = Goal("cold look-up, ms", 20, 10, False)
REFERENCES_WARM = Goal("warm look-up, µs", 50, 20, False)
REFERENCES_FSSPEC = Goal("fsspec cold / cold", 1, 2, True)
MANY_KERCHUNK = Goal("kerchunk time / scan time", 10, 10, True)
MANY_MEMORY = Goal("memory a file more / 1 kB", 8, 4, False)
START = Goal("start to ready / 2 s", 1, 0.5, False)
START_MEMORY = Goal("peak RSS / 500 MB", 1, 0.5, False)
COALESCED_READS = Goal("reads / reads of one client", 1, 1, False)
COALESCED_MADE = Goal("computations / one client's", 1, 1, False)
VIEW_FLOOR = Goal("CPU / floor", 1.3, 1.1, False)
VIEW_CDO_WALL = Goal("wall / CDO", 0.6, 0.4, False)
VIEW_CDO_CPU = Goal("CPU / CDO", 0.6, 0.4, False)
VIEW_MEMORY = Goal("peak RSS / 200 MB", 1, 0.5, False)
VIEW_NEIGHBOUR = Goal("first wall / neighbour's", 20, 50, True)
VIEW_ENCODE = Goal("MB/s a core", 400, 600, True)
VIEW_WORKERS = Goal("chunks/s a worker / one worker's", 0.9, 0.95, True)
BATCH = Goal("MB/s by one request / by single ones", 3, 4, True)
SPREAD = Goal("one worker's time / all together", 0.9, 0.95, True)
SPREAD_CPU = Goal("CPU / one worker's", 1.1, 1.03, False)
SCALE_CPU = Goal("CPU a chunk / one process's", 1.1, 1.03, False)
VIEW_WORKERS_CPU = Goal("CPU a chunk / one worker's", 1.1, 1.03, False)
REDIS_HIT = Goal("making a 1 MiB chunk / a hit in Redis", 5, 10, True)
REDIS_LATE = Goal("p50 with Redis 100 ms late / without", 1.05, 1.01, False)
SMALL_BESIDE_BULK = Goal("p99 beside bulk / idle p99", 2, 1.5, False)
