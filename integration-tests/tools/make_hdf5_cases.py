"""Writes integration-tests/data/hdf5: small HDF5 and netCDF-4 files, and expected.json with what h5py and netCDF4
read in them. The Rust tests of the crate formats compare its scan with that.

    pip install netCDF4 h5py hdf5plugin numpy
    python make_hdf5_cases.py ../data/hdf5
    python make_hdf5_cases.py --describe DIRECTORY     # only expected.json, of the files that are there

With HDF5_CASES=DIRECTORY the tests take that directory instead.
"""

import hashlib
import json
import sys
from pathlib import Path

import h5py
import hdf5plugin
import netCDF4
import numpy as np

NUMBERS = ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"]
DESCRIBE_ONLY = "--describe" in sys.argv
OUT = Path(next((a for a in sys.argv[1:] if not a.startswith("-")), "."))


def h5(name, **options):
    options.setdefault("libver", "v110")
    return h5py.File(OUT / name, "w", **options)


def ramp(shape, dtype="<i4"):
    return np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)


def types():
    with h5("types.h5") as f:
        for order in "<>":
            for kind in NUMBERS:
                name = f"{'le' if order == '<' else 'be'}_{kind}"
                data = np.array([[0, 1, 2], [3, 4, 100]], order + kind)
                f.create_dataset(name, data=data)
                f.create_dataset(name + "_chunked", data=data, chunks=(1, 3), compression="gzip", shuffle=True)
                f.create_dataset(name + "_scalar", data=data[1, 2], dtype=order + kind)
        f["bool"] = np.array([[True, False, True]])
        f["enum"] = np.array([[0, 2, 1]], "i2").astype(h5py.enum_dtype({"land": 0, "sea ice": 1, "ocean": 2}, "i2"))
        f["enum_be"] = np.array([1, 2], ">i4").astype(h5py.enum_dtype({"a": 1, "b": 2}, ">i4"))
        f["text_5"] = np.array([[b"ab", b"hello"], [b"", b"xyz"]], "S5")
        f["text_vlen"] = np.array([["a", "äöü"], ["", "long text"]], object)
        f["text_scalar"] = "one text"
        f["opaque"] = np.array([[b"\x00\x01\x02"], [b"abc"]], "V3")
        space = h5py.h5s.create_simple((2, 2))
        bits = h5py.h5d.create(f.id, b"bitfield", h5py.h5t.STD_B16LE, space)
        bits.write(h5py.h5s.ALL, h5py.h5s.ALL, np.array([[1, 2], [3, 65535]], "u2"), mtype=h5py.h5t.STD_B16LE)
        f["null"] = h5py.Empty("f4")
        # What the model cannot hold.
        f["compound"] = np.zeros(2, [("a", "i4"), ("b", "f8")])
        f["complex"] = np.zeros(2, "c16")
        f.create_dataset("array_type", (2,), dtype=np.dtype("(3,)i4"))
        vlen = f.create_dataset("vlen", (2,), dtype=h5py.vlen_dtype("i4"))
        vlen[0] = [1, 2, 3]
        refs = f.create_dataset("reference", (1,), dtype=h5py.ref_dtype)
        refs[0] = f["bool"].ref
        f.create_dataset("long_double", data=np.ones(2, np.longdouble))
        f["no_value"] = np.zeros((0, 3), "f4")


