"""Files on tape: chunks answer 503 and when to come again, a file is recalled once, metadata are always here."""

import concurrent.futures
import time

import netCDF4
import numpy as np
import pytest
import requests
import xarray as xr

from harness.tape import Library

KINDS = ["serve", "two-process"]
STEPS = 3


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def library(tmp_path, data):
    data.mkdir(exist_ok=True)
    return Library(tmp_path, data)


def write(path, start=0, form="NETCDF4"):
    with netCDF4.Dataset(path, "w", format=form) as file:
        file.createDimension("time", None)
        file.createDimension("x", 3000)
        time_ = file.createVariable("time", "f8", ("time",))
        time_.units = "days since 2000-01-01"
        file.createVariable("x", "f8", ("x",))[:] = np.arange(3000)
        chunks = {"chunksizes": (1, 3000)} if form == "NETCDF4" else {}
        file.createVariable("tas", "f4", ("time", "x"), **chunks)[:] = values(start)
        time_[:] = start + np.arange(STEPS)
    return path


def values(start):
    return np.random.default_rng(start + 1).normal(size=(STEPS, 3000)).astype("f4")


def chunk(system, step, dataset="tas"):
    return requests.get(f"{system.kerchunk(dataset)}/tas/{step}.0", timeout=30)


def listing(system, dataset="tas"):
    return requests.get(f"{system.url}/datasets/{dataset}/tape", timeout=30).json()


def until(system, state, count, seconds=20):
    """Waits for so many files in a state."""
    deadline = time.monotonic() + seconds
    while (shown := listing(system))[state] != count:
        assert time.monotonic() < deadline, shown
        time.sleep(0.1)


def recalled(system, step, dataset="tas", seconds=20):
    """The chunk, once it is here."""
    deadline = time.monotonic() + seconds
    while (answer := chunk(system, step, dataset)).status_code == 503:
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.2)
    return answer


def series(system, data, count, dataset="tas", **options):
    files = [write(data / f"tas_{number:03}.nc", number * STEPS, **options) for number in range(count)]
    system.register(dataset, *files)
    return files


@pytest.mark.parametrize("offline", ["blocks", "command"])
@pytest.mark.parametrize("form", ["NETCDF4", "NETCDF3_64BIT_OFFSET"])
def test_a_chunk_on_tape_says_when_to_come_again_and_comes(start, data, library, kind, form, offline):
    system = start(kind, config=library.config(offline))
    [file] = series(system, data, 1, form=form)
    assert chunk(system, 0).status_code == 200
    library.put_away(file)
    answer = chunk(system, 1)
    problem = answer.json()
    assert answer.status_code == 503 and answer.headers["content-type"] == "application/problem+json"
    assert 1 <= int(answer.headers["retry-after"]) <= 5
    assert problem["retry_after"] == int(answer.headers["retry-after"])
    assert "tas_000.nc is on tape" in problem["detail"] and str(data) not in answer.text
    # Metadata and coordinates never are on tape.
    assert requests.get(f"{system.kerchunk('tas')}/.zmetadata", timeout=30).status_code == 200
    with xr.open_dataset(system.kerchunk("tas"), engine="zarr", zarr_format=3) as opened:
        assert opened.sizes == {"time": STEPS, "x": 3000} and len(opened.time.values) == STEPS
    stored = ">f4" if form.startswith("NETCDF3") else "<f4"
    assert recalled(system, 1).content == values(0)[1].astype(stored).tobytes()
    assert library.batches() == [["tas_000.nc"]]
    shown = listing(system)
    assert (shown["online"], shown["ordered"], shown["running"]) == (1, 0, 0)
    # And away again, by a handle that may still be open.
    library.put_away(file)
    assert recalled(system, 2).content == values(0)[2].astype(stored).tobytes()
    assert len(library.batches()) == 2


def test_a_plan_counts_files_on_tape_and_orders_none(start, data, library, kind):
    system = start(kind, config=library.config())
    files = series(system, data, 3)
    library.put_away(*files[1:])

    def on_tape(request):
        answer = requests.get(f"{system.url}/datasets/tas/plan/{request}", timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()["files_on_tape"]

    assert on_tape("view/mean=time/zarr/tas/0") == 2
    assert on_tape("view/isel=time:0..3~pmean=time/zarr/tas/0") == 0
    for store in ("kerchunk", "zarr"):
        assert [on_tape(f"{store}/tas/{step}.0") for step in (0, STEPS, 2 * STEPS)] == [0, 1, 1]
        assert on_tape(f"{store}/tas") == 1
    assert library.batches() == []
    recalled(system, STEPS)
    assert on_tape(f"kerchunk/tas/{STEPS}.0") == 0


def test_a_file_is_ordered_once_however_many_ask(start, data, library, kind):
    library.delay(5)
    system = start(kind, config=library.config(batch_ms=3000))
    files = series(system, data, 2)
    library.put_away(*files)
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda number: chunk(system, number % (2 * STEPS)), range(100)))
    assert {answer.status_code for answer in answers} == {503}
    for step in range(2 * STEPS):
        recalled(system, step)
    # Batched, and in the order of the tape, which is backwards here.
    assert library.batches() == [["tas_001.nc", "tas_000.nc"]]
    text = "".join(requests.get(f"{process.url}/metrics", timeout=10).text for process in system.processes)
    assert 'cloudify_recalls_total{step="ordered"} 2' in text and 'cloudify_recalls_total{step="online"} 2' in text
    assert "cloudify_recalls_pending 0" in text


