"""What netCDF-C and libhdf5 read from a file: the truth that served values are compared with."""

import dataclasses
import pathlib
from collections.abc import Iterator

import h5py
import hdf5plugin  # noqa: F401 registers its filters
import netCDF4
import numpy as np


@dataclasses.dataclass
class Variable:
    """One variable as stored: nothing masked, scaled or decoded."""

    path: str
    dimensions: tuple[str, ...]
    values: np.ndarray
    attributes: dict
    fill_value: object


def _attributes(thing) -> dict:
    return {name: thing.getncattr(name) for name in thing.ncattrs()}


def _representable(variable: netCDF4.Variable) -> bool:
    if variable.dtype is str:
        return True
    kind = variable.datatype
    return not isinstance(kind, (netCDF4.CompoundType, netCDF4.VLType)) and np.dtype(variable.dtype).kind in "iufS"


def _enumeration(variable: netCDF4.Variable) -> dict:
    """An enum's members as CF flags: what a reader without enum types can still understand."""
    if not isinstance(variable.datatype, netCDF4.EnumType):
        return {}
    members = variable.datatype.enum_dict
    values = np.asarray(list(members.values()), variable.dtype)
    return {"flag_values": values, "flag_meanings": " ".join(name.replace(" ", "_") for name in members)}


def netcdf_groups(group: netCDF4.Dataset, path: str = "") -> Iterator[tuple[str, netCDF4.Dataset]]:
    """Every group with its path, the root as "" first."""
    yield path, group
    for name, child in group.groups.items():
        yield from netcdf_groups(child, f"{path}/{name}".strip("/"))


def netcdf_variables(path: pathlib.Path) -> tuple[list[Variable], list[str], dict[str, dict]]:
    """Variables that Zarr can hold, paths of the others, and each group's attributes."""
    held, others, groups = [], [], {}
    with netCDF4.Dataset(path) as dataset:
        dataset.set_auto_maskandscale(False)
        dataset.set_auto_chartostring(False)
        for place, group in netcdf_groups(dataset):
            groups[place] = _attributes(group)
            for name, variable in group.variables.items():
                full = f"{place}/{name}".strip("/")
                if not _representable(variable):
                    others.append(full)
                    continue
                attributes = _attributes(variable) | _enumeration(variable)
                fill = attributes.pop("_FillValue", None)
                values = np.asarray(variable[...])
                held.append(Variable(full, variable.dimensions, values, attributes, fill))
    return held, others, groups


def _hdf5_representable(dataset: h5py.Dataset, opaque: bool) -> bool:
    if dataset.shape is None or dataset.dtype.subdtype is not None:
        return False
    if h5py.check_string_dtype(dataset.dtype):
        return True
    if h5py.check_vlen_dtype(dataset.dtype) or h5py.check_ref_dtype(dataset.dtype):
        return False
    if opaque and dataset.dtype.kind == "V" and not dataset.dtype.names:
        return True
    return dataset.dtype.kind in "iufb" and dataset.dtype.itemsize <= 8


def _stored(dataset: h5py.Dataset) -> np.ndarray:
    """Values as they are stored: h5py takes the spaces off space-padded strings."""
    values = dataset[()]
    kind = h5py.check_string_dtype(dataset.dtype)
    if kind and kind.length and dataset.id.get_type().get_strpad() == h5py.h5t.STR_SPACEPAD:
        values = np.char.ljust(values, kind.length, b" ")
    return values


def hdf5_datasets(path: pathlib.Path, opaque: bool = False) -> tuple[dict[str, np.ndarray], list[str]]:
    """Values of the datasets that Zarr can hold, and the paths of the others."""
    held, others = {}, []

    def visit(name):
        names.append(name)

    names = []
    with h5py.File(path, "r") as file:
        file.visit(visit)
        for name in names:
            try:
                thing = file[name]
                if not isinstance(thing, h5py.Dataset):
                    continue
                if _hdf5_representable(thing, opaque):
                    held[name] = _stored(thing)
                else:
                    others.append(name)
            except (OSError, KeyError, TypeError):  # a type or a filter that this libhdf5 cannot read
                others.append(name)
    return held, others


def chunk_bytes(path: pathlib.Path, dataset: str) -> Iterator[tuple[tuple[int, ...], bytes]]:
    """Grid index and stored bytes of each chunk of a chunked dataset, or of the one piece of a contiguous one."""
    with h5py.File(path, "r") as file, path.open("rb") as raw:
        thing = file[dataset]
        if thing.chunks is None:
            raw.seek(thing.id.get_offset())
            yield (0,) * thing.ndim, raw.read(thing.id.get_storage_size())
            return
        for number in range(thing.id.get_num_chunks()):
            info = thing.id.get_chunk_info(number)
            raw.seek(info.byte_offset)
            index = tuple(o // c for o, c in zip(info.chunk_offset, thing.chunks, strict=True))
            yield index, raw.read(info.size)
