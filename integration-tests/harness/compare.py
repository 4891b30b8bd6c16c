"""Equality without tolerance: values bit for bit, attributes value for value."""

import math

import numpy as np
import xarray as xr


def _text(value) -> str:
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)


def native(values: np.ndarray) -> np.ndarray:
    """The same values in this machine's byte order; booleans and enums as the integers they are."""
    values = np.asarray(values)
    if values.dtype.kind == "b":
        return values.astype("i1")
    return values.astype(values.dtype.newbyteorder("="))


def same_values(served, truth) -> None:
    """Same shape, same type, same bits."""
    served, truth = np.asarray(served), np.asarray(truth)
    assert served.shape == truth.shape
    if truth.dtype.kind in "OUT" or served.dtype.kind in "OUT":
        assert [_text(v) for v in served.ravel()] == [_text(v) for v in truth.ravel()]
        return
    if truth.dtype.kind == "S":
        assert served.dtype.kind == "S"
        assert [bytes(v) for v in served.ravel()] == [bytes(v) for v in truth.ravel()]
        return
    if truth.dtype.kind == "V":
        assert served.tobytes() == truth.tobytes()
        return
    served, truth = native(served), native(truth)
    assert served.dtype == truth.dtype
    assert np.ascontiguousarray(served).tobytes() == np.ascontiguousarray(truth).tobytes()


def same_number(served, truth) -> bool:
    """The same number in the truth's own type; NaN equals NaN."""
    truth = np.asarray(truth)[()]
    if isinstance(served, str):
        served = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}.get(served, served)
    if isinstance(served, str):
        return False
    return truth.dtype.type(served).tobytes() == truth.tobytes() or (
        truth.dtype.kind == "f" and math.isnan(truth) and math.isnan(served)
    )


def same_attribute(served, truth) -> bool:
    """JSON holds what the file holds: a list of one is a scalar, as netCDF-C's readers give it."""
    if isinstance(truth, (str, bytes, np.bytes_)):
        return served == _text(truth)
    if np.ndim(truth) == 0 and not isinstance(truth, list):
        return np.ndim(served) == 0 and same_number(served, truth)
    if np.ndim(served) != 1 or len(served) != len(truth):
        return False
    if isinstance(truth[0] if len(truth) else 0, (str, bytes)):
        return [_text(v) for v in truth] == list(served)
    return all(same_number(s, t) for s, t in zip(served, np.asarray(truth), strict=True))


def same_attributes(served: dict, truth: dict, where: str) -> None:
    """The same names and the same values."""
    assert set(served) == set(truth), where
    for name, value in truth.items():
        assert same_attribute(served[name], value), f"{where}@{name}: {served[name]!r} is not {value!r}"


def same_dataset(served: xr.Dataset, truth: xr.Dataset) -> None:
    """Two xarray datasets are the same: variables, coordinates, dimensions, dtypes, bits, attributes."""
    assert set(served.variables) == set(truth.variables)
    assert set(served.coords) == set(truth.coords)
    assert dict(served.sizes) == dict(truth.sizes)
    for name, variable in truth.variables.items():
        assert served[name].dims == variable.dims, name
        same_values(served[name].values, variable.values)
        same_attributes(served[name].attrs, variable.attrs, str(name))
    same_attributes(served.attrs, truth.attrs, "global")