def indexes():
    data = ramp((6, 10), "<f4")
    for name, libver in [("btree_v1.h5", "earliest"), ("latest_indexes.h5", "v110"), ("format_2_0.h5", "latest")]:
        with h5(name, libver=libver) as f:
            for kind, maxshape in [("fixed", None), ("extensible", (None, 10)), ("btree_v2", (None, None))]:
                for filters in ["", "gzip"]:
                    options = {"compression": "gzip"} if filters else {}
                    f.create_dataset(f"{kind}_{filters or 'plain'}", data=data, chunks=(2, 4), maxshape=maxshape, **options)
            f.create_dataset("single_plain", data=data, chunks=(6, 10))
            f.create_dataset("single_gzip", data=data, chunks=(6, 10), compression="gzip")
            # Allocated early and without filters: the implicit index.
            plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            plist.set_chunk((4, 4))
            plist.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
            implicit = h5py.h5d.create(f.id, b"implicit", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((6, 10)), plist)
            implicit.write(h5py.h5s.ALL, h5py.h5s.ALL, data)
            missing = f.create_dataset("missing", (6, 10), "<i2", chunks=(2, 5), fillvalue=-7, maxshape=(None, 10))
            missing[2:4, 5:] = 3
            big = f.create_dataset("missing_big_endian", (4,), ">f8", chunks=(2,), fillvalue=1.5)
            big[0] = 2
            f.create_dataset("never_written", (200_000,), "<f4", chunks=(50_000,))
            f.create_dataset("never_written_contiguous", (3, 4), "<f4", fillvalue=9)
            shrunk = f.create_dataset("shrunk", data=data, chunks=(2, 4), maxshape=(None, None))
            shrunk.resize((3, 5))


def layouts():
    with h5("layouts.h5") as f:
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_layout(h5py.h5d.COMPACT)
        compact = h5py.h5d.create(f.id, b"compact", h5py.h5t.STD_I16BE, h5py.h5s.create_simple((2, 3)), plist)
        compact.write(h5py.h5s.ALL, h5py.h5s.ALL, ramp((2, 3), ">i2"))
        f.create_dataset("contiguous", data=ramp((4, 5), "<f8"))
        f.create_dataset("external", (4,), "<i4", external=[("elsewhere.bin", 0, 16)])
        layout = h5py.VirtualLayout((4, 5), "<f8")
        layout[:] = h5py.VirtualSource("layouts.h5", "contiguous", (4, 5))
        f.create_virtual_dataset("virtual", layout)
        f["soft"] = h5py.SoftLink("/contiguous")
        f["dangling"] = h5py.SoftLink("/nowhere")
        f["elsewhere"] = h5py.ExternalLink("elsewhere.h5", "/x")
        f["hard"] = f["contiguous"]
        group = f.create_group("group")
        group["loop"] = f["/"]
        group["soft_loop"] = h5py.SoftLink("/")
        group[".zarray"] = 1
    with h5("user_block.h5", userblock_size=512) as f:
        f.create_dataset("contiguous", data=ramp((4, 5), "<f8"))
        f.create_dataset("chunked", data=ramp((4, 5), "<f8"), chunks=(2, 5), compression="gzip")


def filters():
    data = ramp((8, 100), "<i4") * 3
    lossless = {
        "gzip": dict(compression="gzip", compression_opts=4),
        "gzip_shuffle": dict(compression="gzip", compression_opts=9, shuffle=True),
        "fletcher32": dict(fletcher32=True),
        "all_of_them": dict(compression="gzip", shuffle=True, fletcher32=True),
        "lzf": dict(compression="lzf", shuffle=True),
        "zstd": hdf5plugin.Zstd(clevel=5),
        "lz4": hdf5plugin.LZ4(),
        "bzip2": hdf5plugin.BZip2(blocksize=5),
        "blosc": hdf5plugin.Blosc(cname="zstd", clevel=5, shuffle=hdf5plugin.Blosc.BITSHUFFLE),
        "scaleoffset": dict(scaleoffset=0),
        "bitshuffle": hdf5plugin.Bitshuffle(),
    }
    with h5("filters.h5") as f:
        for name, options in lossless.items():
            f.create_dataset(name, data=data, chunks=(4, 50), **options)
        f.create_dataset("small_zstd", data=data[0], chunks=(50,), **hdf5plugin.Zstd())
        f.create_dataset("text_zstd", data=np.array(["a", "b"], object), chunks=(2,), dtype=h5py.string_dtype(), **hdf5plugin.Zstd())
        nbit = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        nbit.set_chunk((8, 100))
        nbit.set_filter(h5py.h5z.FILTER_NBIT, h5py.h5z.FLAG_OPTIONAL, ())
        h5py.h5d.create(f.id, b"nbit", h5py.h5t.STD_I32LE, h5py.h5s.create_simple((8, 100)), nbit).write(
            h5py.h5s.ALL, h5py.h5s.ALL, data)
    with h5("masks.h5") as f:
        shuffled = lambda chunk: np.frombuffer(chunk.tobytes(), "u1").reshape(-1, 4).T.tobytes()
        plain = np.ascontiguousarray(data[:4, :50])
        mixed = f.create_dataset("mixed", data=data, chunks=(4, 50), compression="gzip", shuffle=True)
        mixed.id.write_direct_chunk((0, 0), shuffled(plain), filter_mask=0b10)
        both = f.create_dataset("mixed_both", data=data, chunks=(4, 50), compression="gzip", shuffle=True)
        both.id.write_direct_chunk((0, 0), plain.tobytes(), filter_mask=0b11)
        same = f.create_dataset("all_without_deflate", data=data, chunks=(8, 100), compression="gzip", shuffle=True)
        same.id.write_direct_chunk((0, 0), shuffled(np.ascontiguousarray(data)), filter_mask=0b10)


