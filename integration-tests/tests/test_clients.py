"""Readers that are not zarr-python: obstore, zarrs, TensorStore, GDAL, kerchunk's own references."""

import numpy as np
import pytest
import xarray as xr
import zarr

from harness import gdal, samples, truth
from harness.compare import native, same_dataset, same_values

PLAIN = {"allow_http": True}
RAW = {"mask_and_scale": False, "decode_times": False}
PATHS = [samples.AIR, samples.ROTATED, samples.NEMO[0], samples.SERIES["bcc.Amon"][0]]


def numeric(path):
    return [v for v in truth.netcdf_variables(path)[0] if v.values.dtype.kind in "iuf"]


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("path", PATHS, ids=samples.dataset_id)
def test_obstore(served, path, zarr_format):
    from obstore.store import HTTPStore

    store = zarr.storage.ObjectStore(HTTPStore.from_url(served.of(path), client_options=PLAIN), read_only=True)
    with xr.open_dataset(store, engine="zarr", zarr_format=zarr_format, consolidated=True, **RAW) as mine:
        same_dataset(mine, xr.open_dataset(path, engine="netcdf4", **RAW))


def test_obstore_reads_ranges_and_suffixes(served):
    from obstore.store import HTTPStore

    store = HTTPStore.from_url(served.of(samples.NEMO[0]), client_options=PLAIN)
    whole = bytes(store.get("tos/0.0.0").bytes())
    assert store.head("tos/0.0.0")["size"] == len(whole)
    assert bytes(store.get_range("tos/0.0.0", start=10, end=30)) == whole[10:30]
    ranges = store.get_ranges("tos/0.0.0", starts=[0, 1000], ends=[10, 1010])
    assert [bytes(part) for part in ranges] == [whole[:10], whole[1000:1010]]
    assert bytes(store.get("tos/0.0.0", options={"range": {"suffix": 7}}).bytes()) == whole[-7:]
    with pytest.raises(FileNotFoundError):
        store.get("tos/7.0.0")


@pytest.mark.parametrize("path", PATHS, ids=samples.dataset_id)
def test_the_zarrs_pipeline(served, path):
    import zarrs  # noqa: F401 registers itself

    with zarr.config.set({"codec_pipeline.path": "zarrs.ZarrsCodecPipeline"}):
        group = zarr.open_group(served.of(path), mode="r", zarr_format=3)
        for variable in numeric(path):
            if native(variable.values).dtype == variable.values.dtype:
                same_values(group[variable.path][...], variable.values)


def tensorstore_readable(array) -> bool:
    """Its v2 driver takes one compressor and no filters."""
    return not array.metadata.filters and array.shape != ()


@pytest.mark.parametrize("path", PATHS, ids=samples.dataset_id)
def test_tensorstore_format_2(served, path):
    import tensorstore

    url = served.of(path)
    group = zarr.open_group(url, mode="r", zarr_format=2)
    readable = [v for v in numeric(path) if tensorstore_readable(group[v.path])]
    assert readable
    for variable in readable:
        spec = {"driver": "zarr", "kvstore": {"driver": "http", "base_url": url + "/", "path": variable.path + "/"}}
        array = tensorstore.open(spec, read=True, open=True).result(60)
        same_values(array.read().result(60), variable.values)


@pytest.mark.parametrize("path", PATHS, ids=samples.dataset_id)
def test_tensorstore_format_3(served, path):
    import tensorstore

    url = served.of(path)
    group = zarr.open_group(url, mode="r", zarr_format=3)
    for variable in numeric(path):
        names = [codec.to_dict()["name"] for codec in group[variable.path].metadata.codecs]
        if not set(names) <= {"bytes", "gzip", "zstd", "blosc", "transpose"} or not variable.values.ndim:
            continue
        spec = {"driver": "zarr3", "kvstore": {"driver": "http", "base_url": url + "/", "path": variable.path + "/"}}
        array = tensorstore.open(spec, read=True, open=True).result(60)
        same_values(array.read().result(60), variable.values)


def test_gdal(served):
    expected = next(v for v in numeric(samples.NEMO[0]) if v.path == "tos")
    band = gdal.read(f'ZARR:"/vsicurl/{served.of(samples.NEMO[0])}":/tos')
    same_values(band, np.asarray(expected.values)[0])


def test_gdal_reads_contiguous_variables(served):
    path = samples.ROTATED
    expected = next(v for v in numeric(path) if v.values.ndim == 2 and v.values.dtype.kind == "f")
    same_values(gdal.read(f'ZARR:"/vsicurl/{served.of(path)}":/{expected.path}'), expected.values)


def test_kerchunk_references_by_another_tool_agree(served):
    """kerchunk's own scan of the file and ours give the same bytes for each chunk."""
    import requests
    from kerchunk.hdf import SingleHdf5ToZarr

    path = samples.NEMO[0]
    references = SingleHdf5ToZarr(str(path), inline_threshold=0).translate()["refs"]
    compared = 0
    with path.open("rb") as file, requests.Session() as session:
        for key, reference in references.items():
            if isinstance(reference, list) and len(reference) == 3:
                file.seek(reference[1])
                theirs = file.read(reference[2])
                mine = session.get(f"{served.of(path)}/{key}")
                assert mine.status_code == 200, key
                if key.startswith("tos/"):
                    assert mine.content == theirs, key
                    compared += 1
    assert compared
