"""kerchunk references as sources: JSON and Parquet, as kerchunk, gribscan and VirtualiZarr write them.

Ground truth is xarray over fsspec's reference filesystem, which reads the same references without us, and the original
files through netCDF4, since kerchunk itself can lose chunks in silence.
"""

import base64
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request

import fsspec
import numpy as np
import pytest
import xarray as xr
import zarr.storage

from harness import samples
from harness.compare import same_values
from harness.paths import SHARED
from harness.references import write_set

REFS = SHARED / "refs"
SETS = sorted(path.name for path in REFS.iterdir()) if REFS.exists() else []
RAW = {"mask_and_scale": False, "decode_times": False}
# kerchunk's codec for GRIB is not gribscan's: its values are not of our making, only its chunks are.
NOT_DECODED = {"t"}

needs_shared = pytest.mark.skipif(not SETS, reason="no reference sets")


def over_fsspec(references, base: pathlib.Path, **options) -> xr.Dataset:
    """What xarray reads through fsspec. fsspec takes relative targets from where the process is: so go there."""
    before = os.getcwd()
    os.chdir(base)
    try:
        filesystem = fsspec.filesystem(
            "reference", fo=references, remote_protocol="file", asynchronous=True,
            remote_options={"asynchronous": True}, simple_templates=False,
        )
        store = zarr.storage.FsspecStore(filesystem, read_only=True, path="")
        with xr.open_dataset(store, engine="zarr", zarr_format=2, consolidated=False, **options) as dataset:
            return dataset.load()
    finally:
        os.chdir(before)


def ours(url: str, **options) -> xr.Dataset:
    return xr.open_dataset(url, engine="zarr", chunks=None, **options)


def get(url: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def same(served: xr.Dataset, truth: xr.Dataset, without=frozenset()) -> None:
    assert set(served.variables) == set(truth.variables)
    for name, variable in truth.variables.items():
        if name in without:
            continue
        assert served[name].dims == variable.dims, name
        same_values(served[name].values, variable.values)
        assert served[name].attrs.get("units") == variable.attrs.get("units"), name


@needs_shared
@pytest.mark.parametrize("name", SETS)
def test_a_set_reads_as_fsspec_reads_it(served, name):
    dataset = "refs." + name.replace(".", "-")
    served.system.register(dataset, REFS / name)
    skipped = NOT_DECODED if "grib2" in name else set()
    # Zarr 3 has no name for kerchunk's codec for GRIB.
    version = {"zarr_format": 2} if skipped else {}
    mine = ours(served.kerchunk(dataset), drop_variables=skipped, **version, **RAW)
    truth = over_fsspec(str(REFS / name), REFS, drop_variables=skipped, **RAW)
    same(mine.load(), truth)


@needs_shared
def test_a_joined_set_has_the_values_of_its_files(served):
    name = "refs.values"
    files = sorted((SHARED / "cmip6").rglob("ta_Amon_AWI-CM-1-1-MR_historical*.nc"))
    for number, references in enumerate(["awi_ta_Amon_65files_templates.json", "awi_ta_Amon_65files.parq"]):
        served.system.register(f"{name}{number}", REFS / references)
        mine = ours(served.kerchunk(f"{name}{number}"))
        with xr.open_mfdataset(files, combine="by_coords", data_vars="minimal") as truth:
            assert dict(mine.sizes) == dict(truth.sizes)
            same_values(mine.ta.values, truth.ta.values)
            same_values(mine.time.values, truth.time.values)


@needs_shared
def test_grib_messages_of_a_set_pass_untouched(served):
    served.system.register("refs.grib", REFS / "gfs_t_pl_grib2.json")
    references = json.loads((REFS / "gfs_t_pl_grib2.json").read_text())["refs"]
    for key in ("t/0.0.0", "t/25.0.0"):
        path, offset, length = references[key]
        bytes_of = (REFS / path).read_bytes()[offset : offset + length]
        assert bytes_of.startswith(b"GRIB")
        assert get(f"{served.kerchunk('refs.grib')}/{key}") == (200, bytes_of)


@pytest.fixture
def simple(tmp_path):
    """A file of known bytes beside which references lie, and an array of four float32 chunks of it."""
    values = np.arange(16, dtype="<f4")
    (tmp_path / "data").mkdir(exist_ok=True)
    (tmp_path / "data" / "values.bin").write_bytes(b"head" + values.tobytes())
    zarray = {"zarr_format": 2, "shape": [16], "chunks": [4], "dtype": "<f4", "compressor": None, "fill_value": None,
              "order": "C", "filters": None}
    documents = {".zgroup": {"zarr_format": 2}, "x/.zarray": json.dumps(zarray),
                 "x/.zattrs": json.dumps({"_ARRAY_DIMENSIONS": ["n"]})}
    return tmp_path / "data", values, documents


def write(folder: pathlib.Path, name: str, document) -> pathlib.Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))
    return path


