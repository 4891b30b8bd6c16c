"""What a request would cost, `/datasets/{id}/plan/…`: figures as the file itself has them."""

import h5py
import netCDF4
import numpy as np
import pytest
import requests


@pytest.fixture
def months(served, tmp_path):
    path = tmp_path / "plan.nc"
    with netCDF4.Dataset(path, "w") as file:
        for name, size in (("time", 24), ("y", 32), ("x", 64)):
            file.createDimension(name, size)
        time = file.createVariable("time", "f8", ("time",))
        time.units, time.calendar = "days since 2001-01-15", "360_day"
        time[:] = 30 * np.arange(24)
        data = file.createVariable("v", "f4", ("time", "y", "x"), chunksizes=(1, 32, 64), zlib=True)
        for step in range(23):
            data[step] = np.random.default_rng(step).normal(0, 1, (32, 64))
    done = served.system.command("register", "--replace", "plan", path)
    assert done.returncode == 0, done.stderr
    with h5py.File(path) as file:
        chunks = [file["v"].id.get_chunk_info(number) for number in range(file["v"].id.get_num_chunks())]
    sizes = {chunk.chunk_offset[0]: chunk.size for chunk in chunks}
    return f"{served.url}/datasets/plan", sizes


def planned(url, request):
    answer = requests.get(f"{url}/plan/{request}", timeout=30)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()


def test_a_chunk_of_a_view_reads_what_it_is_made_of(months):
    url, sizes = months
    january = planned(url, "view/isel=time:0;12~pmean=time/zarr/v/0.0")
    assert january["chunks_read"] == 2 and january["chunks_sent"] == 1
    assert january["bytes_read"] == sizes[0] + sizes[12]
    assert january["bytes_decoded"] == 2 * 32 * 64 * 4
    assert january["bytes_sent"] == 32 * 64 * 4
    assert january["files_read"] == 1 and january["files_on_tape"] == 0
    assert january["is_within_limits"] and not january["is_estimated"]
    assert january["memory_bytes"] > january["bytes_sent"]
    # The last time step was never written.
    whole = planned(url, "view/mean=time/zarr/v/0.0")
    assert (whole["chunks_read"], whole["chunks_missing"]) == (24, 1 if len(sizes) == 23 else 0)
    assert whole["bytes_read"] == sum(sizes.values())


def test_a_diagnostic_reads_what_its_view_reads(months):
    url, sizes = months
    plan = planned(url, "groupby/v/time.month/mean")
    assert plan["bytes_read"] == sum(sizes.values()) and plan["is_within_limits"]
    # Singles, and the months as whole numbers of eight bytes.
    assert plan["bytes_sent"] == 12 * (32 * 64 * 4 + 8)
    for request, status in [("groupby/nope/time.month/mean", 404), ("groupby/v/time.month/nope", 404), ("groupby/v", 404)]:
        assert requests.get(f"{url}/plan/{request}", timeout=30).status_code == status


def test_stacked_reductions_count_each_chunk_once(months):
    url, sizes = months
    plan = planned(url, "view/anomaly=time.month~pmean=time/zarr/v/0.0")
    assert plan["chunks_read"] == 24
    assert plan["bytes_read"] == sum(sizes.values())


def test_arrays_and_stores_are_sums_of_chunks(months):
    url, sizes = months
    assert planned(url, "kerchunk/v/3.0.0")["bytes_read"] == sizes[3]
    array = planned(url, "view/groupby=time.month:max/zarr/v")
    assert array["chunks_sent"] == 1 and array["bytes_read"] == sum(sizes.values())
    stored = planned(url, "kerchunk/v/")
    assert stored["chunks_sent"] == 24 and stored["is_estimated"]
    assert planned(url, "zarr/")["chunks_sent"] == 25
    assert planned(url, "kerchunk/.zmetadata")["chunks_read"] == 0


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ("view/mean=tome/zarr/v/0.0", 400),
        ("view/snafu/zarr/v/0.0", 400),
        ("view/mean=time/zarr/w/0.0", 404),
        ("view/mean=time/zarr/v/9.9", 404),
        ("zarr/v/99.0.0", 404),
        ("snafu", 404),
    ],
)
def test_what_cannot_be_asked_for_cannot_be_planned(months, request_, status):
    answer = requests.get(f"{months[0]}/plan/{request_}", timeout=30)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_one_file_of_many_chunks_is_one_file(served, tmp_path):
    path = tmp_path / "plan-many.nc"
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("n", 12_000)
        file.createDimension("x", 64)
        file.createVariable("v", "f4", ("n", "x"), chunksizes=(1, 64))[:] = np.zeros((12_000, 64))
    done = served.system.command("register", "--replace", "plan-many", path)
    assert done.returncode == 0, done.stderr
    plan = planned(f"{served.url}/datasets/plan-many", "view/mean=n/zarr/v/0")
    assert plan["is_estimated"] and plan["chunks_read"] == 12_000 and plan["bytes_read"] == 12_000 * 256
    assert plan["files_read"] == 1
