"""Chunk bytes over HTTP are the file's own bytes at the place where libhdf5 has them."""

import h5py
import numpy as np
import pytest
import requests

from harness import samples, truth

CHUNKED = [(samples.NEMO[0], "tos"), (samples.SERIES["fesom.temp"][0], "temp")]
FILTERS = {
    "plain": {},
    "deflate": {"compression": "gzip"},
    "shuffle_deflate": {"compression": "gzip", "shuffle": True},
    "checked": {"compression": "gzip", "shuffle": True, "fletcher32": True},
    "growing": {"maxshape": (None, 1000)},
    "growing_both": {"maxshape": (None, None), "compression": "gzip"},
    "big_endian": {"dtype": ">f8"},
}


def key(index) -> str:
    return ".".join(map(str, index)) or "0"


def compare(url, path, variable):
    """Every chunk of a variable, in both formats, with the file's bytes."""
    compared = 0
    with requests.Session() as session:
        for index, stored in truth.chunk_bytes(path, variable):
            v2 = session.get(f"{url}/{variable}/{key(index)}")
            v3 = session.get(f"{url}/{variable}/c/{'/'.join(map(str, index))}")
            assert v2.status_code == v3.status_code == 200
            assert v2.content == v3.content == stored
            compared += 1
    assert compared


@pytest.mark.parametrize(("path", "variable"), CHUNKED, ids=lambda value: getattr(value, "stem", value))
def test_chunks_are_the_bytes_in_the_file(served, path, variable):
    compare(served.of(path), path, variable)


@pytest.mark.parametrize("library", ["earliest", "v110", "latest"])
def test_chunks_of_every_kind_of_index_are_the_bytes_in_the_file(served, tmp_path_factory, library):
    path = tmp_path_factory.mktemp("indexes") / "indexes.h5"
    dice = np.random.default_rng(3)
    with h5py.File(path, "w", libver=library) as file:
        for name, options in FILTERS.items():
            options = {"dtype": "f4", **options}
            data = file.create_dataset(name, (200, 1000), chunks=(30, 300), **options)
            data[:150] = dice.normal(size=(150, 1000)).round(2)
    dataset = f"indexes.{path.parent.name}"
    served.system.register(dataset, path)
    for name in FILTERS:
        compare(served.kerchunk(dataset), path, name)
        absent = requests.get(f"{served.kerchunk(dataset)}/{name}/c/6/3")
        if library != "earliest" and name == "plain":  # an implicit index allocates every chunk
            assert absent.status_code in (200, 404)
        else:
            assert absent.status_code == 404, name


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