def chunk(number: int, target: str = "values.bin", size: int = 16) -> list:
    return [target, 4 + 16 * number, size]


@pytest.mark.parametrize("kind", ["serve", "two-process"])
def test_versions_templates_and_generators(start, simple, kind):
    folder, values, documents = simple
    inline = {"x/3": "base64:" + base64.b64encode(values[12:].tobytes()).decode()}
    plain = {f"x/{n}": chunk(n) for n in range(3)}
    sets = {
        "v0": {**documents, **plain, **inline},
        "v1": {"version": 1, "refs": {**documents, **plain, **inline}},
        "absolute": {"version": 1, "refs": {
            **documents, "x/0": chunk(0, str(folder / "values.bin")), "x/1": chunk(1, f"file://{folder}/values.bin"),
            "x/2": chunk(2), **inline}},
        "templates": {"version": 1, "templates": {"u": "values", "f": "{{name}}.bin"}, "refs": {
            **documents, **inline, "x/0": chunk(0, "{{u}}.bin"), "x/1": chunk(1, "{{f(name='values')}}"),
            "x/2": chunk(2)}},
        "sub/generators": {"version": 1, "templates": {"u": "../values"}, "refs": documents, "gen": [
            {"key": "x/{{i}}", "url": "{{u}}.bin", "offset": "{{4 + i * 16}}", "length": "16",
             "dimensions": {"i": {"start": 0, "stop": 4}}}]},
    }
    system = start(kind)
    for name, document in sets.items():
        dataset = name.replace("/", "-")
        system.register(dataset, write(folder, f"{name}.json", document))
        same_values(ours(system.kerchunk(dataset), **RAW).x.values, values)
        truth = over_fsspec(document if "gen" not in document else str(folder / f"{name}.json"),
                            (folder / f"{name}.json").parent, **RAW)
        same_values(truth.x.values, values)


@pytest.mark.parametrize("kind", ["serve", "two-process"])
def test_bad_references_are_errors_and_never_fill_values(start, simple, allowed_log, kind):
    folder, values, documents = simple
    allowed_log.append("past the end|changed|not there|damaged")
    # Two dimensions: no coordinate, so chunks stay where they are.
    documents["x/.zarray"] = documents["x/.zarray"].replace("[16]", "[4, 4]").replace("[4]", "[1, 4]")
    documents["x/.zattrs"] = json.dumps({"_ARRAY_DIMENSIONS": ["m", "n"]})
    references = {**documents, "x/0.0": chunk(0), "x/1.0": chunk(1, "absent.bin"), "x/2.0": chunk(2, size=160)}
    system = start(kind)
    printed = system.register("bad", write(folder, "bad.json", references))
    assert "absent.bin" in printed and "past the end" in printed
    url = f"{system.kerchunk('bad')}/x"
    assert get(f"{url}/0.0") == (200, values[:4].tobytes())
    assert get(f"{url}/1.0")[0] == 409
    assert get(f"{url}/2.0")[0] in (409, 502)
    assert get(f"{url}/3.0")[0] == 404


def test_references_outside_the_roots_are_refused(start, simple):
    folder, _, documents = simple
    outside = folder.parent / "outside.bin"
    outside.write_bytes(b"secret" * 20)
    (folder / "link.bin").symlink_to(outside)
    system = start("serve")
    for number, target in enumerate(["../outside.bin", str(outside), "link.bin", "/etc/passwd", "/etc/no-such-file"]):
        path = write(folder, f"out{number}.json", {**documents, "x/0": [target, 0, 16]})
        done = system.command("register", f"out{number}", path)
        assert done.returncode != 0, target
        assert "outside the allowed roots" in done.stderr + done.stdout, target
        assert "secret" not in done.stderr + done.stdout


BAD_SETS = {
    "cycle": ({"version": 1, "templates": {"a": "{{b}}", "b": "{{a}}"}, "refs": {"x/0": ["{{a}}", 0, 16]}}, "refers to itself"),
    "huge": ({"version": 1, "refs": {}, "gen": [{"key": "x/{{i}}", "url": "u", "dimensions": {"i": {"stop": 10**15}}}]}, "more than"),
    "code": ({"version": 1, "templates": {"a": "b"}, "refs": {"x/0": ["{{a.__class__}}", 0, 16]}}, "not supported"),
    "version": ({"version": 7, "refs": {}}, "version 7"),
    "geojson": ({"type": "FeatureCollection", "features": [{"type": "Feature"}]}, "no kerchunk references"),
    "value": ({"x/0": ["values.bin", -1, 2]}, "x/0"),
}


