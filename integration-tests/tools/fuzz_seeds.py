"""Writes what a fuzz target begins with. Usage: fuzz_seeds.py TARGET DIRECTORY DATA…

Files of the test data where the target takes files, and short texts where it takes texts. Prints the length beyond which
the target need not go, for libFuzzer's -max_len. Seeds are named by their content: writing them again changes nothing.
"""

import hashlib
import json
import struct
import sys
from pathlib import Path

V2 = {"zarr_format": 2, "shape": [8, 10], "chunks": [4, 5], "dtype": "<f4", "order": "C", "fill_value": 0.0,
      "filters": None, "compressor": None}
V3 = {"zarr_format": 3, "node_type": "array", "shape": [8, 10], "data_type": "float32", "fill_value": "NaN",
      "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [4, 4]}}, "attributes": {},
      "chunk_key_encoding": {"name": "default"}}
BYTES = {"name": "bytes", "configuration": {"endian": "little"}}
SHARDS = {"name": "sharding_indexed", "configuration": {
    "chunk_shape": [2, 2], "codecs": [BYTES, {"name": "zstd", "configuration": {"level": 1, "checksum": False}}],
    "index_codecs": [BYTES, {"name": "crc32c"}], "index_location": "end"}}
COMPRESSORS = [
    {"id": "zlib", "level": 1}, {"id": "gzip", "level": 1}, {"id": "bz2", "level": 1}, {"id": "zstd", "level": 1},
    {"id": "lz4", "acceleration": 1}, {"id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": 2, "blocksize": 0},
    {"id": "blosc", "cname": "zstd", "clevel": 5, "shuffle": 1, "blocksize": 0}, {"id": "crc32"}, {"id": "adler32"},
    {"id": "imagecodecs_lz4h5"}, {"id": "imagecodecs_szip", "options_mask": 32, "pixels_per_block": 8,
                                  "bits_per_pixel": 16, "pixels_per_scanline": 20}]
FILTERS = [
    {"id": "shuffle", "elementsize": 4}, {"id": "fletcher32"}, {"id": "delta", "dtype": "<f4"},
    {"id": "fixedscaleoffset", "scale": 10, "offset": 1, "dtype": "<f4", "astype": "<i2"},
    {"id": "quantize", "digits": 2, "dtype": "<f4"}, {"id": "bitround", "keepbits": 5}, {"id": "pcodec", "level": 8},
    {"id": "packbits"}, {"id": "astype", "encode_dtype": "<f4", "decode_dtype": "<f8"}]
CODECS = [
    [BYTES], [SHARDS], [BYTES, "crc32c"], [BYTES, {"name": "gzip", "configuration": {"level": 1}}],
    [{"name": "transpose", "configuration": {"order": [1, 0]}}, BYTES],
    [BYTES, {"name": "blosc", "configuration": {"cname": "lz4", "clevel": 5, "shuffle": "bitshuffle", "typesize": 4,
                                                "blocksize": 0}}],
    [{"name": "numcodecs.pcodec", "configuration": {"level": 8}}], ["vlen-utf8"], ["packbits"]]
INTAKE = """plugins: {source: [{module: intake_xarray}]}
sources:
  a: {driver: zarr, args: {consolidated: false, urlpath: 'reference::/pool/a.parq'}}
  b:
    driver: [netcdf]
    parameters: {year: {type: int, default: 1950, allowed: [1950, 1951]}}
    args: {urlpath: ['{{ CATALOG_DIR }}/{{year}}/*.nc', 'file:///pool/{month:02d}.nc'], chunks: auto}
  c: &c {driver: yaml_file_cat, args: {path: '{{CATALOG_DIR}}/sub.yaml'}}
  d: *c
"""
STAC = {"type": "Collection", "stac_version": "1.0.0", "id": "runs", "links": [
    {"rel": "item", "href": "./a.json"}], "assets": {"all": {"href": "/pool/*.nc", "type": "application/netcdf"}}}
