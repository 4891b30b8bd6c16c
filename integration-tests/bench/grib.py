"""Indexing a GRIB file of 1,000 messages: our whole command, and what gribscan and cfgrib do inside their process."""

import pathlib
import statistics

from bench import goals
from bench.timing import inside, scan_command

MESSAGES = 1000
GRIBSCAN = """
import sys, time, tempfile, pathlib
import gribscan
from gribscan.gribscan import scan_gribfile
begin = time.perf_counter()
with open(sys.argv[1], "rb") as file:
    found = list(scan_gribfile(file, filename=sys.argv[1]))
print(time.perf_counter() - begin)
assert len(found) == 1000
"""
CFGRIB = """
import sys, time
import cfgrib
from cfgrib.messages import FileIndex
from cfgrib.dataset import INDEX_KEYS
from cfgrib.messages import FileStream
begin = time.perf_counter()
index = FileIndex.from_fieldset(FileStream(sys.argv[1]), sorted(INDEX_KEYS + ["time", "step"]))
print(time.perf_counter() - begin)
assert sum(len(places) for _, places in index.field_ids_index) == 1000
"""


def make(path: pathlib.Path) -> pathlib.Path:
    """25 times of 40 fields on O32: 5 parameters on 8 levels, in simple packing and CCSDS by turns."""
    if path.exists():
        return path
    import eccodes
    import numpy as np

    sample = eccodes.codes_grib_new_from_samples("reduced_gg_pl_32_grib2")
    count = eccodes.codes_get(sample, "numberOfValues")
    random = np.random.default_rng(1)
    temporary = path.with_suffix(".partial")
    with open(temporary, "wb") as file:
        for hour in range(25):
            for name in ("t", "q", "u", "v", "z"):
                for place, level in enumerate((1000, 850, 700, 500, 300, 200, 100, 50)):
                    handle = eccodes.codes_clone(sample)
                    eccodes.codes_set(handle, "dataDate", 20200101 + hour // 24)
                    eccodes.codes_set(handle, "dataTime", hour % 24 * 100)
                    eccodes.codes_set(handle, "shortName", name)
                    eccodes.codes_set(handle, "level", level)
                    eccodes.codes_set(handle, "packingType", "grid_ccsds" if place % 2 else "grid_simple")
                    eccodes.codes_set(handle, "bitsPerValue", 16)
                    eccodes.codes_set_values(handle, 280 + random.normal(size=count))
                    eccodes.codes_write(handle, file)
                    eccodes.codes_release(handle)
    temporary.rename(path)
    return path


def run(folder: pathlib.Path, rounds: int) -> None:
    path = make(folder / "thousand.grib2")
    scan_command(path, "isobaricInhPa")
    mine, gribscan, cfgrib = [], [], []
    for number in range(rounds):
        mine.append(scan_command(path, "isobaricInhPa"))
        if number < 3:
            gribscan.append(inside(GRIBSCAN, path))
            cfgrib.append(inside(CFGRIB, path))
    mine, gribscan, cfgrib = map(statistics.median, (mine, gribscan, cfgrib))
    print(f"\nIndex of a GRIB file of {MESSAGES} messages (whole `cloudify scan` command; the others inside their process)")
    print(f"  cloudify {mine:.3f} s   gribscan {gribscan:.2f} s   cfgrib {cfgrib:.2f} s")
    print(f"  {goals.GRIB_GRIBSCAN.what:32} {goals.GRIB_GRIBSCAN.verdict(gribscan / mine)}")
    print(f"  {goals.GRIB_CFGRIB.what:32} {goals.GRIB_CFGRIB.verdict(cfgrib / mine)}")