def test_recalls_are_bounded_in_size_and_number(start, data, library, kind):
    library.delay(0.3)
    system = start(kind, config=library.config(batch_ms=3000, batch_files_max=2, recalls_at_once=1))
    files = series(system, data, 5)
    library.put_away(*files)
    for number in range(5):
        chunk(system, number * STEPS)
    for number in range(5):
        recalled(system, number * STEPS)
    assert [len(batch) for batch in library.batches()] == [2, 2, 1]
    assert library.batches()[0] == ["tas_004.nc", "tas_003.nc"]


def test_head_orders_without_waiting(start, data, library, kind):
    system = start(kind, config=library.config())
    [file] = series(system, data, 1)
    url = f"{system.url}/datasets/tas/kerchunk-tape-order/tas"
    assert requests.head(f"{url}/0.0", timeout=30).status_code == 200
    library.put_away(file)
    begun = time.monotonic()
    answer = requests.head(f"{url}/0.0", timeout=30)
    assert answer.status_code == 202 and int(answer.headers["retry-after"]) >= 1 and not answer.content
    assert "max-age" not in answer.headers["cache-control"]
    assert time.monotonic() - begun < 1
    assert requests.get(f"{url}/c/0/0", timeout=30).json()["file"] == "tas_000.nc"
    assert requests.head(f"{url}/.zarray", timeout=30).status_code == 200
    assert requests.head(f"{url}/99.0", timeout=30).status_code == 404
    until(system, "online", 1)
    assert requests.head(f"{url}/0.0", timeout=30).status_code == 200
    assert library.batches() == [["tas_000.nc"]]


def test_what_is_ordered_can_be_looked_at(start, data, library, kind):
    library.delay(3)
    system = start(kind, config=library.config(batch_ms=2000))
    files = series(system, data, 2)
    system.register("other", write(data / "other.nc", 90))
    library.put_away(*files)
    assert listing(system)["files"] == []
    chunk(system, 0), chunk(system, STEPS)
    shown = listing(system)
    assert shown["ordered"] == 2 and [file["position"] for file in shown["files"]] == [1, 2]
    assert [file["file"] for file in shown["files"]] == ["tas_000.nc", "tas_001.nc"]
    assert all(file["expected_ms"] > time.time() * 1000 for file in shown["files"])
    assert listing(system, "other")["files"] == []
    until(system, "running", 2)
    page = requests.get(f"{system.url}/datasets/tas/tape", headers={"accept": "text/html,*/*"}, timeout=30)
    assert page.headers["content-type"].startswith("text/html") and page.headers["cache-control"] == "no-store"
    assert "tas_001.nc" in page.text and "running" in page.text and str(data) not in page.text
    recalled(system, 0)


def test_a_recall_that_fails_is_told_and_tried_again_later(start, data, library, kind, allowed_log):
    allowed_log.append("recall from tape failed")
    system = start(kind, config=library.config(retry_seconds=4))
    [file] = series(system, data, 1)
    library.put_away(file)
    library.switch("fail", True)
    chunk(system, 0)
    until(system, "failed", 1)
    answer = chunk(system, 0)
    assert answer.status_code == 503 and "failed" in answer.json()["detail"]
    assert "no drive" not in answer.text
    assert listing(system)["failed"] == 1 and len(library.batches()) == 1
    library.switch("fail", False)
    assert recalled(system, 0).status_code == 200
    assert len(library.batches()) == 2


def test_a_recall_that_hangs_is_ended(start, data, library, kind, allowed_log):
    allowed_log.append("recall from tape failed")
    library.delay(0.1)
    system = start(kind, config=library.config(recall_timeout_seconds=3, retry_seconds=1))
    [file] = series(system, data, 1)
    library.put_away(file)
    library.switch("hang", True)
    chunk(system, 0)
    until(system, "failed", 1)
    library.switch("hang", False)
    assert recalled(system, 0).status_code == 200


def test_files_on_tape_keep_nobody_else_waiting(start, data, library, kind):
    library.delay(3)
    system = start(kind, config=library.config())
    files = series(system, data, 40)
    system.register("near", write(data / "near.nc", 500))
    library.put_away(*files)
    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        away = [pool.submit(chunk, system, number * STEPS) for number in range(40)]
        begun = time.monotonic()
        for step in range(STEPS):
            assert chunk(system, step, "near").content == values(500)[step].tobytes()
        assert time.monotonic() - begun < 2
        assert {answer.result().status_code for answer in away} == {503}


def test_a_stub_of_another_state_is_refused_not_recalled(start, data, library, kind):
    system = start(kind, config=library.config())
    [file] = series(system, data, 1)
    write(file, 7)
    library.put_away(file)
    assert chunk(system, 0).status_code == 409
    assert library.batches() == []


def test_files_on_tape_are_not_registered(start, data, library, kind):
    system = start(kind, config=library.config())
    files = [write(data / f"tas_{number}.nc", number * STEPS) for number in range(2)]
    library.put_away(files[1])
    done = system.command("register", "tas", *files)
    assert done.returncode == 1 and "tas_1.nc" in done.stderr and "on tape" in done.stderr
    assert library.batches() == []


def test_without_configuration_nothing_is_looked_at(start, data, library, kind):
    """A sparse file without blocks is then what it says: zeros."""
    system = start(kind)
    [file] = series(system, data, 1)
    library.put_away(file)
    answer = chunk(system, 0)
    assert answer.status_code == 200 and answer.content == bytes(12_000)
    assert listing(system)["files"] == []