DOCUMENT = {"format": 1, "groups": [{"path": "", "attributes": [{"name": "t", "type": "text", "value": "run 7"}]}],
            "variables": [{"path": "tas", "dimensions": ["time"], "data_type": "f4", "byte_order": "little",
                           "shape": [12], "chunk_shape": [1], "fill_value": "7A14Fg==",
                           "codecs": [{"shuffle": {"element_size": 4}}, {"deflate": {"level": 4}}],
                           "attributes": [{"name": "valid_max", "type": "f4", "value": [330.5]}]}]}
REFERENCES = {
    "version": 1, "templates": {"u": "host/x", "f": "{{c}}"},
    "gen": [{"key": "v/{{i}}", "url": "http://{{u}}_{{i}}", "offset": "{{(i + 1) * 1000}}", "length": "1000",
             "dimensions": {"i": {"stop": 5}}}],
    "refs": {".zgroup": '{"zarr_format": 2}', "v/.zarray": json.dumps(V2), "w/0": "base64:AAAA",
             "w/1": ["http://{{f(c='text')}}", 10000, 100], "w/2": ["http://target"]}}
EXPRESSIONS = ["i", "(i + 1) * -3 // 2 % 4", "f(c='a')", "f(c=f(c=i))", "u", "''", '"x"']
ANSWERS = [
    b"Content-Length: 4\r\n\r\nbody", b"Content-Length: 9\r\n\r\nbody", b"\r\nbody",
    b"Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n", b"Retry-After: 120\r\nContent-Length: 0\r\n\r\n",
    b"Retry-After: Sun, 06 Nov 2094 08:49:37 GMT\r\n\r\n", b"Date: Sun, 06 Nov 2094 08:49:37 GMT\r\n\r\n",
    b'ETag: "a"\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 1\r\n\r\nx',
    b"Content-Range: bytes 0-0/4\r\nContent-Length: 1\r\n\r\nb", b"Content-Encoding: gzip\r\n\r\n",
    b"Content-Type: text/html\r\n\r\n<html>", b"Location: http://127.0.0.1/\r\n\r\n"]
HEADERS = ["bytes=0-3", "bytes=-5", 'W/"a1"', '"a1"', "Sun, 06 Nov 1994 08:49:37 GMT",
           "Sun, 06 Nov 2094 08:49:37 GMT", "gzip;q=0.5, br;q=1.0, *;q=0"]
URLS = ["https://h/data/a%20b/c.nc", "HTTPS://H:443/data/x", "s3://bucket/data/a", "https://h/data/../x",
        "https://h/data/%2e%2e/x", "https://u@h/data", "https://h/data?x#y"]
UNITS = ["days since 1850-01-01", "hours since 1970-1-1 00:00:00.5 +01:30", "s since 2000-01-01T00:00Z",
         "months since 0001-01-01", "weeks since -4713-11-24 12:00 UTC"]
KEYS = [".zmetadata", "a/.zarray", "a/.zattrs", "a/0.0.1", "b/a/c/0/1", "zarr.json", "a/zarr.json", "a/refs.0.parq"]


def of_v2(changes):
    return json.dumps(V2 | changes).encode()


def of_v3(codecs):
    return json.dumps(V3 | {"codecs": codecs}).encode()


def documents():
    yield from (of_v2({"compressor": codec}) for codec in COMPRESSORS)
    yield from (of_v2({"filters": [codec]}) for codec in FILTERS)
    yield from (of_v2({"dtype": dtype, "fill_value": None}) for dtype in ("|S3", ">i2", "<M8[ns]", "|b1", "<f2"))
    yield of_v2({"fill_value": float("nan"), "order": "F", "dimension_separator": "/", "_ARRAY_DIMENSIONS": ["y", "x"]})
    yield from (of_v3(codecs) for codecs in CODECS)


def files(data, *endings):
    for directory in data:
        found = sorted(path for path in Path(directory).rglob("*") if path.name.endswith(endings) and path.is_file())
        yield from (path.read_bytes() for path in found if path.stat().st_size < 1 << 20)


