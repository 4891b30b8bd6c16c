"""Sources behind URLs: Zarr stores and kerchunk references over HTTP and S3, and servers in a chain.

Ground truth is xarray on the same files, locally and without us.
"""

import json
import os
import pathlib
import shutil
import subprocess

import fsspec
import netCDF4
import numpy as np
import pytest
import requests
import xarray as xr
import zarr.storage

from harness import samples, server
from harness.compare import same_values
from harness.paths import binary
from harness.references import references_of, write_set
from harness.remote import S3, config, raw

KINDS = ["serve", "two-process"]


@pytest.fixture(scope="module")
def s3(tmp_path_factory):
    running = S3(tmp_path_factory.mktemp("s3") / "moto.log")
    yield running
    running.stop()


def access(s3: S3) -> str:
    return f'[remote.access.moto]\nprefix = "s3://bucket"\nendpoint = "{s3.url}"\nallow_http = true\n' \
        f'access_key_id = "{s3.KEY}"\nsecret_access_key = "{s3.SECRET}"\n'


def dataset() -> xr.Dataset:
    rng = np.random.default_rng(1)
    values = rng.normal(280, 10, (4, 6, 8)).astype("f4")
    values[2:] = np.nan
    return xr.Dataset(
        {"tas": (("time", "y", "x"), values, {"units": "K"})},
        {"time": ("time", np.arange("2000-01-01", "2000-01-05", dtype="M8[D]").astype("M8[ns]")),
         "y": ("y", np.arange(6.0)), "x": ("x", np.arange(8.0))},
    )


def store(path, zarr_format: int, **options) -> xr.Dataset:
    """Writes a store whose last chunks are missing."""
    ds = dataset()
    encoding = {"tas": {"chunks": (2, 6, 8)}}
    ds.to_zarr(path, zarr_format=zarr_format, encoding=encoding, write_empty_chunks=False, **options)
    return ds.load()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_zarr_store_over_http(kind, zarr_format, start, static, tmp_path, allowed_log):
    allowed_log.append("CorruptData|Unavailable|DeadlineExceeded|Conflict")
    path = tmp_path / "web" / "store.zarr"
    truth = store(path, zarr_format, consolidated=True)
    system = start(kind, config=config(static.url))
    system.register("remote", f"{static.url}/store.zarr")
    with xr.open_dataset(system.kerchunk("remote"), engine="zarr", zarr_format=zarr_format) as ours:
        xr.testing.assert_identical(ours.load().drop_attrs(), truth.drop_attrs())
    first, last = ("tas/0.0.0", "tas/1.0.0") if zarr_format == 2 else ("tas/c/0/0/0", "tas/c/1/0/0")
    chunk = raw(system.kerchunk("remote"), first)
    assert chunk.content == (path / first).read_bytes()
    part = requests.get(f"{system.kerchunk('remote')}/{first}", headers={"Range": "bytes=3-9"})
    assert (part.status_code, part.content) == (206, chunk.content[3:10])
    head = requests.head(f"{system.kerchunk('remote')}/{first}")
    assert (head.status_code, head.headers["Content-Length"]) == (200, str(len(chunk.content)))
    assert raw(system.kerchunk("remote"), last).status_code == 404, "missing at the source, missing here"

    static.special[f"/store.zarr/{first}"] = (200, {"Content-Type": "text/html"}, b"<html>")
    assert raw(system.kerchunk("remote"), first).status_code == 502
    static.special[f"/store.zarr/{first}"] = (302, {"Location": "http://127.0.0.1:1/"}, b"")
    assert raw(system.kerchunk("remote"), first).status_code == 502
    static.special.clear()
    static.stop()
    assert raw(system.kerchunk("remote"), first).status_code == 503, "never a 404"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("zarr_format", [2, 3])