def attributes():
    with h5("attributes.h5", track_order=True) as f:
        v = f.create_dataset("v", data=ramp((2, 2)))
        for order in "<>":
            for kind in NUMBERS[:8] + ["f4", "f8"]:
                name = ("le_" if order == "<" else "be_") + kind
                v.attrs.create(name, np.array([1, 2], order + kind))
                v.attrs.create(name + "_one", np.array(7, order + kind), dtype=order + kind)
        v.attrs["half"] = np.array([0.5, -2], "f2")
        v.attrs["nan"] = np.array([np.nan, np.inf, -np.inf])
        v.attrs["nan_f4"] = np.float32(np.nan)
        v.attrs["text"] = "Grüße"
        v.attrs["texts"] = ["a", "", "ö"]
        v.attrs.create("fixed", np.bytes_(b"fixed"))
        v.attrs.create("fixed_padded", np.array(b"pad", "S10"))
        v.attrs.create("fixed_array", np.array([b"one", b"three"], "S5"))
        v.attrs["empty_text"] = ""
        v.attrs["empty_fixed"] = h5py.Empty("S1")
        v.attrs["empty_numbers"] = h5py.Empty("f4")
        v.attrs["bool"] = True
        v.attrs.create("enum", 1, dtype=h5py.enum_dtype({"x": 0, "y": 1}, "i2"))
        v.attrs.create("latin1", np.bytes_("Grüße".encode("latin-1")))
        v.attrs["compound"] = np.zeros(1, [("a", "i4")])
        v.attrs["reference"] = v.ref
        v.attrs.create("vlen", [np.array([1, 2], "i4"), np.array([3], "i4")], shape=(2,), dtype=h5py.vlen_dtype("i4"))
        v.attrs["größe"] = 1
        f.attrs["Conventions"] = "CF-1.10"
        f.create_group("größen").create_dataset("température", data=np.zeros((2, 2), "f4"))


