"""All datasets as one Zarr hierarchy: `/datasets` opens as a tree."""

import imagecodecs.numcodecs
import pytest
import requests
import xarray as xr
import zarr

from harness import samples
from harness.compare import same_values

imagecodecs.numcodecs.register_codecs(verbose=False)  # one dataset with a rare filter is in the tree too
PATHS = [samples.AIR, samples.ROTATED]


@pytest.fixture
def tree(served):
    for path in PATHS:
        served.of(path)
    return f"{served.url}/datasets"


def place(tree_keys, path):
    """The group of a dataset's arrays: the contract puts them below `{id}/kerchunk`."""
    name = samples.dataset_id(path)
    return next(key for key in (f"{name}/kerchunk", name) if key in tree_keys)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_zarr_opens_every_dataset_from_one_place(tree, zarr_format):
    root = zarr.open_group(tree, mode="r", zarr_format=zarr_format, use_consolidated=True)
    keys = dict(root.members(max_depth=None))
    for path in PATHS:
        group = root[place(keys, path)]
        with xr.open_dataset(path, mask_and_scale=False, decode_times=False) as theirs:
            for name, variable in theirs.variables.items():
                same_values(group[name][...], variable.values)


def test_the_consolidated_documents_name_every_dataset(tree):
    ids = requests.get(tree).json()
    second = requests.get(f"{tree}/.zmetadata").json()
    third = requests.get(f"{tree}/zarr.json").json()
    assert second["zarr_consolidated_format"] == 1
    for name in ids:
        assert f"{name}/.zgroup" in second["metadata"]
        assert name in third["consolidated_metadata"]["metadata"]


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_one_branch_opens_as_a_datatree(tree, zarr_format):
    name = samples.dataset_id(samples.AIR)
    with xr.open_datatree(tree, engine="zarr", group=name, zarr_format=zarr_format, consolidated=True) as mine:
        with xr.open_dataset(samples.AIR) as theirs:
            leaf = mine["kerchunk"] if "kerchunk" in mine.children else mine
            assert set(leaf.variables) == set(theirs.variables)
            same_values(leaf["air"].values, theirs["air"].values)