def test_bad_sets_are_refused_and_say_why(start, simple, allowed_log):
    folder, _, documents = simple
    allowed_log.append("cannot be scanned")
    system = start("serve")
    for name, (document, says) in BAD_SETS.items():
        if "refs" in document:
            document["refs"] = {**documents, **document["refs"]}
        elif name == "value":
            document = {**documents, **document}
        done = system.command("register", name, write(folder, f"{name}.json", document))
        assert done.returncode != 0, name
        assert says in done.stderr + done.stdout, f"{name}: {done.stderr}{done.stdout}"
    for name, text in {"cut": '{"version": 1, "refs": {".zgroup": ', "text": "{hello"}.items():
        (folder / f"{name}.json").write_text(text)
        assert system.command("register", name, folder / f"{name}.json").returncode != 0


def parquet_set(folder: pathlib.Path, documents: dict, references: dict, engine: str, record_size: int = 3) -> pathlib.Path:
    return write_set(folder / f"{engine}.parq", {**documents, **references}, record_size, engine)


@pytest.mark.parametrize("kind", ["serve", "two-process"])
@pytest.mark.parametrize("engine", ["fastparquet", "pyarrow"])
def test_parquet_records_of_both_writers(start, simple, kind, engine):
    folder, values, documents = simple
    documents["x/.zarray"] = documents["x/.zarray"].replace("[16]", "[4, 4]").replace("[4]", "[1, 4]")
    documents["x/.zattrs"] = json.dumps({"_ARRAY_DIMENSIONS": ["m", "n"]})
    references = {"x/0.0": chunk(0), "x/1.0": chunk(1), "x/3.0": values[12:].tobytes()}
    place = parquet_set(folder, documents, references, engine)
    system = start(kind)
    system.register("set", place)
    url = f"{system.kerchunk('set')}/x"
    assert get(f"{url}/0.0") == (200, values[:4].tobytes())
    assert get(f"{url}/1.0") == (200, values[4:8].tobytes())
    assert get(f"{url}/2.0")[0] == 404
    assert get(f"{url}/3.0") == (200, values[12:].tobytes())


def test_parquet_metadata_with_pythons_nan_are_read(start, simple):
    folder, values, documents = simple
    documents["x/.zarray"] = documents["x/.zarray"].replace('"fill_value": null', '"fill_value": NaN')
    documents["x/.zattrs"] = '{"_ARRAY_DIMENSIONS": ["n"], "valid_range": [-Infinity, Infinity]}'
    place = parquet_set(folder, documents, {f"x/{n}": chunk(n) for n in (0, 1, 3)}, "fastparquet")
    text = (place / ".zmetadata").read_text()
    assert '"fill_value": NaN' in text.replace(":NaN", ": NaN") and "-Infinity" in text
    system = start("serve")
    system.register("nan", place)
    mine = ours(system.kerchunk("nan"), **RAW)
    assert np.isnan(mine.x.values[8:12]).all()
    same_values(np.delete(mine.x.values, range(8, 12)), np.delete(values, range(8, 12)))
    assert list(mine.x.attrs["valid_range"]) == [-np.inf, np.inf]


