"""Chunks that took long, kept on local disk: served again after a restart without reading the sources' data, and never wrong.

Ground truth is netCDF4's values, by xarray on the source.
"""

import os
import pathlib
import shutil
import subprocess
import time

import netCDF4
import numpy as np
import pytest
import requests
import xarray as xr

from harness.metrics import total

KINDS = ["serve", "two-process"]
VIEW = "datasets/series/view/isel=x:4,y:3|chunks=t:64/zarr"


@pytest.fixture
def series(data):
    """A file whose time series lie across its chunks."""
    return write(data / "series.nc", 1)


def write(path: pathlib.Path, seed: int) -> pathlib.Path:
    values = np.random.default_rng(seed).normal(280, 10, (64, 20, 30)).astype("f4")
    with netCDF4.Dataset(path, "w") as file:
        for name, length in zip("tyx", values.shape, strict=True):
            file.createDimension(name, length)
        file.createVariable("v", "f4", ("t", "y", "x"), chunksizes=(1, 20, 30), zlib=True)[:] = values
    return path


def config(directory: pathlib.Path, bytes_max: int = 1 << 30) -> str:
    # Nothing is kept in memory, and all on disk.
    return (f'[evaluate]\ncache_bytes_max = 0\ndisk_cache = "{directory}"\ndisk_cache_min_ms = 0\n'
            f"disk_cache_bytes_max = {bytes_max}\n[cache]\nbytes_max = 0\n")


def column(system) -> np.ndarray:
    with xr.open_zarr(f"{system.url}/{VIEW}", zarr_format=2, consolidated=False) as found:
        return found.v.values


def truth(path: pathlib.Path) -> np.ndarray:
    with xr.open_dataset(path) as source:
        return source.v[:, 3, 4].values


def reads(system, outcome: str) -> int:
    return total(system, "disk_cache_reads_total", outcome=outcome)


def restart(system) -> None:
    """Ends all processes and starts those again that have the data."""
    for process in system.workers or [system.front]:
        process.stop()
        process.start_again()


def wait_for_files(directory: pathlib.Path, count: int) -> list[pathlib.Path]:
    """The kept chunks, once there are so many: they are written beside the answer."""
    for _ in range(600):
        files = sorted(directory.glob("*.chunk"))
        if len(files) >= count:
            return files
        time.sleep(0.05)
    raise AssertionError(f"{len(files)} files in place of {count}")


@pytest.mark.usefixtures("workers_go")
@pytest.mark.parametrize("kind", KINDS)
def test_a_restarted_server_serves_from_disk_without_reading_the_source(kind, start, series, tmp_path, allowed_log):
    allowed_log.append("a worker is|the catalog cannot be read now")
    kept = tmp_path / "kept"
    system = start(kind, config=config(kept))
    system.register("series", series)
    np.testing.assert_array_equal(column(system), truth(series))
    wait_for_files(kept, 1)
    restart(system)
    np.testing.assert_array_equal(column(system), truth(series))
    assert reads(system, "hit") > 0
    assert total(system, "chunks_made_total") == 0
    assert total(system, "read_bytes_total") == 0


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_and_foreign_files_are_made_anew(kind, start, series, tmp_path):
    kept = tmp_path / "kept"
    system = start(kind, config=config(kept))
    system.register("series", series)
    column(system)
    (file,) = wait_for_files(kept, 1)
    whole = file.read_bytes()
    for spoilt in (b"", whole[:-1], whole[:20], b"x" * len(whole), whole[:-1] + bytes([whole[-1] ^ 1]),
                   whole.replace(b"series", b"serias"), None):
        before = reads(system, "damaged")
        file.unlink()
        if spoilt is not None:
            file.write_bytes(spoilt)
        np.testing.assert_array_equal(column(system), truth(series))
        assert reads(system, "damaged") - before == 1
        assert wait_for_files(kept, 1) == [file] and file.read_bytes() == whole


@pytest.mark.parametrize("kind", KINDS)
def test_a_source_that_changed_is_a_conflict_also_where_its_chunk_is_on_disk(kind, start, series, tmp_path, allowed_log):
    allowed_log.append("Conflict")
    kept = tmp_path / "kept"
    system = start(kind, config=config(kept))
    system.register("series", series)
    column(system)
    wait_for_files(kept, 1)
    os.utime(series, (4e9, 4e9))
    for _ in range(2):
        assert requests.get(f"{system.url}/{VIEW}/v/0", timeout=60).status_code == 409
    assert reads(system, "hit") == 0 and not list(kept.glob("*.chunk"))


def test_another_catalog_with_the_same_names_has_chunks_of_its_own(start, data, tmp_path):
    kept, path = tmp_path / "kept", data / "series.nc"
    for seed in (1, 2):
        write(path, seed)
        system = start("serve", config=config(kept))
        system.register("series", path)
        np.testing.assert_array_equal(column(system), truth(path))
        wait_for_files(kept, seed)
        system.stop()


def test_the_least_recently_used_go_and_the_budget_holds(start, series, tmp_path):
    kept = tmp_path / "kept"
    system = start("serve", config=config(kept, 8192))
    system.register("series", series)
    for x in range(30):
        view = f"{system.url}/datasets/series/view/isel=x:{x},y:3|chunks=t:64/zarr"
        with xr.open_zarr(view, zarr_format=2, consolidated=False) as found, xr.open_dataset(series) as source:
            np.testing.assert_array_equal(found.v.values, source.v[:, 3, x].values)
    wait_for_files(kept, 2)
    assert sum(file.stat().st_size for file in kept.iterdir()) <= 8192
    assert 0 < total(system, "disk_cache_bytes") <= 8192


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("mount") is None, reason="only root mounts a small disk")
def test_a_full_disk_only_means_that_nothing_is_kept(start, series, tmp_path, allowed_log):
    allowed_log.append("a chunk cannot be kept on disk")
    kept = tmp_path / "kept"
    kept.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", kept], check=False).returncode:
        pytest.skip("no mounts here")
    try:
        (kept / "other").write_bytes(b"x" * 64 * 1024)
        system = start("serve", config=config(kept))
        system.register("series", series)
        for _ in range(3):
            np.testing.assert_array_equal(column(system), truth(series))
        assert not list(kept.glob("*.chunk")) and not list(kept.glob("*.part"))
        assert total(system, "disk_cache_writes_total", outcome="failed") == 1
        system.stop()
    finally:
        subprocess.run(["umount", "-l", kept], check=True)


def test_a_directory_that_cannot_be_used_only_means_that_nothing_is_kept(start, series, tmp_path, allowed_log):
    allowed_log.append("directory for chunks on disk cannot be used")
    (tmp_path / "kept").write_text("a file")
    system = start("serve", config=config(tmp_path / "kept"))
    system.register("series", series)
    np.testing.assert_array_equal(column(system), truth(series))
