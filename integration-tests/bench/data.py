"""Benchmark data: one NetCDF file whose chunks are stored uncompressed at exact sizes, and the same bytes as files."""

import datetime
import pathlib

import h5py
import netCDF4
import numpy as np

KIB, MIB = 1 << 10, 1 << 20
SIZES = {"c37k": (37 * KIB, 2048), "c64k": (64 * KIB, 1024), "c1m": (MIB, 128), "c2m": (2 * MIB, 64), "c4m": (4 * MIB, 32)}
"""Variable → bytes a chunk and number of chunks."""


def stored_chunks(path: pathlib.Path) -> pathlib.Path:
    """`bench.nc` with one variable for each size, made once."""
    if path.exists():
        return path
    dice = np.random.default_rng(1)
    part = path.with_suffix(".part")
    with netCDF4.Dataset(part, "w") as file:
        for name, (size, count) in SIZES.items():
            file.createDimension(f"{name}_t", count)
            file.createDimension(f"{name}_x", size // 4)
            variable = file.createVariable(name, "i4", (f"{name}_t", f"{name}_x"), chunksizes=(1, size // 4))
            for step in range(count):
                variable[step] = dice.integers(-(2**31), 2**31, size // 4, dtype="i4")
    part.rename(path)
    return path


def as_files(source: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    """The stored bytes of each chunk as `folder/{variable}/{index}.0`, for a file server."""
    if (folder / "ready").exists():
        return folder
    with h5py.File(source) as file, source.open("rb") as raw:
        for name, (size, count) in SIZES.items():
            (folder / name).mkdir(parents=True, exist_ok=True)
            for number in range(count):
                info = file[name].id.get_chunk_info_by_coord((number, 0))
                assert info.size == size
                raw.seek(info.byte_offset)
                (folder / name / f"{number}.0").write_bytes(raw.read(size))
    (folder / "ready").touch()
    return folder


def compressed(path: pathlib.Path, steps: int = 60) -> pathlib.Path:
    """A field as models write it: one chunk a step, shuffled and deflated to about half."""
    if path.exists():
        return path
    dice = np.random.default_rng(2)
    lat, lon = np.linspace(90, -90, 721), np.linspace(0, 359.75, 1440)
    base = 260 + 40 * np.cos(np.deg2rad(lat))[:, None] + 5 * np.sin(np.deg2rad(3 * lon))[None, :]
    part = path.with_suffix(".part")
    with netCDF4.Dataset(part, "w") as file:
        for name, values in (("time", np.arange(steps)), ("lat", lat), ("lon", lon)):
            file.createDimension(name, len(values))
            file.createVariable(name, "f8", (name,))[:] = values
        file["time"].units = "days since 2000-01-01"
        tas = file.createVariable("tas", "f4", ("time", "lat", "lon"), chunksizes=(1, 721, 1440), zlib=True, complevel=1)
        for step in range(steps):
            tas[step] = (base + dice.normal(scale=2, size=base.shape)).astype("f4").round(2)
    part.rename(path)
    return path


def many_chunks(path: pathlib.Path, chunks: int = 100_000) -> pathlib.Path:
    """One dataset with this many chunks, in a B-tree as netCDF-C makes it."""
    if path.exists():
        return path
    part = path.with_suffix(".part")
    with h5py.File(part, "w") as file:
        data = file.create_dataset("data", (chunks, 16), "f4", chunks=(1, 16), compression="gzip", compression_opts=1)
        block = 10_000
        for begin in range(0, chunks, block):
            data[begin : begin + block] = np.arange(begin * 16, (begin + block) * 16).reshape(block, 16)
    part.rename(path)
    return path


def climate(path: pathlib.Path, years: int = 20) -> pathlib.Path:
    """Monthly temperatures of some years, somewhat as a reanalysis has them: one chunk a month, deflated to about half."""
    if path.exists():
        return path
    dice = np.random.default_rng(3)
    lat, lon = np.linspace(90, -90, 721), np.arange(1440) / 4
    north, east = np.deg2rad(lat)[:, None], np.deg2rad(lon)[None, :]
    land = np.cos(2 * east + 1) * np.cos(3 * north)
    yearly = 245 + 55 * np.cos(north) ** 2 + 8 * land
    seasonal = -20 * np.sin(north) * (1 + 0.5 * land)
    part = path.with_suffix(".part")
    with netCDF4.Dataset(part, "w") as file:
        file.Conventions = "CF-1.8"
        months = np.arange(12 * years)
        times = netCDF4.date2num(
            [datetime.datetime(2001 + month // 12, 1 + month % 12, 15) for month in months.tolist()],
            "days since 2001-01-01", "standard",
        )
        for name, values, units in (
            ("time", times, "days since 2001-01-01"), ("lat", lat, "degrees_north"), ("lon", lon, "degrees_east"),
        ):
            file.createDimension(name, len(values))
            coordinate = file.createVariable(name, "f8", (name,))
            coordinate.standard_name = {"lat": "latitude", "lon": "longitude"}.get(name, name)
            coordinate.units = units
            coordinate[:] = values
        file["time"].calendar = "standard"
        shape = (1, len(lat), len(lon))
        tas = file.createVariable("tas", "f4", ("time", "lat", "lon"), chunksizes=shape, zlib=True, complevel=1)
        tas.units, tas.standard_name = "K", "air_temperature"
        for month in months.tolist():
            weather = sum(
                3 / wave * np.cos(wave * (north + east) + phase) for wave, phase in enumerate(dice.uniform(0, 6.28, 12), 1)
            )
            values = yearly + seasonal * np.cos(np.pi * month / 6) + weather
            values += 2 * dice.standard_normal(values.shape, dtype="f4")
            # Some last bits are 0, as where values were packed.
            tas[month] = np.round(values * 2048) / 2048
    part.rename(path)
    return path
