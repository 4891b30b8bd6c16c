"""The default view, `/datasets/{id}/zarr`: every variable decoded, and encoded with what its administrator chose. What
xarray reads from the source files, and what numcodecs makes of it, is the truth."""

import json

import netCDF4
import numcodecs
import numpy as np
import pytest
import requests
import xarray as xr
import zarr

from harness.compare import native
from harness.paths import HDF5_CASES, REAL

NEMO = REAL / "metoffice" / "nemo_1m_20150101-20150201_grid-T.nc"
LZ4 = {"id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": 1, "blocksize": 0}


def view_of(served, dataset):
    return f"{served.url}/datasets/{dataset}/zarr"


def registered(served, dataset, path, *options):
    done = served.system.command("register", *options, dataset, path)
    assert done.returncode == 0, done.stderr
    return view_of(served, dataset)


def metadata(url):
    return requests.get(f"{url}/.zmetadata", timeout=30).json()["metadata"]


def same_bits(a, b):
    a, b = native(np.asarray(a)), native(np.asarray(b))
    assert (a.dtype, a.shape) == (b.dtype, b.shape)
    if a.dtype.kind == "f":
        assert np.array_equal(np.isnan(a), np.isnan(b))
        a, b = a[~np.isnan(a)], b[~np.isnan(b)]
    assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize("version", [2, 3])
def test_values_are_those_of_the_file_in_one_encoding(served, version):
    url = registered(served, f"view-{version}", NEMO)
    with (
        xr.open_dataset(NEMO, decode_times=False) as wanted,
        xr.open_dataset(url, engine="zarr", zarr_format=version, consolidated=True, decode_times=False) as found,
    ):
        assert set(found.variables) == set(wanted.variables)
        for name in wanted.variables:
            assert found[name].dims == wanted[name].dims
            same_bits(found[name].values, wanted[name].values)


def test_compressed_variables_have_the_default_codec(served):
    url = registered(served, "view-codec", NEMO)
    stored = metadata(url.removesuffix("/zarr") + "/kerchunk")
    encoded = [(key, array) for key, array in metadata(url).items() if key.endswith("/.zarray")]
    changed = 0
    for key, array in encoded:
        if stored[key]["compressor"] or stored[key]["filters"]:
            assert (array["compressor"], array["filters"]) == (LZ4, None), key
            changed += 1
        assert array["chunks"] == stored[key]["chunks"]
    assert changed


@pytest.mark.parametrize("version", [2, 3])
def test_bits_are_rounded_as_by_numcodecs_and_fill_values_are_not(served, version):
    name = f"view-rounded-{version}"
    url = registered(served, name, NEMO, "--view", "bitround=7|codec=zstd:3")
    group = zarr.open_group(url, mode="r", zarr_format=version, use_consolidated=True)
    source = zarr.open_group(url.removesuffix("/zarr") + "/kerchunk", mode="r", zarr_format=2, use_consolidated=True)
    rounder = numcodecs.BitRound(keepbits=7)
    compared = 0
    for key, array in group.arrays():
        values, stored = native(array[...]), native(source[key][...])
        if values.dtype.kind != "f" or "_QuantizeBitRoundNumberOfSignificantBits" not in array.attrs:
            assert values.tobytes() == stored.tobytes(), key
            continue
        assert array.attrs["_QuantizeBitRoundNumberOfSignificantBits"] == 7
        wanted = rounder.decode(rounder.encode(stored.copy())).view(stored.dtype).reshape(stored.shape)
        fills = [array.attrs[name] for name in ("_FillValue", "missing_value") if name in array.attrs]
        if array.fill_value is not None:
            fills.append(array.fill_value)
        kept = ~np.isfinite(stored)
        for fill in fills:
            if isinstance(fill, (int, float, np.floating)):
                kept |= stored == stored.dtype.type(fill)
        wanted = np.where(kept, stored, wanted)
        assert values.tobytes() == wanted.tobytes(), key
        assert not np.array_equal(values[~kept], stored[~kept]) or not (~kept).any(), key
        compared += 1
    assert compared


def test_one_variable_may_keep_more_bits(served):
    url = registered(served, "view-some", NEMO, "--view", "bitround=tos:12,nav_lat:9")
    documents = metadata(url)
    rounded = {
        key.split("/")[0]: attributes["_QuantizeBitRoundNumberOfSignificantBits"]
        for key, attributes in documents.items()
        if "_QuantizeBitRoundNumberOfSignificantBits" in attributes
    }
    assert rounded == {"tos": 12, "nav_lat": 9}


def test_the_view_outlives_a_new_version_and_can_be_taken_back(served):
    name = "view-kept"
    compressor = lambda: metadata(view_of(served, name))["tos/.zarray"]["compressor"]  # noqa: E731
    registered(served, name, NEMO, "--view", "codec=gzip:2")
    assert compressor() == {"id": "gzip", "level": 2}
    registered(served, name, NEMO, "--replace")
    assert compressor() == {"id": "gzip", "level": 2}
    registered(served, name, NEMO, "--replace", "--view", "")
    assert compressor() == LZ4


@pytest.mark.parametrize(
    ("view", "word"),
    [
        ("bitround=99", "bitround"),
        ("codec=snafu:3", "codec"),
        ("bitround=nowhere:7", "nowhere"),
        ("mean=time", "mean"),
        ("", None),
        ("x" * 9000, "more than"),
    ],
)
def test_a_wrong_view_is_refused_with_the_reason(served, view, word):
    done = served.system.command("register", "--preview", "--view", view, "view-wrong", NEMO)
    if word is None:
        assert done.returncode == 0
    else:
        assert done.returncode != 0 and word in done.stderr, done.stderr