def test_missing_chunks_of_a_store_with_consolidated_metadata_only(kind, zarr_format, start, static, tmp_path, allowed_log):
    allowed_log.append("Conflict|Unavailable")
    path = tmp_path / "web/store.zarr"
    values = np.full((9, 40), np.nan, "f4")
    values[0] = 1
    written = xr.Dataset({"tas": (("time", "x"), values), "pr": (("time", "x"), values)})
    encoding = {name: {"chunks": (1, 40)} for name in written}
    written.to_zarr(path, zarr_format=zarr_format, encoding=encoding, write_empty_chunks=False, consolidated=True)
    for own in (".zarray", ".zattrs") if zarr_format == 2 else ("zarr.json",):
        (path / "tas" / own).unlink()
    document = path / (".zmetadata" if zarr_format == 2 else "zarr.json")
    system = start(kind, config=config(static.url))
    system.register("remote", f"{static.url}/store.zarr")
    url, status = system.kerchunk("remote"), document.stat()

    def chunk(number: int, name: str = "tas") -> int:
        return raw(url, f"{name}/{number}.0" if zarr_format == 2 else f"{name}/c/{number}/0").status_code

    # Each number once: what was missing is remembered for a while.
    assert [chunk(0), chunk(1), chunk(9)] == [200, 404, 404]
    with xr.open_dataset(url, engine="zarr", zarr_format=zarr_format) as ours:
        same_values(ours.tas.isel(time=slice(2)).values, values[:2])
    document.rename(path / "away")
    assert chunk(2) == 409, "the store is gone"
    (path / "away").rename(document)
    os.utime(document, (4e9, 4e9))
    assert chunk(3) == 409, "it is another store"
    os.utime(document, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert chunk(4) == 404
    assert chunk(5, "pr") == 404
    (path / "pr" / (".zarray" if zarr_format == 2 else "zarr.json")).unlink()
    assert chunk(6, "pr") == 409, "this array had a document of its own"
    static.special["*"] = (404, {}, b"")
    assert chunk(7) == 409
    static.special.clear()
    static.stop()
    assert chunk(8) == 503


@pytest.mark.parametrize("kind", KINDS)
def test_references_over_http_with_relative_targets(kind, start, static, tmp_path):
    source = samples.NEMO[0]
    (tmp_path / "web/data").mkdir()
    shutil.copyfile(source, tmp_path / "web/data/nemo.nc")
    references = references_of(source, "data/nemo.nc", inline_below=100)
    (tmp_path / "web/nemo.json").write_text(json.dumps({"version": 1, "refs": references}))
    system = start(kind, config=config(static.url))
    system.register("nemo", f"{static.url}/nemo.json")
    with xr.open_dataset(source, decode_times=False) as truth, \
            xr.open_dataset(system.kerchunk("nemo"), engine="zarr", decode_times=False) as ours:
        for name in truth.data_vars:
            same_values(ours[name].values, truth[name].values)
    assert any(path == "/data/nemo.nc" for _, path, _ in static.asked)


def netcdf(path, first: int = 0) -> pathlib.Path:
    """A file of twelve chunks of `tas`, two of which are not there, and a small variable in one piece."""
    rng = np.random.default_rng(2 + first)
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("time", 12)
        file.createDimension("y", 6)
        file.createDimension("x", 8)
        time = file.createVariable("time", "f8", ("time",))
        time.units = "days since 2000-01-01"
        time[:] = first + np.arange(12.0)
        tas = file.createVariable("tas", "f4", ("time", "y", "x"), chunksizes=(1, 6, 8), zlib=True, fill_value=-1.0)
        for step in set(range(12)) - {5, 7}:
            tas[step] = rng.normal(280, 10, (6, 8))
        file.createVariable("area", "f4", ("y", "x"))[:] = rng.normal(1, 0.1, (6, 8))
    return path


def over_fsspec(url: str, **options) -> xr.Dataset:
    """What xarray and fsspec read of a set, without us."""
    filesystem = fsspec.filesystem("reference", fo=url, remote_protocol="http", asynchronous=True,
                                   target_options={"asynchronous": False}, remote_options={"asynchronous": True})
    # pandas 3 gives fsspec NaN for null, which it takes for a value.
    filesystem.references.setup()
    read = filesystem.references.open_refs
    filesystem.references.open_refs = lambda field, record: {
        name: [None if value != value else value for value in column] for name, column in read(field, record).items()}
    store = zarr.storage.FsspecStore(filesystem, read_only=True, path="")
    with xr.open_dataset(store, engine="zarr", zarr_format=2, consolidated=False, **options) as dataset:
        return dataset.load()


def records_asked_for(static) -> set:
    return {path for command, path, _ in static.asked if command == "GET" and path.endswith(".parq")}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("engine", ["fastparquet", "pyarrow"])
def test_parquet_records_over_http_are_read_when_they_are_wanted(kind, engine, start, static, tmp_path):
    web = tmp_path / "web"
    source = netcdf(web / "tas.nc")
    references = references_of(source, f"{static.url}/tas.nc", inline_below=100)
    assert "tas/5.0.0" not in references and isinstance(references["time/0"], (str, bytes))
    write_set(web / "refs/set.parq", references, record_size=4, engine=engine)
    system = start(kind, config=config(static.url))
    system.register("set", f"{static.url}/refs/set.parq")
    sampled = {f"/refs/set.parq/{name}" for name in (
        "time/refs.0.parq", "area/refs.0.parq", "tas/refs.0.parq", "tas/refs.2.parq")}
    assert records_asked_for(static) == sampled, "coordinates, and the first and last record of all else"
    static.asked.clear()
    url = system.kerchunk("set")
    assert raw(url, "tas/9.0.0").status_code == 200
    assert raw(url, "tas/5.0.0").status_code == 404, "missing in the file, missing here"
    assert records_asked_for(static) == {"/refs/set.parq/tas/refs.1.parq", "/refs/set.parq/tas/refs.2.parq"}
    before = len(static.asked)
    assert [raw(url, f"tas/{n}.0.0").status_code for n in (8, 9, 10, 11)] == [200] * 4
    assert not any(path.endswith(".parq") for _, path, _ in static.asked[before:]), "each record once"
    raw_options = {"decode_times": False, "mask_and_scale": False}
    with xr.open_dataset(url, engine="zarr", **raw_options) as ours, xr.open_dataset(source, **raw_options) as truth:
        theirs = over_fsspec(f"{static.url}/refs/set.parq", **raw_options)
        for name in truth.variables:
            same_values(ours[name].values, truth[name].values)
            same_values(ours[name].values, theirs[name].values)
            assert ours[name].dims == theirs[name].dims
        assert ours.time.attrs["units"] == truth.time.attrs["units"]


@pytest.mark.parametrize("kind", KINDS)
def test_parquet_records_with_relative_targets(kind, start, static, tmp_path):
    web = tmp_path / "web"
    (web / "nc").mkdir()
    source = netcdf(web / "nc/tas.nc")
    for name, target in {"beside": "tas.nc", "above": "../nc/tas.nc"}.items():
        place = web / ("nc" if name == "beside" else "refs") / f"{name}.parq"
        write_set(place, references_of(source, target), record_size=4)
        system = start(kind, config=config(static.url))
        system.register(name, f"{static.url}/{place.relative_to(web)}")
        with xr.open_dataset(source) as truth, xr.open_dataset(system.kerchunk(name), engine="zarr") as ours:
            for variable in truth.variables:
                same_values(ours[variable].values, truth[variable].values)


@pytest.mark.parametrize("kind", KINDS)
def test_sets_of_parquet_records_are_joined(kind, start, static, tmp_path):
    web, urls, files = tmp_path / "web", [], []
    for first in (0, 12):
        files.append(netcdf(web / f"tas{first}.nc", first))
        write_set(web / f"{first}.parq", references_of(files[-1], f"tas{first}.nc", inline_below=100), record_size=4)
        urls.append(f"{static.url}/{first}.parq")
    system = start(kind, config=config(static.url))
    system.register("joined", *reversed(urls))
    with xr.open_mfdataset(files, data_vars="minimal", coords="minimal", compat="override") as truth, \
            xr.open_dataset(system.kerchunk("joined"), engine="zarr") as ours:
        assert dict(ours.sizes) == dict(truth.sizes)
        for name in ("tas", "time"):
            same_values(ours[name].values, truth[name].values)


@pytest.mark.parametrize("kind", KINDS)
def test_parquet_records_that_change_or_go_are_never_missing_chunks(kind, start, static, tmp_path, allowed_log):
    allowed_log.append("CorruptData|Unavailable|Conflict|Offline")
    web = tmp_path / "web"
    source = netcdf(web / "tas.nc")
    references = references_of(source, "tas.nc")
    for step in (0, 1, 2, 3):
        del references[f"tas/{step}.0.0"]
    place = write_set(web / "set.parq", references, record_size=4)
    assert not (place / "tas/refs.0.parq").exists()
    system = start(kind, config=config(static.url))
    assert "1 of 3 records are not there" in system.register("set", f"{static.url}/set.parq")
    url = system.kerchunk("set")
    record = place / "tas/refs.1.parq"
    whole = record.read_bytes()

    record.unlink()
    assert raw(url, "tas/4.0.0").status_code == 409, "gone since it was registered"
    record.write_bytes(whole[: len(whole) // 2])
    os.utime(record, (0, 0))
    assert raw(url, "tas/4.0.0").status_code == 502
    static.special["/set.parq/tas/refs.1.parq"] = (503, {"Retry-After": "600"}, b"")
    answer = raw(url, "tas/4.0.0")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "600")
    static.special.clear()
    record.write_bytes(whole)
    os.utime(record, (4e9, 4e9))
    assert raw(url, "tas/4.0.0").status_code == 409, "younger than the registration"
    os.utime(record, (0, 0))
    assert raw(url, "tas/4.0.0").status_code == 200, "it is again what it was"

    (place / ".zmetadata").rename(place / "away")
    assert raw(url, "tas/0.0.0").status_code == 409, "a set that is gone has no missing chunks"
    (place / "away").rename(place / ".zmetadata")
    assert raw(url, "tas/0.0.0").status_code == 404, "was never there"
    static.stop()
    assert raw(url, "tas/8.0.0").status_code == 503


def test_parquet_records_lead_only_where_it_is_allowed(start, static, tmp_path, allowed_log, data):
    allowed_log.append("Forbidden|outside|paths")
    web = tmp_path / "web"
    (web / "open").mkdir()
    source = netcdf(web / "open/tas.nc")
    shutil.copyfile(source, data / "tas.nc")
    targets = {"local": str(data / "tas.nc"), "file": f"file://{data}/tas.nc", "passwd": "/etc/passwd",
               "metadata": "http://169.254.169.254/latest", "above": "../../secret", "sibling": f"{static.url}/secret"}
    system = start("serve", config=config(f"{static.url}/open"))
    for name, target in targets.items():
        references = {key: value for key, value in references_of(source, target, inline_below=100).items()
                      if not key.startswith("area")}
        write_set(web / f"open/{name}.parq", references, record_size=4)
        done = system.command("register", name, f"{static.url}/open/{name}.parq")
        assert done.returncode == 1, name
        # A record that the registration does not look into is judged when it is read.
        allowed = references_of(source, f"{static.url}/open/tas.nc", inline_below=100)
        allowed["tas/4.0.0"] = [target, *allowed["tas/4.0.0"][1:]]
        write_set(web / f"open/{name}-inside.parq", allowed, record_size=4)
        system.register(f"{name}-inside", f"{static.url}/open/{name}-inside.parq")
        assert raw(system.kerchunk(f"{name}-inside"), "tas/4.0.0").status_code == 403, name
        assert raw(system.kerchunk(f"{name}-inside"), "tas/0.0.0").status_code == 200
    assert not any("secret" in path or "latest" in path for _, path, _ in static.asked)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("zarr_format, consolidated", [(2, True), (3, True), (2, False), (3, False)])
def test_a_zarr_store_on_s3(kind, zarr_format, consolidated, start, s3, tmp_path):
    name = f"{kind}-{zarr_format}-{consolidated}"
    truth = store(tmp_path / "store", zarr_format, consolidated=consolidated)
    s3.upload(tmp_path / "store", f"{name}/store")
    system = start(kind, config=config(f"s3://bucket/{name}", more=access(s3)))
    output = system.register("remote", f"s3://bucket/{name}/store")
    with xr.open_dataset(system.kerchunk("remote"), engine="zarr", zarr_format=zarr_format) as ours:
        xr.testing.assert_identical(ours.load().drop_attrs(), truth.drop_attrs())
    last = "tas/1.0.0" if zarr_format == 2 else "tas/c/1/0/0"
    assert raw(system.kerchunk("remote"), last).status_code == 404
    refused = system.command("register", "other", "s3://bucket/elsewhere/store")
    assert refused.returncode == 1 and "outside the allowed prefixes" in refused.stderr
    logs = "".join(process.log.path.read_text() for process in system.processes)
    for text in (output, refused.stdout, refused.stderr, logs):
        assert s3.SECRET not in text and "Signature" not in text


@pytest.mark.parametrize("kind", KINDS)
def test_parquet_records_on_s3(kind, start, s3, tmp_path):
    source = netcdf(tmp_path / "tas.nc")
    name = f"{kind}-records"
    write_set(tmp_path / "sets/set.parq", references_of(source, f"s3://bucket/{name}/tas.nc", inline_below=100),
              record_size=4)
    s3.upload(tmp_path / "sets", name)
    s3.client.put_object(Bucket="bucket", Key=f"{name}/tas.nc", Body=source.read_bytes())
    system = start(kind, config=config(f"s3://bucket/{name}", more=access(s3)))
    system.register("set", f"s3://bucket/{name}/set.parq")
    with xr.open_dataset(source) as truth, xr.open_dataset(system.kerchunk("set"), engine="zarr") as ours:
        for variable in truth.variables:
            same_values(ours[variable].values, truth[variable].values)


@pytest.mark.parametrize("kind", KINDS)
def test_servers_in_a_chain(kind, start, tmp_path, copy, allowed_log):
    allowed_log.append("Unavailable|Conflict|DeadlineExceeded")
    path = copy(samples.NEMO[0], "nemo.nc")
    near = start(kind)
    near.register("nemo", path)
    far = start(kind, config=config(f"{near.url}/datasets/nemo"))
    far.register("nemo", near.kerchunk("nemo"))
    with xr.open_dataset(path) as truth, xr.open_dataset(far.kerchunk("nemo"), engine="zarr") as ours:
        for name in truth.data_vars:
            same_values(ours[name].values, truth[name].values)
    key = "tos/0.0.0"
    theirs, ours = raw(near.kerchunk("nemo"), key), raw(far.kerchunk("nemo"), key)
    if ours.status_code == 404:
        key = "tos/c/0/0/0"
        theirs, ours = raw(near.kerchunk("nemo"), key), raw(far.kerchunk("nemo"), key)
    assert (ours.status_code, ours.content) == (200, theirs.content)
    assert ours.headers["ETag"] != theirs.headers["ETag"]

    content = path.read_bytes()
    path.write_bytes(content + b"x")
    assert raw(near.kerchunk("nemo"), key).status_code == 409
    assert raw(far.kerchunk("nemo"), key).status_code == 409
    for process in near.processes:
        process.stop()
    assert raw(far.kerchunk("nemo"), key).status_code == 503, "never a 404"


def test_a_tape_behind_a_server(start, static, tmp_path, allowed_log):
    allowed_log.append("Offline")
    store(tmp_path / "web/store.zarr", 2, consolidated=True)
    system = start("serve", config=config(static.url))
    system.register("remote", f"{static.url}/store.zarr")
    static.special["/store.zarr/tas/0.0.0"] = (503, {"Retry-After": "600"}, b"")
    answer = raw(system.kerchunk("remote"), "tas/0.0.0")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "600")


def test_what_is_not_allowed_is_not_asked_for(start, static, tmp_path):
    store(tmp_path / "web/data/store.zarr", 2, consolidated=True)
    document = {".zgroup": '{"zarr_format": 2}', "a/.zattrs": '{"_ARRAY_DIMENSIONS": ["x"]}', "a/.zarray": json.dumps(
        {"zarr_format": 2, "shape": [100000], "chunks": [100000], "dtype": "|u1", "compressor": None, "filters": None,
         "fill_value": 0, "order": "C"})}
    targets = {"passwd": "/etc/passwd", "file": "file:///etc/passwd", "metadata": "http://169.254.169.254/latest",
               "sibling": f"{static.url}/data-secret/x", "above": "../../secret"}
    for name, target in targets.items():
        set_of = {"version": 1, "refs": {**document, "a/0": [target, 0, 1]}}
        (tmp_path / f"web/data/{name}.json").write_text(json.dumps(set_of))
    system = start("serve", config=config(f"{static.url}/data"))
    before = len(static.asked)
    for url in (f"{static.url}/", f"{static.url}/data-secret/x", f"{static.url}/data/../secret",
                f"{static.url}/data/%2e%2e/secret", static.url.replace("127.0.0.1", "127.0.0.1@evil") + "/data/x",
                "http://169.254.169.254/latest", "ftp://127.0.0.1/x", "s3://bucket/x"):
        assert system.command("register", "no", url).returncode == 1, url
    assert len(static.asked) == before, "nobody was asked"
    for name in targets:
        done = system.command("register", "no", f"{static.url}/data/{name}.json")
        assert done.returncode == 1, f"{name}: {done.stdout}{done.stderr}"
    assert not any("secret" in path for _, path, _ in static.asked)
    system.register("yes", f"{static.url}/data/store.zarr")


def test_remote_files_that_are_no_stores_are_refused_with_advice(start, static, tmp_path, allowed_log):
    allowed_log.append("Unsupported|CorruptData")
    shutil.copyfile(samples.NEMO[0], tmp_path / "web/nemo.nc")
    (tmp_path / "web/broken.json").write_text("{")
    system = start("serve", config=config(static.url))
    for name, says in (("nemo.nc", "kerchunk"), ("absent.zarr", "no Zarr store"), ("broken.json", "")):
        done = system.command("register", "no", f"{static.url}/{name}")
        assert done.returncode == 1 and says in done.stderr, done.stderr


def test_the_configuration_is_printed_without_secrets(tmp_path):
    path = tmp_path / "cloudify.toml"
    path.write_text(config("s3://bucket/", more='[remote.access.a]\nprefix = "s3://bucket/"\naccess_key_id = "id-xyz"\n'))
    variables = server.environment(CLOUDIFY_REMOTE__ACCESS__A__SECRET_ACCESS_KEY="hush-hush")
    done = subprocess.run([binary(), "config", "--config", path], env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "(hidden)" in done.stdout and "hush-hush" not in done.stdout + done.stderr and "id-xyz" not in done.stdout