def netcdf():
    with netCDF4.Dataset(OUT / "model.nc", "w") as f:
        f.title = "all of netCDF-4's ways"
        f.createDimension("time", None)
        f.createDimension("zero_unlimited", None)
        f.createDimension("lat", 3)
        f.createDimension("lon", 4)
        f.createDimension("nv", 2)
        f.createDimension("x", 3)
        time = f.createVariable("time", "f8", ("time",))
        time.units, time.bounds = "days since 2000-01-01", "time_bnds"
        time[:] = np.arange(5) + 0.5
        f.createVariable("time_bnds", "f8", ("time", "nv"))[:] = ramp((5, 2), "f8")
        f.createVariable("lat", "f4", ("lat",))[:] = [10, 20, 30]
        f.createVariable("lon", "f4", ("lon",))[:] = [0, 90, 180, 270]
        tas = f.createVariable("tas", "f4", ("time", "lat", "lon"), zlib=True, fill_value=1e20, chunksizes=(2, 3, 2))
        tas.coordinates, tas.grid_mapping = "lat2d height", "crs"
        tas[:] = ramp((5, 3, 4), "f4")
        short = f.createVariable("short", "i2", ("time", "lat"), fill_value=-1)
        short[0:2] = 1
        f.createVariable("lat2d", "f8", ("lat", "lon"))[:] = ramp((3, 4), "f8")
        f.createVariable("height", "f8")[...] = 2.0
        f.createVariable("crs", "i4").grid_mapping_name = "latitude_longitude"
        f.createVariable("nothing", "f4", ("zero_unlimited", "lat"))
        f.createVariable("x", "f4", ("x", "nv"))[:] = ramp((3, 2), "f4")
        f.createVariable("on_x", "i4", ("x",))[:] = [1, 2, 3]
        f.createVariable("name", "S1", ("lat", "nv"))[:] = np.array([[b"a", b"b"], [b"c", b"d"], [b"e", b"f"]])
        f.createVariable("station", str, ("lat",))[:] = np.array(["Köln", "", "c"], object)
        f.createVariable("growing_text", str, ("time",))[0:2] = np.array(["a", "b"], object)
        enum = f.createEnumType("u1", "cloud_t", {"clear": 0, "cloudy": 1, "missing": 255})
        f.createVariable("cloud", enum, ("lat",), fill_value=255)[:] = [0, 1, 0]
        inner = f.createGroup("forecast")
        inner.institute = "inner"
        inner.createDimension("lon", 2)
        inner.createVariable("lon", "f4", ("lon",))[:] = [1, 2]
        inner.createVariable("pr", "f8", ("time", "lat", "lon"))[:] = ramp((5, 3, 2), "f8")
        inner.createGroup("deep").createVariable("q", "i8", ("lat", "nv"))[:] = ramp((3, 2), "i8")
    with netCDF4.Dataset(OUT / "classic_model.nc", "w", format="NETCDF4_CLASSIC") as f:
        f.createDimension("time", None)
        f.createDimension("y", 2)
        f.createVariable("v", "i4", ("time", "y"))[:] = ramp((3, 2))
    with h5("phony.h5", track_order=True) as f:
        f.create_dataset("a", data=ramp((3, 4)))
        f.create_dataset("b", data=ramp((4, 4)))
        f.create_dataset("c", data=ramp((3, 5)), maxshape=(None, 5), chunks=(1, 5))
        f.create_group("g").create_dataset("d", data=ramp((3, 7)))
    with h5("scales.h5", track_order=True) as f:
        f["lat"] = ramp(3, "f4")
        f["lat"].make_scale("latitude")
        f["v"] = ramp((3, 4))
        f["v"].dims[0].attach_scale(f["lat"])


def number(value):
    value = np.asarray(value)
    value = value.astype("i1") if value.dtype.kind == "b" else value
    kind = value.dtype.kind
    items = [str(x) if kind == "f" and not np.isfinite(x) else x.item() for x in value.ravel()]
    return {"type": {"i": "I", "u": "U", "f": "F"}[kind] + str(value.dtype.itemsize * 8), "values": items}


def attribute(value):
    if isinstance(value, h5py.Empty):
        return {"text": ""} if value.dtype.kind in "SO" else number(np.zeros(0, value.dtype))
    if isinstance(value, (str, bytes, np.bytes_)):
        return {"text": value if isinstance(value, str) else value.decode("utf-8", "replace")}
    value = np.asarray(value)
    if value.dtype.kind in "SO":
        texts = [x if isinstance(x, str) else x.decode("utf-8", "replace") for x in value.ravel()]
        # A list of one text is that text, as netCDF4 shows it.
        return {"texts": texts} if len(texts) > 1 else {"text": "".join(texts)}
    return number(value.astype("f4") if value.dtype == "f2" else value)


HIDDEN = {"CLASS", "NAME", "REFERENCE_LIST", "DIMENSION_LIST", "_NCProperties", "_Netcdf4Coordinates", "_Netcdf4Dimid", "_nc3_strict"}


def h5_attributes(node):
    found = {}
    for name in node.attrs:
        kind = node.attrs.get_id(name).get_type()
        kind = kind.get_super() if isinstance(kind, h5py.h5t.TypeEnumID) else kind
        if name not in HIDDEN and isinstance(kind, (h5py.h5t.TypeStringID, h5py.h5t.TypeIntegerID, h5py.h5t.TypeFloatID, h5py.h5t.TypeBitfieldID)):
            found[name] = attribute(node.attrs[name])
    return found


