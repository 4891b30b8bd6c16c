"""The decoded view, `/datasets/{id}/zarr`: what readers lack a codec for, equal to what ecCodes and h5py read."""

import collections

import eccodes
import h5py
import hdf5plugin
import numpy as np
import pytest
import requests
import xarray as xr
import zarr

from harness.paths import HDF5_CASES, SHARED
from test_zarrita import read as read_with_zarrita

PACKINGS = [
    (1, "grid_simple", 16), (1, "grid_simple", 11), (2, "grid_simple", 12), (2, "grid_simple", 24),
    (2, "grid_ccsds", 16), (2, "grid_ccsds", 5), (2, "grid_complex_spatial_differencing", 14), (2, "grid_complex", 10),
    (2, "grid_jpeg", 12), (2, "grid_png", 16), (2, "grid_ieee", 32),
]  # fmt: skip
"""Edition, packing, bits."""

REAL = [
    "earthkit/O32_global.grib1", "earthkit/O32_global.grib2", "earthkit/healpix_H8.grib2", "earthkit/test_icon.grib",
    "cfgrib/fields_with_missing_values.grib", "cfgrib/lambert_grid.grib", "cfgrib/reduced_gg.grib",
    "gribberish/gfswave.20210826.t12z.atlocn.0p16.f000.grib2", "ncl/fh.0012_tl.press_gr.awp211.grb2",
]  # fmt: skip


def decoded(served, path):
    """URL of the decoded view of one file's dataset."""
    return served.of(path).removesuffix("/kerchunk") + "/zarr"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Files of one field each by packing, with and without missing points, made by ecCodes."""
    folder = tmp_path_factory.mktemp("packings")
    rows, columns = np.mgrid[0:40, 0:60]
    values = 270 + 10 * np.sin(rows / 7) * np.cos(columns / 9) + np.random.default_rng(5).normal(size=rows.shape)
    files = {}
    for edition, packing, bits in PACKINGS:
        for has_gaps in (False, True):
            handle = eccodes.codes_grib_new_from_samples(f"regular_ll_sfc_grib{edition}")
            field = values.ravel().copy()
            eccodes.codes_set(handle, "Ni", 60)
            eccodes.codes_set(handle, "Nj", 40)
            if has_gaps:
                eccodes.codes_set(handle, "missingValue", 1e30)
                eccodes.codes_set(handle, "bitmapPresent", 1)
                field[100:777] = 1e30
            eccodes.codes_set(handle, "bitsPerValue", bits)
            eccodes.codes_set(handle, "packingType", packing)
            eccodes.codes_set_values(handle, field)
            name = f"{packing}-{edition}-{bits}-{'gaps' if has_gaps else 'full'}"
            files[name] = folder / f"{name}.grib"
            files[name].write_bytes(eccodes.codes_get_message(handle))
            eccodes.codes_release(handle)
    return files


def messages(path):
    """What ecCodes reads of each message of a file, by short name: missing points as NaN, in single precision."""
    found = collections.defaultdict(list)
    with path.open("rb") as file:
        while (handle := eccodes.codes_grib_new_from_file(file)) is not None:
            eccodes.codes_set(handle, "missingValue", 1e36)
            values = eccodes.codes_get_values(handle)
            values[values == 1e36] = np.nan
            found[eccodes.codes_get(handle, "shortName")].append(values.astype("f4"))
            eccodes.codes_release(handle)
    return found


def fields(url, version):
    """Each field of a GRIB dataset's decoded view: its short name and values in the order of the message."""
    root = zarr.open_group(url, mode="r", zarr_format=version, use_consolidated=True)
    for name, array in root.arrays():
        if (short_name := array.attrs.get("GRIB_shortName")) is None:
            continue
        assert array.dtype == "f4" and np.isnan(array.fill_value), name
        inner = tuple(slice(None) for length in array.chunks if length > 1)
        for index in np.ndindex(array.shape[: array.ndim - len(inner)]):
            yield short_name, np.asarray(array[index + inner]).ravel()


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("packing", PACKINGS, ids=lambda packing: "-".join(map(str, packing)))
@pytest.mark.parametrize("gaps", ["full", "gaps"])
def test_each_packing_of_grib_reads_as_by_eccodes(served, made, packing, gaps, version):
    edition, kind, bits = packing
    path = made[f"{kind}-{edition}-{bits}-{gaps}"]
    ((short_name, found),) = fields(decoded(served, path), version)
    (expected,) = messages(path)[short_name]
    assert np.isnan(expected).sum() == (677 if gaps == "gaps" else 0)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", REAL)
def test_real_grib_files_read_as_by_eccodes(served, name):
    path = SHARED / "grib" / name
    if not path.exists():
        pytest.skip(f"{name} is not here")
    expected = messages(path)
    compared = 0
    # There are files of one name in both editions.
    dataset = f"decoded.{path.name}"
    served.system.register(dataset, path)
    for short_name, found in fields(f"{served.url}/datasets/{dataset}/zarr", 2):
        if not np.isnan(found).all():
            # Of a parameter that no table knows ecCodes says "unknown".
            candidates = expected.get(short_name) or expected["unknown"]
            assert any(np.array_equal(found, one, equal_nan=True) for one in candidates), short_name
            compared += 1
    assert compared


