"""Every NetCDF and HDF5 file there is: values bit for bit, dimensions, attributes, groups."""

import imagecodecs.numcodecs
import numpy as np
import pytest
import zarr

from harness import samples, truth
from harness.compare import same_attributes, same_values

imagecodecs.numcodecs.register_codecs(verbose=False)
FILES = [*samples.shipped(), *samples.elsewhere()]
NETCDF = [path for path in FILES if path.suffix in (".nc", ".nc4", ".exo") and samples.is_netcdf(path)]
HDF5 = [path for path in FILES if path not in NETCDF]


def name(path) -> str:
    return samples.dataset_id(path)


def opened(url: str, zarr_format: int) -> zarr.Group:
    return zarr.open_group(url, mode="r", zarr_format=zarr_format, use_consolidated=True)


def dimension_names(array: zarr.Array, zarr_format: int):
    if zarr_format == 2:
        return tuple(array.attrs["_ARRAY_DIMENSIONS"])
    return tuple(array.metadata.dimension_names or ())


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("path", NETCDF, ids=name)
def test_a_file_is_what_netcdf_c_reads(served, path, zarr_format):
    group = opened(served.of(path), zarr_format)
    held, others, groups = truth.netcdf_variables(path)
    arrays = {key for key, member in group.members(max_depth=None) if isinstance(member, zarr.Array)}
    known = {variable.path for variable in held}
    assert known <= arrays
    for opaque in arrays - known:  # netCDF4-python cannot read what libhdf5 can
        same_values(group[opaque][...], truth.hdf5_datasets(path, opaque=True)[0][opaque])
    for variable in held:
        array = group[variable.path]
        if variable.values.ndim or zarr_format == 2:
            assert dimension_names(array, zarr_format) == variable.dimensions, variable.path
        same_values(array[...], variable.values)
        attributes = dict(array.attrs)
        attributes.pop("_ARRAY_DIMENSIONS", None)
        attributes.pop("_FillValue", None)
        same_attributes(attributes, variable.attributes, variable.path)
    for place, attributes in groups.items():
        same_attributes(dict((group[place] if place else group).attrs), attributes, place or "global")
    for left_out in others:
        assert left_out.split("/")[-1] in served.output[name(path)], "left out without a warning"


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("path", HDF5, ids=name)
def test_a_file_is_what_libhdf5_reads(served, path, zarr_format):
    group = opened(served.of(path), zarr_format)
    held, others = truth.hdf5_datasets(path)
    present = {key for key, member in group.members(max_depth=None) if isinstance(member, zarr.Array)}
    for key, values in held.items():
        if key in present:
            same_values(group[key][...], values)
        else:
            others.append(key)
    # Format 3 has no name for some of HDF5's filters: there format 2 alone has the array.
    present |= set(opened(served.of(path), 2)) if zarr_format == 3 else set()
    warnings = [line for line in served.output[name(path)].splitlines() if line.startswith("warning: ")]
    for key in set(others) - present:
        assert any(key in line for line in warnings), f"{key} left out without a warning"


@pytest.mark.parametrize("path", NETCDF, ids=name)
def test_fill_values_are_the_files_own(served, path):
    group = opened(served.of(path), 2)
    for variable in truth.netcdf_variables(path)[0]:
        served_fill = group[variable.path].metadata.fill_value
        if variable.fill_value is None:
            continue
        if isinstance(variable.fill_value, (str, bytes)):
            assert bytes(served_fill) == str(variable.fill_value).encode().ljust(1, b"\0")
        else:
            fill = np.asarray(variable.fill_value)
            assert np.asarray(served_fill).astype(fill.dtype).tobytes() == fill.tobytes(), variable.path