def values(dataset):
    data = dataset[()]
    if h5py.check_string_dtype(dataset.dtype) and h5py.check_string_dtype(dataset.dtype).length is None:
        texts = [t if isinstance(t, bytes) else t.encode() for t in np.asarray(data, object).ravel()]
        return b"".join([np.uint32(len(texts)).tobytes()] + [np.uint32(len(t)).tobytes() + t for t in texts])
    data = np.asarray(data)
    return data.astype(data.dtype.newbyteorder("<")).tobytes()


def describe(dataset):
    """What h5py reads of a dataset."""
    found = {"shape": list(dataset.shape), "attributes": h5_attributes(dataset)}
    try:
        found["sha256"] = hashlib.sha256(values(dataset)).hexdigest()
    except (OSError, ValueError, TypeError) as error:
        found["unreadable"] = str(error)
    if dataset.chunks:
        chunks = []
        dataset.id.chunk_iter(lambda c: chunks.append([list(c.chunk_offset), c.byte_offset, c.size, c.filter_mask]))
        found["chunk_shape"] = list(dataset.chunks)
        found["chunks"] = sorted(chunks)
    elif dataset.id.get_offset() is not None:
        found["offset"] = dataset.id.get_offset()
    return found


def netcdf_view(path):
    """Dimensions as netCDF-C names them, by path of the variable; none where it cannot open the file."""
    if DESCRIBE_ONLY and path.suffix in (".h5", ".hdf5"):
        return None  # Odd files crash netCDF-C.
    try:
        file = netCDF4.Dataset(path)
    except (OSError, RuntimeError, AttributeError, KeyError):
        return None
    view, unlimited = {}, []

    def group(g, prefix):
        unlimited.extend(prefix + d.name for d in g.dimensions.values() if d.isunlimited())
        for v in g.variables.values():
            v.set_auto_maskandscale(False)
            view[prefix + v.name] = {"dimensions": list(v.dimensions), "shape": list(v.shape)}
            try:
                data = np.asarray(v[...])
                if data.dtype.kind in "iuf":
                    little = np.asarray(data).astype(data.dtype.newbyteorder("<"))
                    view[prefix + v.name]["sha256"] = hashlib.sha256(little.tobytes()).hexdigest()
            except (OSError, RuntimeError, ValueError, IndexError):
                pass
        for inner in g.groups.values():
            group(inner, f"{prefix}{inner.name}/")

    with file:
        group(file, "")
    return {"variables": view, "unlimited": sorted(unlimited)}


def main():
    if not DESCRIBE_ONLY:
        OUT.mkdir(parents=True, exist_ok=True)
        for old in OUT.glob("*.*"):
            old.unlink()
        for make in [types, indexes, layouts, filters, attributes, netcdf]:
            make()
    expected = {}
    for path in sorted(p for p in OUT.glob("*.*") if p.suffix != ".json"):
        with h5py.File(path) as f:
            found, groups = {}, {"": h5_attributes(f)}

            def visit(g, prefix, seen):
                for name in g:
                    try:
                        link = g.get(name, getlink=True)
                    except TypeError:  # a class of links that an application defined
                        continue
                    if isinstance(link, h5py.ExternalLink) or g.get(name) is None:
                        continue
                    node = g[name]
                    if isinstance(node, h5py.Dataset) and node.shape is not None and not node.is_virtual and not node.external:
                        found[prefix + name] = describe(node)
                    elif isinstance(node, h5py.Group) and node.id not in seen and isinstance(link, h5py.HardLink):
                        groups[prefix + name] = h5_attributes(node)
                        visit(node, f"{prefix}{name}/", seen + [node.id])

            visit(f, "", [f["/"].id])
        expected[path.name] = {"datasets": found, "groups": groups, "netcdf": netcdf_view(path)}
    (OUT / "expected.json").write_text(json.dumps(expected, ensure_ascii=False, indent=None, separators=(",", ":")))


main()