def chunks(data):
    """Documents, each with a chunk of its array."""
    for directory in data:
        for document in sorted(Path(directory).rglob(".zarray")) + sorted(Path(directory).rglob("zarr.json")):
            files = (path for path in document.parent.rglob("*") if path.is_file() and path.name[0].isdigit())
            for chunk in sorted(files)[:1]:
                yield document.read_bytes() + b"\0" + chunk.read_bytes()
    for document in documents():
        yield document + b"\0" + bytes(80)


def texts(of, joined=b""):
    return lambda data: (joined + text.encode() for text in of)


def answers(data):
    return (bytes([status, version]) + answer for answer in ANSWERS for status in range(16) for version in range(2))


def grib(data):
    return files(data, ".grib", ".grib1", ".grib2", ".grb", ".grb2")


# What each target begins with, and the length of input beyond which it finds nothing new.
TARGETS = {
    "aec_stream": (lambda data: [bytes([8, 0, 0, 0, 1, 0, 2, 0, 0, 0, 1, 8, 0]) + bytes(8)], 1 << 10),
    "catalog_document": (texts([json.dumps(DOCUMENT)]), 4 << 10),
    "catalog_file": (texts([INTAKE, json.dumps(STAC)]), 4 << 10),
    "chunk_codecs": (lambda data: (bytes([codec]) + bytes(40) for codec in range(10)), 1 << 10),
    "grib_scan": (grib, 16 << 10),
    "grib_values": (grib, 16 << 10),
    "grpc_frames": (lambda data: [b"\x03\0\0\0\0\x04\x0a\x02ab\0\0\0\0\0"], 1 << 10),
    "hdf5_scan": (lambda data: files(data, ".h5", ".hdf5", ".nc"), 48 << 10),
    "http_headers": (lambda data: [struct.pack("<Qq", 10, 0) + "\n".join(HEADERS).encode()], 1 << 10),
    "kerchunk_json": (texts([json.dumps(REFERENCES), json.dumps(REFERENCES["refs"])]), 4 << 10),
    "kerchunk_record": (lambda data: files(data, ".parq"), 16 << 10),
    "kerchunk_template": (texts(["{{c}}\0x{{%s}}\0{\"i\": [1, \"a\"]}" % text for text in EXPRESSIONS]), 1 << 10),
    "netcdf3_header": (lambda data: (bytes([{1: 0, 2: 1, 5: 2}[whole[3]]]) + whole[4:]
                                     for whole in files(data, ".nc") if whole[:3] == b"CDF"), 16 << 10),
    "remote_answer": (answers, 1 << 10),
    "remote_url": (texts(URLS), 256),
    "scan_message": (lambda data: [b"\x12\x0b\x12\x09" + json.dumps(DOCUMENT).encode()], 2 << 10),
    "time_units": (texts(UNITS, bytes(17)), 256),
    "zarr_chunk": (chunks, 4 << 10),
    "zarr_document": (lambda data: [*documents(), *files(data, ".zarray", ".zattrs", "zarr.json")], 4 << 10),
    "zarr_key": (texts(KEYS), 256),
    "zarr_shard_index": (lambda data: [bytes([1]) + struct.pack("<QQ", 1, 100) + struct.pack("<QQQQ", 0, 9, 2**64 - 1,
                                                                                          2**64 - 1)], 1 << 10),
    "zarr_zip": (lambda data: files(data, ".zip"), 48 << 10),
}


def main():
    target, directory, data = sys.argv[1], Path(sys.argv[2]), sys.argv[3:]
    seeds, length_max = TARGETS.get(target, (lambda data: [], 4 << 10))
    directory.mkdir(parents=True, exist_ok=True)
    for seed in seeds(data):
        if len(seed) <= length_max:
            (directory / hashlib.sha1(seed).hexdigest()).write_bytes(seed)
    print(length_max)


if __name__ == "__main__":
    main()
