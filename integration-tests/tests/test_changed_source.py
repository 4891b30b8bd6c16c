"""A source that changes while it is served: a 409 that says so, never other bytes, never a 404."""

import json
import os
import shutil

import h5py
import hdf5plugin
import numpy as np
import pytest
import requests
import xarray as xr
from kerchunk.df import refs_to_dataframe

from harness import samples
from harness.paths import DATA
from test_mixed import archive

KINDS = ["serve", "two-process"]
KEY = "tos/0.0.0"
CHANGED = r"Conflict"


@pytest.fixture(params=KINDS)
def served_copy(request, start, copy, allowed_log):
    """A system with its own copy of a NEMO file, one chunk of which was read once."""
    allowed_log.append(CHANGED)
    system = start(request.param)
    path = copy(samples.NEMO[0], "nemo.nc")
    system.register("nemo", path)
    return system, path, requests.get(f"{system.kerchunk('nemo')}/{KEY}").content


def conflicts(system, path):
    for method, headers in (("GET", {}), ("HEAD", {}), ("GET", {"Range": "bytes=0-9"})):
        answer = requests.request(method, f"{system.kerchunk('nemo')}/{KEY}", headers=headers)
        assert answer.status_code == 409, f"{method} {headers}: {answer.status_code}"
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "immutable" not in answer.headers.get("Cache-Control", "")
        assert "max-age" not in answer.headers.get("Cache-Control", "") or "max-age=0" in answer.headers["Cache-Control"]
    problem = requests.get(f"{system.kerchunk('nemo')}/{KEY}")
    assert problem.headers["Content-Type"].startswith("application/problem+json")
    assert problem.json()["status"] == 409
    assert "chang" in problem.json()["detail"].lower() or "remov" in problem.json()["detail"].lower()
    assert str(path.parent) not in problem.text
    assert requests.get(f"{system.kerchunk('nemo')}/.zmetadata").status_code == 200


def test_a_removed_file(served_copy):
    system, path, _ = served_copy
    path.unlink()
    conflicts(system, path)


def test_a_file_replaced_by_another(served_copy):
    system, path, _ = served_copy
    other = path.with_name("other.nc")
    shutil.copyfile(samples.NEMO[1], other)
    other.replace(path)
    conflicts(system, path)


def test_a_file_replaced_by_one_of_the_same_size_and_time(served_copy):
    system, path, _ = served_copy
    before = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    other = path.with_name("other.nc")
    other.write_bytes(content)
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)
    conflicts(system, path)


def test_a_file_rewritten_in_place(served_copy):
    system, path, _ = served_copy
    content = path.read_bytes()
    with path.open("r+b") as file:
        file.write(content[::-1])
    conflicts(system, path)


def test_a_truncated_file(served_copy):
    system, path, _ = served_copy
    with path.open("r+b") as file:
        file.truncate(1000)
    conflicts(system, path)


def test_a_grown_file(served_copy):
    system, path, _ = served_copy
    with path.open("ab") as file:
        file.write(b"\0")
    conflicts(system, path)


def test_a_file_whose_place_became_a_directory_or_a_pipe(served_copy):
    system, path, _ = served_copy
    path.unlink()
    path.mkdir()
    conflicts(system, path)
    path.rmdir()
    os.mkfifo(path)
    conflicts(system, path)


def test_a_touched_file_is_a_changed_file(served_copy):
    system, path, _ = served_copy
    os.utime(path, (1_000_000_000, 1_000_000_000))
    conflicts(system, path)


def test_registering_again_serves_the_new_bytes(served_copy):
    system, path, _ = served_copy
    shutil.copyfile(samples.NEMO[1], path)
    os.utime(path)
    conflicts(system, path)
    system.register("nemo", path, replace=True)
    with xr.open_dataset(system.kerchunk("nemo"), engine="zarr", mask_and_scale=False, decode_times=False) as mine:
        with xr.open_dataset(samples.NEMO[1], mask_and_scale=False, decode_times=False) as theirs:
            assert np.array_equal(mine.tos.values.view("u4"), theirs.tos.values.view("u4"))


def test_xarray_fails_rather_than_filling_in(served_copy):
    system, path, _ = served_copy
    with xr.open_dataset(system.kerchunk("nemo"), engine="zarr", zarr_format=2) as mine:
        path.unlink()
        with pytest.raises(Exception, match="409"):
            mine.tos.values


def test_a_file_that_comes_back_unchanged_is_served_again(served_copy):
    system, path, body = served_copy
    away = path.with_name("away.nc")
    path.rename(away)
    conflicts(system, path)
    away.rename(path)
    # Renaming changes no bytes, size or time; whether the inode's change time counts is the server's choice.
    answer = requests.get(f"{system.kerchunk('nemo')}/{KEY}")
    assert answer.status_code in (200, 409)
    assert answer.status_code == 409 or answer.content == body


