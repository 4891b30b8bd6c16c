"""Writes integration-tests/data/netcdf3: small classic netCDF files, and expected.json with what netCDF4 reads in
them. The Rust tests of the crate formats compare its scan with that; so do the client tests.

    pip install netCDF4 numpy
    python make_netcdf3_cases.py ../data/netcdf3
    python make_netcdf3_cases.py --describe FILE …     # to the standard output, what netCDF4 reads in these
"""

import hashlib
import json
import sys
from pathlib import Path

import netCDF4
import numpy as np

FORMATS = {"classic": "NETCDF3_CLASSIC", "offset64": "NETCDF3_64BIT_OFFSET", "data64": "NETCDF3_64BIT_DATA"}
TYPES = ["i1", "S1", "i2", "i4", "f4", "f8"]
TYPES_5 = ["u1", "u2", "u4", "i8", "u8"]


def ramp(shape, dtype):
    if dtype == "S1":
        return np.frombuffer(bytes(97 + n % 26 for n in range(np.prod(shape, dtype=int))), "S1").reshape(shape)
    return np.arange(1, 1 + np.prod(shape, dtype=int)).reshape(shape).astype(dtype)


def every_type(path, kind, records):
    """Fixed and record variables of each type: odd lengths, so that each record is filled to four bytes."""
    with netCDF4.Dataset(path, "w", format=FORMATS[kind]) as f:
        f.createDimension("time", None)
        f.createDimension("x", 3)
        f.createDimension("wide", 101)
        f.title = "every type äöü"
        f.empty = ""
        f.numbers = np.array([1, 2, 3], "i2")
        f.one = np.float32(2.5)
        for dtype in TYPES + (TYPES_5 if kind == "data64" else []):
            for name, dims in [("fixed", ("x",)), ("wide", ("x", "wide")), ("record", ("time", "x")), ("long", ("time", "x", "wide")), ("scalar", ())]:
                v = f.createVariable(f"{name}_{dtype}", dtype, dims, **({} if dtype == "S1" else {"fill_value": 7}))
                if dtype != "S1":
                    v.valid_min = np.array(3, dtype)
                if name == "long" and dtype not in ("i1", "S1", "f4"):
                    continue
                shape = [records if d == "time" else len(f.dimensions[d]) for d in dims]
                if 0 not in shape:
                    v[...] = ramp(shape, dtype)
        time = f.createVariable("time", "f8", ("time",))
        time.units = "days since 2000-01-01"
        time[:] = np.arange(records)
        name = f.createVariable("größe", "i4", ("x",))
        name[:] = [1, 2, 3]


def one_record_variable(path, dtype):
    """The only record variable: its records are not filled."""
    with netCDF4.Dataset(path, "w", format="NETCDF3_CLASSIC") as f:
        f.createDimension("time", None)
        f.createDimension("x", 3)
        f.createVariable("only", dtype, ("time", "x"))[:] = ramp((7, 3), dtype)
        f.createVariable("fixed", "i2", ("x",))[:] = [1, 2, 3]


def many_records(path):
    with netCDF4.Dataset(path, "w", format="NETCDF3_CLASSIC") as f:
        f.createDimension("time", None)
        time = f.createVariable("time", "f8", ("time",))
        time.units = "seconds since 1970-01-01"
        for name, dtype in [("value", "f4"), ("flag", "i1")]:
            f.createVariable(name, dtype, ("time",))[:] = ramp((2_000,), dtype)
        time[:] = np.arange(2_000)


def written(out):
    for kind in FORMATS:
        every_type(out / f"types_{kind}.nc", kind, 5)
    every_type(out / "no_records.nc", "classic", 0)
    for dtype in ("i1", "S1", "i2", "f8"):
        one_record_variable(out / f"one_record_variable_{dtype}.nc", dtype)
    many_records(out / "many_records.nc")
    with netCDF4.Dataset(out / "empty.nc", "w", format="NETCDF3_CLASSIC"):
        pass
    return sorted(out.glob("*.nc"))


def attribute(value):
    if isinstance(value, (str, bytes)):
        return {"text": value.decode() if isinstance(value, bytes) else value}
    value = np.atleast_1d(value)
    if value.dtype.kind == "S":
        return {"text": b"".join(value.tolist()).decode()}
    return {"type": {"i": "I", "u": "U", "f": "F"}[value.dtype.kind] + str(8 * value.dtype.itemsize), "values": value.tolist()}


def described(path):
    with netCDF4.Dataset(path) as f:
        f.set_auto_maskandscale(False)
        f.set_auto_chartostring(False)
        variables = {}
        for name, v in f.variables.items():
            values = np.asarray(v[...])
            little = values.astype(values.dtype.newbyteorder("<"))
            variables[name] = {
                "dimensions": v.dimensions,
                "shape": v.shape,
                "sha256": hashlib.sha256(little.tobytes()).hexdigest(),
                "attributes": {key: attribute(v.getncattr(key)) for key in v.ncattrs()},
            }
        return {
            "variables": variables,
            "unlimited": [name for name, d in f.dimensions.items() if d.isunlimited()],
            "attributes": {key: attribute(f.getncattr(key)) for key in f.ncattrs()},
        }


if __name__ == "__main__":
    if sys.argv[1] == "--describe":
        print(json.dumps({path: described(path) for path in sys.argv[2:]}))
    else:
        out = Path(sys.argv[1])
        out.mkdir(exist_ok=True)
        expected = {path.name: described(path) for path in written(out)}
        (out / "expected.json").write_text(json.dumps(expected, indent=1, sort_keys=True) + "\n")
