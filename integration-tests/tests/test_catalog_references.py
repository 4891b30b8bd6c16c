"""The catalog's own files: xarray opens the written references with fsspec alone, no server running."""

import json
from urllib.parse import unquote

import fsspec
import pytest
import xarray as xr

from harness import samples, server
from harness.compare import same_dataset, same_values

PATHS = [samples.AIR, samples.ROTATED, samples.NEMO[0], samples.REAL / "metoffice" / "SOI_Darwin.nc"]
RAW = {"mask_and_scale": False, "decode_times": False}


def stores(catalog):
    """Directories in the kerchunk Parquet layout: those with a `.zmetadata`."""
    return sorted(path.parent for path in catalog.rglob(".zmetadata"))


def opened(store, **options):
    filesystem = fsspec.filesystem(
        "reference", fo=str(store), remote_protocol="file", asynchronous=True, remote_options={"asynchronous": True}
    )
    import zarr.storage

    place = zarr.storage.FsspecStore(filesystem, read_only=True, path="")
    return xr.open_dataset(place, engine="zarr", zarr_format=2, consolidated=True, **options)


@pytest.fixture
def catalog(start):
    """A catalog written by a server that has ended."""
    system = start("serve", roots=[samples.REAL])
    for path in PATHS:
        system.register(samples.dataset_id(path), path)
    system.register("awi", *samples.SERIES["awi.Amon"])
    system.stop()
    return system.catalog


def of(catalog, name):
    """The references of a dataset: directories hold ids in lower case, other letters percent-encoded."""
    found = [store for store in stores(catalog) if name in map(unquote, store.parts)]
    assert len(found) == 1, f"{name}: {found}"
    return found[0]


@pytest.mark.parametrize("path", PATHS, ids=samples.dataset_id)
def test_the_references_open_without_a_server(catalog, path):
    with opened(of(catalog, samples.dataset_id(path)), **RAW) as mine:
        same_dataset(mine, xr.open_dataset(path, engine="netcdf4", **RAW))


def test_references_of_joined_files_open_without_a_server(catalog):
    with opened(of(catalog, "awi"), chunks={}) as mine:
        with xr.open_mfdataset(samples.SERIES["awi.Amon"], combine="by_coords", data_vars="minimal") as theirs:
            same_values(mine.time.values, theirs.time.values)
            same_values(mine.ta.values, theirs.ta.values)


def test_the_lazy_mapper_reads_them(catalog):
    from fsspec.implementations.reference import LazyReferenceMapper

    store = of(catalog, samples.dataset_id(samples.NEMO[0]))
    mapper = LazyReferenceMapper(str(store), fs=fsspec.filesystem("file"))
    location = mapper["tos/0.0.0"]
    assert str(location[0]).endswith(samples.NEMO[0].name)
    assert int(location[2]) > 0


def test_a_version_is_a_json_document(catalog):
    documents = [path for path in catalog.rglob("*.json") if "parq" not in path.name]
    assert documents
    for path in documents:
        json.loads(path.read_text())


def test_a_server_reads_its_catalog_again_at_start(start, copy):
    path = copy(samples.AIR)
    first = start("serve")
    first.register("air", path)
    first.stop()
    for kind in ("serve", "two-process"):
        again = start(kind, catalog=first.catalog, roots=first.roots)
        with xr.open_dataset(again.kerchunk("air"), engine="zarr", **RAW) as mine:
            same_dataset(mine, xr.open_dataset(path, engine="netcdf4", **RAW))


def test_leftovers_of_a_broken_registration_are_no_dataset(start, copy):
    path = copy(samples.AIR)
    first = start("serve")
    first.register("air", path)
    before = {entry: entry.stat().st_size for entry in first.catalog.rglob("*") if entry.is_file()}
    failed = first.command("register", "broken", path, copy(samples.ROTATED))
    first.front.kill()
    again = server.start("serve", first.catalog.parent / "again", first.roots, catalog=first.catalog)
    try:
        import requests

        ids = requests.get(f"{again.url}/datasets").json()
        assert ids == (["air"] if failed.returncode else ["air", "broken"])
        for entry, size in before.items():
            if "air" in str(entry):
                assert entry.stat().st_size == size
    finally:
        again.stop()
