"""Several GRIB files as one dataset: forecasts that overlap, days that share a time, packings that differ, missing and
broken messages. What cfgrib reads of each file is the truth."""

import datetime

import cfgrib
import eccodes
import numpy as np
import pytest
import requests
import xarray as xr

NJ, NI = 5, 8
STEPS = [0, 6, 12, 18, 24]


def message(base, step, name="2t", packing="grid_simple", bits=16, steps=None):
    """One field; `steps`, a range, makes it an accumulation."""
    handle = eccodes.codes_grib_new_from_samples("regular_ll_sfc_grib2")
    keys = {
        "Ni": NI,
        "Nj": NJ,
        "iDirectionIncrementInDegrees": 45,
        "jDirectionIncrementInDegrees": 45,
        "latitudeOfFirstGridPointInDegrees": 90,
        "latitudeOfLastGridPointInDegrees": -90,
        "longitudeOfFirstGridPointInDegrees": 0,
        "longitudeOfLastGridPointInDegrees": 315,
        "dataDate": int(base.strftime("%Y%m%d")),
        "dataTime": int(base.strftime("%H%M")),
    }
    if steps:
        keys |= {"productDefinitionTemplateNumber": 8, "shortName": name, "stepRange": steps}
    else:
        keys |= {"shortName": name, "step": step}
    for key, value in keys.items():
        eccodes.codes_set(handle, key, value)
    eccodes.codes_set(handle, "packingType", packing)
    eccodes.codes_set(handle, "bitsPerValue", bits)
    seed = int(base.timestamp()) + step + len(name)
    eccodes.codes_set_values(handle, 280 + np.random.default_rng(seed).normal(0, 9, NJ * NI))
    data = eccodes.codes_get_message(handle)
    eccodes.codes_release(handle)
    return data


def write(path, messages):
    path.write_bytes(b"".join(messages))
    return path


def days(count):
    return [datetime.datetime(2020, 2, 28, tzinfo=datetime.UTC) + datetime.timedelta(days=day) for day in range(count)]


def truth(path, name):
    found = [dataset[name] for dataset in cfgrib.open_datasets(str(path), indexpath="") if name in dataset]
    assert len(found) == 1
    return found[0]


def opened(served, name, *sources):
    served.system.register(name, *sources)
    root = f"{served.url}/datasets/{name}/zarr"
    return xr.open_dataset(root, engine="zarr", zarr_format=2, consolidated=True)


@pytest.fixture
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("grib")


def test_forecasts_that_overlap_have_reference_times_and_steps(served, folder):
    bases = days(4)
    paths = [write(folder / f"f{at}.grib2", [message(base, step) for step in STEPS]) for at, base in enumerate(bases)]
    mine = opened(served, "forecasts", folder / "f*.grib2")
    assert mine["2t"].dims[:2] == ("time", "step")
    for at, path in enumerate(paths):
        wanted = truth(path, "t2m")
        found = mine["2t"].isel(time=at)
        assert found.time == wanted.time
        assert np.array_equal(mine.step.values.astype("timedelta64[h]"), wanted.step.values.astype("timedelta64[h]"))
        assert np.array_equal(found.valid_time.values, wanted.valid_time.values)
        assert np.array_equal(found.values, wanted.values)


def test_forecasts_that_do_not_overlap_are_one_series(served, folder):
    bases = days(3)
    paths = [write(folder / f"s{at}.grib2", [message(base, step) for step in STEPS[:-1]]) for at, base in enumerate(bases)]
    mine = opened(served, "successive", folder / "s*.grib2")
    assert mine["2t"].dims[0] == "time" and mine.sizes["time"] == 12
    wanted = np.concatenate([truth(path, "t2m").values for path in paths])
    assert np.array_equal(mine["2t"].values, wanted)


def test_the_last_accumulation_of_a_day_is_at_the_first_time_of_the_next(served, folder):
    bases = days(3)
    paths = []
    for at, base in enumerate(bases):
        instants = [message(base, step) for step in STEPS[:-1]]
        sums = [message(base, b, "tp", steps=f"{a}-{b}") for a, b in zip(STEPS, STEPS[1:])]
        paths.append(write(folder / f"d{at}.grib2", instants + sums))
    mine = opened(served, "accumulated", folder / "d*.grib2")
    assert mine.sizes["time"] == 13
    temperature = np.concatenate([truth(path, "t2m").values for path in paths])
    assert np.array_equal(mine["2t"].values[:-1], temperature) and np.isnan(mine["2t"].values[-1]).all()
    precipitation = np.concatenate([truth(path, "tp").values for path in paths])
    assert np.array_equal(mine.tp.values[1:], precipitation) and np.isnan(mine.tp.values[0]).all()


def test_packings_may_differ_from_file_to_file(served, folder):
    kinds = [("grid_simple", 12), ("grid_ccsds", 16), ("grid_complex", 10), ("grid_jpeg", 16)]
    paths = []
    for at, (base, (packing, bits)) in enumerate(zip(days(4), kinds)):
        paths.append(write(folder / f"p{at}.grib2", [message(base, 0, packing=packing, bits=bits)]))
    mine = opened(served, "packings", folder / "p*.grib2")
    wanted = np.stack([truth(path, "t2m").values for path in paths])
    assert np.array_equal(mine["2t"].values, wanted)


def test_a_damaged_message_is_an_error_and_never_missing(served, folder, allowed_log):
    allowed_log.append("CorruptData")
    paths = [write(folder / f"x{at}.grib2", [message(base, 0)]) for at, base in enumerate(days(2))]
    data = bytearray(paths[1].read_bytes())
    # More bits a value than there are: what the scan does not look at.
    section = 16
    while data[section + 4] != 5:
        section += int.from_bytes(data[section : section + 4], "big")
    data[section + 19] = 24
    paths[1].write_bytes(data)
    served.system.register("damaged", folder / "x*.grib2")
    root = f"{served.url}/datasets/damaged/zarr/2t"
    assert requests.get(f"{root}/0.0.0", timeout=30).status_code == 200
    broken = requests.get(f"{root}/1.0.0", timeout=30)
    assert broken.status_code >= 500 and broken.headers["Content-Type"] == "application/problem+json"
