"""Long reductions: their sections are made by all workers, and the result has the same bits whoever makes them."""

import re
import signal
import threading
import time

import netCDF4
import numpy as np
import pytest
import requests
import xarray as xr

# Of chunks of 8 KiB, a section has 3072: three sections.
STEPS, SHAPE = 7000, (32, 64)
WORKER_GONE = r"worker|connection|transport|broken pipe|h2"


@pytest.fixture(scope="module")
def long_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("long") / "long.nc"
    rng = np.random.default_rng(7)
    with netCDF4.Dataset(path, "w") as file:
        for name, length in zip(("time", "lat", "lon"), (STEPS, *SHAPE)):
            file.createDimension(name, length)
        time_of = file.createVariable("time", "f8", ("time",))
        time_of.setncatts({"units": "hours since 2000-01-01", "calendar": "standard"})
        time_of[:] = np.arange(STEPS)
        for name, units, values in [
            ("lat", "degrees_north", np.linspace(-87, 87, SHAPE[0])),
            ("lon", "degrees_east", np.arange(SHAPE[1]) * 360 / SHAPE[1]),
        ]:
            variable = file.createVariable(name, "f8", (name,))
            variable.units = units
            variable[:] = values
        v = file.createVariable(
            "v", "f4", ("time", "lat", "lon"), chunksizes=(1, *SHAPE), zlib=True, complevel=1, fill_value=1e20
        )
        values = rng.normal(280, 20, (STEPS, *SHAPE)).astype("f4")
        values[rng.random(values.shape) < 0.001] = np.nan
        v[:] = np.where(np.isnan(values), np.float32(1e20), values)
    return path


def system_of(start, kind, long_file, **settings):
    system = start(kind, roots=[long_file.parent], **settings)
    system.register("long", long_file)
    return system


def sections_made(system):
    """How many sections the gateway asked workers for, and how often it asked one to put them together."""
    metrics = requests.get(f"{system.url}/metrics", timeout=30).text
    counted = {}
    for method, count in re.findall(r'worker_calls_total\{[^}]*method="(\w+)"[^}]*\} (\d+)', metrics):
        counted[method] = counted.get(method, 0) + int(count)
    for code, method, count in re.findall(r'worker_calls_total\{code="(\w+)",method="(\w+)"\} (\d+)', metrics):
        counted.setdefault(method, int(count))
    return counted.get("MakeSection", 0), counted.get("AssembleChunk", 0)


def retries(system):
    metrics = requests.get(f"{system.url}/metrics", timeout=30).text
    return int(re.search(r"worker_retries_total\S* (\d+)", metrics)[1])


def chunk(system, steps, key="v/0.0"):
    return requests.get(f"{system.url}/datasets/long/view/{steps}/zarr/{key}", timeout=120)


def expected(long_file, steps):
    with xr.open_dataset(long_file) as source:
        v = source.v.load()
    return {
        "mean=time": lambda: v.mean("time", dtype="f8"),
        "std=time": lambda: v.astype("f8").std("time"),
        "max=time": lambda: v.max("time"),
        "last=time": lambda: v.ffill("time").isel(time=-1),
        "count=time": lambda: v.count("time"),
        "mean=time~pconvert=v:kelvin:degC": lambda: v.mean("time", dtype="f8"),
    }[steps]()


def test_sections_of_several_workers_make_what_one_makes(start, long_file):
    one = system_of(start, "serve", long_file)
    many = system_of(start, "two-process", long_file, workers=3)
    for number, steps in enumerate(["mean=time", "std=time", "max=time", "count=time"], 1):
        spread, whole = chunk(many, steps), chunk(one, steps)
        assert spread.status_code == whole.status_code == 200, spread.text
        assert spread.content == whole.content, f"{steps}: the bits depend on who makes them"
        assert sections_made(many) == (3 * number, number)
        with xr.open_dataset(
            f"{many.url}/datasets/long/view/{steps}/zarr", engine="zarr", zarr_format=2, consolidated=True
        ) as found:
            np.testing.assert_allclose(found.v.values, expected(long_file, steps).values, rtol=2e-6)
    # It is kept: nothing is made again.
    assert chunk(many, "mean=time").status_code == 200
    assert sections_made(many) == (12, 4)


def test_blocks_within_other_steps_are_spread_too(start, long_file):
    many = system_of(start, "two-process", long_file, workers=2)
    steps = "mean=time~parith=w:v*2~pfldmean"
    with xr.open_dataset(
        f"{many.url}/datasets/long/view/{steps}/zarr", engine="zarr", zarr_format=2, consolidated=True
    ) as found:
        mean = expected(long_file, "mean=time")
        weights = np.diff(np.sin(np.radians(np.linspace(-87 - 87 / 31, 87 + 87 / 31, SHAPE[0] + 1)).clip(-np.pi / 2, np.pi / 2)))
        wanted = (mean.mean("lon").values * weights).sum() / weights.sum()
        assert abs(float(found.v) - wanted) < 0.01
        assert abs(float(found.w) - 2 * wanted) < 0.02
    assert sections_made(many)[0] >= 3


