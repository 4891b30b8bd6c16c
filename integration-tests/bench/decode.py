"""Decoding one GRIB field into doubles: ours beside ecCodes' own `codes_get_values`, inside both processes.

Ours reads the message's sections each time; ecCodes has read them before. The sums of the values must agree.
"""

import os
import pathlib
import subprocess
import time

from bench import goals
from harness.paths import REPOSITORY

NI, NJ = 1440, 721
KINDS = [
    ("grid_simple", 12),
    ("grid_simple", 16),
    ("grid_simple", 24),
    ("grid_ccsds", 12),
    ("grid_ccsds", 16),
    ("grid_ccsds", 24),
    ("grid_complex", 16),
    ("grid_complex_spatial_differencing", 16),
    ("grid_jpeg", 16),
    ("grid_png", 16),
]
DEMANDED = ("grid_simple", "grid_ccsds")


def field():
    """Something like a temperature: waves, and noise of a thousandth of them."""
    import numpy as np

    lat, lon = np.meshgrid(np.linspace(90, -90, NJ), np.arange(NI) * 360 / NI, indexing="ij")
    waves = 30 * np.cos(np.radians(lat)) ** 2 + 5 * np.sin(np.radians(7 * lon + 3 * lat)) + np.cos(np.radians(40 * lon))
    return (250 + waves + np.random.default_rng(1).normal(0, 0.03, lat.shape)).ravel()


def make(path: pathlib.Path, packing: str, bits: int) -> bool:
    """Writes one message; whether ecCodes was built with what the packing needs."""
    import eccodes

    handle = eccodes.codes_grib_new_from_samples("regular_ll_sfc_grib2")
    try:
        for key, value in {
            "Ni": NI,
            "Nj": NJ,
            "iDirectionIncrementInDegrees": 360 / NI,
            "jDirectionIncrementInDegrees": 180 / (NJ - 1),
            "latitudeOfFirstGridPointInDegrees": 90,
            "latitudeOfLastGridPointInDegrees": -90,
            "longitudeOfFirstGridPointInDegrees": 0,
            "longitudeOfLastGridPointInDegrees": 360 - 360 / NI,
            "packingType": packing,
            "bitsPerValue": bits,
        }.items():
            eccodes.codes_set(handle, key, value)
        eccodes.codes_set_values(handle, field())
        path.write_bytes(eccodes.codes_get_message(handle))
    except eccodes.CodesInternalError:
        return False
    finally:
        eccodes.codes_release(handle)
    return True


def eccodes_seconds(path: pathlib.Path, rounds: int) -> tuple[float, float]:
    """The fastest of some rounds, and the sum of the values."""
    import eccodes

    handle = eccodes.codes_new_from_message(path.read_bytes())
    fastest, values = float("inf"), None
    for _ in range(rounds):
        begin = time.perf_counter()
        values = eccodes.codes_get_values(handle)
        fastest = min(fastest, time.perf_counter() - begin)
    eccodes.codes_release(handle)
    return fastest, float(values.sum())


def run(folder: pathlib.Path, rounds: int) -> None:
    subprocess.run(
        ["cargo", "build", "--release", "--locked", "--quiet", "--example", "grib_values"], cwd=REPOSITORY, check=True
    )
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target"))
    print(f"\nDecoding a GRIB field of {NI * NJ:,} points into doubles")
    for packing, bits in KINDS:
        path = folder / f"{packing}-{bits}.grib2"
        if not make(path, packing, bits):
            print(f"  {packing} {bits} bits: this ecCodes cannot write it")
            continue
        theirs, expected = eccodes_seconds(path, 4 * rounds)
        done = subprocess.run(
            [target / "release" / "examples" / "grib_values", path, str(NI * NJ), str(4 * rounds)],
            capture_output=True,
            text=True,
            check=True,
        )
        mine, found = map(float, done.stdout.split())
        assert abs(found - expected) <= 1e-9 * abs(expected), (packing, bits, found, expected)
        told = f"  {packing} {bits} bits: cloudify {mine * 1000:.2f} ms, ecCodes {theirs * 1000:.2f} ms"
        ratio = theirs / mine
        print(f"{told}   " + (goals.GRIB_DECODE.verdict(ratio) if packing in DEMANDED else f"{ratio:.2f}"))
