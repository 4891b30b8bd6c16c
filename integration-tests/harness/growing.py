"""Archives of small monthly files, to grow and to change."""

import pathlib

import netCDF4
import numpy as np

BASE = np.arange(6 * 8, dtype="f4").reshape(1, 6, 8)


def month(directory: pathlib.Path, number: int, value: float = 0.0) -> pathlib.Path:
    """A file of one month with two steps."""
    path = directory / f"tas_{number:03d}.nc"
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("time", None)
        file.createDimension("lat", 6)
        file.createDimension("lon", 8)
        time_variable = file.createVariable("time", "f8", ("time",))
        time_variable.units = "days since 2000-01-01"
        time_variable[:] = [number * 30, number * 30 + 15]
        lat = file.createVariable("lat", "f4", ("lat",))
        lat[:] = np.linspace(-75, 75, 6)
        tas = file.createVariable("tas", "f4", ("time", "lat", "lon"), chunksizes=(1, 6, 8), zlib=True)
        tas.units = "K"
        tas[:] = np.concatenate([BASE + number + value, BASE - number + value])
    return path
