"""The stores that zarrita.js is tested with: what zarr-python and zarrita.js read in them they read of us, array by array."""

import pathlib
import warnings

import numpy as np
import pytest
import zarr

from harness.compare import same_values
from harness.paths import SHARED
from test_zarrita import read as zarrita

FOLDER = SHARED / "snapshot" / "zarrita.js"
STORES = sorted(path for path in FOLDER.glob("v?/*.zarr*") if "from_parent" not in path.name)
"""A zip file made from the store's parent holds the store in a folder: no store to any reader."""

pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(not STORES, reason="needs files that the repository does not hold"),
]


def name_of(path):
    return f"{path.parent.name}-{path.name}"


def paths_of(store: pathlib.Path) -> list[str]:
    """Paths of the arrays in a store."""
    if store.suffix == ".zip":
        store = store.parent / "data.zarr"
    documents = [*store.rglob(".zarray"), *store.rglob("zarr.json")]
    arrays = [path for path in documents if path.name == ".zarray" or '"array"' in path.read_text()]
    return sorted({str(path.parent.relative_to(store)) for path in arrays})


def direct(store: pathlib.Path, path: str):
    """An array as zarr-python reads it in the store; none where it cannot."""
    opened = zarr.storage.ZipStore(store, mode="r") if store.suffix == ".zip" else store
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return zarr.open_array(opened, path=path, mode="r")[...]
        except (ValueError, KeyError, zarr.errors.ArrayNotFoundError):
            return None


def url_and_output(served, store):
    dataset = f"zarrita.{name_of(store)}"
    if dataset not in served.output:
        served.output[dataset] = served.system.register(dataset, store)
    return served.kerchunk(dataset), served.output[dataset]


def is_told(output: str, path: str, zarr_format: int) -> bool:
    """Whether a registration says that an array is left out, or that a format has no words for it."""
    lines = [line for line in output.splitlines() if f"{path}: " in line]
    return any("left out" in line or f"v{zarr_format} cannot say" in line for line in lines)


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("store", STORES, ids=name_of)
def test_zarr_python_reads_the_same(served, store, zarr_format):
    url, output = url_and_output(served, store)
    compared = 0
    for path in paths_of(store):
        if (truth := direct(store, path)) is None or is_told(output, path, zarr_format):
            continue
        mine = zarr.open_array(url, path=path, mode="r", zarr_format=zarr_format)[...]
        same_values(np.asarray(mine), np.asarray(truth))
        compared += 1
    assert compared > 15


@pytest.mark.parametrize("version", ["v2", "v3"])
@pytest.mark.parametrize("store", [path for path in STORES if path.suffix == ".zarr"], ids=name_of)
def test_zarrita_reads_the_same(served, store, version):
    url, output = url_and_output(served, store)
    own = store.parent.name
    paths = [path for path in paths_of(store) if not is_told(output, path, int(version[1])) and is_numeric(store, path)]
    names = [f"/{path}" for path in paths]
    truth = zarrita(str(store), own, False, names)["arrays"]
    mine = zarrita(url, version, False, names)["arrays"]
    assert len(names) > 15
    for name in names:
        assert [mine[name][part] for part in ("shape", "sha256", "scalar") if part in truth[name]] == [
            truth[name][part] for part in ("shape", "sha256", "scalar") if part in truth[name]
        ], name


def is_numeric(store, path):
    """Only arrays of numbers have bytes to compare in JavaScript, and node has no half precision."""
    values = direct(store, path)
    return values is not None and np.asarray(values).dtype.kind in "iuf" and np.asarray(values).dtype != "f2"
