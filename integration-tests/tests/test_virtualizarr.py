"""References that VirtualiZarr writes, in both of its forms, as sources: what xarray reads in the files themselves."""

import warnings

import obstore.store
import pytest
import xarray as xr
from obspec_utils.registry import ObjectStoreRegistry

from harness import samples
from harness.compare import same_values

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from virtualizarr import open_virtual_dataset
    from virtualizarr.parsers import HDFParser

NETCDF4 = [samples.NEMO[0], sorted((samples.CMIP6 / "BCC-CSM2-MR").glob("ta_Amon*.nc"))[0]]
RAW = {"mask_and_scale": False, "decode_times": False}


@pytest.fixture(scope="module", params=["json", "parquet"])
def written(request, tmp_path_factory):
    """References to each file, by its name, in one form."""
    folder = tmp_path_factory.mktemp(f"virtualizarr-{request.param}")
    registry = ObjectStoreRegistry({"file://": obstore.store.LocalStore()})
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path in NETCDF4:
            references = found[path] = folder / f"{path.stem}.{request.param}"
            with open_virtual_dataset(f"file://{path}", registry=registry, parser=HDFParser(), decode_times=False) as virtual:
                virtual.vz.to_kerchunk(str(references), format=request.param)
    return found


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("path", NETCDF4, ids=samples.dataset_id)
def test_references_of_a_netcdf4_file(served, written, path, zarr_format):
    url = served.of(written[path])
    for options in (RAW, {}):
        with (
            xr.open_dataset(path, engine="netcdf4", **options) as theirs,
            xr.open_dataset(url, engine="zarr", zarr_format=zarr_format, **options) as mine,
        ):
            assert set(theirs.variables) == set(mine.variables)
            for name, variable in theirs.variables.items():
                same_values(mine[name].values, variable.values)
