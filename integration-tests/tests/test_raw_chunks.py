"""Chunk bytes over HTTP are the file's own bytes at the place where libhdf5 has them."""

import h5py
import pytest
import requests

from harness import samples, truth

CHUNKED = [samples.NEMO[0], samples.AIR, *samples.SERIES["fesom.temp"][:1]]


def chunked_variables(path):
    found = []
    with h5py.File(path) as file:
        file.visititems(
            lambda name, thing: found.append(name) if isinstance(thing, h5py.Dataset) and thing.chunks else None
        )
    return found


def key(index) -> str:
    return ".".join(map(str, index)) or "0"


def inlined(url: str, variable: str, index) -> bool:
    """Small arrays are kept decoded in the catalog, so their bytes are the array's, not the file's."""
    metadata = requests.get(f"{url}/{variable}/.zarray").json()
    size = 1
    for length in metadata["shape"]:
        size *= length
    return size * int(metadata["dtype"][2:]) <= 64 << 10 and not metadata["compressor"] and not metadata["filters"]


@pytest.mark.parametrize("path", CHUNKED, ids=samples.dataset_id)
def test_chunks_are_the_bytes_in_the_file(served, path):
    url = served.of(path)
    compared = 0
    with requests.Session() as session:
        for variable in chunked_variables(path):
            for index, stored in truth.chunk_bytes(path, variable):
                v2 = session.get(f"{url}/{variable}/{key(index)}")
                v3 = session.get(f"{url}/{variable}/c/{'/'.join(map(str, index))}")
                assert v2.status_code == v3.status_code == 200
                assert v2.content == v3.content
                if not inlined(url, variable, index):
                    assert v2.content == stored
                    compared += 1
    assert compared


@pytest.mark.parametrize("series", ["awi.Amon", "nemo"])
def test_chunks_of_a_joined_dataset_are_the_bytes_of_their_file(served, series):
    url = served.series(series)
    variable = "ta" if series == "awi.Amon" else "tos"
    files = samples.SERIES[series]
    metadata = requests.get(f"{url}/{variable}/.zarray").json()
    served_bytes = b""
    count = -(-metadata["shape"][0] // metadata["chunks"][0])
    zeros = ".0" * (len(metadata["shape"]) - 1)
    stored = b""
    for path in files:
        for index, part in truth.chunk_bytes(path, variable):
            stored += part if not any(index[1:]) else b""
    for number in range(count):
        served_bytes += requests.get(f"{url}/{variable}/{number}{zeros}").content
    assert served_bytes == stored
