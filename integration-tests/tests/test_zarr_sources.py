"""Zarr stores as sources, of both formats, as directories and zip files: what zarr-python reads in the store it reads of us."""

import hashlib
import json
import pathlib
import shutil
import time
import urllib.error
import urllib.request
import warnings

import h5py
import numpy as np
import pytest
import xarray as xr
import zarr

from harness import samples
from harness.compare import native, same_values
from harness.paths import DATA, SHARED
from test_zarrita import read as zarrita

CASES = DATA / "zarr"
STORES = [CASES / name for name in ["v2.zarr", "v3.zarr", "v2.zarr.zip", "v3.zarr.zip"]]
REAL = [path for folder in ["cf", "derived", "earthkit", "parcels"] for path in sorted((SHARED / "zarr" / folder).glob("*"))]
ids = samples.dataset_id


def opened(path: pathlib.Path):
    """The store as zarr-python reads it from disk."""
    store = zarr.storage.ZipStore(path, mode="r") if path.suffix == ".zip" else path
    return zarr.open_group(store, mode="r")


def arrays(group, prefix=""):
    """All arrays whose types the model can hold, by path."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, member in sorted(group.members(max_depth=None)):
            if isinstance(member, zarr.Array) and member.dtype.kind != "c":
                yield name, member


def served_group(url, zarr_format, consolidated):
    return zarr.open_group(url, mode="r", zarr_format=zarr_format, use_consolidated=consolidated)


def same_array(mine, truth):
    assert mine.shape == truth.shape
    served, values = mine[...], truth[...]
    if truth.dtype.kind == "M":
        values = values.view("i8")
    same_values(served, values)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("path", STORES + REAL, ids=ids)
def test_zarr_python_reads_what_it_reads_in_the_store(served, path, zarr_format):
    truth = opened(path)
    mine = served_group(served.of(path), zarr_format, True)
    found = list(arrays(truth))
    assert found
    for name, array in found:
        # zarr-python's quantize of v3 forgets that it changes the type.
        if (name, zarr_format) == ("quantized", 3):
            assert name not in mine
            continue
        same_array(mine[name], array)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("path", STORES[:2], ids=ids)
def test_groups_and_attributes_are_the_stores(served, path, zarr_format):
    truth, mine = opened(path), served_group(served.of(path), zarr_format, True)
    assert dict(mine.attrs) == dict(truth.attrs)
    assert dict(mine["a/b"].attrs) == {"depth": 2}
    same_array(served_group(served.of(path), zarr_format, False)["a/b/deep"], truth["a/b/deep"])


@pytest.mark.parametrize("path", STORES[:2], ids=ids)
def test_a_missing_chunk_is_404_and_its_neighbours_are_there(served, path):
    url = served.of(path)
    sparse = "sparse/0.0", "sparse/1.1"
    assert urllib.request.urlopen(f"{url}/{sparse[0]}").status == 200
    # v3's array has no `_FillValue`, so that v2's document must not say one: its chunk is there instead.
    absent = "sparse/c/1/1" if path.name == "v3.zarr" else sparse[1]
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(f"{url}/{absent}")
    assert error.value.code == 404


@pytest.mark.parametrize("path", STORES + REAL, ids=ids)
def test_chunks_are_the_stores_own_bytes(served, path):
    """Shards included: what v3 asks for is the file as it is."""
    if path.suffix == ".zip":
        pytest.skip("no files to compare with")
    url, compared = served.of(path), 0
    inlined = {line.split()[0] for line in served.output[ids(path)].splitlines() if ", inlined" in line}
    for name, array in arrays(opened(path)):
        file = path / name / array.metadata.encode_chunk_key((0,) * array.ndim)
        if name in inlined or not file.exists():
            continue
        body = urllib.request.urlopen(f"{url}/{name}/c/{'/'.join('0' * array.ndim)}").read()
        assert body == file.read_bytes(), name
        compared += 1
    assert compared or {name for name, _ in arrays(opened(path))} == inlined


def test_what_cannot_be_held_is_named(served):
    served.of(CASES / "v2.zarr")
    output = served.output[ids(CASES / "v2.zarr")]
    assert "left_out: left out" in output and "<c8" in output
    assert "in place" in output
    assert "quantized: Zarr v3 cannot say its codecs" in output


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("path", [path for path in REAL if path.parent.name != "parcels"], ids=ids)
def test_xarray_decodes_what_it_decodes_in_the_store(served, path, zarr_format):
    store = zarr.storage.ZipStore(path, mode="r") if path.suffix == ".zip" else path
    group = "zoom_0" if "multires" in path.name else None
    options = {"engine": "zarr", "consolidated": False, "group": group}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        truth = xr.open_dataset(store, **options)
        mine = xr.open_dataset(served.of(path), **options, zarr_format=zarr_format)
        for name, variable in truth.variables.items():
            same_values(mine[name].values, variable.values)


def test_stores_are_joined_along_time(served):
    parts = [CASES / "part0.zarr", CASES / "part1.zarr"]
    served.output["zarr.parts"] = served.system.register("zarr.parts", *parts)
    mine = xr.open_zarr(served.kerchunk("zarr.parts"), decode_times=False)
    truth = xr.open_mfdataset(parts, engine="zarr", combine="nested", concat_dim="time", decode_times=False)
    same_values(mine["time"].values, truth["time"].values)
    same_values(mine["tas"].values, truth["tas"].values)


def test_a_glob_finds_stores(served):
    output = served.system.register("zarr.glob", pathlib.Path(f"{CASES}/part?.zarr"))
    assert "joined along time (8)" in output


def test_a_root_that_is_an_array_is_called_by_the_stores_name(served):
    mine = zarr.open_group(served.of(CASES / "height.zarr"), mode="r", zarr_format=2)
    assert mine["height"][...].tolist() == [1, 2, 3]


def test_shards_answer_ranges_and_clients_that_use_them(served):
    import obstore
    import tensorstore

    url = served.of(CASES / "v3.zarr")
    truth = opened(CASES / "v3.zarr")
    whole = (CASES / "v3.zarr" / "sharded" / "c" / "0" / "0").read_bytes()
    store = obstore.store.HTTPStore.from_url(url, client_options={"allow_http": True})
    part = bytes(obstore.get_range(store, "sharded/c/0/0", start=len(whole) - 20, end=len(whole)))
    assert part == whole[-20:]
    for name in ["sharded", "index_start_checked", "index_end", "holes", "turned"]:
        spec = {"driver": "zarr3", "kvstore": {"driver": "http", "base_url": f"{url}/{name}/"}}
        same_values(tensorstore.open(spec, open=True).result().read().result(), truth[name][...])
    spec = {"driver": "zarr", "kvstore": {"driver": "http", "base_url": f"{url}/sharded/"}}
    same_values(tensorstore.open(spec, open=True).result().read().result(), truth["sharded"][...])


@pytest.mark.parametrize("version", ["v2", "v3"])
@pytest.mark.parametrize("path", STORES[:2], ids=ids)
def test_zarrita_reads_them(served, path, version):
    """All but shards whose index is at their start, which it does not look for there."""
    truth = opened(path)
    names = ["none", "gzip", "zstd", "blosc", "big"] + (["sharded", "index_end", "turned"] if path.name == "v3.zarr" else ["fortran"])
    answer = zarrita(served.of(path), version, False, [f"/{name}" for name in names])
    for name in names:
        mine = answer["arrays"][f"/{name}"]
        values = truth[name][...]
        expected = hashlib.sha256(np.ascontiguousarray(native(values)).tobytes()).hexdigest()
        # zarrita gives Fortran's order as it lies.
        turned = hashlib.sha256(native(values).tobytes(order="F")).hexdigest()
        assert mine["sha256"] in (expected, turned) if name in ("turned", "fortran") else mine["sha256"] == expected, name


@pytest.mark.parametrize("kind", ["serve", "two-process"])
def test_a_chunk_replaced_after_registration_is_409_and_one_removed_is_missing(start, tmp_path, kind, allowed_log):
    allowed_log.extend(["changed", "modified", "409"])
    system = start(kind)
    store = tmp_path / "data" / "a.zarr"
    shutil.copytree(CASES / "v3.zarr", store)
    system.register("a", store)
    url = system.kerchunk("a")

    def status(key):
        try:
            return urllib.request.urlopen(f"{url}/{key}").status
        except urllib.error.HTTPError as error:
            error.read()
            return error.code

    assert status("none/c/0/0") == 200
    time.sleep(0.05)
    for name in ["none/c/0/1", "sharded/c/0/0"]:
        (store / name).write_bytes((store / name).read_bytes())
    (store / "none/c/1/0").unlink()
    assert status("none/c/0/1") == 409
    assert status("none/0.1") == 409
    assert status("sharded/0.0") == 409
    assert status("none/c/1/0") == 404
    system.register("a", store, replace=True)
    assert status("none/c/0/1") == 200
    # A store that is gone, as a disk that is not mounted, has no chunk that reads as the fill value.
    store.rename(store.with_name("elsewhere.zarr"))
    assert [status(key) for key in ["none/c/1/1", "none/1.0", "sharded/0.1"]] == [409, 409, 409]


@pytest.mark.parametrize("kind", ["serve", "two-process"])
def test_a_damaged_index_of_a_shard_is_no_missing_chunk(start, tmp_path, kind, allowed_log):
    allowed_log.extend(["shard", "damaged"])
    system = start(kind)
    store = tmp_path / "data" / "a.zarr"
    shutil.copytree(CASES / "v3.zarr", store)
    shard = store / "sharded" / "c" / "0" / "0"
    body = bytearray(shard.read_bytes())
    body[-10] ^= 0xFF
    shard.write_bytes(body)
    (store / "sharded" / "c" / "0" / "1").write_bytes(b"short")
    system.register("a", store)
    for key in ["sharded/0.0", "sharded/0.2"]:
        with pytest.raises(urllib.error.HTTPError) as error:
            urllib.request.urlopen(f"{system.kerchunk('a')}/{key}")
        assert error.value.code == 502
        assert "shard" in json.loads(error.value.read())["detail"]


@pytest.fixture(scope="module")
def unmarked(tmp_path_factory):
    """A store of v3 with zeros that were measured and chunks that are absent, in arrays with and without `_FillValue`."""
    path = tmp_path_factory.mktemp("unmarked") / "unmarked.zarr"
    root = zarr.create_group(path, zarr_format=3)
    for name, dtype, fill in (
        ("floats", "f4", 0), ("other", "f8", -1), ("whole", "i2", 0), ("flags", "bool", False), ("nan", "f4", np.nan),
        ("words", "str", ""),
    ):  # fmt: skip
        for chunks in ("plain", "shards"):
            if (name, chunks) == ("words", "shards"):
                continue
            settings = {"chunks": (2, 3), **({"shards": (4, 6)} if chunks == "shards" else {})}
            array = root.create_array(
                f"{name}_{chunks}", shape=(6, 7), dtype=dtype, fill_value=fill, dimension_names=["y", "x"], **settings
            )
            array[:3, :4] = np.array([["", "a", "", "b"]] * 3) if dtype == "str" else np.arange(12).reshape(3, 4) % 3
    marked = xr.Dataset({"marked": (["y", "x"], np.arange(42.0).reshape(6, 7) % 5)})
    marked.to_zarr(path, mode="a", encoding={"marked": {"_FillValue": 3.0}}, consolidated=False)
    return path


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_measured_zeros_are_not_masked(served, unmarked, zarr_format):
    url = served.of(unmarked)
    truth = xr.open_dataset(unmarked, engine="zarr", consolidated=False)
    for consolidated in (True, False):
        mine = xr.open_dataset(url, engine="zarr", zarr_format=zarr_format, consolidated=consolidated)
        for name in truth.variables:
            assert mine[name].dtype == truth[name].dtype, name
            same_values(mine[name].values, truth[name].values)
    numbers = [name for name, variable in truth.variables.items() if zarr.open_array(unmarked, path=name).dtype.kind in "if"]
    answer = zarrita(url, f"v{zarr_format}", True, [f"/{name}" for name in numbers])
    for name in numbers:
        values = np.ascontiguousarray(zarr.open_array(unmarked, path=name, mode="r")[...])
        assert answer["arrays"][f"/{name}"]["sha256"] == hashlib.sha256(values.tobytes()).hexdigest(), name


@pytest.mark.parametrize("fill", [0, 9])
def test_measured_fill_values_of_hdf5_are_not_masked(served, tmp_path_factory, fill):
    path = tmp_path_factory.mktemp(f"hdf5-{fill}") / "sparse.h5"
    with h5py.File(path, "w") as file:
        array = file.create_dataset("t", shape=(6, 6), chunks=(2, 3), dtype="f4", fillvalue=fill, compression="gzip")
        array[:2, :3] = fill
    mine = xr.open_dataset(served.of(path), engine="zarr", zarr_format=2)
    assert (mine["t"].values == h5py.File(path)["t"][...]).all()


@pytest.fixture(scope="module", params=["<U5", ">U5"])
def texts(request, tmp_path_factory):
    """Stores of both formats with texts of fixed length: a coordinate, one of many chunks, one with absent chunks."""
    dtype, folder = request.param, tmp_path_factory.mktemp("texts")
    words = np.array(["ab", "", "é€", "\U0001f30d", "12345", "Ω"])
    stores = {}
    for zarr_format in (2, 3):
        path = stores[zarr_format] = folder / f"{'little' if dtype[0] == '<' else 'big'}{zarr_format}.zarr"
        root = zarr.create_group(path, zarr_format=zarr_format)
        for name, shape, compressors in (("station", (6,), None), ("table", (6, 6), "auto"), ("holes", (6, 6), None)):
            names = ("station", "column")[: len(shape)]
            settings = {"dimension_names": names} if zarr_format == 3 else {"attributes": {"_ARRAY_DIMENSIONS": names}}
            if zarr_format == 3 and dtype[0] == ">":
                settings["serializer"] = zarr.codecs.BytesCodec(endian="big")
            array = root.create_array(
                name, shape=shape, chunks=(2, 3)[: len(shape)], dtype=dtype, fill_value="no", compressors=compressors, **settings
            )
            values = words if len(shape) == 1 else np.tile(words, (6, 1))
            rows = slice(0, 4 if name == "holes" else 6)
            array[rows] = values[rows]
    return stores


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("source", [2, 3])
def test_texts_of_fixed_length_are_served(served, texts, source, zarr_format):
    path = texts[source]
    url = served.of(path)
    assert "left out" not in served.output[ids(path)]
    truth = zarr.open_group(path, mode="r")
    mine = served_group(url, zarr_format, True)
    for name in ("station", "table", "holes"):
        assert mine[name].dtype.kind == "U"
        assert np.array_equal(mine[name][...], truth[name][...]), name
    options = {"engine": "zarr", "consolidated": False, "mask_and_scale": False}
    ours, theirs = xr.open_dataset(url, zarr_format=zarr_format, **options), xr.open_dataset(path, **options)
    assert np.array_equal(ours["station"].values, theirs["station"].values)
