"""xarray with zarr-python 3: formats 2 and 3, consolidated or not, dask, simplecache, groups, decoded times."""

import pytest
import xarray as xr
import zarr

from harness import samples
from harness.compare import same_dataset, same_values

PATHS = [
    samples.AIR,
    samples.ROTATED,
    samples.NEMO[0],
    samples.REAL / "metoffice" / "atlantic_profiles.nc",
    samples.REAL / "metoffice" / "SOI_Darwin.nc",
    samples.REAL / "metoffice" / "hybrid_height.nc",
    samples.REAL / "misc" / "example_field_0.nc",
    *sorted(samples.CMIP6.glob("*/ta_Amon*2014*.nc")),
    *sorted(samples.CMIP6.glob("*/ta_day*2000*.nc")),
]
RAW = {"mask_and_scale": False, "decode_times": False}


def id_of(path):
    return samples.dataset_id(path)


def truth(path, **options):
    return xr.open_dataset(path, engine="netcdf4", **options)


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("path", PATHS, ids=id_of)
def test_raw_values_equal_netcdf4(served, path, zarr_format):
    with xr.open_dataset(served.of(path), engine="zarr", zarr_format=zarr_format, consolidated=True, **RAW) as mine:
        same_dataset(mine, truth(path, **RAW))


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("path", PATHS[:3], ids=id_of)
def test_without_consolidated_metadata_the_store_is_listed(served, path, zarr_format):
    options = {"zarr_format": zarr_format, "consolidated": False}
    with xr.open_dataset(served.of(path), engine="zarr", **options, **RAW) as mine:
        same_dataset(mine, truth(path, **RAW))


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("path", PATHS, ids=id_of)
def test_decoded_values_and_times_equal_netcdf4(served, path, zarr_format):
    with xr.open_dataset(served.of(path), engine="zarr", zarr_format=zarr_format, consolidated=True) as mine:
        same_dataset(mine, truth(path))


@pytest.mark.parametrize("path", PATHS[:3], ids=id_of)
def test_the_format_is_found_without_being_told(served, path):
    with xr.open_dataset(served.of(path), engine="zarr") as mine:
        same_dataset(mine, truth(path))


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_arrays_open_by_name_without_consolidated_metadata(served, zarr_format):
    group = zarr.open_group(served.of(samples.NEMO[0]), mode="r", zarr_format=zarr_format, use_consolidated=False)
    same_values(group["tos"][...], truth(samples.NEMO[0], **RAW)["tos"].values)
    alone = zarr.open_array(served.of(samples.NEMO[0]) + "/tos", mode="r", zarr_format=zarr_format)
    same_values(alone[...], truth(samples.NEMO[0], **RAW)["tos"].values)
    with pytest.raises(KeyError):
        group["no_such_variable"]


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_dask_reads_chunk_by_chunk(served, zarr_format):
    url = served.series("bcc.Amon")
    files = samples.SERIES["bcc.Amon"]
    with xr.open_dataset(url, engine="zarr", zarr_format=zarr_format, chunks={}) as mine:
        with xr.open_mfdataset(files, combine="by_coords", data_vars="minimal", compat="no_conflicts", join="outer") as theirs:
            same_values(mine["ta"].data.compute(), theirs["ta"].data.compute())
            same_values(
                mine["ta"].mean("time").astype("f8").values, theirs["ta"].chunk(mine["ta"].chunksizes).mean("time").astype("f8").values
            )


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_simplecache_keeps_chunks_on_disk(served, zarr_format, tmp_path):
    options = {
        "simplecache": {"asynchronous": True, "cache_storage": str(tmp_path)},
        "http": {"asynchronous": True},
    }
    url = f"simplecache::{served.of(samples.NEMO[0])}"
    with xr.open_dataset(url, engine="zarr", zarr_format=zarr_format, storage_options=options) as mine:
        same_dataset(mine, truth(samples.NEMO[0]))
    assert any(tmp_path.iterdir())


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_groups_open_as_a_tree(served, zarr_format):
    path = samples.REAL / "netcdf-c" / "test_groups1.nc"
    with xr.open_datatree(served.of(path), engine="zarr", zarr_format=zarr_format, **RAW) as mine:
        with xr.open_datatree(path, engine="netcdf4", **RAW) as theirs:
            assert set(mine.groups) == set(theirs.groups)
            for place in theirs.groups:
                same_dataset(mine[place].to_dataset(inherit=False), theirs[place].to_dataset(inherit=False))


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_one_group_opens_alone(served, zarr_format):
    path = samples.REAL / "netcdf-c" / "test_groups1.nc"
    with xr.open_datatree(path, engine="netcdf4", **RAW) as theirs:
        group = next(place for place in theirs.groups if theirs[place].data_vars and place != "/")
        with xr.open_dataset(served.of(path), engine="zarr", group=group, zarr_format=zarr_format, **RAW) as mine:
            assert set(mine.data_vars) == set(theirs[group].data_vars)
            for name in mine.data_vars:
                same_values(mine[name].values, theirs[group][name].values)


def test_an_unknown_dataset_is_not_found(served):
    with pytest.raises(FileNotFoundError):
        xr.open_dataset(served.kerchunk("no.such.dataset"), engine="zarr")
