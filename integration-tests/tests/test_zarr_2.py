"""zarr-python 2.18 with xarray 2024.11, still on many clusters: format 2, consolidated and not, simplecache."""

import json

import numpy as np
import pytest
import xarray as xr
import zarr

from harness import samples, truth
from harness.compare import same_dataset, same_values
from harness.paths import DATA

PATHS = [
    samples.AIR,
    samples.ROTATED,
    samples.NEMO[0],
    samples.REAL / "metoffice" / "SOI_Darwin.nc",
    *sorted(samples.CMIP6.glob("*/ta_Amon*2014*.nc")),
]
RAW = {"mask_and_scale": False, "decode_times": False}


@pytest.mark.parametrize("prefix", ["", "simplecache::"])
@pytest.mark.parametrize("path", PATHS, ids=samples.dataset_id)
def test_raw_values_equal_netcdf4(served, path, prefix):
    with xr.open_dataset(prefix + served.of(path), engine="zarr", consolidated=True, **RAW) as mine:
        same_dataset(mine, xr.open_dataset(path, engine="netcdf4", **RAW))


@pytest.mark.parametrize("path", PATHS, ids=samples.dataset_id)
def test_decoded_values_and_times_equal_netcdf4(served, path):
    with xr.open_dataset(served.of(path), engine="zarr", chunks={}) as mine:
        same_dataset(mine.compute(), xr.open_dataset(path, engine="netcdf4"))


@pytest.mark.parametrize("path", PATHS, ids=samples.dataset_id)
def test_each_array_opens_alone(served, path):
    for variable in truth.netcdf_variables(path)[0]:
        array = zarr.open_array(f"{served.of(path)}/{variable.path}", mode="r")
        same_values(array[...], variable.values)


def test_unconsolidated_metadata_opens(served):
    with xr.open_dataset(served.of(samples.NEMO[0]), engine="zarr", consolidated=False, **RAW) as mine:
        same_dataset(mine, xr.open_dataset(samples.NEMO[0], engine="netcdf4", **RAW))


def test_joined_files_open(served):
    with xr.open_dataset(served.series("nemo"), engine="zarr") as mine:
        with xr.open_mfdataset(
            samples.NEMO, combine="nested", concat_dim="time_counter", data_vars="minimal", coords="minimal", compat="override"
        ) as theirs:
            assert (mine.time_counter.values == theirs.time_counter.values).all()
            same_values(mine["tos"].values, theirs["tos"].values)


@pytest.mark.parametrize("name", ["v2.zarr", "v3.zarr", "v2.zarr.zip", "v3.zarr.zip"])
def test_zarr_2_reads_stores_of_both_formats(served, name):
    """Values as zarr-python 2 reads them in a store of v2; those of v3, shards included, are the same numbers."""
    group = zarr.open_consolidated(served.of(DATA / "zarr" / name), mode="r")
    truth = zarr.open_group(str(DATA / "zarr" / "v2.zarr"), mode="r")
    names = ["none", "gzip", "zstd", "blosc", "big", "scalar", "y", "sparse", "a/b/deep"]
    if name.startswith("v3"):
        turned = ["turned", "sharded", "sharded_turned", "index_start", "index_start_checked", "index_end", "index_end_checked"]
        for variable in turned:
            same_values(group[variable][...], truth["none"][...])
    else:
        names += ["fortran", "fortran_shuffled", "slashes", "packed", "quantized", "delta", "delta_big", "blosc_as_filter"]
        names += ["rounded", "shuffled", "lzma", "lz4", "crc", "letters"]
    for variable in names:
        same_values(group[variable][...], truth[variable][...])


@pytest.mark.parametrize("fill", [0, -1])
def test_xarray_masks_no_fill_value_that_marks_nothing(served, tmp_path_factory, fill):
    """That of v3 is what absent chunks read as, and no more. Written by hand: zarr-python 2 has no words for it."""
    path = tmp_path_factory.mktemp(f"fill{fill}") / "v3.zarr"
    array = {
        "zarr_format": 3, "node_type": "array", "shape": [4, 4], "data_type": "float32", "fill_value": fill,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [2, 4]}}, "dimension_names": ["y", "x"],
        "chunk_key_encoding": {"name": "default"}, "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
    }  # fmt: skip
    (path / "t" / "c" / "0").mkdir(parents=True)
    (path / "zarr.json").write_text(json.dumps({"zarr_format": 3, "node_type": "group"}))
    (path / "t" / "zarr.json").write_text(json.dumps(array))
    values = np.full((4, 4), fill, "<f4")
    values[:2] = np.arange(8).reshape(2, 4) - 1
    (path / "t" / "c" / "0" / "0").write_bytes(values[:2].tobytes())
    with xr.open_dataset(served.of(path), engine="zarr") as mine:
        same_values(mine["t"].values, values)
