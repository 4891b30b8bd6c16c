"""Makes data/zarr: small stores of both formats by zarr-python 3, each codec and layout once.

    integration-tests/.venv-zarr3/bin/python integration-tests/tools/make_zarr_cases.py
"""

import pathlib
import shutil
import warnings
import zipfile

import numcodecs
import numpy as np
import zarr
from zarr import codecs as v3

OUT = pathlib.Path(__file__).resolve().parent.parent / "data" / "zarr"
RANDOM = np.random.default_rng(20261128)
FLOATS = np.round(RANDOM.normal(280, 10, (7, 10)), 2)
WHOLE = RANDOM.integers(0, 1000, (7, 10))

V2 = {
    "none": {},
    "zlib": {"compressor": numcodecs.Zlib(4)},
    "gzip": {"compressor": numcodecs.GZip(4)},
    "bz2": {"compressor": numcodecs.BZ2(4)},
    "lzma": {"compressor": numcodecs.LZMA(preset=1)},
    "lz4": {"compressor": numcodecs.LZ4()},
    "zstd": {"compressor": numcodecs.Zstd(3)},
    "blosc": {"compressor": numcodecs.Blosc("lz4", 5, numcodecs.Blosc.SHUFFLE)},
    "blosc_bits": {"compressor": numcodecs.Blosc("zstd", 3, numcodecs.Blosc.BITSHUFFLE)},
    "blosc_as_filter": {"filters": [numcodecs.Blosc("zlib", 3, numcodecs.Blosc.SHUFFLE)]},
    "shuffled": {"filters": [numcodecs.Shuffle(4)], "compressor": numcodecs.Zlib(1)},
    "fletcher": {"filters": [numcodecs.Fletcher32()]},
    "crc": {"filters": [numcodecs.CRC32()]},
    "rounded": {"filters": [numcodecs.BitRound(10)], "compressor": numcodecs.Zstd(1)},
    "fortran": {"order": "F", "compressor": numcodecs.Zlib(1)},
    "fortran_shuffled": {"order": "F", "filters": [numcodecs.Shuffle(4)], "compressor": numcodecs.Zlib(1)},
    "slashes": {"dimension_separator": "/", "compressor": numcodecs.Zlib(1)},
    "big": {"dtype": ">f4", "compressor": numcodecs.Zlib(1)},
    "packed": {
        "dtype": "<f8",
        "filters": [numcodecs.FixedScaleOffset(offset=280, scale=100, dtype="<f8", astype="<i2")],
        "compressor": numcodecs.Zlib(1),
    },
    "quantized": {"dtype": "<f8", "filters": [numcodecs.Quantize(1, "<f8", "<f4")], "compressor": numcodecs.Zlib(1)},
    "delta": {"dtype": "<i4", "filters": [numcodecs.Delta("<i4")], "compressor": numcodecs.Zlib(1)},
    "delta_big": {"dtype": ">i4", "filters": [numcodecs.Delta(">i4")], "compressor": numcodecs.Zlib(1)},
}

V3 = {
    "none": {"compressors": None},
    "gzip": {"compressors": v3.GzipCodec(level=4)},
    "zstd": {"compressors": v3.ZstdCodec(level=3)},
    "blosc": {"compressors": v3.BloscCodec(cname="lz4", shuffle="bitshuffle", typesize=4)},
    "checked": {"compressors": [v3.GzipCodec(level=1), v3.Crc32cCodec()]},
    "big": {"serializer": v3.BytesCodec(endian="big"), "compressors": None},
    "turned": {"filters": [v3.TransposeCodec(order=(1, 0))], "compressors": v3.GzipCodec(level=1)},
    "old_keys": {"chunk_key_encoding": {"name": "v2", "separator": "."}, "compressors": None},
    "dots": {"chunk_key_encoding": {"name": "default", "separator": "."}, "compressors": None},
    "sharded": {"shards": (4, 8), "chunks": (2, 4), "compressors": v3.ZstdCodec(level=1)},
    "sharded_turned": {
        "shards": (4, 8),
        "chunks": (2, 4),
        "filters": [v3.TransposeCodec(order=(1, 0))],
        "compressors": v3.GzipCodec(level=1),
    },
}


def index(location, checksum):
    index_codecs = [v3.BytesCodec()] + ([v3.Crc32cCodec()] if checksum else [])
    return v3.ShardingCodec(
        chunk_shape=(2, 4), codecs=[v3.BytesCodec(), v3.GzipCodec(level=1)], index_codecs=index_codecs, index_location=location
    )


def values(dtype):
    return (WHOLE if np.dtype(dtype).kind == "i" else FLOATS).astype(dtype)


def fill(group, name, kwargs, zarr_format):
    kwargs = {"dtype": "<f4", "chunks": (4, 6), **kwargs}
    if zarr_format == 2:
        # xarray and others make v2 with this; `create_array` has no words for all of it.
        kwargs.setdefault("compressor", None)
        array = zarr.create(
            store=group.store, path=f"{group.path}/{name}".strip("/"), shape=(7, 10), zarr_format=2, fill_value=None, **kwargs
        )
        array.attrs["_ARRAY_DIMENSIONS"] = ["y", "x"]
    else:
        array = group.create_array(name, shape=(7, 10), dimension_names=("y", "x"), **kwargs)
    array[...] = values(array.dtype)