def test_xarray_and_zarrita_read_grib(served, made):
    path = made["grid_ccsds-2-16-gaps"]
    ((short_name, (expected,)),) = messages(path).items()
    url = decoded(served, path)
    for version in (2, 3):
        with xr.open_dataset(url, engine="zarr", zarr_format=version) as dataset:
            (variable,) = [v for v in dataset.data_vars.values() if v.attrs.get("GRIB_shortName") == short_name]
            np.testing.assert_array_equal(variable.values.ravel(), expected)
            assert dataset.latitude.size == 40
        answer = read_with_zarrita(url, f"v{version}", True, [f"/{variable.name}"])
        assert answer["arrays"][f"/{variable.name}"]["shape"] == list(variable.shape)


@pytest.fixture(scope="module")
def filters(tmp_path_factory):
    """Arrays behind szip and LZ4, with chunks at the edges that are not full."""
    path = tmp_path_factory.mktemp("filters") / "decoded.h5"
    random = np.random.default_rng(7)
    with h5py.File(path, "w", libver=("v110", "v114")) as file:
        for name, dtype in (("f4", "<f4"), ("big", ">f4"), ("f8", "<f8"), ("i2", "<i2"), ("u1", "u1"), ("i4", ">i4")):
            # Smooth enough for szip to make every chunk smaller: others it leaves as they are.
            data = np.round(100 + random.normal(size=(37, 53)).cumsum(axis=1)).astype(dtype)
            file.create_dataset(f"lz4_{name}", data=data, chunks=(16, 20), **hdf5plugin.LZ4())
            file.create_dataset(f"lz4_shuffle_{name}", data=data, chunks=(16, 20), shuffle=True, **hdf5plugin.LZ4(nbytes=512))
            if h5py.h5z.get_filter_info(h5py.h5z.FILTER_SZIP) & h5py.h5z.FILTER_CONFIG_ENCODE_ENABLED:
                for coding in ("nn", "ec"):
                    for pixels in (8, 32):
                        file.create_dataset(
                            f"szip_{coding}{pixels}_{name}", data=data, chunks=(16, 20 if pixels == 8 else 50),
                            compression="szip", compression_opts=(coding, pixels),
                        )  # fmt: skip
    return path


@pytest.mark.parametrize("version", [2, 3])
def test_filters_of_hdf5_that_readers_lack_are_decoded(served, filters, version):
    root = zarr.open_group(decoded(served, filters), mode="r", zarr_format=version, use_consolidated=True)
    with h5py.File(filters) as file:
        compressed = {
            name: dataset for name, dataset in file.items()
            if not any(dataset.id.get_chunk_info(n).filter_mask for n in range(dataset.id.get_num_chunks()))
        }  # fmt: skip
        assert sum(name.startswith("lz4") for name in compressed) == 12
        if any(name.startswith("szip") for name in file):
            kinds = {name.split("_")[-1] for name in compressed if name.startswith("szip")}
            assert {"f4", "big", "f8", "i2", "u1", "i4"} == kinds, compressed
        for name, dataset in compressed.items():
            np.testing.assert_array_equal(root[name][...], dataset[...], err_msg=name)
            assert root[name].chunks == dataset.chunks


def test_what_is_stored_stays_as_it_is_and_what_is_decoded_has_one_codec(served):
    path = HDF5_CASES / "filters.h5"
    stored, shown = served.of(path), decoded(served, path)
    for name, codec in (("gzip", "zlib"), ("lz4", "imagecodecs_lz4h5")):
        assert requests.get(f"{stored}/{name}/.zarray").json()["compressor"]["id"] == codec
        assert requests.get(f"{shown}/{name}/.zarray").json()["compressor"]["id"] == "blosc"
        assert requests.get(f"{stored}/{name}/0.0").content != requests.get(f"{shown}/{name}/0.0").content


def test_a_chunk_that_is_made_is_answered_like_any_other(served):
    url = f"{decoded(served, HDF5_CASES / 'filters.h5')}/lz4/0.0"
    whole, head = requests.get(url), requests.head(url)
    assert whole.status_code == head.status_code == 200
    assert int(head.headers["Content-Length"]) == len(whole.content) == int(whole.headers["Content-Length"])
    assert head.headers["ETag"] == whole.headers["ETag"]
    assert whole.headers["Access-Control-Allow-Origin"] == "*"
    part = requests.get(url, headers={"Range": "bytes=4-11"})
    assert (part.status_code, part.content) == (206, whole.content[4:12])
    assert requests.get(url, headers={"If-None-Match": whole.headers["ETag"]}).status_code == 304
    for beside in ("9.9", "0.0.0"):
        assert requests.get(url.removesuffix("0.0") + beside).status_code == 404
    assert "lz4/" in requests.get(url.removesuffix("lz4/0.0")).text


def test_a_damaged_chunk_is_an_error_and_never_a_value(start, tmp_path, allowed_log):
    allowed_log.append("")
    system = start("serve")
    path = tmp_path / "data" / "damaged.h5"
    with h5py.File(path, "w") as file:
        data = np.arange(1000, dtype="f8").repeat(4)
        dataset = file.create_dataset("x", data=data, chunks=(4000,), **hdf5plugin.LZ4())
        offset = dataset.id.get_chunk_info(0).byte_offset
    with path.open("r+b") as file:
        file.seek(offset + 16)
        file.write(b"\xff" * 40)
    system.register("damaged", path)
    url = system.kerchunk("damaged").removesuffix("/kerchunk") + "/zarr/x/0"
    for method in ("GET", "HEAD"):
        answer = requests.request(method, url)
        assert answer.status_code >= 500 and answer.status_code != 503
        assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert str(tmp_path) not in requests.get(url).text