@pytest.mark.parametrize("kind", ["serve", "two-process"])
def test_damaged_changed_and_vanished_records_are_errors(start, simple, allowed_log, kind):
    import pandas as pd

    folder, values, documents = simple
    allowed_log.append("references|changed|outside|damaged")
    documents["x/.zarray"] = documents["x/.zarray"].replace("[16]", "[4, 4]").replace("[4]", "[1, 4]")
    documents["x/.zattrs"] = json.dumps({"_ARRAY_DIMENSIONS": ["m", "n"]})
    place = parquet_set(folder, documents, {f"x/{n}.0": chunk(n) for n in range(4)}, "fastparquet", record_size=4)
    record = place / "x" / "refs.0.parq"
    whole = record.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 3] ^= 0xFF
    columns = {"path": ["values.bin"] * 4, "offset": ["a"] * 4, "size": [1.5] * 4, "raw": [None] * 4}
    pd.DataFrame(columns).to_parquet(folder / "wrong.parq", engine="pyarrow", index=False)
    faults = {
        "cut": whole[: len(whole) // 2], "empty": b"", "text": b"hello" * 100, "flipped": bytes(flipped[:-8]),
        "columns": (folder / "wrong.parq").read_bytes(),
    }
    system = start(kind)
    for name, content in faults.items():
        record.write_bytes(content)
        time.sleep(0.05)
        system.register(name, place)
        status, _ = get(f"{system.kerchunk(name)}/x/0.0")
        assert status in (409, 502), name
    record.write_bytes(whole)
    time.sleep(0.05)
    system.register("whole", place)
    assert get(f"{system.kerchunk('whole')}/x/0.0")[0] == 200
    system.register("later", place)
    time.sleep(0.05)
    record.write_bytes(whole)
    assert get(f"{system.kerchunk('later')}/x/0.0")[0] == 409
    time.sleep(0.05)
    system.register("vanished", place)
    time.sleep(0.05)
    record.unlink()
    assert get(f"{system.kerchunk('vanished')}/x/0.0")[0] == 409
    time.sleep(0.05)
    assert "1 of 1 records are not there" in system.register("absent", place)
    assert get(f"{system.kerchunk('absent')}/x/0.0")[0] == 404


def test_records_never_lead_outside_the_roots(start, simple, allowed_log):
    folder, _, documents = simple
    allowed_log.append("outside|Forbidden|Conflict")
    documents["x/.zarray"] = documents["x/.zarray"].replace("[16]", "[4, 4]").replace("[4]", "[1, 4]")
    documents["x/.zattrs"] = json.dumps({"_ARRAY_DIMENSIONS": ["m", "n"]})
    (folder.parent / "outside.bin").write_bytes(b"secret" * 20)
    system = start("serve")
    for number, target in enumerate(["../../outside.bin", "/etc/passwd", "/etc/no-such-file", "http://169.254.169.254/latest"]):
        inside = {f"x/{n}.0": chunk(n) for n in range(4)}
        place = parquet_set(folder / f"a{number}", documents, {**inside, "x/3.0": chunk(3, target)}, "fastparquet", record_size=1)
        shutil.copyfile(folder / "values.bin", folder / f"a{number}/values.bin")
        done = system.command("register", "out", place)
        assert done.returncode == 1 and "outside the allowed" in done.stderr, done.stderr
        assert str(folder) not in done.stderr.replace(str(place), "")
        # A record that the registration does not look into is judged when it is read.
        middle = parquet_set(folder / f"b{number}", documents, {**inside, "x/1.0": chunk(1, target)}, "fastparquet", record_size=1)
        shutil.copyfile(folder / "values.bin", folder / f"b{number}/values.bin")
        system.register(f"out{number}", middle)
        refused = 409 if "no-such" in target else 403
        assert [get(f"{system.kerchunk(f'out{number}')}/x/{n}.0")[0] for n in (0, 1, 3)] == [200, refused, 200]


@pytest.mark.parametrize("kind", ["serve", "two-process"])
def test_gribscans_index_is_a_source(start, kind, tmp_path):
    source = SHARED / "grib" / "pygrib" / "gfs.t12z.pgrbf120.2p5deg.grib2"
    if not source.exists():
        pytest.skip("no GRIB file")
    folder = tmp_path / "data"
    grib = folder / source.name
    shutil.copyfile(source, grib)
    scripts = pathlib.Path(sys.executable).parent
    subprocess.run([scripts / "gribscan-index", grib], check=True, capture_output=True, cwd=folder)
    built = subprocess.run([scripts / "gribscan-build", "-o", folder, *folder.glob("*.index")], capture_output=True,
                           text=True, cwd=folder)
    sets = sorted(folder.glob("*.json"))
    if built.returncode or not sets:
        pytest.skip(f"gribscan makes no dataset of this file: {built.stderr[-300:]}")
    system = start(kind)
    for path in sets:
        dataset = path.stem
        system.register(dataset, path)
        references = json.loads(path.read_text())
        references = references.get("refs", references)
        shapes = {key.split("/")[0]: json.loads(value)["shape"] for key, value in references.items()
                  if key.endswith(".zarray")}
        # gribscan mixes levels of several kinds into one array: some of its keys have another rank than their array,
        # which no Zarr reader ever asks for.
        targets = [(key, value) for key, value in references.items() if isinstance(value, list)
                   and len(key.split("/")[1].split(".")) == len(shapes[key.split("/")[0]])]
        assert len(targets) > 100
        whole = grib.read_bytes()
        for key, (_, offset, length) in targets[:: max(1, len(targets) // 5)]:
            assert get(f"{system.kerchunk(dataset)}/{key}") == (200, whole[offset : offset + length])
        array = targets[0][0].split("/")[0]
        zarray = json.loads(get(f"{system.kerchunk(dataset)}/{array}/.zarray")[1])
        assert zarray["compressor"]["id"] == "gribscan.rawgrib"


def test_a_catalogs_own_references_are_a_source(start, copy):
    first = start("serve")
    path = copy(samples.AIR)
    first.register("air", path)
    store = next(place.parent for place in first.catalog.rglob(".zmetadata"))
    second = start("serve", roots=[path.parent, first.catalog])
    second.register("again", store)
    with xr.open_dataset(path, engine="netcdf4", **RAW) as truth:
        mine = ours(second.kerchunk("again"), **RAW)
        assert set(mine.variables) == set(truth.variables)
        for name in truth.variables:
            same_values(mine[name].values, truth[name].values)