@pytest.mark.parametrize("kind", ["serve", "two-process"])
def test_who_asks_again_for_what_took_too_long_goes_on_from_there(start, long_file, kind, allowed_log):
    allowed_log.append(r".")
    slow = "[evaluate]\nthreads = 1\n"
    one = system_of(start, "serve", long_file, config=slow)
    begin = time.monotonic()
    wanted = chunk(one, "std=time")
    # Longer than the longest of three sections takes on this machine, and shorter than all of them.
    seconds = max(1, round((time.monotonic() - begin) / 1.5))
    hasty = system_of(start, kind, long_file, config=f"[http]\nworker_timeout_seconds = {seconds}\n{slow}")
    answers = []
    while not answers or answers[-1].status_code != 200:
        answers.append(chunk(hasty, "std=time"))
        assert len(answers) < 12, [answer.text for answer in answers]
    assert {answer.status_code for answer in answers[:-1]} <= {503, 504}
    assert answers[-1].content == wanted.content


def test_what_is_short_or_holds_all_values_is_not_spread(start, long_file):
    many = system_of(start, "two-process", long_file, workers=2)
    assert chunk(many, "isel=time:0..100~pmean=time").status_code == 200
    assert chunk(many, "isel=lat:0..2,lon:0..2~pmedian=time").status_code == 200
    assert sections_made(many) == (0, 0)


def test_a_worker_that_dies_while_sections_are_made_costs_nothing(start, long_file, allowed_log):
    allowed_log.append(WORKER_GONE)
    one = system_of(start, "serve", long_file)
    many = system_of(start, "two-process", long_file, workers=3)
    steps = ["mean=time", "std=time", "sum=time", "min=time", "variance=time", "max=time"]
    wanted = {name: chunk(one, name).content for name in steps}
    answers = {}

    def ask(name):
        answers[name] = chunk(many, name)

    readers = [threading.Thread(target=ask, args=(name,)) for name in steps]
    for reader in readers:
        reader.start()
    time.sleep(0.3)
    many.workers[1].kill()
    for reader in readers:
        reader.join()
    assert {name: (answer.status_code, answer.content == wanted[name]) for name, answer in answers.items()} == {
        name: (200, True) for name in steps
    }


def test_a_silent_worker_is_left_out_until_it_answers(start, long_file, allowed_log):
    allowed_log.append(WORKER_GONE + "|silent")
    many = system_of(start, "two-process", long_file, workers=3)
    wanted = chunk(many, "mean=time").content
    many.workers[1].child.send_signal(signal.SIGSTOP)
    try:
        # Of other chunks, so that nothing is kept; the first finds out, and all are answered.
        for steps in ("std=time", "min=time", "sum=time"):
            assert chunk(many, steps).status_code == 200
        tried_again = retries(many)
        assert tried_again > 0
        assert chunk(many, "variance=time").status_code == 200
        # By now nobody asks it any more.
        assert retries(many) == tried_again
    finally:
        many.workers[1].child.send_signal(signal.SIGCONT)
    assert chunk(many, "mean=time").content == wanted


def test_who_leaves_takes_nothing_from_others(start, long_file):
    many = system_of(start, "two-process", long_file, workers=2)
    url = f"{many.url}/datasets/long/view/var=v~pstd=time/zarr/v/0.0"
    answers = []
    others = [threading.Thread(target=lambda: answers.append(requests.get(url, timeout=120).status_code)) for _ in range(3)]
    with pytest.raises(requests.exceptions.ReadTimeout):
        def first():
            time.sleep(0.2)
            for other in others:
                other.start()

        threading.Thread(target=first).start()
        requests.get(url, timeout=0.5)
    for other in others:
        other.join()
    assert answers == [200] * 3


def test_a_source_that_changed_is_a_conflict_and_no_number(start, long_file, tmp_path, allowed_log):
    allowed_log.append(r"changed|Conflict|409")
    copy = tmp_path / "data" / "long.nc"
    copy.write_bytes(long_file.read_bytes())
    many = start("two-process", workers=2)
    many.register("long", copy)
    assert chunk(many, "mean=time").status_code == 200
    copy.write_bytes(long_file.read_bytes()[:-1] + b"x")
    assert chunk(many, "std=time").status_code == 409
    # Also what is kept.
    assert chunk(many, "mean=time").status_code == 409