def both(root, zarr_format):
    """What both formats have: attributes of every kind, holes, texts, scalars, nothing at all, groups in groups."""
    root.attrs.update(title="é", nested={"a": [1, None, True]}, one=[5], mixed=[1, 2.5], many=[1, 2], inf=float("inf"))
    names = {"dimension_names": None} if zarr_format == 3 else {}
    plain = {"compressors": None}
    sparse = root.create_array("sparse", shape=(4, 4), chunks=(2, 2), dtype="f4", fill_value=-1, **plain)
    sparse[:2, :2] = 7
    scalar = root.create_array("scalar", shape=(), dtype="i4", fill_value=0, **plain)
    scalar[...] = 42
    root.create_array("empty", shape=(0, 3), chunks=(1, 3), dtype="f4", fill_value=0, **plain)
    flags = root.create_array("flags", shape=(5,), chunks=(2,), dtype="bool", fill_value=False, **plain)
    flags[:] = [True, False, True, True, False]
    small = root.create_array("bytes", shape=(5,), chunks=(2,), dtype="u1", fill_value=255, **plain)
    small[:] = range(5)
    y = root.create_array("y", shape=(7,), chunks=(3,), dtype="f8", fill_value=np.nan, **({"dimension_names": ("y",)} if names else {}))
    y[:] = np.linspace(-90, 90, 7)
    if zarr_format == 2:
        y.attrs["_ARRAY_DIMENSIONS"] = ["y"]
    inner = root.create_group("a").create_group("b")
    inner.attrs["depth"] = 2
    deep = inner.create_array("deep", shape=(3,), chunks=(2,), dtype="i8", fill_value=-9, **plain)
    deep[:] = [1, 2, 3]
    text = root.create_array("words", shape=(3,), chunks=(3,), dtype=str, fill_value="", **plain)
    text[:] = np.array(["one", "zwei", "três"], dtype=object)


def store_v2(path, consolidate):
    root = zarr.open_group(path, mode="w", zarr_format=2)
    for name, kwargs in V2.items():
        fill(root, name, kwargs, 2)
    both(root, 2)
    bytes_array = zarr.create(store=root.store, path="letters", shape=(4,), chunks=(3,), dtype="S3", zarr_format=2, compressor=None, fill_value=b"")
    bytes_array[:] = [b"a", b"bcd", b"", b"x"]
    zarr.create(store=root.store, path="left_out", shape=(2,), chunks=(2,), dtype="c8", zarr_format=2, compressor=None, fill_value=0)
    if consolidate:
        zarr.consolidate_metadata(root.store, zarr_format=2)


def store_v3(path, consolidate):
    root = zarr.open_group(path, mode="w", zarr_format=3)
    for name, kwargs in V3.items():
        fill(root, name, kwargs, 3)
    for location in ["start", "end"]:
        for checksum in [True, False]:
            name = f"index_{location}{'_checked' if checksum else ''}"
            kwargs = {"chunks": (4, 8), "serializer": index(location, checksum), "filters": None, "compressors": None}
            fill(root, name, kwargs, 3)
    holes = root.create_array("holes", shape=(8, 8), shards=(4, 8), chunks=(2, 4), dtype="i2", fill_value=-7, dimension_names=("v", "w"))
    holes[:2, :4] = 1
    both(root, 3)
    if consolidate:
        zarr.consolidate_metadata(root.store)


def zipped(directory, path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(directory.rglob("*")):
            if file.is_file():
                archive.writestr(zipfile.ZipInfo(str(file.relative_to(directory))), file.read_bytes())


def month(path, first, zarr_format):
    """One of a series along time, for stores that are joined."""
    root = zarr.open_group(path, mode="w", zarr_format=zarr_format)
    for name, dims, data in [
        ("time", ["time"], np.arange(first, first + 4, dtype="f8")),
        ("tas", ["time", "x"], np.arange(4 * 5, dtype="f4").reshape(4, 5) + 100 * first),
    ]:
        chunks = (2, 5)[: data.ndim]
        extra = {"dimension_names": dims} if zarr_format == 3 else {}
        array = root.create_array(name, shape=data.shape, chunks=chunks, dtype=data.dtype, fill_value=np.nan, **extra)
        array[...] = data
        if zarr_format == 2:
            array.attrs["_ARRAY_DIMENSIONS"] = dims
    root["time"].attrs["units"] = "days since 2000-01-01"
    zarr.consolidate_metadata(root.store, zarr_format=zarr_format)


def main():
    warnings.simplefilter("ignore")
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    store_v2(OUT / "v2.zarr", True)
    store_v2(OUT / "v2_unconsolidated.zarr", False)
    store_v3(OUT / "v3.zarr", True)
    store_v3(OUT / "v3_unconsolidated.zarr", False)
    zipped(OUT / "v2_unconsolidated.zarr", OUT / "v2.zarr.zip")
    zipped(OUT / "v3_unconsolidated.zarr", OUT / "v3.zarr.zip")
    for path in OUT.glob("*_unconsolidated.zarr"):
        shutil.rmtree(path)
    for part, first in enumerate([0, 4]):
        month(OUT / f"part{part}.zarr", first, 2)
    array = zarr.create(store=OUT / "height.zarr", shape=(3,), chunks=(2,), dtype="f4", zarr_format=2, compressor=None, fill_value=None)
    array[:] = [1, 2, 3]


if __name__ == "__main__":
    main()
