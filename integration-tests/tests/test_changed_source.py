"""A source that changes while it is served: a 409 that says so, never other bytes, never a 404."""

import os
import shutil

import numpy as np
import pytest
import requests
import xarray as xr

from harness import samples

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