def test_edge_chunks_fill_values_and_packing_read_as_in_the_file(served):
    for path in sorted(HDF5_CASES.glob("*.nc"))[:40]:
        try:
            wanted = xr.open_dataset(path, decode_times=False)
        except Exception:  # noqa: BLE001 - not every case is for xarray
            continue
        with wanted:
            url = served.of(path).removesuffix("/kerchunk") + "/zarr"
            found = xr.open_dataset(url, engine="zarr", zarr_format=2, consolidated=True, decode_times=False)
            for name in set(wanted.variables) & set(found.variables):
                if wanted[name].dtype.kind in "fiu":
                    same_bits(found[name].values, wanted[name].values)


def test_ranges_and_tags_are_as_good_as_of_stored_chunks(served):
    url = registered(served, "view-http", NEMO, "--view", "codec=zstd:3")
    name = next(key for key in metadata(url) if key == "tos/.zarray").split("/")[0]
    index = ".".join("0" for _ in json.loads(requests.get(f"{url}/{name}/.zarray", timeout=30).text)["shape"])
    whole = requests.get(f"{url}/{name}/{index}", timeout=30)
    assert whole.status_code == 200 and whole.headers["ETag"].startswith('"')
    part = requests.get(f"{url}/{name}/{index}", headers={"Range": "bytes=10-29"}, timeout=30)
    assert part.status_code == 206 and part.content == whole.content[10:30]
    again = requests.get(f"{url}/{name}/{index}", headers={"If-None-Match": whole.headers["ETag"]}, timeout=30)
    assert again.status_code == 304
    head = requests.head(f"{url}/{name}/{index}", timeout=30)
    assert int(head.headers["Content-Length"]) == len(whole.content)


ROUNDED = ("--view", "bitround=7|codec=zstd:3")


def field(marks):
    values = np.full((90, 100), 5.3, "f4")
    values[3:9, :] = marks
    return values


@pytest.fixture(scope="module")
def marked(tmp_path_factory):
    """A file whose missing values are named in every way that xarray takes, and times and latitudes that no attribute names."""
    path = tmp_path_factory.mktemp("marked") / "marked.nc"
    with netCDF4.Dataset(path, "w") as file:
        for name, length in (("y", 90), ("x", 100)):
            file.createDimension(name, length)

        def add(name, values, dtype="f4", dimensions=("y", "x"), **attributes):
            variable = file.createVariable(name, dtype, dimensions, zlib=True, fill_value=attributes.pop("fill", None))
            variable.set_auto_maskandscale(False)
            variable.setncatts(attributes)
            variable[:] = values

        add("double", field(-9999), missing_value=np.float64(-9999))
        add("integer", field(-9999), missing_value=np.int32(-9999))
        add("several", field(np.tile([-9999, 1e20], 50)), missing_value=np.array([-9999, 1e20], "f4"))
        add("near", np.linspace(-1.003, -0.9971, 9000).reshape(90, 100), fill=np.float32(-1))
        add("zero", np.linspace(-0.2, 0.2, 9000).reshape(90, 100), "f8", fill=np.float64(0))
        add("when", np.arange(90) + 8000.25, "f8", ("y",), units="days since 2000-01-01")
        add("lat", np.linspace(50.01, 50.9, 9000).reshape(90, 100), "f8", units="degrees_north")
    return path


@pytest.mark.parametrize("version", [2, 3])
def test_what_is_missing_stays_so_and_nothing_else_becomes_it(served, marked, version):
    url = registered(served, f"marked-{version}", marked, *ROUNDED)
    with (
        xr.open_dataset(marked) as wanted,
        xr.open_dataset(url, engine="zarr", zarr_format=version, consolidated=True) as found,
    ):
        for name in ("double", "integer", "several", "near", "zero"):
            a, b = wanted[name].values, found[name].values
            assert np.array_equal(np.isnan(a), np.isnan(b)), name
            held = ~np.isnan(a)
            assert held.any() and not np.array_equal(a[held], b[held]), name
            assert (np.abs(b[held] - a[held]) <= np.abs(a[held]) * 2.0**-8).all(), name
        for name in ("when", "lat"):
            assert np.array_equal(wanted[name].values, found[name].values), name


@pytest.mark.parametrize("source_format", [2, 3])
@pytest.mark.parametrize("mark", [-9999.0, 1e20])
def test_missing_values_of_zarr_stores_stay_missing(served, tmp_path_factory, source_format, mark):
    path = tmp_path_factory.mktemp("stores") / "store.zarr"
    values = field(np.nan)
    source = xr.Dataset({"tas": (("y", "x"), values), "pr": (("y", "x"), field(-9999), {"missing_value": -9999})})
    source.to_zarr(path, zarr_format=source_format, encoding={"tas": {"_FillValue": mark}}, consolidated=False)
    url = registered(served, f"store-{source_format}-{mark:g}", path, *ROUNDED)
    wanted = xr.open_dataset(path, engine="zarr", zarr_format=source_format, consolidated=False)
    for version in (2, 3):
        stored = xr.open_dataset(url.removesuffix("zarr") + "kerchunk", engine="zarr", zarr_format=version, consolidated=True)
        found = xr.open_dataset(url, engine="zarr", zarr_format=version, consolidated=True)
        for name in ("tas", "pr"):
            assert np.array_equal(np.isnan(found[name].values), np.isnan(stored[name].values)), (version, name)
            if version == source_format:
                assert np.array_equal(np.isnan(found[name].values), np.isnan(wanted[name].values)), (version, name)
        assert np.isnan(found.pr.values).sum() == 600
