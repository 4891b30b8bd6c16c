"""Sources behind URLs: Zarr stores and kerchunk references over HTTP and S3, and servers in a chain.

Ground truth is xarray on the same files, locally and without us.
"""

import json
import shutil
import subprocess

import kerchunk.hdf
import numpy as np
import pytest
import requests
import xarray as xr

from harness import samples, server
from harness.compare import same_values
from harness.paths import binary
from harness.remote import S3, Static

KINDS = ["serve", "two-process"]


@pytest.fixture
def static(tmp_path):
    (tmp_path / "web").mkdir()
    running = Static(tmp_path / "web")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def s3(tmp_path_factory):
    running = S3(tmp_path_factory.mktemp("s3") / "moto.log")
    yield running
    running.stop()


def config(*prefixes: str, more: str = "") -> str:
    return f"[remote]\nprefixes = {json.dumps(prefixes)}\nstall_seconds = 5\n{more}"


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


def raw(url: str, key: str) -> requests.Response:
    return requests.get(f"{url}/{key}", timeout=60)


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
def test_references_over_http_with_relative_targets(kind, start, static, tmp_path):
    source = samples.NEMO[0]
    (tmp_path / "web/data").mkdir()
    shutil.copyfile(source, tmp_path / "web/data/nemo.nc")
    references = kerchunk.hdf.SingleHdf5ToZarr(str(source), inline_threshold=100).translate()
    for reference in references["refs"].values():
        if isinstance(reference, list):
            reference[0] = "data/nemo.nc"
    (tmp_path / "web/nemo.json").write_text(json.dumps(references))
    system = start(kind, config=config(static.url))
    system.register("nemo", f"{static.url}/nemo.json")
    with xr.open_dataset(source, decode_times=False) as truth, \
            xr.open_dataset(system.kerchunk("nemo"), engine="zarr", decode_times=False) as ours:
        for name in truth.data_vars:
            same_values(ours[name].values, truth[name].values)
    assert any(path == "/data/nemo.nc" for _, path, _ in static.asked)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("zarr_format, consolidated", [(2, True), (3, True), (2, False), (3, False)])
def test_a_zarr_store_on_s3(kind, zarr_format, consolidated, start, s3, tmp_path):
    name = f"{kind}-{zarr_format}-{consolidated}"
    truth = store(tmp_path / "store", zarr_format, consolidated=consolidated)
    s3.upload(tmp_path / "store", f"{name}/store")
    access = f'[remote.access.moto]\nprefix = "s3://bucket"\nendpoint = "{s3.url}"\nallow_http = true\n' \
        f'access_key_id = "{s3.KEY}"\nsecret_access_key = "{s3.SECRET}"\n'
    system = start(kind, config=config(f"s3://bucket/{name}", more=access))
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
