"""Where things are."""

import os
import pathlib

HERE = pathlib.Path(__file__).resolve().parent.parent
REPOSITORY = HERE.parent
DATA = HERE / "data"
REAL = DATA / "real"
HDF5_CASES = DATA / "hdf5"
NETCDF3_CASES = DATA / "netcdf3"
SHARED = REPOSITORY.parent / "shared" / "data"
"""More real files, where a developer has them; nothing needs them."""


def binary() -> pathlib.Path:
    """The program under test: `BINARY_UNDER_TEST`, or the debug build."""
    path = os.environ.get("BINARY_UNDER_TEST") or REPOSITORY / "target" / "debug" / "cloudify"
    return pathlib.Path(path)