def test_no_mixture_of_bytes_while_the_file_is_being_rewritten(served_copy):
    system, path, body = served_copy
    whole = path.read_bytes()
    for round_number in range(20):
        with path.open("r+b") as file:
            file.write(whole[: len(whole) // 2])
            file.flush()
            answer = requests.get(f"{system.kerchunk('nemo')}/{KEY}")
            assert answer.status_code in (200, 409), round_number
            if answer.status_code == 200:
                assert answer.content == body
            file.write(bytes(len(whole) - len(whole) // 2))
        answer = requests.get(f"{system.kerchunk('nemo')}/{KEY}")
        assert answer.status_code == 409
        path.write_bytes(whole)


@pytest.fixture(params=KINDS)
def computed(request, start, data, allowed_log):
    """A system with chunks that it computes and keeps, each read once: URL of the chunk, its source, its bytes."""
    allowed_log.append(CHANGED)
    system = start(request.param)
    months = archive(data, "packing")
    system.register("mixed", *months)
    whole = archive(data, "months")
    system.register("months", *whole)
    field = data / "field.grib"
    field.write_bytes(FIELD.read_bytes())
    system.register("field", field)
    system.register("referred", referred(data))
    chunks = {}
    for name, key, source in (
        ("mixed", "/kerchunk/tas/35.0.0", months[1]), ("months", "/kerchunk/tas/1.0.0", whole[1]),
        ("field", "/zarr/{field}", field), ("referred", "/zarr/tas/0.0", data / "lz4"),
    ):  # fmt: skip
        url = f"{system.url}/datasets/{name}"
        url += key.format(field=first_chunk(f"{url}/zarr"))
        chunks[name] = (url, source, requests.get(url))
    return system, chunks


FIELD = DATA / "grib" / "regular_ll_sfc_grib1.grib"


def first_chunk(url):
    """The first chunk of the largest array of a store."""
    metadata = requests.get(f"{url}/.zmetadata").json()["metadata"]
    arrays = {key.removesuffix("/.zarray"): value for key, value in metadata.items() if key.endswith("/.zarray")}
    name = max(arrays, key=lambda name: np.prod(arrays[name]["shape"]))
    return f"{name}/" + ".".join("0" for _ in arrays[name]["shape"])


def lz4_chunk(path, values):
    """Writes a chunk as HDF5's LZ4 filter stores it."""
    made = path.with_suffix(".h5")
    with h5py.File(made, "w") as file:
        chunk = file.create_dataset("tas", data=values, chunks=values.shape, **hdf5plugin.LZ4()).id.get_chunk_info(0)
    path.write_bytes(made.read_bytes()[chunk.byte_offset : chunk.byte_offset + chunk.size])


def referred(data):
    """References to an array that lies in another file, in a codec that the view decodes."""
    lz4_chunk(data / "lz4", np.arange(1000, dtype="f4").reshape(10, 100))
    zarray = {"zarr_format": 2, "shape": [10, 100], "chunks": [10, 100], "dtype": "<f4", "order": "C", "fill_value": 0.0,
              "filters": None, "compressor": {"id": "imagecodecs_lz4h5"}}
    refs = {".zgroup": '{"zarr_format": 2}', "tas/.zarray": json.dumps(zarray),
            "tas/.zattrs": '{"_ARRAY_DIMENSIONS": ["y", "x"]}', "tas/0.0": ["lz4"]}
    path = data / "referred.parq"
    refs_to_dataframe({"version": 1, "refs": refs}, str(path))
    return path


CHANGES = {
    "removed": lambda path: path.unlink(),
    "touched": lambda path: os.utime(path),
    "rewritten": lambda path: path.write_bytes(path.read_bytes()[::-1]),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_kept_computed_chunk_is_not_served_once_its_source_changed(computed, change):
    system, chunks = computed
    for name, (url, source, before) in chunks.items():
        assert before.status_code == 200 and requests.get(url).content == before.content, name
        CHANGES[change](source)
        for _ in range(2):
            answer = requests.get(url)
            assert answer.status_code == 409, f"{name}: {answer.status_code}"
            assert answer.headers["Content-Type"].startswith("application/problem+json")


def test_a_kept_computed_chunk_of_a_file_that_no_scan_saw_follows_it(computed):
    """One that is replaced by an older file is served anew, as raw chunks are: it is not younger than the references."""
    system, chunks = computed
    url, source, before = chunks["referred"]
    assert requests.get(url).content == before.content
    other = source.with_name("other")
    lz4_chunk(other, np.ones((10, 100), "f4"))
    os.utime(other, (1_000_000_000, 1_000_000_000))
    other.replace(source)
    answers = [requests.get(url) for _ in range(3)]
    assert {answer.status_code for answer in answers} <= {200, 409} and answers[-1].status_code == 200
    assert all(answer.content != before.content for answer in answers)


@pytest.mark.parametrize("kind", KINDS)
def test_a_chunk_of_a_store_that_is_lost_after_it_was_read_is_no_missing_chunk(start, data, kind, allowed_log):
    allowed_log.append(CHANGED)
    system = start(kind)
    path = data / "store.zarr"
    xr.Dataset({"tas": (("y", "x"), np.arange(60000, dtype="f4").reshape(300, 200))}).to_zarr(
        path, zarr_format=2, encoding={"tas": {"chunks": (100, 200)}}
    )
    system.command("register", "--view", "codec=zstd:3", "store", path)
    urls = [f"{system.url}/datasets/store/{store}/tas/1.0" for store in ("kerchunk", "zarr")]
    assert [requests.get(url).status_code for url in urls] == [200, 200]
    (path / "tas" / "1.0").unlink()
    for _ in range(3):
        assert [requests.get(url).status_code for url in urls] == [409, 409]
