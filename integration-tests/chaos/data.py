"""Source files for the load: an archive of small chunks, one of large ones, and files that will be changed."""

import dataclasses
import pathlib

import netCDF4
import numpy as np

STEPS = 8
"""Times in a file of the small archive."""
CHANGING_STEPS = 4
SMALL_FILES, LARGE_FILES, CHANGING_FILES = 16, 8, 4
LARGE_BYTES = [4 << 20, 16 << 20]
"""Bytes of the two chunks that each large file has."""


@dataclasses.dataclass
class Sources:
    """Files by dataset."""

    small: list[pathlib.Path]
    large: list[pathlib.Path]
    changing: list[pathlib.Path]


def make(folder: pathlib.Path) -> Sources:
    """All files, below `folder`. Placement goes by a file's path: many files reach every worker."""
    folder.mkdir(parents=True, exist_ok=True)
    small = [_field(folder / f"small_{number:02}.nc", number, STEPS, (91, 180)) for number in range(SMALL_FILES)]
    large = [_large(folder / f"large_{number}.nc", number) for number in range(LARGE_FILES)]
    changing = [another(folder / f"changing_{number}.nc", number, 0) for number in range(CHANGING_FILES)]
    return Sources(small, large, changing)


def another(path: pathlib.Path, number: int, values: int) -> pathlib.Path:
    """The changing file with this number, with these values or others."""
    return _field(path, number, CHANGING_STEPS, (45, 90), 1000 + values)


def _field(path: pathlib.Path, number: int, steps: int, shape: tuple[int, int], values: int = 0) -> pathlib.Path:
    """A compressed field, a chunk a step, and a variable most chunks of which were never written."""
    dice = np.random.default_rng((number, values))
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("time", None)
        for name, size in zip(("lat", "lon"), shape, strict=True):
            file.createDimension(name, size)
            file.createVariable(name, "f8", (name,))[:] = np.arange(size)
        file["lat"].units, file["lon"].units = "degrees_north", "degrees_east"
        time = file.createVariable("time", "f8", ("time",), chunksizes=(512,))
        time.units = "days since 2000-01-01"
        time[:] = np.arange(steps) + steps * number
        options = {"zlib": True, "complevel": 1, "chunksizes": (1, *shape), "fill_value": np.float32(-999)}
        tas = file.createVariable("tas", "f4", ("time", "lat", "lon"), **options)
        sparse = file.createVariable("sparse", "f4", ("time", "lat", "lon"), **options)
        base = 280 + dice.normal(scale=1, size=shape).cumsum(0)
        for step in range(steps):
            tas[step] = (base + dice.normal(scale=2, size=shape)).astype("f4").round(2)
        sparse[steps // 2] = tas[0]
    return path


def _large(path: pathlib.Path, number: int) -> pathlib.Path:
    """Two uncompressed variables of one chunk each."""
    dice = np.random.default_rng(number)
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("time", None)
        time = file.createVariable("time", "f8", ("time",), chunksizes=(512,))
        time.units = "days since 2000-01-01"
        time[:] = [number]
        for index, size in enumerate(LARGE_BYTES):
            count = size // 4
            file.createDimension(f"x{index}", count)
            variable = file.createVariable(f"data{index}", "i4", ("time", f"x{index}"), chunksizes=(1, count))
            variable[0] = dice.integers(-(2**31), 2**31, count, dtype="i4")
    return path
