"""The sample files, each as a dataset of one file, and the series that are joined."""

import functools
import pathlib
import re

from harness.paths import HDF5_CASES, NETCDF3_CASES, REAL, SHARED

SUFFIXES = {".nc", ".h5", ".hdf5", ".nc4", ".exo"}
CMIP6 = REAL / "cmip6"
NEMO = sorted((REAL / "metoffice").glob("nemo_1m_*.nc"))
AIR = REAL / "misc" / "air_temperature_small.nc"
CLASSIC = [NETCDF3_CASES / f"types_{kind}.nc" for kind in ("classic", "offset64", "data64")]
ROTATED = REAL / "metoffice" / "rotated_pole.nc"


def dataset_id(path: pathlib.Path) -> str:
    """A dataset id made of the file's folder and name."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", f"{path.parent.name}.{path.stem}")


def is_hdf5(path: pathlib.Path) -> bool:
    """Whether the file has HDF5's signature, at its start or behind a user block."""
    with path.open("rb") as file:
        for offset in (0, 512, 1024, 2048):
            file.seek(offset)
            if file.read(8) == b"\x89HDF\r\n\x1a\n":
                return True
    return False


def is_classic(path: pathlib.Path) -> bool:
    """Whether the file is netCDF of before HDF5: classic, 64-bit offset or CDF-5."""
    with path.open("rb") as file:
        return file.read(4) in (b"CDF\x01", b"CDF\x02", b"CDF\x05")


@functools.cache
def shipped() -> list[pathlib.Path]:
    """Every HDF5 and classic netCDF file of this repository."""
    roots = (REAL, HDF5_CASES, NETCDF3_CASES)
    found = [path for root in roots for path in root.rglob("*") if path.suffix in SUFFIXES]
    return sorted(path for path in found if is_hdf5(path) or is_classic(path))


@functools.cache
def elsewhere() -> list[pathlib.Path]:
    """Real files that a developer has and the repository may not hold, but for more years of a series it has."""
    if not SHARED.exists():
        return []
    names = {path.name for path in shipped()} | {path.name for path in SHARED.rglob("ta_Amon_AWI*.nc")}
    found = [path for path in SHARED.rglob("*") if path.suffix in SUFFIXES and path.is_file()]
    return sorted(path for path in found if path.name not in names and (is_hdf5(path) or is_classic(path)))


@functools.cache
def is_netcdf(path: pathlib.Path) -> bool:
    """Whether netCDF-C opens it."""
    import netCDF4

    try:
        netCDF4.Dataset(path).close()
    except (OSError, RuntimeError, UnicodeDecodeError, AttributeError):
        return False
    return True


SERIES = {
    "awi.Amon": sorted((CMIP6 / "AWI-CM-1-1-MR").glob("*.nc")),
    "bcc.Amon": sorted((CMIP6 / "BCC-CSM2-MR").glob("ta_Amon*.nc")),
    "bcc.day": sorted((CMIP6 / "BCC-CSM2-MR").glob("ta_day*.nc")),
    "fgoals.Amon": sorted((CMIP6 / "FGOALS-f3-L").glob("ta_Amon*.nc")),
    "cmcc.Amon": sorted((CMIP6 / "CMCC-CM2-HR4").glob("ta_Amon*.nc")),
    "cmcc.day": sorted((CMIP6 / "CMCC-CM2-HR4").glob("ta_day*.nc")),
    "ec-earth.day": sorted((CMIP6 / "EC-Earth3-AerChem").glob("ta_day*.nc")),
    "mpi.Amon": sorted((CMIP6 / "MPI-ESM1-2-LR").glob("ta_Amon*.nc")),
    "fesom.temp": sorted((REAL / "fesom").glob("temp*.nc")),
    "fesom.a_ice": sorted((REAL / "fesom").glob("a_ice*.nc")),
    "nemo": NEMO,
}
